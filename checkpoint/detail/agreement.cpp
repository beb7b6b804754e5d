// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/detail/agreement.h"

#include <exception>
#include <optional>

#include "core/error.h"

namespace hecaton::checkpoint::detail {
namespace {

/// What the first character of a rank's text says about the rest.
enum class Outcome : char {
  kDone = '.',
  kIoError = 'd',
  kCheckpointError = 'c',
  kShapeError = 's',
  kPeerFailure = 'p',
  kOtherError = 'o',
};

std::string tagged(Outcome outcome, const std::string& text) {
  return static_cast<char>(outcome) + text;
}

std::string outcome_of(const std::function<std::string()>& action) {
  try {
    return tagged(Outcome::kDone, action());
  } catch (const PeerFailure& error) {  // thrown by agreement: the ranks are still in step
    return tagged(Outcome::kPeerFailure, error.what());
  } catch (const CommError&) {
    throw;
  } catch (const IoError& error) {
    return tagged(Outcome::kIoError, error.what());
  } catch (const CheckpointError& error) {
    return tagged(Outcome::kCheckpointError, error.what());
  } catch (const ShapeError& error) {
    return tagged(Outcome::kShapeError, error.what());
  } catch (const std::exception& error) {
    return tagged(Outcome::kOtherError, error.what());
  }
}

[[noreturn]] void rethrow(Outcome outcome, const std::string& text) {
  switch (outcome) {
    case Outcome::kIoError:
      throw IoError(text);
    case Outcome::kCheckpointError:
      throw CheckpointError(text);
    case Outcome::kShapeError:
      throw ShapeError(text);
    case Outcome::kPeerFailure:
      throw PeerFailure(text);
    case Outcome::kDone:
    case Outcome::kOtherError:
      break;
  }
  throw InternalError(text);
}

/// The lowest rank that failed, before one that only says that another did.
std::optional<size_t> failed_rank(const std::vector<std::string>& texts) {
  std::optional<size_t> failed;
  for (size_t rank = texts.size(); rank-- > 0;) {
    const auto outcome = static_cast<Outcome>(texts[rank].front());
    const bool is_cause = outcome != Outcome::kDone && outcome != Outcome::kPeerFailure;
    if (is_cause || (outcome == Outcome::kPeerFailure && !failed)) {
      failed = rank;
    }
  }
  return failed;
}

}  // namespace

std::vector<std::string> agree(parallel::Communicator& world,
                               const std::function<std::string()>& action) {
  std::vector<std::string> texts = world.all_gather_texts(outcome_of(action));
  const std::optional<size_t> failed = failed_rank(texts);
  const auto own = static_cast<size_t>(world.rank());
  if (failed) {
    const std::string text = texts[*failed].substr(1);
    rethrow(static_cast<Outcome>(texts[*failed].front()),
            *failed == own ? text : "rank " + std::to_string(*failed) + ": " + text);
  }
  for (std::string& text : texts) {
    text.erase(0, 1);  // what it was tagged with
  }
  return texts;
}

}  // namespace hecaton::checkpoint::detail
