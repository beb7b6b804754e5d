// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/cli/error_report.h"

#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace hecaton::recipes {
namespace {

TEST(ErrorReportTest, EachKindHasItsCode) {
  EXPECT_EQ(exit_code_of(ConfigError("")), 2);
  EXPECT_EQ(exit_code_of(ShapeError("")), 2);
  EXPECT_EQ(exit_code_of(DataError("")), 3);
  EXPECT_EQ(exit_code_of(CheckpointError("")), 4);
  EXPECT_EQ(exit_code_of(NumericError("")), 5);
  EXPECT_EQ(exit_code_of(CommError("")), 6);
  EXPECT_EQ(exit_code_of(PeerFailure("")), 6);
  EXPECT_EQ(exit_code_of(IoError("")), 7);
  EXPECT_EQ(exit_code_of(InternalError("")), 1);
  EXPECT_EQ(exit_code_of(std::runtime_error("")), 1);
}

TEST(ErrorReportTest, KeepsEveryFaultOfARecipe) {
  EXPECT_EQ(error_text(ConfigError("a: one\nb: two")), "a: one\nb: two");
}

/// What LibTorch throws for a tensor of this shape.
template <typename Check>
void check_allocation_failure(const std::vector<int64_t>& sizes, const Check& check) {
  try {
    at::empty(sizes);
    FAIL() << "memory without end";
  } catch (const std::exception& error) {
    check(error);
  }
}

TEST(ErrorReportTest, MemoryThatRunsOutIsTheFaultOfTheSizes) {
  const auto check = [](const std::exception& error) {
    EXPECT_EQ(exit_code_of(error), 2);
    const std::string text = error_text(error);
    EXPECT_EQ(text.rfind("not enough memory for the sizes asked for: ", 0), 0U) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
  };
#ifndef __SANITIZE_ADDRESS__  // whose own allocator ends the process
  check_allocation_failure({int64_t{1} << 50}, check);
#endif
  check_allocation_failure({int64_t{1} << 40, int64_t{1} << 40}, check);
  check(std::bad_alloc());
  check(std::length_error("cannot create std::vector larger than max_size()"));
}

TEST(ErrorReportTest, LeavesLibTorchsStackTraceOut) {
  const at::Tensor vector = at::empty({3});
  try {
    static_cast<void>(vector.view({2, 2}));
    FAIL() << "a view of another size";
  } catch (const std::exception& error) {
    EXPECT_EQ(exit_code_of(error), 1);
    EXPECT_EQ(error_text(error), "shape '[2, 2]' is invalid for input of size 3");
  }
}

}  // namespace
}  // namespace hecaton::recipes
