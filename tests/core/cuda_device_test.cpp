// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// LibTorch's CUDA kernels are linked, and give the numbers of its CPU kernels.

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/mm.h>
#include <gtest/gtest.h>

namespace hecaton {
namespace {

TEST(CudaDeviceTest, MultipliesLikeTheCpu) {
  const at::Tensor x_NN = at::arange(64, at::kDouble).view({8, 8});
  const at::Tensor product_NN = at::mm(x_NN.to(at::kCUDA), x_NN.to(at::kCUDA));
  EXPECT_TRUE(at::equal(product_NN.cpu(), at::mm(x_NN, x_NN)));
}

}  // namespace
}  // namespace hecaton
