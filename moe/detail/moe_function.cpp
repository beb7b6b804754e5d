// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/detail/moe_function.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include "core/check.h"
#include "core/shapes.h"
#include "core/trace.h"
#include "kernels/combine.h"

namespace hecaton::moe::detail {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Tokens of a chunk out of a tensor with one row per token.
at::Tensor chunk_tokens(const at::Tensor& tensor, const DispatchChunk& chunk) {
  return tensor.narrow(0, chunk.token_begin, chunk.token_end - chunk.token_begin);
}

/// The chunks' tokens one after the other; one chunk is the result itself.
at::Tensor join_chunks(const std::vector<at::Tensor>& parts) {
  return parts.size() == 1 ? parts.front() : at::cat(parts);
}

struct ForwardResult {
  at::Tensor y_TD;
  std::vector<ExpertSaved> saved;  ///< per chunk
};

/// Every chunk is sent to the experts before they begin with the first, and each chunk's output is
/// sent back before they go on to the next.
ForwardResult forward_chunks(const ExpertPass& pass,
                             const at::Tensor& x_TD,
                             const at::Tensor& weight_TK,
                             const ExpertWeights& weights,
                             bool is_training) {
  const auto& chunks = pass.plan->chunks;
  ForwardResult result;
  std::vector<PendingRows> arriving;
  for (size_t c = 0; c < chunks.size(); ++c) {
    arriving.push_back(
        pass.dispatcher->start_dispatch(*pass.plan, static_cast<int64_t>(c), x_TD, {}));
  }
  std::vector<PendingRows> returning;
  for (size_t c = 0; c < chunks.size(); ++c) {
    HECATON_TRACE_RANGE("moe.experts");
    const Rows rows = arriving[c].wait();
    ExpertOutput output =
        pass.experts->forward(rows.rows, chunks[c].num_rows_L, weights, is_training);
    result.saved.push_back(std::move(output.saved));
    returning.push_back(
        pass.dispatcher->start_combine(*pass.plan, static_cast<int64_t>(c), output.y_RD, {}));
  }
  std::vector<at::Tensor> y_chunks;
  y_chunks.reserve(chunks.size());
  for (size_t c = 0; c < chunks.size(); ++c) {
    HECATON_TRACE_RANGE("moe.combine");
    y_chunks.push_back(kernels::combine_rows(returning[c].wait().rows.gathered(),
                                             chunks[c].row_of_slot_TK,
                                             chunk_tokens(weight_TK, chunks[c])));
  }
  result.y_TD = join_chunks(y_chunks);
  return result;
}

struct BackwardResult {
  at::Tensor dx_TD;
  at::Tensor dweight_TK;
};

/// The adjoint: output gradients travel the way the tokens went, input gradients the way back; a
/// chunk's are sent back before the weights' gradients are computed.
BackwardResult backward_chunks(const ExpertPass& pass,
                               const at::Tensor& dy_TD,
                               const at::Tensor& weight_TK,
                               const ExpertWeights& weights,
                               const std::vector<ExpertSaved>& saved,
                               ExpertGrads& grads) {
  const auto& chunks = pass.plan->chunks;
  std::vector<PendingRows> arriving;
  for (size_t c = 0; c < chunks.size(); ++c) {
    arriving.push_back(
        pass.dispatcher->start_dispatch(*pass.plan, static_cast<int64_t>(c), dy_TD, weight_TK));
  }
  std::vector<PendingRows> returning;
  for (size_t c = 0; c < chunks.size(); ++c) {
    HECATON_TRACE_RANGE("moe.experts_backward");
    const Rows rows = arriving[c].wait();
    const ExpertInputGrads input_grads = pass.experts->backward_input(
        rows.rows, rows.value_R, chunks[c].num_rows_L, weights, saved[c]);
    returning.push_back(pass.dispatcher->start_combine(
        *pass.plan, static_cast<int64_t>(c), input_grads.dx_RD, input_grads.dscore_R));
    pass.experts->backward_weight(rows.rows, input_grads, chunks[c].num_rows_L, saved[c], grads);
  }
  std::vector<at::Tensor> dx_chunks;
  std::vector<at::Tensor> dweight_chunks;
  for (size_t c = 0; c < chunks.size(); ++c) {
    HECATON_TRACE_RANGE("moe.combine_backward");
    const Rows rows = returning[c].wait();
    const at::Tensor& row_of_slot_TK = chunks[c].row_of_slot_TK;
    dx_chunks.push_back(
        kernels::combine_rows(rows.rows.gathered(), row_of_slot_TK, /*weight_TK=*/{}));
    dweight_chunks.push_back(kernels::slot_values(rows.value_R, row_of_slot_TK));
  }
  return {join_chunks(dx_chunks), join_chunks(dweight_chunks)};
}

/// Travels from forward to backward beside the saved tensors.
struct PassState : torch::CustomClassHolder {
  ExpertPass pass;
  std::vector<std::shared_ptr<void>> graphs;  ///< ExpertSaved::graph, per chunk
  std::vector<size_t> num_saved;              ///< saved tensors, per chunk
};

/// The sinks, if these weights are the experts' own and have any.
const std::vector<GradSink>* sinks_of(const Experts& experts, const ExpertWeights& weights) {
  if (experts.grad_sinks().empty() || !experts.weights().is_same(weights)) {
    return nullptr;
  }
  HECATON_CHECK_EQ(experts.grad_sinks().size(),
                   weights.tensors.size(),
                   "every weight of the experts needs its sink");
  return &experts.grad_sinks();
}

struct MoeFunction : torch::autograd::Function<MoeFunction> {
  static at::Tensor forward(AutogradContext* ctx,
                            const at::Tensor& x_TD,
                            const at::Tensor& weight_TK,
                            at::TensorList weights,
                            const ExpertPass& pass) {
    ForwardResult result =
        forward_chunks(pass, x_TD, weight_TK, {weights.vec()}, /*is_training=*/true);
    auto state = c10::make_intrusive<PassState>();
    state->pass = pass;
    variable_list to_save = {weight_TK};
    to_save.insert(to_save.end(), weights.begin(), weights.end());
    for (ExpertSaved& saved : result.saved) {
      state->num_saved.push_back(saved.tensors.size());
      state->graphs.push_back(std::move(saved.graph));
      to_save.insert(to_save.end(), saved.tensors.begin(), saved.tensors.end());
    }
    ctx->save_for_backward(std::move(to_save));
    ctx->saved_data["num_weights"] = static_cast<int64_t>(weights.size());
    ctx->saved_data["state"] = c10::IValue::make_capsule(std::move(state));
    return result.y_TD;
  }

  static variable_list backward(AutogradContext* ctx, variable_list dy) {
    HECATON_CHECK(!at::GradMode::is_enabled(),
                  "an MoE layer can be differentiated once, not twice");
    const auto capsule = ctx->saved_data["state"].toCapsule();
    const auto& state = *static_cast<PassState*>(capsule.get());
    const variable_list saved = ctx->get_saved_variables();
    const auto num_weights = static_cast<size_t>(ctx->saved_data["num_weights"].toInt());
    const ExpertWeights weights{
        {saved.begin() + 1, saved.begin() + 1 + static_cast<int64_t>(num_weights)}};
    std::vector<ExpertSaved> saved_chunks;
    auto next = saved.begin() + 1 + static_cast<int64_t>(num_weights);
    for (size_t c = 0; c < state.num_saved.size(); ++c) {
      const auto end = next + static_cast<int64_t>(state.num_saved[c]);
      saved_chunks.push_back({{next, end}, state.graphs[c]});
      next = end;
    }
    const std::vector<GradSink>* sinks = sinks_of(*state.pass.experts, weights);
    ExpertGrads grads = accumulators(weights, sinks);
    BackwardResult result =
        backward_chunks(state.pass, dy[0].contiguous(), saved[0], weights, saved_chunks, grads);
    variable_list input_grads = {result.dx_TD, result.dweight_TK};
    for (size_t i = 0; i < num_weights; ++i) {
      const bool is_returned = !has_sink(sinks, i) && grads.sinks[i].is_set();
      input_grads.push_back(is_returned ? grads.sinks[i].sum().to(weights.tensors[i].scalar_type())
                                        : at::Tensor());
    }
    input_grads.emplace_back();  // of `pass`, which is no tensor
    return input_grads;
  }

 private:
  static bool has_sink(const std::vector<GradSink>* sinks, size_t weight_idx) {
    return sinks != nullptr && (*sinks)[weight_idx].is_set();
  }

  /// Not set for frozen weights, whose products are then left out.
  static ExpertGrads accumulators(const ExpertWeights& weights,
                                  const std::vector<GradSink>* sinks) {
    ExpertGrads grads;
    for (size_t i = 0; i < weights.tensors.size(); ++i) {
      const at::Tensor& weight = weights.tensors[i];
      if (!weight.requires_grad()) {
        grads.sinks.emplace_back();
      } else if (has_sink(sinks, i)) {
        grads.sinks.push_back((*sinks)[i]);
      } else {
        const auto options = at::TensorOptions().dtype(accumulation_dtype(weight.scalar_type()));
        grads.sinks.emplace_back(at::empty(weight.sizes(), options));
        grads.sinks.back().make_blank();
      }
    }
    return grads;
  }
};

bool wants_grad(const at::Tensor& x_TD, const at::Tensor& weight_TK, const ExpertWeights& weights) {
  const auto requires_grad = [](const at::Tensor& tensor) { return tensor.requires_grad(); };
  return at::GradMode::is_enabled() &&
         (requires_grad(x_TD) || requires_grad(weight_TK) ||
          std::any_of(weights.tensors.begin(), weights.tensors.end(), requires_grad));
}

}  // namespace

at::Tensor run_experts(const ExpertPass& pass,
                       const at::Tensor& x_TD,
                       const at::Tensor& weight_TK,
                       const ExpertWeights& weights) {
  if (wants_grad(x_TD, weight_TK, weights)) {
    return MoeFunction::apply(x_TD, weight_TK, at::TensorList(weights.tensors), pass);
  }
  const at::NoGradGuard no_grad;
  return forward_chunks(pass, x_TD, weight_TK, weights, /*is_training=*/false).y_TD;
}

}  // namespace hecaton::moe::detail
