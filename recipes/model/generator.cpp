// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/model/generator.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>

#include "core/error.h"
#include "core/rng.h"
#include "models/decoder.h"

namespace hecaton::recipes {
namespace {

/// Every layer's cache through one decoder pass over new tokens; returns the logits of the last.
class CachedDecoder {
 public:
  explicit CachedDecoder(models::DecoderImpl& decoder)
      : decoder_(decoder), caches_(static_cast<size_t>(decoder.config().num_hidden_layers)) {}

  at::Tensor next_logits(const std::vector<int64_t>& tokens) {
    const at::Tensor token_BQ =
        at::tensor(tokens, at::TensorOptions().dtype(at::kLong)).unsqueeze(0);
    models::BlockContext context;
    context.routing.phase = moe::Phase::kEval;
    context.attention.first_position = caches_.front().length;
    at::Tensor x_BQD = decoder_.embed(token_BQ);
    for (size_t layer = 0; layer < caches_.size(); ++layer) {
      context.attention.cache = &caches_[layer];
      x_BQD = decoder_.block(static_cast<int64_t>(layer), x_BQD, context);
    }
    const at::Tensor logit_BQV = decoder_.head(x_BQD.narrow(1, x_BQD.size(1) - 1, 1));
    return logit_BQV.view({-1}).to(at::kDouble);
  }

 private:
  models::DecoderImpl& decoder_;
  std::vector<models::KvCache> caches_;
};

}  // namespace

void SamplingConfig::collect_faults(ConfigFaults& faults) const {
  faults.require(max_new_tokens >= 0, "max-new-tokens", max_new_tokens, "must be at least 0");
  faults.require(std::isfinite(temperature) && temperature >= 0.0,
                 "temperature",
                 temperature,
                 "must be finite and at least 0");
  faults.require(!top_k || *top_k >= 1, "top-k", top_k.value_or(1), "must be at least 1");
  faults.require(
      !top_p || (*top_p > 0.0 && *top_p <= 1.0), "top-p", top_p.value_or(1.0), "must be in (0, 1]");
  faults.require(seed >= 0, "seed", seed, "must be at least 0");
}

void SamplingConfig::validate() const {
  ConfigFaults faults("");
  collect_faults(faults);
  faults.throw_if_any();
}

int64_t sample_token(const at::Tensor& logit_V, const SamplingConfig& config, double uniform) {
  const at::Tensor logit64_V = logit_V.to(at::kDouble).contiguous();
  const double* logit = logit64_V.const_data_ptr<double>();
  std::vector<int64_t> order(static_cast<size_t>(logit_V.numel()));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(
      order.begin(), order.end(), [&](int64_t a, int64_t b) { return logit[a] > logit[b]; });
  if (config.temperature == 0.0) {
    return order.front();
  }
  if (config.top_k && *config.top_k < static_cast<int64_t>(order.size())) {
    order.resize(static_cast<size_t>(*config.top_k));
  }
  std::vector<double> share;
  share.reserve(order.size());
  for (const int64_t id : order) {
    share.push_back(std::exp((logit[id] - logit[order.front()]) / config.temperature));
  }
  double total = std::accumulate(share.begin(), share.end(), 0.0);
  if (config.top_p) {
    size_t num_kept = 0;
    double kept = 0.0;
    while (num_kept < share.size() && kept < *config.top_p * total) {
      kept += share[num_kept++];
    }
    share.resize(num_kept);
    total = kept;
  }
  double left = uniform * total;
  for (size_t i = 0; i < share.size(); ++i) {
    left -= share[i];
    if (left < 0.0) {
      return order[i];
    }
  }
  return order[share.size() - 1];
}

std::vector<int64_t> generate(models::DecoderImpl& decoder,
                              const std::vector<int64_t>& prompt,
                              int64_t end_id,
                              int64_t num_text_ids,
                              const SamplingConfig& config,
                              const std::function<void(int64_t)>& on_token) {
  config.validate();
  if (prompt.empty()) {
    throw ConfigError("prompt: must hold at least one token");
  }
  const at::NoGradGuard no_grad;
  const CounterRng rng(static_cast<uint64_t>(config.seed), "generate");
  CachedDecoder cached(decoder);
  std::vector<int64_t> pending = prompt;
  std::vector<int64_t> tokens;
  for (int64_t i = 0; i < config.max_new_tokens; ++i) {
    const at::Tensor logit_V = cached.next_logits(pending).slice(0, 0, num_text_ids);
    const int64_t token = sample_token(logit_V, config, rng.uniform(static_cast<uint64_t>(i)));
    if (token == end_id) {
      break;
    }
    tokens.push_back(token);
    if (on_token) {
      on_token(token);
    }
    pending = {token};
  }
  return tokens;
}

}  // namespace hecaton::recipes
