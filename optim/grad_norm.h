// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include "core/flat_parameters.h"
#include "parallel/mesh.h"

namespace hecaton::optim {

/// The Euclidean norm of the whole model's gradient, each parameter counted once: dense gradients
/// are the same on every rank of dp, expert gradients the same over edp and different over ep.
///
/// Precision:   squares summed in float64.
/// Determinism: bitwise on one layout, whatever the thread count.
/// Parallel:    one all-reduce of a number over ep, on every rank. Call after the gradients were
/// reduced.
double global_grad_norm(const FlatParameters& parameters, parallel::Mesh& mesh);

/// Multiplies every gradient by max_norm / norm if norm is larger. max_norm: above 0.
/// Source: Pascanu et al. 2012, arXiv 1211.5063, algorithm 1.
void clip_gradients(FlatParameters& parameters, double norm, double max_norm);

}  // namespace hecaton::optim
