// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/model/model_weights.h"

#include <filesystem>
#include <string>

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "recipes/model/weights_index.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

using testing::expect_error;
using testing::TemporaryFolder;
using testing::write_bytes;

constexpr char kShardA[] = "model-00001-of-00002.safetensors";
constexpr char kShardB[] = "model-00002-of-00002.safetensors";

at::Tensor filled(double value) {
  return at::full({2}, value, at::kFloat);
}

void write_index(const TemporaryFolder& folder, const std::string& text) {
  write_bytes(folder / kWeightsIndexName, text);
}

/// Tensors a = 1 and b = 2 in one shard, c = 3 in another, and their index.
void write_shards(const TemporaryFolder& folder) {
  checkpoint::write_safetensors(folder / kShardA, {{"a", filled(1)}, {"b", filled(2)}});
  checkpoint::write_safetensors(folder / kShardB, {{"c", filled(3)}});
  write_index(folder, weights_index_json({{"a", kShardA}, {"b", kShardA}, {"c", kShardB}}, 24));
}

void expect_refused(const TemporaryFolder& folder, const std::string& text) {
  expect_error<CheckpointError>([&] { const ModelWeights weights(folder.path()); }, text);
}

/// Replaces the index of good shards and expects the folder to be refused.
void expect_index_refused(const std::string& index, const std::string& text) {
  SCOPED_TRACE(index.substr(0, 80));
  const TemporaryFolder folder;
  write_shards(folder);
  write_index(folder, index);
  expect_refused(folder, std::string(kWeightsIndexName) + ": " + text);
}

TEST(ModelWeightsTest, ReadsOneFile) {
  const TemporaryFolder folder;
  checkpoint::write_safetensors(folder / kWeightsName, {{"a", filled(1)}});
  const ModelWeights weights(folder.path());
  EXPECT_EQ(weights.path(), folder / kWeightsName);
  EXPECT_EQ(weights.names(), std::set<std::string>({"a"}));
  EXPECT_TRUE(weights.load("a").equal(filled(1)));
}

TEST(ModelWeightsTest, ReadsEveryTensorOfEveryShard) {
  const TemporaryFolder folder;
  write_shards(folder);
  const ModelWeights weights(folder.path());
  EXPECT_EQ(weights.path(), folder / kWeightsIndexName);
  EXPECT_EQ(weights.names(), std::set<std::string>({"a", "b", "c"}));
  EXPECT_EQ(weights.tensors().at("c").shape, std::vector<int64_t>({2}));
  EXPECT_TRUE(weights.load("b").equal(filled(2)));
  at::Tensor c = filled(0);
  weights.load_into("c", c);
  EXPECT_TRUE(c.equal(filled(3)));
  expect_error<CheckpointError>([&] { weights.load("d"); }, "tensor 'd': expected it in the file");
}

TEST(ModelWeightsTest, RefusesAFolderWithoutWeightsOrWithBothKinds) {
  const TemporaryFolder folder;
  expect_refused(folder, "model file not found: " + (folder / kWeightsName));
  write_shards(folder);
  checkpoint::write_safetensors(folder / kWeightsName, {{"a", filled(1)}});
  expect_refused(folder, "expected model.safetensors or model.safetensors.index.json, found both");
}

TEST(ModelWeightsTest, RefusesShardsThatAreMissingSwappedOrStray) {
  const TemporaryFolder missing;
  write_shards(missing);
  std::filesystem::remove(missing / kShardB);
  expect_refused(missing, "model file not found: " + (missing / kShardB));

  const TemporaryFolder swapped;
  write_shards(swapped);
  std::filesystem::rename(swapped / kShardA, swapped / "model-x.safetensors");
  std::filesystem::rename(swapped / kShardB, swapped / kShardA);
  std::filesystem::rename(swapped / "model-x.safetensors", swapped / kShardB);
  expect_refused(swapped, std::string(kShardA) + ": missing tensors: a, b");

  const TemporaryFolder stray;
  write_shards(stray);
  checkpoint::write_safetensors(stray / "model-00003-of-00003.safetensors", {{"d", filled(4)}});
  expect_refused(stray, "found model-00003-of-00003.safetensors beside it");
}

TEST(ModelWeightsTest, RefusesATensorInTwoShardsOrInNone) {
  const TemporaryFolder twice;
  write_shards(twice);
  checkpoint::write_safetensors(twice / kShardB, {{"c", filled(3)}, {"a", filled(1)}});
  expect_refused(twice, std::string(kShardB) + ": unexpected tensors: a");

  const TemporaryFolder none;
  write_shards(none);
  write_index(none, weights_index_json({{"a", kShardA}, {"b", kShardA}, {"d", kShardB}}, 24));
  expect_refused(none, std::string(kShardB) + ": missing tensors: d");
}

TEST(ModelWeightsTest, RefusesShardsOutsideTheFolder) {
  for (const char* name : {"../model-00001-of-00002.safetensors",
                           "/etc/model.safetensors",
                           "sub/model.safetensors",
                           ".safetensors",
                           "..safetensors",
                           "model.bin",
                           "a b.safetensors",
                           ""}) {
    expect_index_refused(
        std::string(R"({"weight_map": {"a": ")") + name + "\"}}",
        std::string("expected the file name of a shard for tensor 'a', found '") + name + "'");
  }
  expect_index_refused(R"({"weight_map": {"a": 3}})",
                       "expected the file name of a shard for tensor 'a', found number");
}

TEST(ModelWeightsTest, RefusesAMalformedIndex) {
  expect_index_refused("{", "malformed JSON: ");
  expect_index_refused("", "malformed JSON: ");
  expect_index_refused("[]", "expected an object with a map weight_map, found array");
  expect_index_refused("{}", "expected an object with a map weight_map, found none");
  expect_index_refused(R"({"weight_map": []})", "expected an object with a map weight_map");
  expect_index_refused(R"({"weight_map": {}})",
                       "expected at least one tensor in weight_map, found none");
  expect_index_refused(R"({"weights": {}, "weight_map": {"a": "b.safetensors"}})",
                       "expected the keys metadata and weight_map, found 'weights'");
  expect_index_refused(R"({"weight_map": {"a": "b.safetensors", "a": "c.safetensors"}})",
                       "expected each key once, found \"a\" twice");
  expect_index_refused(R"({"weight_map": {}, "weight_map": {"a": "b.safetensors"}})",
                       "expected each key once, found \"weight_map\" twice");
  expect_index_refused(R"({"metadata": {"a": [[[[]]]]}})",
                       "expected nesting of at most 2, found more");
}

TEST(ModelWeightsTest, RefusesAHugeIndexBeforeReadingIt) {
  const TemporaryFolder folder;
  write_index(folder, "{");
  std::filesystem::resize_file(folder / kWeightsIndexName,
                               200'000'000);  // a hole: no disk, no time
  expect_refused(folder, "expected at most 100000000 bytes, found 200000000");
}

TEST(ModelWeightsTest, NumbersShardsFromOne) {
  EXPECT_EQ(shard_name(0, 2), kShardA);
  EXPECT_EQ(shard_name(1, 2), kShardB);
}

}  // namespace
}  // namespace hecaton::recipes
