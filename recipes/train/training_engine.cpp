// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/training_engine.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <sstream>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "core/config_faults.h"
#include "core/error.h"
#include "core/log.h"
#include "core/progress.h"
#include "moe/local_dispatcher.h"
#include "optim/grad_norm.h"
#include "parallel/all_to_all_dispatcher.h"
#include "parallel/data_parallel.h"
#include "recipes/train/agreement.h"

namespace hecaton::recipes {
namespace {

/// A decoder does not split its matrices or its sequences.
parallel::Mesh& checked(parallel::Mesh& mesh) {
  ConfigFaults faults("parallel");
  faults.require(mesh.tp().size() == 1, "tp", mesh.tp().size(), "must be 1: it is not built yet");
  faults.require(mesh.cp().size() == 1, "cp", mesh.cp().size(), "must be 1: it is not built yet");
  faults.throw_if_any();
  return mesh;
}

OptimizerShards shards_of(int64_t zero, const parallel::Mesh& mesh) {
  ConfigFaults faults("parallel");
  faults.require(zero == 0 || zero == 1, "zero", zero, "must be 0 or 1");
  faults.throw_if_any();
  return zero == 0 ? OptimizerShards() : parallel::shards_on(mesh);
}

std::shared_ptr<moe::Dispatcher> make_dispatcher(const parallel::Mesh& mesh) {
  if (mesh.ep().size() == 1) {
    return std::make_shared<moe::LocalDispatcher>();
  }
  return std::make_shared<parallel::AllToAllDispatcher>(mesh.shared_ep());
}

std::vector<Parameter> make_parameters(models::Decoder& decoder,
                                       const std::vector<optim::ParameterRule>& rules) {
  std::vector<Parameter> parameters = decoder->describe_parameters();
  optim::apply_rules(rules, decoder->config().moe.router.num_experts, parameters);
  return parameters;
}

/// Whether every row of the batch is one document without padding: plain causal attention will do.
bool is_one_document_a_row(const at::Tensor& document_idx_BQ) {
  return document_idx_BQ.eq(document_idx_BQ.narrow(1, 0, 1)).all().item<bool>();
}

BatchTotals count_tokens(const std::vector<Batch>& batches, parallel::Communicator& dp) {
  const at::Tensor counts = at::zeros({2}, at::TensorOptions().dtype(at::kLong));
  for (const Batch& batch : batches) {
    counts.data_ptr<int64_t>()[0] += batch.num_target_tokens;
    counts.data_ptr<int64_t>()[1] += batch.valid_BQ.sum().item<int64_t>();
  }
  dp.all_reduce(counts);
  return {counts.const_data_ptr<int64_t>()[0], counts.const_data_ptr<int64_t>()[1]};
}

/// (max - mean) / mean of a layer's loads.
double max_violation(const at::Tensor& num_tokens_E) {
  const auto max = num_tokens_E.max().item<double>();
  const auto mean = num_tokens_E.to(at::kDouble).mean().item<double>();
  return mean > 0.0 ? (max - mean) / mean : 0.0;
}

/// The first slice with a value that is not finite among those that `buffer_of` picks.
template <typename BufferOf>
std::optional<std::string> first_nonfinite(const FlatParameters& parameters,
                                           const BufferOf& buffer_of) {
  std::optional<std::string> found;
  for (const FlatGroup& group : parameters.groups()) {
    for_each_slice(group,
                   buffer_of(group),
                   [&found](const NamedSlice& slice, int64_t /*begin*/, const at::Tensor& values) {
                     if (!found && !at::isfinite(values).all().item<bool>()) {
                       found = slice.name;
                     }
                   });
  }
  return found;
}

/// "NAME on rank R" of the lowest rank that found one, the same on every rank.
std::string first_of_ranks(const std::optional<std::string>& name, parallel::Communicator& world) {
  const std::vector<std::string> names = world.all_gather_texts(name.value_or(""));
  const auto found = std::find_if(
      names.begin(), names.end(), [](const std::string& text) { return !text.empty(); });
  return found == names.end() ? "" : *found + " on rank " + std::to_string(found - names.begin());
}

/// What the decoder is told about a batch beside its tokens.
models::BlockContext context_of(const Batch& batch, moe::Phase phase, moe::CountReducer& counts) {
  const int64_t B = batch.input_BQ.size(0);
  const int64_t Q = batch.input_BQ.size(1);
  const auto options = at::TensorOptions().dtype(at::kLong);
  models::BlockContext context;
  if (!is_one_document_a_row(batch.document_idx_BQ)) {
    context.attention.mask_B1QQ = models::document_mask(batch.document_idx_BQ);
  }
  moe::RoutingContext& routing = context.routing;
  routing.token_id_T = batch.input_BQ.view({-1});
  routing.sequence_idx_T = at::arange(B, options).to(at::kInt).repeat_interleave(Q);
  routing.valid_T = batch.valid_BQ.view({-1});
  routing.phase = phase;
  routing.counts = &counts;
  return context;
}

}  // namespace

TrainingEngine::TrainingEngine(const models::DecoderConfig& model,
                               const optim::OptimizerConfig& optimizer,
                               uint64_t seed,
                               parallel::Mesh& mesh,
                               int64_t zero)
    : mesh_(checked(mesh)),
      decoder_(model, make_dispatcher(mesh), seed),
      parameters_(make_parameters(decoder_, optimizer.groups), shards_of(zero, mesh)),
      optimizer_(optim::make_optimizer(parameters_, optimizer, &mesh)),
      counts_(mesh.shared_dp()) {
  decoder_->set_grad_sinks(
      [this](const at::Tensor& weight) { return parameters_.sink_of(weight); });
}

double TrainingEngine::accumulate(const Batch& batch,
                                  const StepSettings& settings,
                                  const BatchTotals& totals) {
  const int64_t Q = batch.input_BQ.size(1);
  const int64_t first_token = batch.first_sample * Q;
  models::BlockContext context = context_of(batch, moe::Phase::kTrain, counts_);
  context.routing.step = settings.step;
  context.routing.num_loss_tokens = totals.num_tokens;
  context.routing.global_token_idx_T = at::arange(
      first_token, first_token + batch.input_BQ.numel(), at::TensorOptions().dtype(at::kLong));
  const at::Tensor x_BQD = decoder_->hidden(batch.input_BQ, context);
  const at::Tensor loss = decoder_->head_loss(x_BQD, batch.target_BQ);
  (loss / static_cast<double>(std::max<int64_t>(totals.num_target_tokens, 1))).backward();
  parameters_.collect_grads();
  return loss.item<double>();
}

StepResult TrainingEngine::step(const std::vector<Batch>& micro_batches,
                                const StepSettings& settings) {
  mesh_.world().recorder().set_step(settings.step);
  const ProgressScope progress([this] { mesh_.world().make_progress(); });
  const BatchTotals totals = count_tokens(micro_batches, mesh_.dp());
  const std::vector<moe::MoeLayerImpl*> layers = decoder_->moe_layers();
  StepSums sums;
  sums.num_tokens_E.resize(layers.size());
  parameters_.zero_grads();
  for (const Batch& batch : micro_batches) {
    sums.loss += accumulate(batch, settings, totals);
    for (size_t i = 0; i < layers.size(); ++i) {
      const moe::LoadStats& stats = layers[i]->stats();
      at::Tensor& num_tokens_E = sums.num_tokens_E[i];
      num_tokens_E =
          num_tokens_E.defined() ? num_tokens_E.add(stats.num_tokens_E) : stats.num_tokens_E;
      for (const auto& [type, share] : stats.losses) {
        sums.routing_losses[type] += share;
      }
      sums.num_dropped += stats.num_dropped;
    }
  }
  parameters_.collect_grads();  // zeros where no micro-batch was
  parallel::reduce_gradients(parameters_, mesh_);
  StepResult result = reduce_results(sums, totals);
  result.grad_norm = optim::global_grad_norm(parameters_, mesh_);
  if (!std::isfinite(result.loss) || !std::isfinite(result.grad_norm)) {
    const std::string text = nonfinite_text(result, settings.step);
    if (!settings.skip_nonfinite) {
      throw NumericError(text);
    }
    result.is_applied = false;
    if (mesh_.world().rank() == 0) {
      log_warn(text + "; the step is skipped");
    }
    return result;
  }
  if (settings.max_grad_norm) {
    optim::clip_gradients(parameters_, result.grad_norm, *settings.max_grad_norm);
  }
  optimizer_->step(settings.lr);
  parallel::gather_parameters(parameters_, mesh_);
  return result;
}

StepResult TrainingEngine::reduce_results(const StepSums& sums, const BatchTotals& totals) {
  // Every rank has the same routing losses in the same order: they come from the configuration.
  std::vector<double> own = {sums.loss, static_cast<double>(sums.num_dropped)};
  for (const auto& entry : sums.routing_losses) {
    own.push_back(entry.second);
  }
  const at::Tensor numbers = at::tensor(own, at::TensorOptions().dtype(at::kDouble));
  mesh_.dp().all_reduce(numbers);
  const double* number = numbers.const_data_ptr<double>();
  const auto num_layers = static_cast<double>(std::max<size_t>(sums.num_tokens_E.size(), 1));
  StepResult result;
  result.num_tokens = totals.num_tokens;
  result.loss = number[0] / static_cast<double>(std::max<int64_t>(totals.num_target_tokens, 1));
  const double* routing_loss = number + 2;
  for (const auto& entry : sums.routing_losses) {
    result.routing_losses[entry.first] = *routing_loss++ / num_layers;
  }
  if (sums.num_tokens_E.empty()) {
    return result;
  }
  at::Tensor load = at::stack(sums.num_tokens_E);
  mesh_.dp().all_reduce(load);
  for (int64_t i = 0; i < load.size(0); ++i) {
    result.max_vio += max_violation(load[i]) / num_layers;
  }
  const double num_slots = number[1] + load.sum().item<double>();
  result.drop_frac = num_slots > 0.0 ? number[1] / num_slots : 0.0;
  return result;
}

std::string TrainingEngine::nonfinite_text(const StepResult& result, int64_t step) {
  const std::string place = first_of_ranks(
      first_nonfinite(
          parameters_,
          [](const FlatGroup& group) -> const FlatBuffer& { return group.reduced_grad; }),
      mesh_.world());
  std::ostringstream text;
  text << "step " << step + 1 << ": expected finite numbers, found loss " << result.loss
       << " and gradient norm " << result.grad_norm << "; first gradient that is not finite: "
       << (place.empty() ? "none, their squares add up to more than a number holds" : place);
  return text.str();
}

std::vector<checkpoint::TensorPiece> TrainingEngine::state_pieces() {
  std::vector<checkpoint::TensorPiece> pieces;
  const auto append =
      [&pieces](const std::string& prefix, const FlatGroup& group, const FlatBuffer& buffer) {
        for_each_slice(
            group, buffer, [&](const NamedSlice& slice, int64_t begin, const at::Tensor& values) {
              pieces.push_back({prefix + "." + slice.name, slice.shape, begin, values});
            });
      };
  for (const FlatGroup& group : parameters_.groups()) {
    if (group.has_master_copy()) {
      append("master", group, group.master);
    }
  }
  for (const optim::OptimizerState& state : optimizer_->states()) {
    append("optim." + state.kind, *state.group, state.buffer);
  }
  return pieces;
}

void TrainingEngine::check_parameters(int64_t step) {
  const std::string place = first_of_ranks(
      first_nonfinite(parameters_,
                      [](const FlatGroup& group) -> const FlatBuffer& { return group.master; }),
      mesh_.world());
  if (!place.empty()) {
    throw NumericError("after step " + std::to_string(step) +
                       ": expected finite parameters, found one that is not in " + place);
  }
  if (!parallel::replicas_agree(parameters_, mesh_)) {
    throw NumericError("after step " + std::to_string(step) +
                       ": expected equal parameters on the ranks that share them, found others");
  }
}

EvalResult TrainingEngine::evaluate(const std::vector<Batch>& batches) {
  return evaluate_decoder(*decoder_, batches, mesh_.shared_dp());
}

EvalResult evaluate_decoder(models::DecoderImpl& decoder,
                            const std::vector<Batch>& batches,
                            const std::shared_ptr<parallel::Communicator>& dp) {
  const at::NoGradGuard no_grad;
  parallel::AxisCountReducer counts(dp);
  at::Tensor sums = at::zeros({2}, at::TensorOptions().dtype(at::kDouble));
  for (const Batch& batch : batches) {
    models::BlockContext context = context_of(batch, moe::Phase::kEval, counts);
    const at::Tensor x_BQD = decoder.hidden(batch.input_BQ, context);
    double* sum = sums.data_ptr<double>();
    sum[0] += decoder.head_loss(x_BQD, batch.target_BQ).item<double>();
    sum[1] += static_cast<double>(batch.num_target_tokens);
  }
  dp->all_reduce(sums);
  const double* sum = sums.const_data_ptr<double>();
  return {sum[0] / std::max(sum[1], 1.0), static_cast<int64_t>(sum[1])};
}

}  // namespace hecaton::recipes
