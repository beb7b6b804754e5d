// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/model/model_diff.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <sstream>

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/where.h>

#include "checkpoint/safetensors.h"
#include "core/error.h"
#include "core/shapes.h"

namespace hecaton::recipes {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string form(const checkpoint::TensorInfo& info) {
  std::ostringstream out;
  out << info.dtype << " " << at::IntArrayRef(info.shape);
  return out.str();
}

/// Whether values are NaN or infinite at other places, or infinite with another sign.
bool differs_beyond_numbers(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor is_number = at::isfinite(a).logical_and(at::isfinite(b));
  const at::Tensor is_same = a.eq(b).logical_or(a.ne(a).logical_and(b.ne(b)));
  return !is_number.logical_or(is_same).all().item<bool>();
}

}  // namespace

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  const auto bytes = [](const at::Tensor& tensor) {
    return tensor.contiguous().view({-1}).view(at::kByte);
  };
  return a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type() &&
         at::equal(bytes(a), bytes(b));
}

TensorDistance tensor_distance(const at::Tensor& a, const at::Tensor& b) {
  check_dtype("b", b, a.scalar_type());
  if (a.sizes() != b.sizes()) {
    std::ostringstream text;
    text << "b: expected the shape " << a.sizes() << " of a, found " << b.sizes();
    throw ShapeError(text.str());
  }
  if (same_bits(a, b)) {
    return {};
  }
  const at::Tensor wide_a = a.to(at::kDouble);
  const at::Tensor wide_b = b.to(at::kDouble);
  if (differs_beyond_numbers(wide_a, wide_b)) {
    return {false, kInfinity, kInfinity};
  }
  const at::Tensor difference = at::where(at::isfinite(wide_a), (wide_a - wide_b).abs(), 0.0);
  const auto absolute = difference.max().item<double>();
  const auto scale = at::where(at::isfinite(wide_a), wide_a.abs(), 0.0).max().item<double>();
  if (absolute == 0.0) {
    return {false, 0.0, 0.0};  // zeros of another sign, or NaN of other bits
  }
  return {false, absolute, scale == 0.0 ? kInfinity : absolute / scale};
}

bool ModelDiff::is_equal() const {
  return only_in_a.empty() && only_in_b.empty() && other_form.empty() &&
         std::all_of(groups.begin(), groups.end(), [](const auto& group) {
           return group.second.num_different == 0;
         });
}

ModelDiff compare_weights(const ModelWeights& a, const ModelWeights& b) {
  ModelDiff diff;
  for (const auto& [name, info] : b.tensors()) {
    if (a.tensors().count(name) == 0) {
      diff.only_in_b.push_back(name);
    }
  }
  for (const auto& [name, info] : a.tensors()) {
    const auto other = b.tensors().find(name);
    if (other == b.tensors().end()) {
      diff.only_in_a.push_back(name);
      continue;
    }
    if (form(info) != form(other->second)) {
      diff.other_form.push_back(name + ": " + form(info) + " and " + form(other->second));
      continue;
    }
    const TensorDistance distance = tensor_distance(a.load(name), b.load(name));
    GroupDistance& group = diff.groups[group_name(name)];
    ++group.num_tensors;
    group.num_different += distance.is_equal ? 0 : 1;
    const bool is_worst = group.worst_name.empty() || distance.relative > group.worst.relative;
    if (!distance.is_equal && is_worst) {
      group.worst = distance;
      group.worst_name = name;
    }
  }
  return diff;
}

std::string group_name(const std::string& name) {
  std::string group;
  std::istringstream parts(name);
  for (std::string part; std::getline(parts, part, '.');) {
    const bool is_number = !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
      return std::isdigit(static_cast<unsigned char>(c)) != 0;
    });
    group += (group.empty() ? "" : ".") + (is_number ? "*" : part);
  }
  return group;
}

}  // namespace hecaton::recipes
