// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "tests/models/reference_decoder.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/dot.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/mv.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

namespace hecaton::models {
namespace {

at::Tensor softmax(const at::Tensor& x) {
  const at::Tensor share = at::exp(x - x.max());
  return share / share.sum();
}

class ReferenceDecoder {
 public:
  explicit ReferenceDecoder(Decoder& decoder) : config_(decoder->config()) {
    for (const Parameter& parameter : decoder->describe_parameters()) {
      for (const NamedSlice& slice : parameter.slices) {
        tensors_[slice.name] = slice_view(parameter.tensor.detach(), slice);
      }
    }
  }

  at::Tensor logits(const at::Tensor& token_Q) const {
    std::vector<at::Tensor> x_D;
    for (int64_t i = 0; i < token_Q.size(0); ++i) {
      x_D.push_back(tensors_.at("model.embed_tokens.weight")[token_Q[i].item<int64_t>()]);
    }
    for (int64_t layer = 0; layer < config_.num_hidden_layers; ++layer) {
      run_layer(layer, x_D);
    }
    for (at::Tensor& x : x_D) {
      x = at::mv(
          tensors_.at(config_.tie_word_embeddings ? "model.embed_tokens.weight" : "lm_head.weight"),
          norm(x, "model.norm"));
    }
    return at::stack(x_D);
  }

 private:
  at::Tensor norm(const at::Tensor& x, const std::string& name) const {
    const double mean_square = x.square().mean().item<double>();
    return x / std::sqrt(mean_square + config_.rms_norm_eps) * tensors_.at(name + ".weight");
  }

  at::Tensor project(const at::Tensor& x, const std::string& name) const {
    return at::mv(tensors_.at(name + ".weight"), x);
  }

  void run_layer(int64_t layer, std::vector<at::Tensor>& x_D) const {
    const std::string prefix = "model.layers." + std::to_string(layer);
    std::vector<at::Tensor> normed_D;
    normed_D.reserve(x_D.size());
    for (const at::Tensor& x : x_D) {
      normed_D.push_back(norm(x, prefix + ".input_layernorm"));
    }
    const std::vector<at::Tensor> attended_D = attend(normed_D, prefix + ".self_attn");
    for (size_t i = 0; i < x_D.size(); ++i) {
      x_D[i] = x_D[i] + attended_D[i];
      const at::Tensor normed = norm(x_D[i], prefix + ".post_attention_layernorm");
      x_D[i] = x_D[i] + (config_.is_moe_layer(layer) ? mix(normed, prefix + ".mlp")
                                                     : feed_forward(normed, prefix + ".mlp"));
    }
  }

  /// Head `head` of the projection `name` of a token, normalised and rotated.
  at::Tensor rotated_head(const at::Tensor& x,
                          const std::string& prefix,
                          const std::string& name,
                          int64_t head,
                          size_t position) const {
    const int64_t C = config_.head_dim;
    at::Tensor head_C = project(x, prefix + "." + name + "_proj").narrow(0, head * C, C);
    if (config_.qk_norm) {
      head_C = norm(head_C, prefix + "." + name + "_norm");
    }
    return reference_rotate(head_C, static_cast<int64_t>(position), config_.rope_theta);
  }

  std::vector<at::Tensor> attend(const std::vector<at::Tensor>& x_D,
                                 const std::string& prefix) const {
    const int64_t C = config_.head_dim;
    const int64_t heads_per_key = config_.num_attention_heads / config_.num_key_value_heads;
    std::vector<at::Tensor> attended_D;
    for (size_t i = 0; i < x_D.size(); ++i) {
      std::vector<at::Tensor> mixed_C;
      for (int64_t head = 0; head < config_.num_attention_heads; ++head) {
        const int64_t key_head = head / heads_per_key;
        const at::Tensor query = rotated_head(x_D[i], prefix, "q", head, i);
        std::vector<at::Tensor> score;
        std::vector<at::Tensor> value_C;
        for (size_t j = 0; j <= i; ++j) {
          const at::Tensor key = rotated_head(x_D[j], prefix, "k", key_head, j);
          score.push_back(at::dot(query, key) / std::sqrt(static_cast<double>(C)));
          value_C.push_back(project(x_D[j], prefix + ".v_proj").narrow(0, key_head * C, C));
        }
        mixed_C.push_back(at::mv(at::stack(value_C).t(), softmax(at::stack(score))));
      }
      attended_D.push_back(project(at::stack(mixed_C).view({-1}), prefix + ".o_proj"));
    }
    return attended_D;
  }

  at::Tensor feed_forward(const at::Tensor& x, const std::string& prefix) const {
    const at::Tensor gate = project(x, prefix + ".gate_proj");
    return project(gate * at::sigmoid(gate) * project(x, prefix + ".up_proj"),
                   prefix + ".down_proj");
  }

  at::Tensor mix(const at::Tensor& x, const std::string& prefix) const {
    const at::Tensor score_E = softmax(project(x, prefix + ".gate"));
    std::vector<int64_t> expert(static_cast<size_t>(score_E.numel()));
    std::iota(expert.begin(), expert.end(), int64_t{0});
    std::stable_sort(expert.begin(), expert.end(), [&](int64_t a, int64_t b) {
      return score_E[a].item<double>() > score_E[b].item<double>();
    });
    expert.resize(static_cast<size_t>(config_.moe.router.num_experts_per_tok));
    double total = 0.0;
    at::Tensor sum = at::zeros_like(x);
    for (const int64_t e : expert) {
      total += score_E[e].item<double>();
      sum = sum + score_E[e] * feed_forward(x, prefix + ".experts." + std::to_string(e));
    }
    const at::Tensor mixed = sum / total * config_.moe.router.scaling_factor;
    return config_.moe.shared_expert_intermediate_size == 0
               ? mixed
               : mixed + feed_forward(x, prefix + ".shared_expert");
  }

  DecoderConfig config_;
  std::map<std::string, at::Tensor> tensors_;
};

}  // namespace

at::Tensor reference_logits(Decoder& decoder, const at::Tensor& token_Q) {
  const at::NoGradGuard no_grad;
  return ReferenceDecoder(decoder).logits(token_Q);
}

at::Tensor reference_rotate(const at::Tensor& head_C, int64_t position, double theta) {
  const int64_t C = head_C.numel();
  const at::Tensor source = head_C.contiguous();
  at::Tensor rotated = at::zeros_like(source);
  const double* from = source.const_data_ptr<double>();
  auto* to = rotated.data_ptr<double>();
  for (int64_t j = 0; j < C / 2; ++j) {
    const double frequency =
        std::pow(theta, -2.0 * static_cast<double>(j) / static_cast<double>(C));
    const std::complex<double> turned = std::complex<double>(from[j], from[j + C / 2]) *
                                        std::polar(1.0, static_cast<double>(position) * frequency);
    to[j] = turned.real();
    to[j + C / 2] = turned.imag();
  }
  return rotated;
}

}  // namespace hecaton::models
