// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "parallel/mesh.h"

namespace hecaton::parallel {

/// How a job is spread: dp ranks, groups of ep of them sharing the experts.
struct Layout {
  int64_t dp = 1;
  int64_t ep = 1;

  std::string name() const;  ///< "dp4 ep2"
};

/// Named numbers of a job: "<quantity>/<name>", for example "grad/step2/model.norm.weight". A rank
/// records what it holds; what several ranks hold must have the same bits on all of them.
class OracleRecord {
 public:
  /// Keeps a copy. Errors: InternalError if the name was used before.
  void add(const std::string& name, const at::Tensor& value);
  const std::map<std::string, at::Tensor>& values() const { return values_; }

 private:
  std::map<std::string, at::Tensor> values_;
};

/// Runs the same job under any mesh and returns what this rank holds of the results.
using OracleJob = std::function<OracleRecord(Mesh&)>;

/// The largest error of one kind of quantity, and where it was.
struct OracleError {
  std::string quantity;  ///< "loss", "grad", "param", ...
  std::string name;
  std::string layout;
  double error =
      0.0;  ///< max|a-b| / max|reference|; infinite where an exact zero or integer differs
};

/// Result of compare_layouts().
struct OracleReport {
  std::map<std::string, OracleError> worst;  ///< per quantity
  int64_t num_layouts = 0;

  double worst_error() const;
  /// Takes over what `other` found worse, and its layouts.
  void merge(const OracleReport& other);
  /// A table, and as last line "worst relative error 3e-13 over 8 layouts".
  std::string text() const;
};

/// Every layout of dp 1, 2, 4 and every ep that divides it and num_experts, up to max_ranks ranks.
std::vector<Layout> layouts_up_to(int64_t max_ranks, int64_t num_experts);

/// Runs `job` on one process and under each layout, by threads, and compares every named tensor.
///
/// The relative error of a tensor is max|a-b| / max|reference|; a reference that is all zero must
/// be met exactly, integers must be equal. The job must not depend on the number of ranks in what
/// it records. Errors: NumericError naming layout and tensor if a layout lacks a name, adds one, or
/// two ranks of it
///         hold different bits under one name; whatever the job throws.
OracleReport compare_layouts(const OracleJob& job, const std::vector<Layout>& layouts);

/// The error of one tensor by the rule of compare_layouts().
double relative_error(const at::Tensor& value, const at::Tensor& reference);

}  // namespace hecaton::parallel
