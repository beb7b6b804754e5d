// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/layout_job.h"

#include <cstddef>
#include <memory>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>

#include "core/error.h"
#include "core/rng.h"
#include "parallel/data_parallel.h"
#include "recipes/data/dataset.h"
#include "recipes/data/token_stream.h"
#include "recipes/data/window_source.h"
#include "recipes/train/training_engine.h"

namespace hecaton::recipes {
namespace {

constexpr int64_t kGlobalMicroBatch = 4;  // sequences over all ranks at one accumulation index
constexpr int64_t kNumSteps = 3;
constexpr uint64_t kSeed = 11;  // of the initial weights

/// Short documents, so that most sequences hold several, and one window that is part padding.
TokenDataset short_documents() {
  constexpr int64_t kSequenceLength = 12;
  TokenStreamBuilder stream;
  const CounterRng rng(/*seed=*/3, "text");
  for (uint64_t document = 0; document < 9; ++document) {
    std::string text;
    for (uint64_t i = 0; i < 11 + 5 * (document % 3); ++i) {
      text += static_cast<char>('a' + rng.bits(100 * document + i) % 26);
    }
    stream.add_document(text);
  }
  std::vector<DataSource> sources;
  sources.push_back({"text",
                     std::make_unique<StreamWindows>(
                         stream.finish(), kSequenceLength, /*cross_document_attention=*/false)});
  return TokenDataset(std::move(sources), kSequenceLength, /*seed=*/5);
}

std::vector<Batch> micro_batches(const TokenDataset& data,
                                 int64_t step,
                                 int64_t accumulation,
                                 const parallel::Communicator& dp) {
  const int64_t per_rank = kGlobalMicroBatch / dp.size();
  std::vector<Batch> batches;
  batches.reserve(static_cast<size_t>(accumulation));
  for (int64_t i = 0; i < accumulation; ++i) {
    const int64_t first = (step * accumulation + i) * kGlobalMicroBatch + dp.rank() * per_rank;
    batches.push_back(data.train_batch(first, per_rank));
  }
  return batches;
}

void zero_routers(TrainingEngine& engine) {
  const at::NoGradGuard no_grad;
  for (moe::MoeLayerImpl* layer : engine.decoder()->moe_layers()) {
    for (Parameter& parameter : layer->router().describe_parameters("router")) {
      parameter.tensor.zero_();
    }
  }
  engine.parameters().copy_values_to_masters();
}

void record_number(parallel::OracleRecord& record, const std::string& name, double value) {
  record.add(name, at::full({1}, value, at::TensorOptions().dtype(at::kDouble)));
}

/// A frozen group's gradient has no slices.
void record_slices(parallel::OracleRecord& record,
                   const std::string& prefix,
                   const FlatGroup& group,
                   const FlatBuffer& buffer) {
  for (int64_t i = 0; i < buffer.num_tensors(); ++i) {
    const at::Tensor stored = buffer.view(i);
    for (const NamedSlice& slice : group.parameters[static_cast<size_t>(i)].slices) {
      record.add(prefix + slice.name, slice_view(stored, slice));
    }
  }
}

/// Which experts the tokens of every sample choose now, and how many tokens each expert gets:
/// integers, which must be equal.
void record_routing(parallel::OracleRecord& record,
                    const std::string& suffix,
                    const Batch& batch,
                    TrainingEngine& engine) {
  engine.evaluate({batch});
  const std::vector<moe::MoeLayerImpl*> layers = engine.decoder()->moe_layers();
  for (size_t i = 0; i < layers.size(); ++i) {
    const std::string layer = suffix + "layer" + std::to_string(i);
    at::Tensor num_tokens_E = layers[i]->stats().num_tokens_E.clone();
    engine.mesh().dp().all_reduce(num_tokens_E);
    record.add("num_tokens" + layer, num_tokens_E);
    int64_t first_token = 0;
    for (int64_t row = 0; row < batch.input_BQ.size(0); ++row) {
      const int64_t num_tokens = batch.valid_BQ[row].sum().item<int64_t>();
      record.add(
          "expert_idx" + layer + "/sample" + std::to_string(batch.first_sample + row),
          layers[i]->last_routing().expert_idx_TK.narrow(0, first_token, num_tokens).to(at::kLong));
      first_token += num_tokens;
    }
  }
}

void record_step(parallel::OracleRecord& record,
                 const std::string& suffix,
                 const StepResult& result,
                 TrainingEngine& engine) {
  record_number(record, "loss" + suffix, result.loss);
  record_number(record, "grad_norm" + suffix, result.grad_norm);
  for (const auto& [type, loss] : result.routing_losses) {
    std::string name = type;
    name += "_loss";
    name += suffix;
    record_number(record, name, loss);
  }
  record_number(record, "max_vio" + suffix, result.max_vio);
  record_number(record, "drop_frac" + suffix, result.drop_frac);
  for (const FlatGroup& group : engine.parameters().groups()) {
    record_slices(record,
                  "grad" + suffix,
                  group,
                  parallel::gathered(group, group.reduced_grad, engine.mesh()));
    record_slices(record, "param" + suffix, group, group.value);
  }
  for (const optim::OptimizerState& state : engine.optimizer().states()) {
    record_slices(record,
                  state.kind + suffix,
                  *state.group,
                  parallel::gathered(*state.group, state.buffer, engine.mesh()));
  }
}

/// One way to treat experts that get too many tokens.
struct Capacity {
  const char* name;
  moe::CapacityConfig config;
};

const std::vector<Capacity>& capacities() {
  static const std::vector<Capacity> kCapacities = {
      {"dropless", {}},
      {"capacity per sequence", {.factor = 1.0, .scope = moe::CapacityScope::kSequence}},
      {"capacity per micro-batch", {.factor = 1.0, .scope = moe::CapacityScope::kMicroBatch}}};
  return kCapacities;
}

}  // namespace

parallel::OracleJob make_layout_job(const LayoutJob& job) {
  return [job](parallel::Mesh& mesh) {
    const TokenDataset data = short_documents();
    TrainingEngine engine(job.model, job.optimizer, kSeed, mesh, job.zero);
    if (job.is_skewed) {
      zero_routers(engine);
    }
    parallel::OracleRecord record;
    for (int64_t step = 0; step < kNumSteps; ++step) {
      const std::vector<Batch> batches = micro_batches(data, step, job.accumulation, mesh.dp());
      const StepResult result =
          engine.step(batches, {.step = step, .lr = 1e-2, .max_grad_norm = 0.5});
      const std::string suffix = "/step" + std::to_string(step) + "/";
      record_step(record, suffix, result, engine);
      record_routing(record, suffix, batches.back(), engine);
    }
    if (!parallel::replicas_agree(engine.parameters(), mesh)) {
      throw NumericError("replicas of the parameters differ after the last step");
    }
    return record;
  };
}

models::DecoderConfig tiny_decoder() {
  models::DecoderConfig config;
  config.hidden_size = 16;
  config.intermediate_size = 24;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 4;
  config.vocab_size = 258;
  config.qk_norm = true;
  config.dtype = at::kDouble;
  config.moe.layers = {1, 2};
  config.moe.moe_intermediate_size = 8;
  config.moe.shared_expert_intermediate_size = 8;
  config.moe.router = {.num_experts = 4, .num_experts_per_tok = 2};
  config.moe.losses = {{.type = "switch", .coef = 0.1}, {.type = "z", .coef = 0.01}};
  return config;
}

std::vector<NamedLayoutJob> layout_jobs(const models::DecoderConfig& model,
                                        const optim::OptimizerConfig& optimizer) {
  std::vector<NamedLayoutJob> jobs;
  for (const int64_t accumulation : {1, 3}) {
    const std::string name = "accumulation " + std::to_string(accumulation);
    LayoutJob job = {.model = model, .optimizer = optimizer, .accumulation = accumulation};
    if (model.moe.layers.empty()) {
      jobs.push_back({name, job});
      continue;
    }
    jobs.push_back({name + ", zero 0", job});
    jobs.back().job.zero = 0;
    for (const Capacity& capacity : capacities()) {
      for (const bool is_skewed : {false, true}) {
        job.model.moe.capacity = capacity.config;
        job.is_skewed = is_skewed;
        jobs.push_back(
            {name + ", " + capacity.name + (is_skewed ? ", skewed routing" : ", even routing"),
             job});
      }
    }
  }
  return jobs;
}

}  // namespace hecaton::recipes
