// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "models/attention.h"

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/zeros.h>

#include "core/error.h"
#include "core/rng.h"
#include "models/detail/split_heads.h"

namespace hecaton::models {
namespace {

/// The cache's tensor with room for `needed` tokens.
at::Tensor with_capacity(const at::Tensor& old, const at::Tensor& like_BHQC, int64_t needed) {
  if (old.defined() && old.size(2) >= needed) {
    return old;
  }
  constexpr int64_t kSmallest = 64;
  std::vector<int64_t> sizes = like_BHQC.sizes().vec();
  sizes[2] = std::max(kSmallest, 2 * needed);
  at::Tensor grown = at::zeros(sizes, like_BHQC.options());
  if (old.defined()) {
    grown.narrow(2, 0, old.size(2)).copy_(old);
  }
  return grown;
}

/// The mask for Q new queries that follow num_keys - Q cached keys; undefined where none is needed.
at::Tensor mask_after_cache(int64_t Q, int64_t num_keys) {
  // Alone a token sees everything, and without cached keys plain causal attention will do.
  if (Q == 1 || Q == num_keys) {
    return {};
  }
  return at::ones({Q, num_keys}, at::TensorOptions().dtype(at::kBool)).tril(num_keys - Q);
}

}  // namespace

std::pair<at::Tensor, at::Tensor> KvCache::append(const at::Tensor& new_key_BHQC,
                                                  const at::Tensor& new_value_BHQC) {
  const int64_t num_new = new_key_BHQC.size(2);
  key_BHQC = with_capacity(key_BHQC, new_key_BHQC, length + num_new);
  value_BHQC = with_capacity(value_BHQC, new_value_BHQC, length + num_new);
  key_BHQC.narrow(2, length, num_new).copy_(new_key_BHQC);
  value_BHQC.narrow(2, length, num_new).copy_(new_value_BHQC);
  length += num_new;
  return {key_BHQC.narrow(2, 0, length), value_BHQC.narrow(2, 0, length)};
}

AttentionImpl::AttentionImpl(const DecoderConfig& config) : config_(config) {
  const auto options = at::TensorOptions().dtype(config.dtype);
  const int64_t C = config.head_dim;
  const int64_t num_heads = config.num_attention_heads + 2 * config.num_key_value_heads;
  qkv_ND_ = register_parameter("qkv", at::zeros({num_heads * C, config.hidden_size}, options));
  output_DN_ = register_parameter(
      "output", at::zeros({config.hidden_size, config.num_attention_heads * C}, options));
  if (config.qk_norm) {
    q_norm_C_ = register_parameter("q_norm", at::ones({C}, options));
    k_norm_C_ = register_parameter("k_norm", at::ones({C}, options));
  }
  initialize_parameters(describe_parameters("attention"), random_seed());
}

at::Tensor AttentionImpl::forward(const at::Tensor& x_BQD, const AttentionContext& context) {
  const int64_t C = config_.head_dim;
  const int64_t H = config_.num_attention_heads;
  const int64_t num_kv = config_.num_key_value_heads;
  const detail::HeadLayout layout{.num_heads = H,
                                  .num_kv_heads = num_kv,
                                  .head_dim = C,
                                  .norm_eps = config_.rms_norm_eps,
                                  .rope_theta = config_.rope_theta};
  auto [query_BHQC, key_BHQC, value_BHQC] = detail::split_heads(
      at::linear(x_BQD, qkv_ND_), q_norm_C_, k_norm_C_, layout, context.first_position);
  if (context.cache != nullptr) {
    if (context.mask_B1QQ.defined() && context.cache->length > 0) {
      throw ShapeError("mask_B1QQ must be undefined after cached tokens: the cache holds " +
                       std::to_string(context.cache->length));
    }
    std::tie(key_BHQC, value_BHQC) = context.cache->append(key_BHQC, value_BHQC);
  }
  const at::Tensor mask = context.mask_B1QQ.defined()
                              ? context.mask_B1QQ
                              : mask_after_cache(query_BHQC.size(2), key_BHQC.size(2));
  const bool is_causal = !mask.defined() && query_BHQC.size(2) == key_BHQC.size(2);
  const at::Tensor mixed_BHQC = at::scaled_dot_product_attention(
      query_BHQC,
      key_BHQC,
      value_BHQC,
      mask.defined() ? std::optional<at::Tensor>(mask) : std::nullopt,
      /*dropout_p=*/0.0,
      is_causal,
      /*scale=*/std::nullopt,
      /*enable_gqa=*/num_kv != H);
  return at::linear(mixed_BHQC.transpose(1, 2).reshape({x_BQD.size(0), x_BQD.size(1), H * C}),
                    output_DN_);
}

std::vector<Parameter> AttentionImpl::describe_parameters(const std::string& prefix) {
  const int64_t D = config_.hidden_size;
  const int64_t q_rows = config_.num_attention_heads * config_.head_dim;
  const int64_t kv_rows = config_.num_key_value_heads * config_.head_dim;
  const InitialValue ones{InitialValue::Kind::kOnes};
  const InitialValue normal{.std_dev = config_.initializer_range};
  Parameter qkv = whole_parameter(prefix + ".qkv", qkv_ND_, DecayClass::kDecay, normal);
  qkv.slices = {{prefix + ".q_proj.weight", {q_rows, D}, 0},
                {prefix + ".k_proj.weight", {kv_rows, D}, q_rows * D},
                {prefix + ".v_proj.weight", {kv_rows, D}, (q_rows + kv_rows) * D}};
  std::vector<Parameter> described = {
      qkv, whole_parameter(prefix + ".o_proj.weight", output_DN_, DecayClass::kDecay, normal)};
  for (Parameter& matrix : described) {
    matrix.is_hidden_matrix = true;
  }
  if (config_.qk_norm) {
    described.push_back(
        whole_parameter(prefix + ".q_norm.weight", q_norm_C_, DecayClass::kNoDecay, ones));
    described.push_back(
        whole_parameter(prefix + ".k_norm.weight", k_norm_C_, DecayClass::kNoDecay, ones));
  }
  return described;
}

at::Tensor rotate(const at::Tensor& x_BHQC, int64_t first_position, double theta) {
  const int64_t Q = x_BHQC.size(2);
  const int64_t half = x_BHQC.size(3) / 2;
  const auto options = x_BHQC.options().dtype(at::kDouble);
  const at::Tensor frequency =
      at::pow(theta, at::arange(half, options) / (-static_cast<double>(half)));
  const at::Tensor angle =
      at::outer(at::arange(first_position, first_position + Q, options), frequency);
  const at::Tensor cos = at::cos(angle).to(x_BHQC.scalar_type());
  const at::Tensor sin = at::sin(angle).to(x_BHQC.scalar_type());
  const at::Tensor first = x_BHQC.narrow(3, 0, half);
  const at::Tensor second = x_BHQC.narrow(3, half, half);
  return at::cat({first * cos - second * sin, second * cos + first * sin}, -1);
}

at::Tensor document_mask(const at::Tensor& document_idx_BQ) {
  const int64_t Q = document_idx_BQ.size(1);
  const at::Tensor is_same =
      document_idx_BQ.unsqueeze(2).eq(document_idx_BQ.unsqueeze(1)).unsqueeze(1);
  return is_same.logical_and(at::ones({Q, Q}, at::TensorOptions().dtype(at::kBool)).tril());
}

}  // namespace hecaton::models
