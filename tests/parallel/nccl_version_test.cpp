// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/nccl_version.h"

#include <regex>
#include <string>

#include <gtest/gtest.h>

namespace hecaton::parallel {
namespace {

TEST(NcclVersionTest, IsTheVersionThatWasBuiltInOrSaysThatThereIsNone) {
#ifdef HECATON_WITH_NCCL
  EXPECT_TRUE(std::regex_match(nccl_version(), std::regex(R"(\d+\.\d+\.\d+)"))) << nccl_version();
#else
  EXPECT_EQ(nccl_version(), "not built in");
#endif
}

}  // namespace
}  // namespace hecaton::parallel
