// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors
//
// One MoE layer of Hecaton's in a LibTorch model of your own, trained by LibTorch's optimizer. The
// data has four regions with a linear map each, which a router can find.

#include <cstdio>

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/randn.h>
#include <hecaton/moe/moe_layer.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/adamw.h>

namespace {

// [readme]
const hecaton::moe::MoeLayerConfig kExperts{.hidden_size = 32,
                                            .moe_intermediate_size = 64,
                                            .router = {.num_experts = 8, .num_experts_per_tok = 2},
                                            .losses = {{.type = "switch", .coef = 0.01}}};

struct Model : torch::nn::Module {
  torch::nn::Linear in = register_module("in", torch::nn::Linear(16, 32));
  hecaton::moe::MoeLayer moe = register_module("moe", hecaton::moe::MoeLayer(kExperts));
  torch::nn::Linear out = register_module("out", torch::nn::Linear(32, 1));

  at::Tensor forward(const at::Tensor& x_TM) {
    const at::Tensor hidden_TD = in->forward(x_TM);
    return out->forward(hidden_TD + moe->forward(hidden_TD));
  }
};

double train_step(Model& model,
                  torch::optim::AdamW& optimizer,
                  const at::Tensor& x_TM,
                  const at::Tensor& y_T1) {
  optimizer.zero_grad();
  const at::Tensor loss = at::mse_loss(model.forward(x_TM), y_T1);
  loss.backward();  // the balancing loss takes part by itself
  optimizer.step();
  return loss.item<double>();
}
// [readme]

}  // namespace

int main() {
  at::manual_seed(1);
  const at::Tensor x_TM = at::randn({1024, 16});
  const at::Tensor region_T = x_TM.narrow(/*dim=*/1, /*start=*/0, /*length=*/4).argmax(1);
  const at::Tensor map_TM = at::randn({4, 16}).index_select(0, region_T);
  const at::Tensor y_T1 = (x_TM * map_TM).sum(1, /*keepdim=*/true);

  Model model;
  torch::optim::AdamW optimizer(model.parameters(), torch::optim::AdamWOptions(0.01));
  const double first_loss = train_step(model, optimizer, x_TM, y_T1);
  double last_loss = first_loss;
  for (int step = 1; step < 200; ++step) {
    last_loss = train_step(model, optimizer, x_TM, y_T1);
  }
  std::printf("loss %.3f -> %.3f in 200 steps\n", first_loss, last_loss);
  return last_loss < 0.5 * first_loss ? 0 : 1;
}
