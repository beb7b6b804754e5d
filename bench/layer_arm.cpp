// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// One MoE layer for bench/layer_vs_hf: layer_arm INPUTS THREADS
//
// INPUTS is a safetensors file: x_TD, dy_TD, expert_idx_TK (int32), router_ED (float32), up_LGD,
// down_LDF. Then reads commands from standard input, a line each, and answers each with a line:
//   run          forward and backward with new gradients into sinks; milliseconds
//   dense        the products of one expert of average size by at::mm, as often as there are
//                experts; milliseconds
//   write FILE   the results of the last run as safetensors: y_TD, dx_TD, and the gradients
//   cpu          the kind of CPU that kernels are chosen by
//   quit

#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <hecaton/checkpoint/safetensors.h>
#include <hecaton/core/grad_sink.h>
#include <hecaton/core/huge_pages.h>
#include <hecaton/kernels/cpu_kind.h>
#include <hecaton/moe/grouped_ffn.h>
#include <hecaton/moe/moe_layer.h>
#include <hecaton/moe/top_k_router.h>

namespace {

namespace moe = hecaton::moe;
using hecaton::checkpoint::SafetensorsFile;

double time_ms(const std::function<void()>& run) {
  const auto begin = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

class LayerArm {
 public:
  explicit LayerArm(const SafetensorsFile& inputs)
      : x_TD_(inputs.load("x_TD").requires_grad_()), dy_TD_(inputs.load("dy_TD")) {
    const at::Tensor up_LGD = inputs.load("up_LGD");
    const at::Tensor down_LDF = inputs.load("down_LDF");
    moe::MoeLayerConfig config;
    config.hidden_size = x_TD_.size(1);
    config.moe_intermediate_size = down_LDF.size(2);
    routing_.expert_idx_TK = inputs.load("expert_idx_TK");
    config.router.num_experts = up_LGD.size(0);
    config.router.num_experts_per_tok = routing_.expert_idx_TK.size(1);
    config.router.norm_topk_prob = config.router.num_experts_per_tok > 1;
    config.dtype = x_TD_.scalar_type();
    layer_ = moe::MoeLayer(config);
    const at::NoGradGuard no_grad;
    router_ED_ = layer_->router().parameters()[0];
    router_ED_.copy_(inputs.load("router_ED"));
    const std::vector<at::Tensor> weights = layer_->experts().weights().tensors;
    weights[0].copy_(up_LGD);
    weights[1].copy_(down_LDF);
    for (const at::Tensor& weight : weights) {
      sinks_.emplace_back(hecaton::zeros_on_huge_pages(weight.sizes(), at::kFloat));
    }
    layer_->experts().set_grad_sinks(sinks_);
    context_.replay = &routing_;
  }

  void run() {
    for (hecaton::GradSink& sink : sinks_) {
      sink.make_blank();
    }
    x_TD_.mutable_grad().reset();
    router_ED_.mutable_grad().reset();
    y_TD_ = layer_->forward(x_TD_, context_);
    y_TD_.backward(dy_TD_);
    y_TD_ = y_TD_.detach();
  }

  void write(const std::string& path) const {
    hecaton::checkpoint::write_safetensors(path,
                                           {{"y_TD", y_TD_},
                                            {"dx_TD", x_TD_.grad()},
                                            {"drouter_ED", router_ED_.grad()},
                                            {"dup_LGD", sinks_[0].grad()},
                                            {"ddown_LDF", sinks_[1].grad()}});
  }

 private:
  at::Tensor x_TD_;
  at::Tensor dy_TD_;
  moe::MoeLayer layer_{nullptr};
  moe::Routing routing_;
  moe::RoutingContext context_;
  at::Tensor router_ED_;
  std::vector<hecaton::GradSink> sinks_;
  at::Tensor y_TD_;
};

/// Forward and backward products of a dense feed-forward over R rows, and nothing else.
class DenseArm {
 public:
  DenseArm(int64_t R, const at::Tensor& up_LGD, const at::Tensor& down_LDF)
      : num_repeats_(up_LGD.size(0)),
        up_GD_(up_LGD[0].contiguous()),
        down_DF_(down_LDF[0].contiguous()),
        x_RD_(at::zeros({R, up_GD_.size(1)}, up_GD_.options())),
        z_RG_(at::zeros({R, up_GD_.size(0)}, up_GD_.options())),
        a_RF_(at::zeros({R, down_DF_.size(1)}, up_GD_.options())),
        out_RD_(at::empty_like(x_RD_)),
        out_RF_(at::empty_like(a_RF_)),
        out_GD_(at::empty_like(up_GD_)),
        out_DF_(at::empty_like(down_DF_)) {
    x_RD_.normal_();
    z_RG_.normal_();
    a_RF_.normal_();
  }

  void run() {
    for (int64_t i = 0; i < num_repeats_; ++i) {
      at::mm_out(z_RG_, x_RD_, up_GD_.t());
      at::mm_out(out_RD_, a_RF_, down_DF_.t());
      at::mm_out(out_RF_, x_RD_, down_DF_);
      at::mm_out(out_RD_, z_RG_, up_GD_);
      at::mm_out(out_GD_, z_RG_.t(), x_RD_);
      at::mm_out(out_DF_, x_RD_.t(), a_RF_);
    }
  }

 private:
  int64_t num_repeats_;
  at::Tensor up_GD_;
  at::Tensor down_DF_;
  at::Tensor x_RD_;
  at::Tensor z_RG_;
  at::Tensor a_RF_;
  at::Tensor out_RD_;
  at::Tensor out_RF_;
  at::Tensor out_GD_;
  at::Tensor out_DF_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: layer_arm INPUTS THREADS\n";
    return 2;
  }
  at::set_num_threads(std::stoi(argv[2]));
  const SafetensorsFile inputs(argv[1]);
  LayerArm layer(inputs);
  const at::Tensor up_LGD = inputs.load("up_LGD");
  const int64_t num_slots = inputs.load("expert_idx_TK").numel();
  DenseArm dense(num_slots / up_LGD.size(0), up_LGD, inputs.load("down_LDF"));
  for (std::string command; std::cin >> command && command != "quit";) {
    if (command == "run") {
      std::cout << time_ms([&] { layer.run(); }) << std::endl;
    } else if (command == "dense") {
      const at::NoGradGuard no_grad;
      std::cout << time_ms([&] { dense.run(); }) << std::endl;
    } else if (command == "cpu") {
      std::cout << hecaton::kernels::cpu_kind_name(hecaton::kernels::cpu_kind()) << std::endl;
    } else if (command == "write") {
      std::string path;
      std::cin >> path;
      layer.write(path);
      std::cout << path << std::endl;
    } else {
      std::cerr << "layer_arm: unknown command '" << command << "'\n";
      return 2;
    }
  }
  return 0;
}
