// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/detail/ffn_tasks.h"
#include "kernels/detail/float_panels.h"
#include "kernels/detail/simd_avx2.h"

namespace hecaton::kernels::detail {

const KindKernels kFloatAvx2 = FfnTasks<FloatPanels<Avx2, float>>::kernels("float32 avx2");
const KindKernels kBFloat16Avx2 =
    FfnTasks<FloatPanels<Avx2, BFloat16Bits>>::kernels("bfloat16 avx2");

}  // namespace hecaton::kernels::detail
