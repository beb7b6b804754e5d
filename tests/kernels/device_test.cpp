// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// Every operation refuses devices that it has no kernels for, and tensors of two devices. Meta
// tensors stand for the other device, so that no GPU is needed.

#include "kernels/detail/device.h"

#include <functional>
#include <string>
#include <vector>

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "kernels/activation.h"
#include "kernels/combine.h"
#include "kernels/grouped_gemm.h"
#include "kernels/grouping.h"
#include "kernels/permute.h"
#include "kernels/topk.h"
#include "tests/testing/expect_error.h"

namespace hecaton::kernels {
namespace {

using testing::expect_error;

const auto kInt32 = at::TensorOptions().dtype(at::kInt);

/// `other` is what differs in device from what stands beside it.
struct Case {
  std::string other;
  std::function<void()> call;
};

TEST(DeviceTest, RefusesADeviceWithoutKernels) {
  const at::Tensor x_TD = at::zeros({2, 4}).to(at::kMeta);
  const at::Tensor idx_TK = at::zeros({2, 1}, kInt32).to(at::kMeta);
  const at::Tensor value_R = at::zeros({2}).to(at::kMeta);
  const std::vector<Case> cases = {
      {"source_TD", [&] { permute_rows(x_TD, idx_TK.select(1, 0)); }},
      {"rows_RD", [&] { combine_rows(x_TD, idx_TK, at::Tensor()); }},
      {"value_R", [&] { slot_values(value_R, idx_TK); }},
      {"value_TK", [&] { row_values(x_TD, idx_TK.select(1, 0)); }},
      {"expert_idx_TK", [&] { group_by_expert(idx_TK, 2); }},
      {"score_TE", [&] { topk(x_TD, 1); }},
      {"z_RG", [&] { activation_forward(x_TD, Activation::kGelu); }},
      {"z_RG", [&] { activation_backward(x_TD, x_TD, value_R, Activation::kGelu); }},
  };
  const std::string expected = detail::kHasCuda ? "cpu or cuda" : "cpu";
  for (const Case& refused : cases) {
    expect_error<ShapeError>(
        refused.call,
        refused.other + " is on the wrong device: expected " + expected + " found meta");
  }
}

TEST(DeviceTest, GroupedProductsAreForTheCpuAlone) {
  const at::Tensor x_RM = at::zeros({2, 4}).to(at::kMeta);
  const at::Tensor weight_LNM = at::zeros({1, 3, 4}).to(at::kMeta);
  const at::Tensor dy_RN = at::zeros({2, 3}).to(at::kMeta);
  const std::vector<Case> cases = {
      {"x_RM", [&] { grouped_gemm(x_RM, weight_LNM, {2}); }},
      {"dy_RN", [&] { grouped_gemm_input_grad(dy_RN, weight_LNM, {2}); }},
      {"dy_RN", [&] { grouped_gemm_weight_grad(dy_RN, x_RM, {2}, weight_LNM); }},
  };
  for (const Case& refused : cases) {
    expect_error<ShapeError>(refused.call,
                             refused.other + " is on the wrong device: expected cpu found meta");
  }
}

TEST(DeviceTest, RefusesTensorsOfTwoDevices) {
  const at::Tensor x_TD = at::zeros({2, 4});
  const at::Tensor idx_TK = at::zeros({2, 1}, kInt32);
  const at::Tensor value_R = at::zeros({2});
  const at::Tensor other_TD = x_TD.to(at::kMeta);
  const at::Tensor other_TK = idx_TK.to(at::kMeta);
  const at::Tensor other_R = value_R.to(at::kMeta);
  const std::vector<Case> cases = {
      {"idx_R", [&] { permute_rows(x_TD, other_TK.select(1, 0)); }},
      {"row_of_slot_TK", [&] { combine_rows(x_TD, other_TK, at::Tensor()); }},
      {"weight_TK", [&] { combine_rows(x_TD, idx_TK, other_R.unsqueeze(1)); }},
      {"row_of_slot_TK", [&] { slot_values(value_R, other_TK); }},
      {"slot_of_row_R", [&] { row_values(x_TD, other_TK.select(1, 0)); }},
      {"da_RF", [&] { activation_backward(x_TD, other_TD, value_R, Activation::kGelu); }},
      {"score_R", [&] { activation_backward(x_TD, x_TD, other_R, Activation::kGelu); }},
  };
  for (const Case& refused : cases) {
    expect_error<ShapeError>(refused.call,
                             refused.other + " is on the wrong device: expected cpu found meta");
  }
}

}  // namespace
}  // namespace hecaton::kernels
