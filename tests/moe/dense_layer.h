// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <ATen/core/Tensor.h>

#include "tests/moe/layer_run.h"

namespace hecaton::moe {

/// What MoeLayer computes, as a loop over tokens and their experts in plain ATen: the specification
/// that the layer is compared with. Dropless and without routing losses.
///
/// weights:       by the names that the layer's parameters have; x_TD: of the same dtype.
/// expert_idx_TK: the experts to use; undefined: the K largest logits.
at::Tensor dense_layer(const MoeLayerConfig& config,
                       const NamedTensors& weights,
                       const at::Tensor& x_TD,
                       const at::Tensor& expert_idx_TK = {});

/// Copies of the parameters in float64, which require gradients.
NamedTensors double_leaves(const MoeLayer& layer);

}  // namespace hecaton::moe
