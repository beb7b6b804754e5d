// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/cpu_kind.h"

#include <string>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"

namespace hecaton::kernels {
namespace {

using testing::expect_error;

TEST(CpuKindTest, EveryCpuIsOfTheGenericKind) {
  ASSERT_FALSE(available_cpu_kinds().empty());
  EXPECT_EQ(available_cpu_kinds().front(), CpuKind::kGeneric);
  EXPECT_EQ(cpu_kind_name(CpuKind::kAvx512Bf16), "avx512_bf16");
}

TEST(CpuKindTest, ANameIsThatOfAKindUpToTheCpus) {
  for (const CpuKind kind : {CpuKind::kGeneric, CpuKind::kAvx2, CpuKind::kAvx512}) {
    EXPECT_EQ(parse_cpu_kind(cpu_kind_name(kind), CpuKind::kAvx512), kind);
  }
  expect_error<ConfigError>([] { parse_cpu_kind("amx", CpuKind::kAvx512); },
                            "HECATON_CPU: this CPU is no more than avx512, found amx");
  for (const char* name : {"", "AVX2", "avx", "sse"}) {
    expect_error<ConfigError>(
        [&] { parse_cpu_kind(name, CpuKind::kAmx); },
        "HECATON_CPU: must be one of generic, avx2, avx512, avx512_bf16, amx, found '" +
            std::string(name) + "'");
  }
}

TEST(CpuKindTest, AScopeChangesTheKindAndPutsItBack) {
  const CpuKind before = cpu_kind();
  {
    const CpuKindScope scope(CpuKind::kGeneric);
    EXPECT_EQ(cpu_kind(), CpuKind::kGeneric);
  }
  EXPECT_EQ(cpu_kind(), before);
}

}  // namespace
}  // namespace hecaton::kernels
