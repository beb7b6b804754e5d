// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/detail/agreement.h"

#include <algorithm>
#include <cstdint>
#include <exception>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include "core/error.h"

namespace hecaton::checkpoint::detail {
namespace {

/// What the first character of a rank's text says about the rest.
enum class Outcome : char {
  kDone = '.',
  kIoError = 'd',
  kCheckpointError = 'c',
  kShapeError = 's',
  kOtherError = 'o',
};

std::string tagged(Outcome outcome, const std::string& text) {
  return static_cast<char>(outcome) + text;
}

std::string outcome_of(const std::function<std::string()>& action) {
  try {
    return tagged(Outcome::kDone, action());
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
    case Outcome::kDone:
    case Outcome::kOtherError:
      break;
  }
  throw InternalError(text);
}

/// The texts of all ranks, in their order.
std::vector<std::string> gather(parallel::Communicator& world, const std::string& text) {
  const at::TensorOptions counts = at::TensorOptions().dtype(at::kLong);
  const at::TensorOptions bytes = at::TensorOptions().dtype(at::kByte);
  at::Tensor lengths = at::empty({world.size()}, counts);
  world.all_gather(at::full({1}, static_cast<int64_t>(text.size()), counts), lengths);
  const auto* length = lengths.const_data_ptr<int64_t>();
  const int64_t longest = *std::max_element(length, length + world.size());

  at::Tensor own = at::full({longest}, 0, bytes);  // every rank sends as much as the longest
  std::copy(text.begin(), text.end(), own.data_ptr<uint8_t>());
  at::Tensor all = at::empty({longest * world.size()}, bytes);
  world.all_gather(own, all);

  std::vector<std::string> texts;
  texts.reserve(static_cast<size_t>(world.size()));
  for (int rank = 0; rank < world.size(); ++rank) {
    const uint8_t* begin = all.const_data_ptr<uint8_t>() + rank * longest;
    texts.emplace_back(begin, begin + length[rank]);
  }
  return texts;
}

}  // namespace

std::vector<std::string> agree(parallel::Communicator& world,
                               const std::function<std::string()>& action) {
  std::vector<std::string> texts = gather(world, outcome_of(action));
  for (int rank = 0; rank < world.size(); ++rank) {
    std::string& text = texts[static_cast<size_t>(rank)];
    const auto outcome = static_cast<Outcome>(text.front());
    text.erase(0, 1);
    if (outcome != Outcome::kDone) {
      rethrow(outcome, rank == world.rank() ? text : "rank " + std::to_string(rank) + ": " + text);
    }
  }
  return texts;
}

}  // namespace hecaton::checkpoint::detail
