// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/cli/layer_bench.h"

#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "recipes/train/host.h"

namespace hecaton::recipes {
namespace {

using Json = nlohmann::ordered_json;

const LayerBenchCase kTiny{.T = 12, .D = 8, .F = 6, .E = 4, .K = 2};

std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& item : object.items()) {
    keys.push_back(item.key());
  }
  return keys;
}

void expect_ordered(const BenchTimes& times) {
  EXPECT_GT(times.min_ms, 0.0);
  EXPECT_LE(times.min_ms, times.median_ms);
  EXPECT_LE(times.median_ms, times.max_ms);
}

TEST(LayerBenchTest, MeasuresBothArms) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    LayerBenchCase shape = kTiny;
    shape.dtype = dtype;
    const LayerBenchResult result = run_layer_bench(shape, /*num_rounds=*/5);
    expect_ordered(result.layer);
    expect_ordered(result.dense);
    EXPECT_EQ(result.shape.T, 12);
    const double flop = 18.0 * 12 * 2 * 8 * 6;
    EXPECT_DOUBLE_EQ(result.layer_gflops, flop / (result.layer.median_ms * 1e6));
    EXPECT_DOUBLE_EQ(result.dense_gflops, flop / (result.dense.median_ms * 1e6));
  }
}

TEST(LayerBenchTest, OneRoundIsItsOwnMedian) {
  const LayerBenchResult result = run_layer_bench(kTiny, /*num_rounds=*/1);
  EXPECT_EQ(result.layer.min_ms, result.layer.max_ms);
  EXPECT_EQ(result.layer.min_ms, result.layer.median_ms);
}

TEST(LayerBenchTest, PrintsOneLineOfJson) {
  LayerBenchResult result;
  result.shape = kTiny;
  result.layer = {1.5, 2.5, 3.5};
  result.dense = {0.5, 0.75, 1.0};
  result.layer_gflops = 10.0;
  result.dense_gflops = 30.0;
  const std::string line = to_json_line(result);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const Json json = Json::parse(line);
  EXPECT_EQ(keys_of(json),
            (std::vector<std::string>{"bench", "case", "ms", "gflops", "dense", "machine"}));
  EXPECT_EQ(json["bench"], "layer");
  EXPECT_EQ(json["case"].dump(),
            R"({"T":12,"H":8,"I":6,"E":4,"K":2,"dtype":"float32","routing":"balanced"})");
  EXPECT_EQ(json["ms"].dump(), R"({"min":1.5,"median":2.5,"max":3.5})");
  EXPECT_EQ(json["gflops"], 10.0);
  EXPECT_EQ(json["dense"].dump(), R"({"ms":{"min":0.5,"median":0.75,"max":1.0},"gflops":30.0})");
  EXPECT_EQ(json["machine"]["cpu"], cpu_name());
  EXPECT_EQ(json["machine"]["threads"], at::get_num_threads());
  result.shape.dtype = at::kBFloat16;
  EXPECT_EQ(Json::parse(to_json_line(result))["case"]["dtype"], "bfloat16");
}

TEST(LayerBenchTest, ReleasesAreMeasuredInBothDtypes) {
  const std::vector<LayerBenchCase> cases = default_layer_cases();
  ASSERT_EQ(cases.size(), 4U);
  for (size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(cases[i].dtype, i < 2 ? at::kFloat : at::kBFloat16);
    EXPECT_EQ(cases[i].T * cases[i].K % cases[i].E, 0) << "the routing must be balanced";
  }
}

}  // namespace
}  // namespace hecaton::recipes
