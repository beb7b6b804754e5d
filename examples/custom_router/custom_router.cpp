// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors
//
// A router, experts and a balancing loss of your own, each registered by one call and then named in
// a recipe. All else is the program `hecaton`, with all of its commands:
//
//     custom_router train recipe.yaml
//     custom_router eval runs/recipe

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <hecaton/core/parameter.h>
#include <hecaton/core/rng.h>
#include <hecaton/core/shapes.h>
#include <hecaton/kernels/grouped_gemm.h>
#include <hecaton/kernels/topk.h>
#include <hecaton/moe/moe_layer.h>
#include <hecaton/moe/registry.h>
#include <hecaton/recipes/cli/command_line.h>

namespace {

namespace kernels = hecaton::kernels;
namespace moe = hecaton::moe;
using hecaton::Parameter;

/// Each expert has a centre, and a token goes to the experts whose centres are nearest.
class NearestRouter final : public moe::Router {
 public:
  NearestRouter(const moe::MoeLayerConfig& layer, double temperature)
      : config_(layer.router), temperature_(temperature) {
    const at::ScalarType dtype = hecaton::accumulation_dtype(layer.dtype);
    centre_ED_ = register_parameter(
        "centre", at::zeros({config_.num_experts, layer.hidden_size}, at::TensorOptions(dtype)));
    hecaton::initialize_parameters(describe_parameters("router"), hecaton::random_seed());
  }

  moe::Routing forward(const at::Tensor& x_TD, const moe::RoutingContext& context) override {
    const at::Tensor wide_TD = x_TD.to(centre_ED_.scalar_type());
    const at::Tensor square_E = centre_ED_.square().sum(1);
    moe::Routing routing;
    // -|x - centre|^2 but for |x|^2, which is the same for every expert.
    routing.logit_TE = (at::linear(wide_TD, centre_ED_) * 2.0 - square_E) / temperature_;
    routing.prob_TE = at::softmax(routing.logit_TE, -1);
    routing.expert_idx_TK =
        context.replay != nullptr
            ? moe::recorded_choice(*context.replay, x_TD.size(0))
            : kernels::topk(routing.logit_TE.detach(), config_.num_experts_per_tok);
    routing.num_tokens_E = moe::count_tokens(routing.expert_idx_TK, config_.num_experts);
    const at::Tensor is_unused_TK = routing.expert_idx_TK.lt(0);  // in a replay alone
    routing.weight_TK = routing.prob_TE.gather(1, routing.expert_idx_TK.to(at::kLong).clamp_min(0))
                            .masked_fill(is_unused_TK, 0.0);
    return routing;
  }

  int64_t num_experts() const override { return config_.num_experts; }
  int64_t num_experts_per_tok() const override { return config_.num_experts_per_tok; }

  std::vector<Parameter> describe_parameters(const std::string& prefix) override {
    return {hecaton::whole_parameter(
        prefix + ".centre.weight", centre_ED_, hecaton::DecayClass::kNoDecay)};
  }

 private:
  moe::RouterConfig config_;
  double temperature_;
  at::Tensor centre_ED_;
};

/// Experts that are one matrix each: y = x weight^T. They run on whatever weights they are handed.
class LinearExperts final : public moe::Experts {
 public:
  LinearExperts(const moe::MoeLayerConfig& layer, moe::ExpertRange local) {
    const int64_t D = layer.hidden_size;
    weight_LDD_ = register_parameter(
        "weight", at::zeros({local.count, D, D}, at::TensorOptions(layer.dtype)));
    hecaton::initialize_parameters(describe_parameters("moe", local.first), hecaton::random_seed());
  }

  int64_t num_local_experts() const override { return weight_LDD_.size(0); }

  moe::ExpertWeights weights() const override { return {{weight_LDD_}}; }

  moe::ExpertOutput forward(const kernels::IndexedRows& x,
                            const std::vector<int64_t>& num_rows_L,
                            const moe::ExpertWeights& weights,
                            bool is_training) override {
    const at::Tensor x_RD = x.gathered();
    moe::ExpertOutput output;
    output.y_RD = kernels::grouped_gemm(x_RD, weights.tensors[0], num_rows_L);
    if (is_training) {
      output.saved.tensors = {x_RD};
    }
    return output;
  }

  moe::ExpertInputGrads backward_input(const kernels::IndexedRows& dy,
                                       const at::Tensor& score_R,
                                       const std::vector<int64_t>& num_rows_L,
                                       const moe::ExpertWeights& weights,
                                       const moe::ExpertSaved& saved) override {
    const at::Tensor dy_RD = dy.gathered();
    const at::Tensor score_R1 = score_R.unsqueeze(1).to(dy_RD.scalar_type());
    const at::Tensor dx_RD =
        kernels::grouped_gemm_input_grad(dy_RD, weights.tensors[0], num_rows_L);
    moe::ExpertInputGrads grads;
    grads.dscore_R = (dx_RD * saved.tensors[0]).to(score_R.scalar_type()).sum(1);  // <dy, y>
    grads.dx_RD = dx_RD * score_R1;
    grads.for_weights = {dy_RD * score_R1};
    return grads;
  }

  void backward_weight(const kernels::IndexedRows& /*dy*/,
                       const moe::ExpertInputGrads& input_grads,
                       const std::vector<int64_t>& num_rows_L,
                       const moe::ExpertSaved& saved,
                       moe::ExpertGrads& grads) override {
    if (grads.sinks[0].is_set()) {  // not if the weights are frozen
      kernels::grouped_gemm_weight_grad(
          input_grads.for_weights[0], saved.tensors[0], num_rows_L, grads.sinks[0].sum());
    }
  }

  /// One name for each expert's matrix: the same initial values and files whatever the layout.
  std::vector<Parameter> describe_parameters(const std::string& prefix,
                                             int64_t first_expert) override {
    const int64_t D = weight_LDD_.size(1);
    Parameter parameter;
    parameter.name = prefix + ".experts.weight";
    parameter.tensor = weight_LDD_;
    parameter.replicas = hecaton::ReplicaAxis::kExpert;
    parameter.is_hidden_matrix = true;
    for (int64_t l = 0; l < weight_LDD_.size(0); ++l) {
      const std::string expert = prefix + ".experts." + std::to_string(first_expert + l);
      parameter.slices.push_back({expert + ".weight", {D, D}, l * D * D});
    }
    return {parameter};
  }

 private:
  at::Tensor weight_LDD_;
};

/// Charges an expert for the load beyond `tolerance` times the mean:
/// E * sum_e max(0, f_e - tolerance / E) * P_e, f_e its share of the slots, P_e its mean
/// probability.
class OverloadLoss final : public moe::RoutingLoss {
 public:
  explicit OverloadLoss(double tolerance) : tolerance_(tolerance) {}

  bool reads_counts() const override { return true; }

  at::Tensor share(const moe::RoutingLossInput& input) const override {
    const at::Tensor& prob_TE = input.routing.prob_TE;
    const auto E = static_cast<double>(prob_TE.size(1));
    const auto num_slots =
        static_cast<double>(input.num_tokens * input.routing.expert_idx_TK.size(1));
    const at::Tensor load_E =
        input.num_tokens_E.to(prob_TE.scalar_type()) / std::max(num_slots, 1.0);
    return ((load_E - tolerance_ / E).clamp_min(0.0) * prob_TE.sum(0)).sum() * (E / input.divisor);
  }

 private:
  double tolerance_;
};

// [register]
void register_components() {
  moe::register_router(
      "nearest", [](const moe::MoeLayerConfig& layer, hecaton::OptionReader& options) {
        const double temperature = options.number("temperature", 1.0);
        options.require(temperature > 0.0, "temperature", "above 0");
        return
            [&layer, temperature] { return std::make_shared<NearestRouter>(layer, temperature); };
      });
  moe::register_experts("linear", [](const moe::MoeLayerConfig& layer, hecaton::OptionReader&) {
    return
        [&layer](moe::ExpertRange local) { return std::make_shared<LinearExperts>(layer, local); };
  });
  moe::register_routing_loss("overload", [](hecaton::OptionReader& options) {
    return std::make_shared<OverloadLoss>(options.number("tolerance", 1.0));
  });
}
// [register]

}  // namespace

int main(int argc, char** argv) {
  register_components();
  return hecaton::recipes::run_command_line(argc, argv);
}
