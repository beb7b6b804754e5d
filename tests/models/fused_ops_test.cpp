// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// The decoder's operations that make several steps in one pass, against LibTorch's for each step.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/rms_norm.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/error.h"
#include "models/detail/rms_norm.h"
#include "models/detail/split_heads.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/gradient_check.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/tensor_compare.h"
#include "tests/testing/thread_count.h"

namespace hecaton::models::detail {
namespace {

using testing::expect_close;
using testing::random_tensor;
using testing::Tensors;
using Operation = std::function<Tensors(const Tensors& inputs)>;

constexpr double kEps = 1e-3;

/// Results of an operation and the gradients of its inputs for fixed gradients of the results.
Tensors results_and_grads(const Operation& operation, const Tensors& values) {
  Tensors inputs;
  for (const at::Tensor& value : values) {
    inputs.push_back(value.detach().clone().requires_grad_());
  }
  const Tensors outputs = operation(inputs);
  Tensors grads;
  for (const at::Tensor& output : outputs) {
    grads.push_back(random_tensor(
        output.sizes(), output.scalar_type(), "grad " + std::to_string(grads.size())));
  }
  Tensors results = torch::autograd::grad(outputs, inputs, grads);
  for (const at::Tensor& output : outputs) {
    results.push_back(output.detach().contiguous());
  }
  return results;
}

Tensors in_dtype(const Tensors& tensors, at::ScalarType dtype) {
  Tensors converted;
  converted.reserve(tensors.size());
  for (const at::Tensor& tensor : tensors) {
    converted.push_back(tensor.to(dtype));
  }
  return converted;
}

/// operation in each dtype against `reference` in float64 on the same numbers.
void expect_equal(const Operation& operation, const Operation& reference, const Tensors& inputs) {
  for (const at::ScalarType dtype : {at::kDouble, at::kFloat, at::kBFloat16}) {
    SCOPED_TRACE(c10::toString(dtype));
    const Tensors own = in_dtype(inputs, dtype);
    const Tensors actual = results_and_grads(operation, own);
    const Tensors expected = results_and_grads([&](const Tensors& wide) { return reference(wide); },
                                               in_dtype(own, at::kDouble));
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      SCOPED_TRACE(i);
      EXPECT_EQ(actual[i].scalar_type(), dtype);
      // Sums of a few dozen terms in float64 and float32; in bfloat16 the gradients that the test
      // draws are rounded, too, and what is stored is rounded once.
      expect_close(actual[i], expected[i], dtype == at::kBFloat16 ? 4.0 : 100.0);
    }
  }
}

Tensors norm_inputs(int64_t num_rows, int64_t D) {
  return {random_tensor({num_rows, D}, at::kDouble, "x"),
          random_tensor({D}, at::kDouble, "weight")};
}

Tensors fused_norm(const Tensors& inputs) {
  return {rms_norm(inputs[0], inputs[1], kEps)};
}

TEST(FusedOpsTest, RmsNormIsThatOfLibTorch) {
  const Operation reference = [](const Tensors& inputs) -> Tensors {
    return {at::rms_norm(inputs[0], {inputs[1].size(0)}, inputs[1], kEps)};
  };
  for (const int64_t num_rows : {0, 1, 3, 200}) {
    for (const int64_t D : {1, 7, 64}) {
      SCOPED_TRACE(std::to_string(num_rows) + " rows of " + std::to_string(D));
      expect_equal(fused_norm, reference, norm_inputs(num_rows, D));
    }
  }
}

TEST(FusedOpsTest, RmsNormTakesAViewOfAnyShape) {
  const Tensors inputs = norm_inputs(12, 10);
  const at::Tensor x_TD = inputs[0].narrow(1, 2, 5);
  const at::Tensor weight_D = inputs[1].narrow(0, 0, 5);
  expect_close(rms_norm(x_TD.view({3, 4, 5}), weight_D, kEps),
               at::rms_norm(x_TD, {5}, weight_D, kEps).view({3, 4, 5}),
               4.0);
}

TEST(FusedOpsTest, RmsNormsGradientsMatchTheNumericJacobian) {
  const Tensors inputs = norm_inputs(3, 5);
  testing::expect_gradients([](const Tensors& own) { return fused_norm(own)[0].square().sum(); },
                            {inputs[0].requires_grad_(), inputs[1].requires_grad_()});
}

TEST(FusedOpsTest, GiveTheSameBitsForEveryThreadCount) {
  testing::expect_same_bits_for_every_thread_count(
      [] { return results_and_grads(fused_norm, in_dtype(norm_inputs(700, 640), at::kFloat)); });
}

struct HeadsCase {
  HeadLayout layout;
  bool has_norm;
};

std::vector<HeadsCase> heads_cases() {
  std::vector<HeadsCase> cases;
  for (const int64_t num_kv_heads : {4, 2}) {
    for (const bool has_norm : {false, true}) {
      cases.push_back({{.num_heads = 4,
                        .num_kv_heads = num_kv_heads,
                        .head_dim = 6,
                        .norm_eps = kEps,
                        .rope_theta = 100.0},
                       has_norm});
    }
  }
  return cases;
}

Tensors heads_inputs(const HeadsCase& test, int64_t Q) {
  const HeadLayout& layout = test.layout;
  const int64_t N = (layout.num_heads + 2 * layout.num_kv_heads) * layout.head_dim;
  Tensors inputs = {random_tensor({2, Q, N}, at::kDouble, "projected")};
  if (test.has_norm) {
    inputs.push_back(random_tensor({layout.head_dim}, at::kDouble, "q norm"));
    inputs.push_back(random_tensor({layout.head_dim}, at::kDouble, "k norm"));
  }
  return inputs;
}

/// split: split_heads or its specification.
template <typename Split>
Operation heads_operation(const HeadsCase& test, const Split& split) {
  return [test, split](const Tensors& inputs) -> Tensors {
    const Heads heads = split(inputs[0],
                              test.has_norm ? inputs[1] : at::Tensor(),
                              test.has_norm ? inputs[2] : at::Tensor(),
                              test.layout,
                              /*first_position=*/3);
    return {heads.query_BHQC, heads.key_BHQC, heads.value_BHQC};
  };
}

TEST(FusedOpsTest, SplitHeadsIsItsSpecification) {
  for (const HeadsCase& test : heads_cases()) {
    for (const int64_t Q : {0, 1, 70}) {
      SCOPED_TRACE(std::to_string(test.layout.num_kv_heads) + " kv heads, " + std::to_string(Q) +
                   " tokens" + (test.has_norm ? ", normed" : ""));
      expect_equal(heads_operation(test, split_heads),
                   heads_operation(test, split_heads_ref),
                   heads_inputs(test, Q));
    }
  }
}

TEST(FusedOpsTest, SplitHeadsGradientsMatchTheNumericJacobian) {
  for (const HeadsCase& test : heads_cases()) {
    Tensors inputs = heads_inputs(test, 2);
    for (at::Tensor& input : inputs) {
      input.requires_grad_();
    }
    testing::expect_gradients(
        [&](const Tensors& own) {
          at::Tensor sum;
          for (const at::Tensor& output : heads_operation(test, split_heads)(own)) {
            sum = sum.defined() ? sum + output.square().sum() : output.square().sum();
          }
          return sum;
        },
        inputs);
  }
}

TEST(FusedOpsTest, RefuseOtherShapesAndDtypes) {
  const Tensors inputs = norm_inputs(3, 5);
  testing::expect_error<ShapeError>([&] { rms_norm(inputs[0], inputs[1].narrow(0, 0, 4), kEps); },
                                    "weight_D has the wrong shape: expected [5] found [4]");
  testing::expect_error<ShapeError>([&] { rms_norm(inputs[0], inputs[1].to(at::kFloat), kEps); },
                                    "weight_D has the wrong dtype");
  const HeadsCase test = heads_cases().back();
  const Tensors heads = heads_inputs(test, 2);
  const auto split = [&](const at::Tensor& projected_BQN, const at::Tensor& norm_C) {
    return [&test, projected_BQN, norm_C] {
      split_heads(projected_BQN, norm_C, norm_C, test.layout, /*first_position=*/0);
    };
  };
  testing::expect_error<ShapeError>(split(heads[0].narrow(2, 0, 47), heads[1]),
                                    "projected_BQN has the wrong shape");
  testing::expect_error<ShapeError>(split(heads[0], heads[1].narrow(0, 0, 5)),
                                    "norm_C has the wrong shape: expected [6] found [5]");
}

TEST(FusedOpsTest, SplitHeadsGivesTheSameBitsForEveryThreadCount) {
  const HeadsCase test = heads_cases().back();
  testing::expect_same_bits_for_every_thread_count([&] {
    return results_and_grads(heads_operation(test, split_heads),
                             in_dtype(heads_inputs(test, 400), at::kFloat));
  });
}

}  // namespace
}  // namespace hecaton::models::detail
