// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/detail/kernel_choice.h"

#include "kernels/cpu_kind.h"

namespace hecaton::kernels::detail {

const KindKernels* own_kernels([[maybe_unused]] c10::ScalarType dtype) {
#if defined(HECATON_X86_KERNELS)
  const CpuKind kind = cpu_kind();
  if (kind == CpuKind::kGeneric || (dtype != c10::kFloat && dtype != c10::kBFloat16)) {
    return nullptr;
  }
  if (kind == CpuKind::kAvx2) {
    return dtype == c10::kFloat ? &kFloatAvx2 : &kBFloat16Avx2;
  }
  if (dtype == c10::kFloat) {
    return &kFloatAvx512;
  }
  switch (kind) {
    case CpuKind::kAmx:
      return &kBFloat16Amx;
    case CpuKind::kAvx512Bf16:
      return &kBFloat16Avx512Dot;
    default:
      return &kBFloat16Avx512;
  }
#else
  return nullptr;
#endif
}

}  // namespace hecaton::kernels::detail
