// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/detail/ffn_tasks.h"
#include "kernels/detail/float_panels.h"
#include "kernels/detail/simd_avx512.h"

namespace hecaton::kernels::detail {

const KindKernels kFloatAvx512 = FfnTasks<FloatPanels<Avx512, float>>::kernels("float32 avx512");
const KindKernels kBFloat16Avx512 =
    FfnTasks<FloatPanels<Avx512, BFloat16Bits>>::kernels("bfloat16 avx512");

}  // namespace hecaton::kernels::detail
