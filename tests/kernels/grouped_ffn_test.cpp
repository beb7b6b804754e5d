// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/grouped_ffn.h"

#include <cstdint>
#include <limits>
#include <numeric>
#include <ostream>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/progress.h"
#include "core/shapes.h"
#include "kernels/activation.h"
#include "kernels/cpu_kind.h"
#include "kernels/grouped_gemm.h"
#include "tests/kernels/routing_cases.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/gradient_check.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/tensor_compare.h"
#include "tests/testing/thread_count.h"

namespace hecaton::kernels {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_close;
using testing::expect_error;
using testing::random_tensor;
using testing::Tensors;
using Counts = std::vector<int64_t>;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr Activation kActivations[] = {
    Activation::kSwiGlu, Activation::kGeGlu, Activation::kGelu, Activation::kSquaredRelu};

/// The experts of a layer and what reaches them.
struct Experts {
  Counts num_rows_L;
  Activation activation;
  IndexedRows x;
  IndexedRows dy;
  at::Tensor score_R;
  at::Tensor up_LGD;
  at::Tensor down_LDF;
};

struct Sizes {
  int64_t D;
  int64_t F;
};

Experts random_experts(const Counts& num_rows_L,
                       Sizes sizes,
                       Activation activation,
                       at::ScalarType dtype) {
  const int64_t R = std::accumulate(num_rows_L.begin(), num_rows_L.end(), int64_t{0});
  const auto L = static_cast<int64_t>(num_rows_L.size());
  const int64_t G = projection_width(activation, sizes.F);
  const at::ScalarType score_dtype = accumulation_dtype(dtype);
  return {.num_rows_L = num_rows_L,
          .activation = activation,
          .x = {random_tensor({R, sizes.D}, dtype, "x")},
          .dy = {random_tensor({R, sizes.D}, dtype, "dy")},
          .score_R = random_tensor({R}, score_dtype, "score"),
          .up_LGD = random_tensor({L, G, sizes.D}, dtype, "up"),
          .down_LDF = random_tensor({L, sizes.D, sizes.F}, dtype, "down")};
}

at::Tensor zero_grad(const at::Tensor& weight) {
  return at::zeros(weight.sizes(),
                   at::TensorOptions().dtype(accumulation_dtype(weight.scalar_type())));
}

struct Results {
  FfnForward forward;
  FfnBackward backward;
  at::Tensor up_grad_LGD;
  at::Tensor down_grad_LDF;

  Tensors all() const {
    return {forward.z_RG,
            forward.y_RD,
            backward.dx_RD,
            backward.dscore_R,
            backward.dz_RG,
            backward.a_RF,
            up_grad_LGD,
            down_grad_LDF};
  }
};

void expect_bitwise_equal(const Tensors& actual,
                          const Tensors& expected,
                          const char* file = __builtin_FILE(),
                          int line = __builtin_LINE()) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    testing::expect_bitwise_equal(actual[i], expected[i], file, line);
  }
}

Results run(const Experts& experts) {
  Results results;
  results.forward = ffn_forward(experts.x,
                                experts.up_LGD,
                                experts.down_LDF,
                                experts.num_rows_L,
                                experts.activation,
                                /*keeps_z=*/true);
  results.backward = ffn_backward(experts.dy,
                                  experts.score_R,
                                  results.forward.z_RG,
                                  experts.up_LGD,
                                  experts.down_LDF,
                                  experts.num_rows_L,
                                  experts.activation);
  results.up_grad_LGD = zero_grad(experts.up_LGD);
  results.down_grad_LDF = zero_grad(experts.down_LDF);
  ffn_weight_grads(experts.x,
                   experts.dy,
                   results.backward,
                   experts.num_rows_L,
                   GradSink(results.up_grad_LGD),
                   GradSink(results.down_grad_LDF));
  return results;
}

/// Each result against the specification of the step that makes it, which gets what the steps
/// before stored.
void expect_meets_reference(const Experts& experts) {
  const Results results = run(experts);
  const at::ScalarType dtype = experts.down_LDF.scalar_type();
  const bool is_bf16 = dtype == at::kBFloat16;
  const Counts& num_rows_L = experts.num_rows_L;
  const int64_t D = experts.down_LDF.size(1);
  const int64_t F = experts.down_LDF.size(2);
  const int64_t G = experts.up_LGD.size(1);
  const auto R = static_cast<double>(experts.x.num_rows());
  // A sum of n terms rounds n times, a bfloat16 result once; where it sums what is bfloat16 itself
  // but was never stored, that rounds too.
  const auto factor = [&](auto num_terms, double of_bf16) {
    return is_bf16 ? of_bf16 : 4.0 + static_cast<double>(num_terms);
  };
  expect_close(results.forward.z_RG,
               grouped_gemm_ref(experts.x.gathered(), experts.up_LGD, num_rows_L),
               factor(D, 0.51));
  const at::Tensor a_RF =
      activation_forward_ref(results.forward.z_RG.to(at::kDouble), experts.activation);
  expect_close(
      results.forward.y_RD, grouped_gemm_ref(a_RF, experts.down_LDF, num_rows_L), factor(F, 2.0));
  const at::Tensor da_RF =
      grouped_gemm_input_grad_ref(experts.dy.gathered(), experts.down_LDF, num_rows_L);
  const ActivationGrads grads = activation_backward_ref(
      results.forward.z_RG.to(at::kDouble), da_RF, experts.score_R, experts.activation);
  expect_close(results.backward.dz_RG, grads.dz_RG, factor(D, 1.5));
  expect_close(results.backward.a_RF, grads.a_RF, factor(D, 1.0));
  // By the CPU's libraries da is stored as bfloat16, so that the score's gradient shows it.
  const double epsilons = is_bf16 && cpu_kind() == CpuKind::kGeneric ? 0x1p17 : 16.0;
  expect_close(results.backward.dscore_R, grads.dscore_R, epsilons + static_cast<double>(D + F));
  expect_close(results.backward.dx_RD,
               grouped_gemm_input_grad_ref(results.backward.dz_RG, experts.up_LGD, num_rows_L),
               factor(G, 0.51));
  const double sum_factor =
      is_bf16 && cpu_kind() == CpuKind::kGeneric ? 0x1p16 : 4.0 + R;  // rounded there once
  at::Tensor up_grad_LGD = at::zeros(experts.up_LGD.sizes(), at::kDouble);
  grouped_gemm_weight_grad_ref(
      results.backward.dz_RG, experts.x.gathered(), num_rows_L, up_grad_LGD);
  expect_close(results.up_grad_LGD, up_grad_LGD, sum_factor);
  at::Tensor down_grad_LDF = at::zeros(experts.down_LDF.sizes(), at::kDouble);
  grouped_gemm_weight_grad_ref(
      experts.dy.gathered(), results.backward.a_RF, num_rows_L, down_grad_LDF);
  expect_close(results.down_grad_LDF, down_grad_LDF, sum_factor);
}

/// Every kind of kernels that this CPU can run, in both dtypes that they know.
struct Kind {
  CpuKind cpu;
  at::ScalarType dtype;
};

std::string name_of(const Kind& kind) {
  return cpu_kind_name(kind.cpu) + "_" + c10::toString(kind.dtype);
}

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for this name
void PrintTo(const Kind& kind, std::ostream* out) {
  *out << name_of(kind);
}

std::vector<Kind> own_kinds() {
  std::vector<Kind> kinds;
  for (const CpuKind cpu : available_cpu_kinds()) {
    if (cpu != CpuKind::kGeneric) {
      kinds.push_back({cpu, at::kFloat});
      kinds.push_back({cpu, at::kBFloat16});
    }
  }
  return kinds;
}

std::vector<Kind> kinds() {
  std::vector<Kind> kinds = own_kinds();
  for (const at::ScalarType dtype : {at::kDouble, at::kFloat, at::kBFloat16}) {
    kinds.push_back({CpuKind::kGeneric, dtype});
  }
  return kinds;
}

class GroupedFfnKernelTest : public ::testing::TestWithParam<Kind> {
 protected:
  at::ScalarType dtype() const { return GetParam().dtype; }

 private:
  CpuKindScope scope_{GetParam().cpu};
};

/// What kernels of our own promise and libraries do not.
class OwnFfnKernelTest : public GroupedFfnKernelTest {};

TEST_P(GroupedFfnKernelTest, MeetsTheReferenceForEveryActivation) {
  for (const Activation activation : kActivations) {
    SCOPED_TRACE(activation_name(activation));
    expect_meets_reference(random_experts({3, 0, 40, 1}, {.D = 33, .F = 21}, activation, dtype()));
  }
}

TEST_P(GroupedFfnKernelTest, MeetsTheReferenceForEveryWidth) {
  for (const int64_t size : {0, 1, 7, 15, 16, 17, 31, 32, 33, 64}) {
    SCOPED_TRACE(size);
    expect_meets_reference(
        random_experts({5, 2}, {.D = size, .F = 9}, Activation::kSwiGlu, dtype()));
    expect_meets_reference(
        random_experts({5, 2}, {.D = 9, .F = size}, Activation::kSwiGlu, dtype()));
    expect_meets_reference(
        random_experts({5, 2}, {.D = size, .F = size}, Activation::kGelu, dtype()));
  }
}

TEST_P(GroupedFfnKernelTest, MeetsTheReferenceForEveryNumberOfRows) {
  for (const Counts& num_rows_L : {Counts{},
                                   Counts{0},
                                   Counts{1},
                                   Counts{5, 6, 7, 8},
                                   Counts{13, 14, 15},
                                   Counts{31, 0, 32, 33},
                                   Counts{511, 1},
                                   Counts{513, 0, 1025}}) {
    SCOPED_TRACE(::testing::PrintToString(num_rows_L));
    expect_meets_reference(
        random_experts(num_rows_L, {.D = 6, .F = 5}, Activation::kSwiGlu, dtype()));
  }
}

TEST_P(GroupedFfnKernelTest, MeetsTheReferenceAcrossGroupsOfPanels) {
  // The right operands take more than is packed at a time.
  expect_meets_reference(random_experts({20}, {.D = 700, .F = 300}, Activation::kSwiGlu, dtype()));
}

TEST_P(GroupedFfnKernelTest, RowsByIndexAreThoseRows) {
  Experts experts = random_experts({20, 0, 9}, {.D = 40, .F = 24}, Activation::kSwiGlu, dtype());
  const Tensors expected = run(experts).all();
  // Row r stands at (r * 7) % 40 of a larger matrix, and twice in idx_R nothing is the same.
  const at::Tensor idx_R = at::arange(29, at::kInt).mul(7).remainder(40);
  for (IndexedRows* rows : {&experts.x, &experts.dy}) {
    const at::Tensor source_TD = at::full({40, 40}, kNan, rows->source_TD.options());
    source_TD.index_copy_(0, idx_R.to(at::kLong), rows->source_TD);
    *rows = {source_TD, idx_R};
  }
  const Tensors actual = run(experts).all();
  expect_bitwise_equal(actual, expected);
}

TEST_P(GroupedFfnKernelTest, ReadsNothingBeyondItsRowsAndExperts) {
  Experts experts = random_experts({3, 0, 18}, {.D = 21, .F = 11}, Activation::kSwiGlu, dtype());
  const Tensors expected = run(experts).all();
  for (IndexedRows* rows : {&experts.x, &experts.dy}) {
    const at::Tensor buffer = at::full({40, 21}, kNan, rows->source_TD.options());
    buffer.narrow(0, 8, 21).copy_(rows->source_TD);
    rows->source_TD = buffer.narrow(0, 8, 21);
  }
  experts.up_LGD[1].fill_(kNan);
  experts.down_LDF[1].fill_(kNan);
  const Tensors actual = run(experts).all();
  expect_bitwise_equal(actual, expected);
}

// The padding of a library may spread it: oneDNN's of bfloat16 does on CPUs with AMX.
TEST_P(OwnFfnKernelTest, KeepsNaNInItsRow) {
  Experts experts = random_experts({40}, {.D = 24, .F = 20}, Activation::kSwiGlu, dtype());
  const Results clean = run(experts);
  experts.x.source_TD[7][3] = kNan;
  experts.dy.source_TD[9][5] = kNan;
  const Results marked = run(experts);
  const auto expect_only = [](const at::Tensor& actual, const at::Tensor& expected, int64_t row) {
    EXPECT_TRUE(actual[row].isnan().all().item<bool>());
    expect_bitwise_equal(
        at::cat({actual.narrow(0, 0, row), actual.narrow(0, row + 1, 39 - row)}),
        at::cat({expected.narrow(0, 0, row), expected.narrow(0, row + 1, 39 - row)}));
  };
  expect_only(marked.forward.y_RD, clean.forward.y_RD, 7);
  EXPECT_TRUE(marked.backward.dx_RD[9].isnan().all().item<bool>());
  EXPECT_EQ(marked.backward.dx_RD.isnan().any(1).sum().item<int64_t>(), 2);
}

void expect_bits_of_its_own(const Experts& experts, int64_t row, const Results& all) {
  SCOPED_TRACE(row);
  Experts one = experts;
  one.num_rows_L = {1};
  one.x = {experts.x.source_TD.narrow(0, row, 1)};
  one.dy = {experts.dy.source_TD.narrow(0, row, 1)};
  one.score_R = experts.score_R.narrow(0, row, 1);
  const Results alone = run(one);
  expect_bitwise_equal(alone.forward.y_RD[0], all.forward.y_RD[row]);
  expect_bitwise_equal(alone.forward.z_RG[0], all.forward.z_RG[row]);
  expect_bitwise_equal(alone.backward.dx_RD[0], all.backward.dx_RD[row]);
  expect_bitwise_equal(alone.backward.dz_RG[0], all.backward.dz_RG[row]);
  expect_bitwise_equal(alone.backward.a_RF[0], all.backward.a_RF[row]);
  expect_bitwise_equal(alone.backward.dscore_R[0], all.backward.dscore_R[row]);
}

TEST_P(OwnFfnKernelTest, ARowsBitsDependOnThatRowAlone) {
  for (const Activation activation : kActivations) {
    SCOPED_TRACE(activation_name(activation));
    const Experts experts = random_experts({531}, {.D = 40, .F = 24}, activation, dtype());
    const Results all = run(experts);
    for (const int64_t row : {0, 5, 13, 400, 511, 512, 530}) {
      expect_bits_of_its_own(experts, row, all);
    }
  }
}

TEST_P(OwnFfnKernelTest, ARowsBitsDependOnThatRowAloneAcrossGroupsOfPanels) {
  const Experts experts = random_experts({37}, {.D = 700, .F = 300}, Activation::kSwiGlu, dtype());
  const Results all = run(experts);
  for (const int64_t row : {0, 16, 36}) {
    expect_bits_of_its_own(experts, row, all);
  }
}

// The CPUs that multiply pairs of bfloat16 flush what lies below; the others keep it.
TEST_P(OwnFfnKernelTest, ResultsBelowTheNormalNumbersAreAsDocumented) {
  Experts experts = random_experts({3}, {.D = 1, .F = 40}, Activation::kSwiGlu, dtype());
  experts.x.source_TD.fill_(0x1p-70);
  experts.up_LGD.fill_(0x1p-60);
  const bool flushes = dtype() == at::kBFloat16 && cpu_kind() >= CpuKind::kAvx512Bf16;
  const at::Tensor z_RG = run(experts).forward.z_RG;
  expect_bitwise_equal(z_RG, at::full_like(z_RG, flushes ? 0.0 : 0x1p-130));
}

TEST_P(GroupedFfnKernelTest, GivesTheSameBitsForEveryThreadCount) {
  const Experts experts =
      random_experts({700, 1, 0, 33, 5}, {.D = 130, .F = 70}, Activation::kSwiGlu, dtype());
  testing::expect_same_bits_for_every_thread_count([&] { return run(experts).all(); });
}

TEST_P(GroupedFfnKernelTest, AddsToWeightGradientsAndLeavesIdleExpertsAlone) {
  const Experts experts =
      random_experts({3, 0, 18}, {.D = 21, .F = 11}, Activation::kSwiGlu, dtype());
  const Results once = run(experts);
  at::Tensor up_grad_LGD = once.up_grad_LGD.clone();
  up_grad_LGD[1].fill_(-0.0);  // adding 0 to it would show
  const at::Tensor idle_GD = up_grad_LGD[1].clone();
  ffn_weight_grads(
      experts.x, experts.dy, once.backward, experts.num_rows_L, GradSink(up_grad_LGD), {});
  expect_bitwise_equal(up_grad_LGD[1], idle_GD);
  expect_close(up_grad_LGD, 2.0 * once.up_grad_LGD.to(at::kDouble), 6.0);
}

TEST_P(GroupedFfnKernelTest, WritesOverWhatStandsInABlankSink) {
  // The second expert's sums are cut, the third one's are nothing.
  const Experts experts =
      random_experts({3, 600, 0}, {.D = 21, .F = 11}, Activation::kSwiGlu, dtype());
  const Results expected = run(experts);
  GradSink up_grad_LGD(at::full_like(expected.up_grad_LGD, kNan));
  GradSink down_grad_LDF(at::full_like(expected.down_grad_LDF, kNan));
  up_grad_LGD.make_blank();
  down_grad_LDF.make_blank();
  ffn_weight_grads(
      experts.x, experts.dy, expected.backward, experts.num_rows_L, up_grad_LGD, down_grad_LDF);
  EXPECT_FALSE(up_grad_LGD.is_blank());
  EXPECT_FALSE(down_grad_LDF.is_blank());
  expect_bitwise_equal({up_grad_LGD.grad(), down_grad_LDF.grad()},
                       {expected.up_grad_LGD, expected.down_grad_LDF});
}

TEST_P(GroupedFfnKernelTest, KeepsPreActivationsOnlyWhenAsked) {
  const Experts experts = random_experts({4}, {.D = 6, .F = 5}, Activation::kSwiGlu, dtype());
  const FfnForward forward = ffn_forward(experts.x,
                                         experts.up_LGD,
                                         experts.down_LDF,
                                         experts.num_rows_L,
                                         experts.activation,
                                         /*keeps_z=*/false);
  EXPECT_FALSE(forward.z_RG.defined());
  expect_bitwise_equal(forward.y_RD, run(experts).forward.y_RD);
}

// The hook computes as well, with what the kernel it interrupts uses.
TEST_P(OwnFfnKernelTest, CallsTheHookBetweenTiles) {
  const Experts experts =
      random_experts({600, 600}, {.D = 256, .F = 256}, Activation::kSwiGlu, dtype());
  const Experts small = random_experts({5, 2}, {.D = 9, .F = 7}, Activation::kSwiGlu, dtype());
  const Tensors expected = run(experts).all();
  const Tensors expected_small = run(small).all();
  Tensors small_results;
  int num_calls = 0;
  const ProgressScope scope([&] {
    ++num_calls;
    small_results = run(small).all();
  });
  for (int i = 0; i < 100 && num_calls < 3; ++i) {  // each run takes milliseconds
    expect_bitwise_equal(run(experts).all(), expected);
  }
  ASSERT_GE(num_calls, 3);
  expect_bitwise_equal(small_results, expected_small);
}

INSTANTIATE_TEST_SUITE_P(Kinds,
                         GroupedFfnKernelTest,
                         ::testing::ValuesIn(kinds()),
                         [](const auto& test) { return name_of(test.param); });

INSTANTIATE_TEST_SUITE_P(Kinds,
                         OwnFfnKernelTest,
                         ::testing::ValuesIn(own_kinds()),
                         [](const auto& test) { return name_of(test.param); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(OwnFfnKernelTest);  // on CPUs without AVX2

TEST(GroupedFfnErrorTest, RefusesOtherShapesAndDtypes) {
  const Experts good = random_experts({3, 2}, {.D = 6, .F = 5}, Activation::kSwiGlu, at::kFloat);
  const auto refused = [&](auto change, const std::string& text) {
    Experts bad = good;
    change(bad);
    expect_error<ShapeError>([&] { run(bad); }, text);
  };
  refused(
      [](Experts& bad) {
        bad.num_rows_L = {3, 1};
      },
      "num_rows_L must sum to the number of rows: sum=4 rows=5");
  refused(
      [](Experts& bad) {
        bad.num_rows_L = {6, -1};
      },
      "num_rows_L must not be negative: found -1");
  refused([](Experts& bad) { bad.num_rows_L = {5}; },
          "down_LDF has the wrong shape: expected [1, *, *] found [2, 6, 5]");
  refused([](Experts& bad) { bad.up_LGD = bad.up_LGD.narrow(1, 0, 9); },
          "up_LGD has the wrong shape: expected [2, 10, 6] found [2, 9, 6]");
  refused([](Experts& bad) { bad.up_LGD = bad.up_LGD.to(at::kDouble); },
          "up_LGD has the wrong dtype: expected Float found Double");
  refused([](Experts& bad) { bad.x = {bad.x.source_TD.narrow(1, 0, 5)}; },
          "x has the wrong shape: expected [*, 6] found [5, 5]");
  refused([](Experts& bad) { bad.dy = {bad.dy.source_TD.to(at::kDouble)}; },
          "dy has the wrong dtype: expected Float found Double");
  refused([](Experts& bad) { bad.x.idx_R = at::arange(5); },
          "idx_R has the wrong dtype: expected Int found Long");
  refused([](Experts& bad) { bad.score_R = bad.score_R.narrow(0, 0, 4); },
          "score_R has the wrong shape: expected [5] found [4]");
  refused([](Experts& bad) { bad.x.source_TD = bad.x.source_TD.to(at::kMeta); },
          "x is on the wrong device: expected cpu found meta");
  refused([](Experts& bad) { bad.up_LGD = bad.up_LGD.to(at::kMeta); },
          "up_LGD is on the wrong device: expected cpu found meta");
}

TEST(GroupedFfnErrorTest, RefusesWhatForwardAndBackwardDidNotReturn) {
  const Experts experts = random_experts({3, 2}, {.D = 6, .F = 5}, Activation::kSwiGlu, at::kFloat);
  const Results good = run(experts);
  expect_error<ShapeError>(
      [&] {
        ffn_backward(experts.dy,
                     experts.score_R,
                     good.forward.z_RG.narrow(1, 0, 9),
                     experts.up_LGD,
                     experts.down_LDF,
                     experts.num_rows_L,
                     experts.activation);
      },
      "z_RG has the wrong shape: expected [5, 10] found [5, 9]");
  const auto refused = [&](auto change, const std::string& text) {
    Results bad = good;
    change(bad);
    expect_error<ShapeError>(
        [&] {
          ffn_weight_grads(experts.x,
                           experts.dy,
                           bad.backward,
                           experts.num_rows_L,
                           GradSink(bad.up_grad_LGD),
                           GradSink(bad.down_grad_LDF));
        },
        text);
  };
  refused([](Results& bad) { bad.backward.dz_RG = at::Tensor(); },
          "dz_RG has the wrong shape: expected [*, *] found no tensor");
  refused([](Results& bad) { bad.backward.a_RF = at::Tensor(); },
          "a_RF has the wrong shape: expected [*, *] found no tensor");
  refused([](Results& bad) { bad.up_grad_LGD = bad.up_grad_LGD.narrow(2, 0, 5); },
          "up_grad_LGD has the wrong shape: expected [2, 10, 6] found [2, 10, 5]");
  refused([](Results& bad) { bad.down_grad_LDF = bad.down_grad_LDF.to(at::kDouble); },
          "down_grad_LDF has the wrong dtype: expected Float found Double");
  refused(
      [](Results& bad) {
        bad.up_grad_LGD = at::zeros({2, 6, 10}).transpose(1, 2);
      },
      "up_grad_LGD must be contiguous");
}

}  // namespace
}  // namespace hecaton::kernels
