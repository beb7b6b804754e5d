// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <exception>
#include <string>
#include <typeinfo>

#include <gtest/gtest.h>

namespace hecaton::testing {

/// Expects body() to throw exactly `Expected`, with a message that contains `text`.
template <typename Expected, typename Body>
void expect_error(const Body& body,
                  const std::string& text,
                  const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
  try {
    body();
  } catch (const std::exception& error) {
    if (typeid(error) != typeid(Expected)) {
      ADD_FAILURE_AT(file, line) << "thrown as " << typeid(error).name() << ": " << error.what();
    } else if (std::string(error.what()).find(text) == std::string::npos) {
      ADD_FAILURE_AT(file, line) << "message: " << error.what() << "\nmust contain: " << text;
    }
    return;
  }
  ADD_FAILURE_AT(file, line) << "nothing was thrown; expected: " << text;
}

}  // namespace hecaton::testing
