// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/detail/reduction.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <type_traits>

#include <ATen/Parallel.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include "core/error.h"

namespace hecaton::parallel {
namespace {

// 4 KiB of float32 sums: they stay in the first-level cache while each source streams by.
constexpr int64_t kBlock = 1024;
// Elements that are worth a thread of their own: ATen's choice for elementwise work.
constexpr int64_t kGrain = 32 * kBlock;

template <typename T>
constexpr bool kIsHalf = std::is_same_v<T, c10::BFloat16> || std::is_same_v<T, c10::Half>;

template <typename T>
using Accumulator = std::conditional_t<kIsHalf<T>, float, T>;

template <typename A>
bool is_nan([[maybe_unused]] A value) {
  if constexpr (std::is_floating_point_v<A>) {
    return std::isnan(value);
  }
  return false;
}

struct Sum {
  template <typename A>
  A operator()(A a, A b) const {
    return static_cast<A>(a + b);
  }
};

struct Max {
  template <typename A>
  A operator()(A a, A b) const {
    return a < b || is_nan(b) ? b : a;
  }
};

struct Min {
  template <typename A>
  A operator()(A a, A b) const {
    return b < a || is_nan(b) ? b : a;
  }
};

template <typename T, typename Join>
void reduce_block(const std::vector<const std::byte*>& sources,
                  std::byte* output,
                  int64_t begin,
                  int64_t end,
                  Join join) {
  using A = Accumulator<T>;
  std::array<A, kBlock> sum;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled below
  const auto count = static_cast<size_t>(end - begin);
  for (size_t r = 0; r < sources.size(); ++r) {
    const T* source = reinterpret_cast<const T*>(sources[r]) + begin;
    for (size_t i = 0; i < count; ++i) {
      const A value = static_cast<A>(source[i]);
      sum[i] = r == 0 ? value : join(sum[i], value);
    }
  }
  T* target = reinterpret_cast<T*>(output) + begin;
  std::transform(sum.begin(), sum.begin() + end - begin, target, [](A value) { return T(value); });
}

template <typename T, typename Join>
void reduce(const std::vector<const std::byte*>& sources,
            std::byte* output,
            int64_t count,
            Join join) {
  at::parallel_for(0, count, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; block += kBlock) {
      reduce_block<T>(sources, output, block, std::min(block + kBlock, end), join);
    }
  });
}

template <typename T>
void reduce_as(ReduceOp op,
               const std::vector<const std::byte*>& sources,
               std::byte* output,
               int64_t count) {
  switch (op) {
    case ReduceOp::kSum:
      return reduce<T>(sources, output, count, Sum{});
    case ReduceOp::kMax:
      return reduce<T>(sources, output, count, Max{});
    case ReduceOp::kMin:
      return reduce<T>(sources, output, count, Min{});
  }
}

}  // namespace

void reduce_in_order(at::ScalarType dtype,
                     ReduceOp op,
                     const std::vector<const std::byte*>& sources,
                     std::byte* output,
                     int64_t count) {
  switch (dtype) {
    case at::kBool:
      return reduce_as<bool>(op, sources, output, count);
    case at::kByte:
      return reduce_as<uint8_t>(op, sources, output, count);
    case at::kInt:
      return reduce_as<int32_t>(op, sources, output, count);
    case at::kLong:
      return reduce_as<int64_t>(op, sources, output, count);
    case at::kFloat:
      return reduce_as<float>(op, sources, output, count);
    case at::kDouble:
      return reduce_as<double>(op, sources, output, count);
    case at::kBFloat16:
      return reduce_as<c10::BFloat16>(op, sources, output, count);
    case at::kHalf:
      return reduce_as<c10::Half>(op, sources, output, count);
    default:
      throw ShapeError(std::string("collectives do not carry the dtype ") + c10::toString(dtype));
  }
}

}  // namespace hecaton::parallel
