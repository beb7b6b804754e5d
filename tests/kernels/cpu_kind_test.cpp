// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/cpu_kind.h"

#include <gtest/gtest.h>

namespace hecaton::kernels {
namespace {

TEST(CpuKindTest, EveryCpuIsOfTheGenericKind) {
  ASSERT_FALSE(available_cpu_kinds().empty());
  EXPECT_EQ(available_cpu_kinds().front(), CpuKind::kGeneric);
  EXPECT_EQ(cpu_kind_name(CpuKind::kAvx512Bf16), "avx512_bf16");
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
