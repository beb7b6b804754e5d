// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/ScalarType.h>

namespace hecaton::recipes {

/// One shape of the layer benchmark.
struct LayerBenchCase {
  int64_t T = 0;
  int64_t D = 0;  ///< "H" in its JSON, as in published tables
  int64_t F = 0;  ///< "I" in its JSON
  int64_t E = 0;
  int64_t K = 0;
  at::ScalarType dtype = at::kFloat;
};

/// Times of one arm, milliseconds.
struct BenchTimes {
  double min_ms = 0.0;
  double median_ms = 0.0;
  double max_ms = 0.0;
};

/// Forward and backward of the MoE layer beside dense products of the same rows, D and 2F.
struct LayerBenchResult {
  LayerBenchCase shape;
  BenchTimes layer;
  BenchTimes dense;
  double layer_gflops = 0.0;  ///< GFLOP/s at the median, 18*T*K*D*F operations
  double dense_gflops = 0.0;  ///< the same operations as dense products
};

/// The shapes that every release is measured on.
std::vector<LayerBenchCase> default_layer_cases();

/// Runs both arms in turns, num_rounds times after one warm-up each. Routing is balanced: token t
/// goes to experts (t*K + k) mod E. The dense arm does, for all T*K rows at once, the nine products
/// of a SwiGLU feed-forward's forward and backward with preallocated outputs.
LayerBenchResult run_layer_bench(const LayerBenchCase& shape, int64_t num_rounds);

/// One line of JSON per result: {"bench","case","ms","gflops","machine"}, with the dense arm beside
/// it.
std::string to_json_line(const LayerBenchResult& result);

}  // namespace hecaton::recipes
