// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/oracle.h"

#include <limits>

#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"

namespace hecaton::parallel {
namespace {

const auto kDouble = at::TensorOptions().dtype(at::kDouble);

OracleRecord record_of(const std::string& name, double value) {
  OracleRecord record;
  record.add(name, at::full({2}, value, kDouble));
  return record;
}

TEST(OracleTest, MeasuresTheLargestDistanceAgainstTheLargestReference) {
  const at::Tensor reference = at::tensor({1.0, -4.0}, kDouble);
  EXPECT_EQ(relative_error(reference, reference), 0.0);
  EXPECT_DOUBLE_EQ(relative_error(at::tensor({1.0, -3.0}, kDouble), reference), 0.25);
}

TEST(OracleTest, WantsZerosIntegersShapesAndFiniteNumbersExactly) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const at::Tensor zeros = at::zeros({2}, kDouble);
  EXPECT_EQ(relative_error(zeros, zeros), 0.0);
  EXPECT_EQ(relative_error(at::tensor({0.0, 1e-300}, kDouble), zeros), kInfinity);
  const at::Tensor counts = at::full({2}, 3, at::TensorOptions().dtype(at::kLong));
  EXPECT_EQ(relative_error(counts, counts), 0.0);
  EXPECT_EQ(relative_error(counts.add(1), counts), kInfinity);
  EXPECT_EQ(relative_error(at::zeros({3}, kDouble), zeros), kInfinity);
  EXPECT_EQ(relative_error(at::tensor({0.0, std::nan("")}, kDouble), zeros.add(1)), kInfinity);
}

TEST(OracleTest, NamesTheWorstLayoutAndTensor) {
  const auto job = [](Mesh& mesh) {
    return record_of("grad/w", mesh.ep().size() == 2 ? 1.0 + 1e-3 : 1.0);
  };
  const OracleReport report = compare_layouts(job, layouts_up_to(4, /*num_experts=*/2));
  EXPECT_EQ(report.num_layouts, 5);
  EXPECT_NEAR(report.worst_error(), 1e-3, 1e-12);
  EXPECT_EQ(report.worst.at("grad").layout, "dp2 ep2");
  EXPECT_NE(report.text().find("worst relative error 1.0e-03 over 5 layouts"), std::string::npos)
      << report.text();
}

TEST(OracleTest, ListsEveryLayoutThatFits) {
  std::string names;
  for (const Layout& layout : layouts_up_to(4, /*num_experts=*/4)) {
    names += layout.name() + "; ";
  }
  EXPECT_EQ(names, "dp1 ep1; dp2 ep1; dp2 ep2; dp4 ep1; dp4 ep2; dp4 ep4; ");
}

TEST(OracleTest, MergingKeepsTheWorstOfEachQuantity) {
  OracleReport report;
  report.num_layouts = 2;
  report.worst = {{"grad", {"grad", "grad/a", "dp2 ep1", 0.5}},
                  {"loss", {"loss", "loss/a", "dp2 ep1", 0.0}}};
  OracleReport other;
  other.num_layouts = 3;
  other.worst = {{"grad", {"grad", "grad/b", "dp4 ep1", 0.25}},
                 {"loss", {"loss", "loss/b", "dp4 ep1", 1.0}},
                 {"param", {"param", "param/b", "dp4 ep1", 0.0}}};
  report.merge(other);
  EXPECT_EQ(report.num_layouts, 5);
  EXPECT_EQ(report.worst.at("grad").name, "grad/a");
  EXPECT_EQ(report.worst.at("loss").name, "loss/b");
  EXPECT_EQ(report.worst.at("param").name, "param/b");
}

TEST(OracleTest, RefusesReplicasThatDiffer) {
  const auto job = [](Mesh& mesh) { return record_of("param/w", mesh.world().rank()); };
  testing::expect_error<NumericError>(
      [&] {
        compare_layouts(job, {{2, 1}});
      },
      "replicas differ under dp2 ep1: param/w");
}

TEST(OracleTest, RefusesMissingAndAddedNames) {
  const auto renamed = [](Mesh& mesh) {
    return record_of(mesh.world().size() == 1 ? "loss/a" : "loss/b", 1.0);
  };
  testing::expect_error<NumericError>(
      [&] {
        compare_layouts(renamed, {{2, 1}});
      },
      "layout dp2 ep1 lacks loss/a");
  const auto adding = [](Mesh& mesh) {
    OracleRecord record = record_of("loss/a", 1.0);
    if (mesh.world().size() == 2) {
      record.add("loss/b", at::zeros({1}, kDouble));
    }
    return record;
  };
  testing::expect_error<NumericError>(
      [&] {
        compare_layouts(adding, {{2, 1}});
      },
      "layout dp2 ep1 adds loss/b");
}

TEST(OracleTest, RefusesANameUsedTwice) {
  OracleRecord record = record_of("loss/a", 1.0);
  testing::expect_error<InternalError>([&] { record.add("loss/a", at::zeros({1}, kDouble)); },
                                       "recorded twice: loss/a");
}

}  // namespace
}  // namespace hecaton::parallel
