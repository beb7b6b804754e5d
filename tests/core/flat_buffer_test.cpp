// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/flat_buffer.h"

#include <cstdint>
#include <limits>
#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"

namespace hecaton {
namespace {

using testing::expect_error;

const std::vector<std::vector<int64_t>> kShapes = {{3, 5}, {}, {0, 7}, {32}, {31}, {33}, {2, 2, 2}};

TEST(FlatBufferTest, GivesEachTensorItsShapeAndDtype) {
  const FlatBuffer buffer(kShapes, at::kBFloat16);
  ASSERT_EQ(buffer.num_tensors(), static_cast<int64_t>(kShapes.size()));
  for (int64_t i = 0; i < buffer.num_tensors(); ++i) {
    EXPECT_EQ(buffer.view(i).sizes(), kShapes[static_cast<size_t>(i)]);
    EXPECT_EQ(buffer.view(i).scalar_type(), at::kBFloat16);
    EXPECT_TRUE(buffer.view(i).is_contiguous());
  }
}

TEST(FlatBufferTest, StartsEachTensorOnACacheLine) {
  for (const auto dtype : {at::kFloat, at::kDouble, at::kBFloat16}) {
    const FlatBuffer buffer(kShapes, dtype);
    for (int64_t i = 0; i < buffer.num_tensors(); ++i) {
      const auto address = reinterpret_cast<uintptr_t>(buffer.view(i).data_ptr());
      EXPECT_TRUE(buffer.view(i).numel() == 0 || address % 64 == 0) << "tensor " << i;
    }
  }
}

TEST(FlatBufferTest, ViewsShareTheBufferAndLeaveTheGapsZero) {
  const FlatBuffer buffer(kShapes, at::kFloat);
  int64_t num_elements = 0;
  for (int64_t i = 0; i < buffer.num_tensors(); ++i) {
    EXPECT_EQ(buffer.view(i).abs().sum().item<double>(), 0.0) << "tensor " << i << " overlaps";
    buffer.view(i).fill_(1.0);
    num_elements += buffer.view(i).numel();
  }
  const at::Tensor& flat_Z = buffer.flat_Z();
  EXPECT_GT(flat_Z.numel(), num_elements);
  EXPECT_EQ(flat_Z.sum().item<double>(), static_cast<double>(num_elements));
  flat_Z.zero_();
  EXPECT_EQ(buffer.view(0).sum().item<double>(), 0.0);
}

TEST(FlatBufferTest, ZerosLikeHasTheSameOffsetsInAnotherDtype) {
  const FlatBuffer values(kShapes, at::kBFloat16);
  const FlatBuffer masters = values.zeros_like(at::kFloat);
  EXPECT_EQ(masters.flat_Z().numel(), values.flat_Z().numel());
  EXPECT_EQ(masters.flat_Z().scalar_type(), at::kFloat);
  for (int64_t i = 0; i < values.num_tensors(); ++i) {
    EXPECT_EQ(masters.view(i).storage_offset(), values.view(i).storage_offset());
    EXPECT_EQ(masters.view(i).sizes(), values.view(i).sizes());
  }
  EXPECT_NE(masters.flat_Z().data_ptr(), values.flat_Z().data_ptr());
}

/// Every element its own value, over all tensors.
FlatBuffer numbered(int64_t num_shards) {
  FlatBuffer whole(kShapes, at::kDouble, num_shards);
  double next = 1.0;
  for (int64_t i = 0; i < whole.num_tensors(); ++i) {
    at::Tensor view = whole.view(i);
    view.copy_(at::arange(next, next + static_cast<double>(view.numel()), view.options())
                   .view(view.sizes()));
    next += static_cast<double>(view.numel());
  }
  return whole;
}

TEST(FlatBufferTest, ShardsAreEqualAndHoldEachElementOnce) {
  for (const int64_t num_shards : {1, 2, 3, 7}) {
    const FlatBuffer whole = numbered(num_shards);
    std::vector<std::vector<double>> found(kShapes.size());
    for (int64_t rank = 0; rank < num_shards; ++rank) {
      const FlatBuffer shard = whole.shard({rank, num_shards});
      EXPECT_EQ(shard.flat_Z().numel() * num_shards, whole.flat_Z().numel());
      for (int64_t i = 0; i < shard.num_tensors(); ++i) {
        const FlatBuffer::Part part = shard.part(i);
        std::vector<double>& values = found[static_cast<size_t>(i)];
        EXPECT_TRUE(part.values.numel() == 0 || part.begin == static_cast<int64_t>(values.size()));
        const double* data = part.values.const_data_ptr<double>();
        values.insert(values.end(), data, data + part.values.numel());
      }
    }
    for (int64_t i = 0; i < whole.num_tensors(); ++i) {
      const at::Tensor expected = whole.view(i).flatten();
      const double* data = expected.const_data_ptr<double>();
      EXPECT_EQ(found[static_cast<size_t>(i)], std::vector<double>(data, data + expected.numel()));
    }
  }
}

TEST(FlatBufferTest, AShardSharesItsMemoryAndHasZerosOfItsOwn) {
  const FlatBuffer whole = numbered(/*num_shards=*/2);
  const FlatBuffer second = whole.shard({.rank = 1, .size = 2});
  const FlatBuffer zeros = second.zeros_like(at::kFloat);
  EXPECT_EQ(zeros.flat_Z().sizes(), second.flat_Z().sizes());
  EXPECT_EQ(zeros.flat_Z().abs().sum().item<double>(), 0.0);
  for (int64_t i = 0; i < whole.num_tensors(); ++i) {
    EXPECT_EQ(zeros.part(i).begin, second.part(i).begin);
    EXPECT_EQ(zeros.part(i).values.sizes(), second.part(i).values.sizes());
  }
  second.part(whole.num_tensors() - 1).values.fill_(-1.0);
  EXPECT_EQ(whole.view(whole.num_tensors() - 1).view({-1})[-1].item<double>(), -1.0);
}

TEST(FlatBufferTest, AShardShowsNoTensorThatItHoldsInPart) {
  const FlatBuffer second = numbered(/*num_shards=*/2).shard({.rank = 1, .size = 2});
  expect_error<InternalError>([&] { second.view(0); }, "");
}

TEST(FlatBufferTest, HoldsNoTensors) {
  EXPECT_EQ(FlatBuffer().num_tensors(), 0);
  EXPECT_EQ(FlatBuffer({}, at::kFloat).flat_Z().numel(), 0);
}

TEST(FlatBufferTest, RefusesAShapeBeyondTheLargestSize) {
  expect_error<ShapeError>(
      [] {
        FlatBuffer({{int64_t{1} << 40, int64_t{1} << 40}}, at::kFloat);
      },
      "size does not fit into 63 bits");
}

}  // namespace
}  // namespace hecaton
