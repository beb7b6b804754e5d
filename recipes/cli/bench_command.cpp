// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/cli/bench_command.h"

#include <cstdio>
#include <iostream>
#include <optional>

#include "core/config_faults.h"
#include "core/error.h"
#include "parallel/single.h"
#include "recipes/cli/layer_bench.h"
#include "recipes/train/host.h"

namespace hecaton::recipes {

void bench(const std::string& what,
           bool as_json,
           int64_t num_rounds,
           std::optional<int64_t> num_threads) {
  if (what != "layer") {
    throw ConfigError("unknown benchmark: expected layer, found " + what);
  }
  ConfigFaults faults("");
  faults.require(num_rounds >= 1, "--rounds", num_rounds, "must be at least 1");
  faults.throw_if_any();
  apply_threads(choose_threads(*parallel::make_single(), num_threads, "--threads"));
  std::fprintf(stderr,
               "%-34s %10s %12s %12s %8s\n",
               "T, H, I, E, K, dtype",
               "ms",
               "GFLOP/s",
               "dense",
               "ratio");
  for (const LayerBenchCase& shape : default_layer_cases()) {
    const LayerBenchResult result = run_layer_bench(shape, num_rounds);
    std::fprintf(stderr,
                 "%5lld, %4lld, %4lld, %3lld, %2lld, %-8s %10.1f %12.1f %12.1f %8.2f\n",
                 static_cast<long long>(shape.T),
                 static_cast<long long>(shape.D),
                 static_cast<long long>(shape.F),
                 static_cast<long long>(shape.E),
                 static_cast<long long>(shape.K),
                 shape.dtype == at::kBFloat16 ? "bfloat16" : "float32",
                 result.layer.median_ms,
                 result.layer_gflops,
                 result.dense_gflops,
                 result.layer_gflops / result.dense_gflops);
    if (as_json) {
      std::cout << to_json_line(result) << std::endl;
    }
  }
}

}  // namespace hecaton::recipes
