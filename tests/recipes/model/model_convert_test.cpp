// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/model/model_convert.h"

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "checkpoint/safetensors.h"
#include "core/error.h"
#include "parallel/single.h"
#include "recipes/model/model_files.h"
#include "recipes/model/model_weights.h"
#include "tests/models/decoder_cases.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

namespace fs = std::filesystem;

using testing::expect_error;
using testing::read_bytes;
using testing::TemporaryFolder;
using testing::write_bytes;

/// A model folder with one more file, as tokenizers leave them.
void write_model(const std::string& folder, at::ScalarType dtype = at::kFloat) {
  models::Decoder decoder = models::random_decoder(models::small_config(dtype));
  parallel::Mesh mesh(parallel::make_single(), /*ep=*/1);
  fs::create_directories(folder);
  save_model(*decoder, mesh, folder);
  write_bytes(folder + "/tokenizer.json", "{}");
}

/// The weight files of a folder, sorted.
std::vector<std::string> weight_files(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".safetensors") {
      names.push_back(entry.path().filename());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(ModelConvertTest, ShardsAndJoinsAgainToTheSameBytes) {
  const TemporaryFolder folder;
  write_model(folder / "one");
  const ConvertResult cut =
      convert_model(folder / "one", folder / "many", {.max_shard_bytes = 300});
  EXPECT_GT(cut.num_files, 3U);
  EXPECT_EQ(weight_files(folder / "many").size(), cut.num_files);
  EXPECT_TRUE(fs::exists(folder / "many/model.safetensors.index.json"));
  for (const std::string& name : weight_files(folder / "many")) {
    const checkpoint::SafetensorsFile shard(folder / "many/" + name);
    int64_t num_bytes = 0;
    for (const auto& [tensor, info] : shard.tensors()) {
      num_bytes += info.end - info.begin;
    }
    EXPECT_TRUE(num_bytes <= 300 || shard.tensors().size() == 1) << name;
  }
  const ConvertResult joined = convert_model(folder / "many", folder / "again/", {});
  EXPECT_EQ(joined.num_files, 1U);
  EXPECT_EQ(joined.num_tensors, cut.num_tensors);
  EXPECT_EQ(joined.num_bytes, cut.num_bytes);
  for (const char* name : {"model.safetensors", "config.json", "tokenizer.json"}) {
    EXPECT_EQ(read_bytes(folder / "one/" + name), read_bytes(folder / "again/" + name)) << name;
  }
}

TEST(ModelConvertTest, ADecoderLoadsShards) {
  const TemporaryFolder folder;
  write_model(folder / "one");
  convert_model(folder / "one", folder / "many", {.max_shard_bytes = 500});
  models::Decoder from_one(load_model_config(folder / "one"));
  load_model(*from_one, folder / "one");
  models::Decoder from_many(load_model_config(folder / "many"));
  load_model(*from_many, folder / "many");
  const std::vector<Parameter> expected = from_one->describe_parameters();
  const std::vector<Parameter> actual = from_many->describe_parameters();
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_TRUE(actual[i].tensor.equal(expected[i].tensor)) << expected[i].name;
  }
}

TEST(ModelConvertTest, RoundsToAnotherDtypeButKeepsRoutersPrecise) {
  const TemporaryFolder folder;
  write_model(folder / "wide");
  convert_model(folder / "wide", folder / "narrow", {.dtype = at::kBFloat16});
  EXPECT_EQ(load_model_config(folder / "narrow").dtype, at::kBFloat16);
  const ModelWeights wide(folder / "wide");
  const ModelWeights narrow(folder / "narrow");
  const std::string router = "model.layers.1.mlp.gate.weight";
  EXPECT_TRUE(narrow.load(router).equal(wide.load(router)));
  for (const std::string& name : narrow.names()) {
    if (name != router) {
      EXPECT_TRUE(narrow.load(name).equal(wide.load(name).to(at::kBFloat16))) << name;
    }
  }
  models::Decoder decoder(load_model_config(folder / "narrow"));
  load_model(*decoder, folder / "narrow");
}

TEST(ModelConvertTest, OverwritesNothing) {
  const TemporaryFolder folder;
  write_model(folder / "one");
  write_bytes(folder / "file", "mine");
  expect_error<ConfigError>([&] { convert_model(folder / "one", folder / "file", {}); },
                            folder / "file: expected no such file or folder, found one");
  fs::create_directories(folder / "new.tmp");
  expect_error<ConfigError>([&] { convert_model(folder / "one", folder / "new", {}); },
                            folder / "new.tmp: expected no such file or folder, found one");
  EXPECT_EQ(read_bytes(folder / "file"), "mine");
}

TEST(ModelConvertTest, LeavesNothingBehindAfterAnError) {
  const TemporaryFolder folder;
  write_model(folder / "one");
  const std::string weights = folder / "one/model.safetensors";
  checkpoint::write_safetensors(weights, {{"a", at::ones({2})}});
  expect_error<CheckpointError>(
      [&] { convert_model(folder / "one", folder / "new", {.dtype = at::kBFloat16}); },
      "missing tensors: lm_head.weight");
  fs::resize_file(weights, fs::file_size(weights) - 1);
  expect_error<CheckpointError>([&] { convert_model(folder / "one", folder / "new", {}); },
                                weights);
  write_bytes(folder / "blocked", "");
  write_model(folder / "one");
  expect_error<IoError>([&] { convert_model(folder / "one", folder / "blocked/new", {}); },
                        folder / "blocked");
  EXPECT_FALSE(fs::exists(folder / "new"));
  EXPECT_FALSE(fs::exists(folder / "new.tmp"));
}

}  // namespace
}  // namespace hecaton::recipes
