// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/step_folder.h"

#include <cstdint>
#include <limits>
#include <optional>

#include <gtest/gtest.h>

namespace hecaton::checkpoint {
namespace {

TEST(StepFolderTest, NamesAreReadBackAndNoOthers) {
  EXPECT_EQ(step_folder_name(0), "step-0000000");
  EXPECT_EQ(step_folder_name(1234567), "step-1234567");
  EXPECT_EQ(step_folder_name(12345678), "step-12345678");
  EXPECT_EQ(rank_file_name(3), "rank-00003.safetensors");
  for (const int64_t step : {int64_t{0}, int64_t{42}, std::numeric_limits<int64_t>::max()}) {
    EXPECT_EQ(step_of_folder_name(step_folder_name(step)), step);
  }
  for (const char* name : {"step-42",
                           "step-00000042",
                           "step--000042",
                           "step-000004x",
                           "step-",
                           "step-99999999999999999999",
                           "Step-0000042",
                           "step-0000042.tmp-1"}) {
    EXPECT_EQ(step_of_folder_name(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace hecaton::checkpoint
