// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/cli/error_report.h"

#include <new>
#include <stdexcept>

#include <c10/util/Exception.h>

#include "core/error.h"

namespace hecaton::recipes {
namespace {

template <typename Kind>
bool is(const std::exception& error) {
  return dynamic_cast<const Kind*>(&error) != nullptr;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

/// LibTorch has no type for it.
bool is_out_of_memory(const std::exception& error) {
  const std::string text = first_line(error.what());
  return is<std::bad_alloc>(error) || is<std::length_error>(error) ||
         (is<c10::Error>(error) && (contains(text, "can't allocate memory") ||
                                    contains(text, "Storage size calculation overflowed")));
}

}  // namespace

ExitCode exit_code_of(const std::exception& error) {
  if (is<ConfigError>(error) || is<ShapeError>(error) || is_out_of_memory(error)) {
    return kConfig;
  }
  if (is<DataError>(error)) {
    return kData;
  }
  if (is<CheckpointError>(error)) {
    return kCheckpoint;
  }
  if (is<NumericError>(error)) {
    return kNumeric;
  }
  if (is<CommError>(error)) {
    return kComm;
  }
  return is<IoError>(error) ? kIo : kInternal;
}

std::string error_text(const std::exception& error) {
  if (is<Error>(error)) {
    return error.what();
  }
  const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
  const std::string text =
      first_line(torch_error != nullptr ? torch_error->what_without_backtrace() : error.what());
  return is_out_of_memory(error) ? "not enough memory for the sizes asked for: " + text : text;
}

}  // namespace hecaton::recipes
