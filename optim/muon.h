// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include "optim/adamw.h"
#include "parallel/mesh.h"

namespace hecaton::optim {

/// Settings of Muon; the learning rate comes with each step.
struct MuonConfig {
  double momentum = 0.95;  ///< [0, 1); Jordan's
  AdamWConfig adamw{};  ///< of all other parameters; its weight_decay is that of the matrices too

  void collect_faults(ConfigFaults& faults) const;
  /// Throws one ConfigError that lists every fault.
  void validate() const;
};

/// Momentum made orthogonal, for every hidden matrix; AdamW for embeddings, head, norms and router.
///
/// Formula:     M = momentum M + G;  O = orthogonalized(G + momentum M)
///              W = W - lr (0.2 sqrt(max(m, n)) O + weight_decay W),  W of m by n
/// Source:      Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"
///              (Nesterov momentum, coefficients); Liu et al. 2025, arXiv 2502.16982, section 2.2,
///              equation 4 (decay, and the scale that gives an update the size of AdamW's, so that
///              one learning rate serves both).
/// Deviations:  float32 where Jordan's code iterates in bfloat16, so that steps on different
///              layouts agree.
/// Matrices:    each named slice is one: gate and up of an expert, q, k and v are separate,
/// whatever
///              tensor stores them. Equal neighbours, such as the experts of a layer, are one
///              batch.
/// State:       momentum (M) of hidden matrices; exp_avg and exp_avg_sq of all others.
/// Precision:   as AdamW: float32, float64 for float64 parameters, on the masters.
/// Determinism: bitwise on one layout and thread count. Layouts agree to rounding.
/// Cost:        per step 5 (4 s^2 l + 2 s^3) flop for a matrix with sides s <= l, on every holder;
///              scratch of the gradients of a flat group and about 3 times the largest batch.
/// Parallel:    where the optimizer is shared out, one all-gather for each group of matrices, on
///              every rank.
class Muon final : public Optimizer {
 public:
  /// mesh:   of the shards of the parameters; null if they are not shared out. Must outlive this
  ///         object.
  /// Errors: ConfigError if config.validate() fails or a hidden parameter has a slice that is no
  ///         matrix.
  Muon(FlatParameters& parameters, const MuonConfig& config, const parallel::Mesh* mesh = nullptr);

 private:
  void update(FlatGroup& group, double lr) override;

  MuonConfig config_;
  const parallel::Mesh* mesh_;
};

/// Each matrix with its singular values moved close to 1 (0.68 to 1.13 unless tiny), by five steps
/// of a Newton-Schulz iteration: X = X / (|X| + 1e-7) in the Frobenius norm, then
/// X = 3.4445 X - 4.7750 A X + 2.0315 A A X with A = X X^T. Zeros stay zeros.
/// matrices: [count, rows, columns] float32 or float64, not changed. Returns the same shape.
at::Tensor orthogonalized(const at::Tensor& matrices);

}  // namespace hecaton::optim
