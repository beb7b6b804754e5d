// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/recipe_schema.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "recipes/config/recipe.h"
#include "recipes/config/schema.h"
#include "tests/recipes/config/recipe_file.h"

namespace hecaton::recipes {
namespace {

class RecipeSchemaTest : public RecipeFileTest {};

TEST_F(RecipeSchemaTest, DocumentsEachKeyOnce) {
  std::set<std::string> paths;
  for (const Key<Recipe>& key : recipe_schema().keys()) {
    EXPECT_TRUE(paths.insert(key.path).second) << key.path;
    EXPECT_FALSE(key.doc.empty()) << key.path;
    EXPECT_FALSE(key.expected.empty()) << key.path;
  }
}

TEST_F(RecipeSchemaTest, SuggestsTheNearestKeyOfTheSection) {
  EXPECT_EQ(error_below_minimal("optimizer:\n  lrr: 1\n"),
            "r.yaml:6:3: optimizer.lrr: unknown key; did you mean 'optimizer.lr'?");
  EXPECT_EQ(error_below_minimal("optimzer: {lr: 1}\n"),
            "r.yaml:5:1: optimzer: unknown key; did you mean 'optimizer'?");
  EXPECT_EQ(error_below_minimal("parallel: {zeros: 1}\n"),
            "r.yaml:5:12: parallel.zeros: unknown key; did you mean 'parallel.zero'?");
}

TEST_F(RecipeSchemaTest, SuggestsAKeyOfAnotherSectionThatIsNearer) {
  EXPECT_EQ(error_below_minimal("model: {hidden_sise: 8}\n"),
            "r.yaml:5:9: model.hidden_sise: unknown key; did you mean 'model.arch.hidden_size'?");
  EXPECT_EQ(error_below_minimal("lr: 1\n"),
            "r.yaml:5:1: lr: unknown key; did you mean 'optimizer.lr'?");
}

TEST_F(RecipeSchemaTest, RefusesUnknownKeysInEntriesOfLists) {
  EXPECT_EQ(error_of("dataset:\n  train: [{path: a, formt: text}]\ntraining: {max_steps: 1}\n"),
            "r.yaml:2:21: dataset.train.0.formt: unknown key; did you mean 'format'?");
}

TEST_F(RecipeSchemaTest, NamesMissingKeysInTheirSection) {
  EXPECT_EQ(error_of("seed: 1\ntraining:\n  micro_batch_size: 2\ndataset:\n  train: [{}]\n"),
            "r.yaml:2:1: training.max_steps: required key is missing (optimizer steps of the "
            "run)\n"
            "r.yaml:5:11: dataset.train.0.path: required key is missing (file or folder of "
            "documents)");
  EXPECT_EQ(error_of("seed: 1\n"),
            "r.yaml:1:1: dataset.train: required key is missing (documents to train on)\n"
            "r.yaml:1:1: training.max_steps: required key is missing (optimizer steps of the "
            "run)");
}

TEST_F(RecipeSchemaTest, RefusesWrongTypes) {
  EXPECT_EQ(error_below_minimal("seed: \"1\"\n"),
            "r.yaml:5:7: seed: must be an integer of at least 0, found \"1\"");
  EXPECT_EQ(error_below_minimal("seed: 1.0\n"),
            "r.yaml:5:7: seed: must be an integer of at least 0, found 1.0");
  EXPECT_EQ(error_below_minimal("seed: 010\n"),
            "r.yaml:5:7: seed: must be an integer of at least 0, found 010");
  EXPECT_EQ(error_below_minimal("seed: [1]\n"),
            "r.yaml:5:7: seed: must be an integer of at least 0, found a list of 1 entry");
  EXPECT_EQ(error_below_minimal("output_dir: 12\n"),
            "r.yaml:5:13: output_dir: must be text, found 12");
  EXPECT_EQ(error_below_minimal("output_dir:\n"),
            "r.yaml:5:1: output_dir: must be text, found null");
  EXPECT_EQ(error_below_minimal("model: {arch: {qk_norm: yes}}\n"),
            "r.yaml:5:25: model.arch.qk_norm: must be true or false, found yes");
  EXPECT_EQ(error_below_minimal("model: {arch: 3}\n"),
            "r.yaml:5:15: model.arch: must be a section of keys, found 3");
  EXPECT_EQ(error_below_minimal("optimizer: {lr: fast}\n"),
            "r.yaml:5:17: optimizer.lr: must be a number above 0, found fast");
  EXPECT_EQ(error_below_minimal("optimizer: {lr: .nan}\n"),
            "r.yaml:5:17: optimizer.lr: must be a number above 0, found .nan");
  EXPECT_EQ(error_below_minimal("moe: {losses: [3]}\n"),
            "r.yaml:5:16: moe.losses.0: must be a section of keys, found 3");
}

TEST_F(RecipeSchemaTest, RefusesValuesOutOfRange) {
  EXPECT_EQ(error_below_minimal("moe: {num_experts: 0}\n"),
            "r.yaml:5:20: moe.num_experts: must be an integer from 1 to 2147483647, found 0");
  EXPECT_EQ(error_below_minimal("optimizer: {betas: [0.9, 1.0]}\n"),
            "r.yaml:5:26: optimizer.betas.1: must be a number in [0, 1), found 1.0");
  EXPECT_EQ(error_below_minimal("optimizer: {betas: [0.9]}\n"),
            "r.yaml:5:20: optimizer.betas: must be a list of two numbers in [0, 1), found a list "
            "of 1 entry");
  EXPECT_EQ(error_below_minimal("lr_scheduler: {warmup_steps: 1.5}\n"),
            "r.yaml:5:30: lr_scheduler.warmup_steps: must be a number of steps of at least 0, or a "
            "share of max_steps in (0, 1), found 1.5");
  EXPECT_EQ(error_below_minimal("lr_scheduler: {min_lr_ratio: 1.5}\n"),
            "r.yaml:5:30: lr_scheduler.min_lr_ratio: must be a number in [0, 1], found 1.5");
  EXPECT_EQ(error_below_minimal("moe: {losses: [{type: z, coef: -1}]}\n"),
            "r.yaml:5:32: moe.losses.0.coef: must be a number of at least 0, found -1");
}

TEST_F(RecipeSchemaTest, RefusesWordsThatAreNoneOfTheChoices) {
  EXPECT_EQ(error_below_minimal("model: {dtype: fp16}\n"),
            "r.yaml:5:16: model.dtype: must be one of float32, bfloat16, float64, found fp16");
  EXPECT_EQ(error_below_minimal("recipe: rlhf\n"),
            "r.yaml:5:9: recipe: must be one of pretrain, sft, found rlhf");
  EXPECT_EQ(error_below_minimal("parallel: {dp: all}\n"),
            "r.yaml:5:16: parallel.dp: must be an integer from 1 to 1048576 or auto, found all");
  EXPECT_EQ(error_below_minimal("moe: {layers: some}\n"),
            "r.yaml:5:15: moe.layers: must be a list of layer indices, none or all, found some");
  EXPECT_EQ(
      error_below_minimal("moe: {capacity_factor: none}\n"),
      "r.yaml:5:24: moe.capacity_factor: must be a number in [1e-06, 1e+06] or null, found none");
}

TEST_F(RecipeSchemaTest, SuggestsTheNearestWord) {
  EXPECT_EQ(error_below_minimal("model: {dtype: flaot32}\n"),
            "r.yaml:5:16: model.dtype: must be one of float32, bfloat16, float64, found flaot32; "
            "did you mean 'float32'?");
  EXPECT_EQ(error_below_minimal("optimizer: {type: adam}\n"),
            "r.yaml:5:19: optimizer.type: must be one of adamw, muon, found adam; did you mean "
            "'adamw'?");
  EXPECT_EQ(error_of_override("lr_scheduler.type=cosin"),
            "override 'lr_scheduler.type=cosin': lr_scheduler.type: must be one of constant, "
            "linear, cosine, wsd, inverse_sqrt, found cosin; did you mean 'cosine'?");
}

TEST_F(RecipeSchemaTest, ListsTenFaultsAtOnce) {
  const std::string recipe =
      "seed: -1\n"
      "model:\n"
      "  dtype: flaot64\n"
      "  arch: {hidden_sise: 8, head_dim: 3}\n"
      "moe:\n"
      "  num_experts_per_tok: 9\n"
      "  losses: [{type: switch, coef: x}]\n"
      "dataset:\n"
      "  train: []\n"
      "optimiser: {lr: 1}\n"
      "training: {micro_batch_size: 3, global_batch_size: 8}\n";
  EXPECT_EQ(
      error_of(recipe, {"parallel.ep=two"}),
      "r.yaml:1:7: seed: must be an integer of at least 0, found -1\n"
      "r.yaml:3:10: model.dtype: must be one of float32, bfloat16, float64, found flaot64; did you "
      "mean 'float64'?\n"
      "r.yaml:4:10: model.arch.hidden_sise: unknown key; did you mean 'model.arch.hidden_size'?\n"
      "r.yaml:4:36: model.arch.head_dim: must be even for the rotary embedding, found 3\n"
      "r.yaml:6:24: moe.num_experts_per_tok: must be at most moe.num_experts = 8, found 9\n"
      "r.yaml:7:33: moe.losses.0.coef: must be a number of at least 0, found x\n"
      "r.yaml:9:10: dataset.train: must be a list of files and folders, at least one, found an "
      "empty "
      "list\n"
      "r.yaml:10:1: optimiser: unknown key; did you mean 'optimizer'?\n"
      "r.yaml:11:1: training.max_steps: required key is missing (optimizer steps of the run)\n"
      "r.yaml:11:52: training.global_batch_size: must be a multiple of micro_batch_size 3, found "
      "8\n"
      "override 'parallel.ep=two': parallel.ep: must be an integer from 1 to 1048576, found two");
}

TEST_F(RecipeSchemaTest, ReadsEveryFormOfAValue) {
  const Recipe recipe =
      load(std::string(kMinimalRecipe) +
           "model:\n"
           "  dtype: bfloat16\n"
           "  arch: {num_key_value_heads: 2, hidden_act: relu2, vocab_size: null}\n"
           "moe:\n"
           "  layers: [3, 1]\n"
           "  capacity_factor: 1\n"
           "  capacity_scope: micro_batch\n"
           "  router: {score: sigmoid, scaling_factor: 2.5}\n"
           "  losses: [{type: z, coef: 1e-3}]\n"
           "optimizer: {betas: [0.8, .9]}\n"
           "parallel: {dp: 4}\n"
           "logging:\n")
          .recipe;
  EXPECT_EQ(recipe.model.dtype, at::kBFloat16);
  EXPECT_EQ(recipe.model.arch.num_key_value_heads, 2);
  EXPECT_EQ(recipe.model.arch.hidden_act, kernels::Activation::kSquaredRelu);
  EXPECT_EQ(recipe.model.arch.vocab_size, std::nullopt);
  EXPECT_EQ(recipe.moe.layers, (std::vector<int64_t>{3, 1}));
  EXPECT_EQ(recipe.moe.capacity_factor, 1.0);
  EXPECT_EQ(recipe.moe.capacity_scope, moe::CapacityScope::kMicroBatch);
  EXPECT_EQ(recipe.moe.router.score, moe::RouterScore::kSigmoid);
  EXPECT_EQ(recipe.moe.router.scaling_factor, 2.5);
  EXPECT_EQ(recipe.moe.losses, (std::vector<LossRecipe>{{"z", 1e-3}}));
  EXPECT_EQ(recipe.optimizer.betas, (std::array<double, 2>{0.8, 0.9}));
  EXPECT_EQ(recipe.parallel.dp, 4);
  EXPECT_EQ(recipe.logging, LoggingRecipe{});
}

TEST_F(RecipeSchemaTest, ReadsTheWordsForAllAndNoLayers) {
  EXPECT_EQ(load_minimal({"moe.layers=all"}).moe.layers, std::nullopt);
  EXPECT_EQ(load_minimal({"moe.layers=none"}).moe.layers, std::vector<int64_t>{});
  EXPECT_EQ(load_minimal({"training.max_grad_norm=null"}).training.max_grad_norm, std::nullopt);
  EXPECT_EQ(load_minimal({"parallel.dp=auto"}).parallel.dp, std::nullopt);
}

}  // namespace
}  // namespace hecaton::recipes
