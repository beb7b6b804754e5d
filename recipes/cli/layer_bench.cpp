// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/cli/layer_bench.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <nlohmann/json.hpp>

#include "core/rng.h"
#include "moe/moe_layer.h"
#include "recipes/train/host.h"

namespace hecaton::recipes {
namespace {

at::Tensor random_tensor(const std::vector<int64_t>& sizes,
                         at::ScalarType dtype,
                         const std::string& name) {
  at::Tensor tensor = at::empty(sizes, at::TensorOptions().dtype(dtype));
  constexpr double kStd = 0.2;
  fill_normal(tensor, CounterRng(/*seed=*/1, name), kStd);
  return tensor;
}

moe::Routing balanced_routing(const LayerBenchCase& shape) {
  moe::Routing routing;
  routing.expert_idx_TK = at::empty({shape.T, shape.K}, at::TensorOptions().dtype(at::kInt));
  int32_t* expert_idx = routing.expert_idx_TK.data_ptr<int32_t>();
  for (int64_t slot = 0; slot < shape.T * shape.K; ++slot) {
    expert_idx[slot] = static_cast<int32_t>(slot % shape.E);
  }
  return routing;
}

/// Forward and backward of the layer, router included, gradients into sinks.
class LayerArm {
 public:
  explicit LayerArm(const LayerBenchCase& shape)
      : layer_(
            moe::MoeLayerConfig{.hidden_size = shape.D,
                                .moe_intermediate_size = shape.F,
                                .router = {.num_experts = shape.E, .num_experts_per_tok = shape.K},
                                .dtype = shape.dtype}),
        routing_(balanced_routing(shape)),
        x_TD_(random_tensor({shape.T, shape.D}, shape.dtype, "x").requires_grad_()),
        dy_TD_(random_tensor({shape.T, shape.D}, shape.dtype, "dy")) {
    for (const at::Tensor& weight : layer_->experts().weights().tensors) {
      const at::ScalarType dtype = weight.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
      sinks_.emplace_back(at::zeros(weight.sizes(), at::TensorOptions().dtype(dtype)));
    }
    layer_->experts().set_grad_sinks(sinks_);
    context_.replay = &routing_;
  }

  void run() {
    for (GradSink& sink : sinks_) {
      sink.make_blank();
    }
    layer_->forward(x_TD_, context_).backward(dy_TD_);
    x_TD_.mutable_grad().reset();
  }

 private:
  std::vector<GradSink> sinks_;
  moe::MoeLayer layer_;
  moe::Routing routing_;
  moe::RoutingContext context_;
  at::Tensor x_TD_;
  at::Tensor dy_TD_;
};

/// The products of one dense SwiGLU feed-forward over all rows, and nothing else.
class DenseArm {
 public:
  explicit DenseArm(const LayerBenchCase& shape)
      : x_RD_(random_tensor({shape.T * shape.K, shape.D}, shape.dtype, "rows")),
        up_GD_(random_tensor({2 * shape.F, shape.D}, shape.dtype, "up")),
        down_DF_(random_tensor({shape.D, shape.F}, shape.dtype, "down")),
        z_RG_(random_tensor({shape.T * shape.K, 2 * shape.F}, shape.dtype, "z")),
        a_RF_(random_tensor({shape.T * shape.K, shape.F}, shape.dtype, "a")),
        out_RD_(at::empty_like(x_RD_)),
        out_RF_(at::empty_like(a_RF_)),
        up_grad_GD_(at::empty_like(up_GD_)),
        down_grad_DF_(at::empty_like(down_DF_)) {}

  void run() {
    at::mm_out(z_RG_, x_RD_, up_GD_.t());
    at::mm_out(out_RD_, a_RF_, down_DF_.t());
    at::mm_out(out_RF_, x_RD_, down_DF_);
    at::mm_out(out_RD_, z_RG_, up_GD_);
    at::mm_out(up_grad_GD_, z_RG_.t(), x_RD_);
    at::mm_out(down_grad_DF_, x_RD_.t(), a_RF_);
  }

 private:
  at::Tensor x_RD_;
  at::Tensor up_GD_;
  at::Tensor down_DF_;
  at::Tensor z_RG_;
  at::Tensor a_RF_;
  at::Tensor out_RD_;
  at::Tensor out_RF_;
  at::Tensor up_grad_GD_;
  at::Tensor down_grad_DF_;
};

double time_ms(const std::function<void()>& run) {
  const auto begin = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

BenchTimes summarise(std::vector<double> times_ms) {
  std::sort(times_ms.begin(), times_ms.end());
  return {times_ms.front(), times_ms[times_ms.size() / 2], times_ms.back()};
}

nlohmann::ordered_json to_json(const BenchTimes& times) {
  return {{"min", times.min_ms}, {"median", times.median_ms}, {"max", times.max_ms}};
}

}  // namespace

std::vector<LayerBenchCase> default_layer_cases() {
  std::vector<LayerBenchCase> cases;
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    cases.push_back({.T = 2048, .D = 512, .F = 256, .E = 16, .K = 2, .dtype = dtype});
    cases.push_back({.T = 4096, .D = 512, .F = 256, .E = 64, .K = 8, .dtype = dtype});
  }
  return cases;
}

LayerBenchResult run_layer_bench(const LayerBenchCase& shape, int64_t num_rounds) {
  LayerArm layer(shape);
  DenseArm dense(shape);
  std::vector<double> layer_ms;
  std::vector<double> dense_ms;
  for (int64_t round = 0; round <= num_rounds; ++round) {
    const double layer_time = time_ms([&] { layer.run(); });
    const double dense_time = time_ms([&] { dense.run(); });
    if (round > 0) {  // the first round warms caches and allocator up
      layer_ms.push_back(layer_time);
      dense_ms.push_back(dense_time);
    }
  }
  LayerBenchResult result;
  result.shape = shape;
  result.layer = summarise(layer_ms);
  result.dense = summarise(dense_ms);
  const double gflop =
      18e-9 * static_cast<double>(shape.T * shape.K) * static_cast<double>(shape.D * shape.F);
  result.layer_gflops = gflop / result.layer.median_ms * 1e3;
  result.dense_gflops = gflop / result.dense.median_ms * 1e3;
  return result;
}

std::string to_json_line(const LayerBenchResult& result) {
  const LayerBenchCase& shape = result.shape;
  nlohmann::ordered_json json = {
      {"bench", "layer"},
      {"case",
       {{"T", shape.T},
        {"H", shape.D},
        {"I", shape.F},
        {"E", shape.E},
        {"K", shape.K},
        {"dtype", shape.dtype == at::kBFloat16 ? "bfloat16" : "float32"},
        {"routing", "balanced"}}},
      {"ms", to_json(result.layer)},
      {"gflops", result.layer_gflops},
      {"dense", {{"ms", to_json(result.dense)}, {"gflops", result.dense_gflops}}},
      {"machine", {{"cpu", cpu_name()}, {"threads", at::get_num_threads()}}}};
  return json.dump();
}

}  // namespace hecaton::recipes
