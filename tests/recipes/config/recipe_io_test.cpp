// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/recipe_io.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "recipes/config/recipe.h"
#include "tests/recipes/config/recipe_file.h"
#include "tests/testing/golden.h"
#include "tests/testing/paths.h"

namespace hecaton::recipes {
namespace {

const std::string kGoldenDefaults = testing::source_dir() + "/tests/golden/recipe_defaults.yaml";

class RecipeIoTest : public RecipeFileTest {};

std::string file_text(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::string error_of_path(const std::string& path) {
  try {
    load_recipe(path);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no ConfigError";
}

TEST_F(RecipeIoTest, SaysWhichRecipeCannotBeRead) {
  EXPECT_EQ(error_of_path("nowhere/r.yaml"), "recipe not found: nowhere/r.yaml");
  EXPECT_EQ(error_of_path("."), "recipe is not a file that can be read: .");
  std::ofstream("large.yaml") << "# " << std::string(1 << 18, 'x');
  EXPECT_EQ(error_of_path("large.yaml"), "recipe is larger than 256 KiB: large.yaml");
}

TEST_F(RecipeIoTest, RefusesARecipeThatIsNoSection) {
  EXPECT_EQ(error_of("# nothing\n"), "r.yaml:1:1: the recipe is empty");
  EXPECT_EQ(error_of("\n- a\n"), "r.yaml:2:1: must be a section of keys, found a list of 1 entry");
  EXPECT_EQ(error_of("hello\n"), "r.yaml:1:1: must be a section of keys, found hello");
}

TEST_F(RecipeIoTest, ListsEveryFaultAtOnceInTheOrderOfTheFile) {
  const std::string text =
      "sed: 1\n"
      "output_dir: ${HECATON_TEST_UNSET}\n"
      "model:\n"
      "  dtype: &d fp8\n"
      "  arch: {hidden_size: 30, qk_norm: true, qk_norm: false}\n"
      "moe: {num_experts: 4, num_experts_per_tok: 5}\n"
      "dataset: {train: []}\n"
      "optimizer: {lr: !!float 1}\n"
      "learning_rate: 2\n";
  unsetenv("HECATON_TEST_UNSET");
  EXPECT_EQ(error_of(text, {"parallel.ep=0", "oops", "training.max_step=3"}),
            "r.yaml:1:1: sed: unknown key; did you mean 'seed'?\n"
            "r.yaml:2:13: output_dir: environment variable HECATON_TEST_UNSET is not set; "
            "${HECATON_TEST_UNSET:-default} gives a default\n"
            "r.yaml:4:10: model.dtype: anchors (&name) are not allowed\n"
            "r.yaml:4:10: model.dtype: must be one of float32, bfloat16, float64, found fp8\n"
            "r.yaml:5:23: model.arch.hidden_size: must be a multiple of "
            "model.arch.num_attention_heads = 4 unless head_dim is given, found 30\n"
            "r.yaml:5:42: model.arch.qk_norm: duplicate key, first given in line 5\n"
            "r.yaml:6:44: moe.num_experts_per_tok: must be at most moe.num_experts = 4, found 5\n"
            "r.yaml:7:18: dataset.train: must be a list of files and folders, at least one, found "
            "an empty list\n"
            "r.yaml:8:17: optimizer.lr: tags (!name) are not allowed\n"
            "r.yaml:9:1: learning_rate: is an old name of optimizer.lr, which is given too\n"
            "override 'parallel.ep=0': parallel.ep: must be an integer from 1 to 1048576, found 0\n"
            "override 'oops': must have the form key=value or ~key\n"
            "override 'training.max_step=3': training.max_step: unknown key; did you mean "
            "'training.max_steps'?\n"
            "override 'training.max_step=3': training.max_steps: required key is missing "
            "(optimizer steps of the run)");
}

TEST_F(RecipeIoTest, AnswersDamagedRecipesWithPlacedFaultsOnly) {
  const std::string intact = file_text(testing::source_dir() + "/configs/quickstart.yaml");
  const std::string characters = "\t\n :-,[]{}&*!|>'\"%@`#?~$<\\0a\xff";
  std::mt19937 random(/*seed=*/20240607);
  for (int round = 0; round < 300; ++round) {
    std::string text = intact;
    for (int edit = 0; edit < 3; ++edit) {
      text[random() % text.size()] = characters[random() % characters.size()];
    }
    std::istringstream lines(error_of(text));
    for (std::string line; std::getline(lines, line);) {
      EXPECT_TRUE(line == "no ConfigError" || line.rfind("r.yaml:", 0) == 0) << line << "\n"
                                                                             << text;
    }
  }
}

TEST_F(RecipeIoTest, ShowsARuleAtTheKeyThatWasGiven) {
  EXPECT_EQ(error_below_minimal("moe: {num_experts: 1}\n"),
            "r.yaml:5:20: moe.num_experts_per_tok: must be at most moe.num_experts = 1, found 2");
}

TEST_F(RecipeIoTest, NamesTheRunFolderAfterTheRecipe) {
  EXPECT_EQ(load(kMinimalRecipe).recipe.output_dir, "runs/r");
  EXPECT_EQ(load_minimal({"output_dir=x"}).output_dir, "x");
}

TEST_F(RecipeIoTest, CutsAWarmupThatIsLongerThanTheRun) {
  const LoadedRecipe loaded = load(kMinimalRecipe, {"lr_scheduler.warmup_steps=40"});
  EXPECT_EQ(loaded.recipe.lr_scheduler.warmup_steps, 10.0);
  EXPECT_EQ(loaded.warnings,
            (std::vector<std::string>{
                "lr_scheduler.warmup_steps = 40 is cut to training.max_steps = 10"}));
  EXPECT_TRUE(load(kMinimalRecipe, {"lr_scheduler.warmup_steps=0.5"}).warnings.empty());
}

TEST_F(RecipeIoTest, PrintsTheOriginOfEachValue) {
  const std::string text = print_recipe(
      load(kMinimalRecipe, {"optimizer.lr=0.5", "optimizer.betas.0=0.8"}), /*with_origins=*/true);
  EXPECT_THAT(
      text,
      ::testing::HasSubstr("\n    - path: data  # r.yaml:2\n      format: text  # default\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("\n  max_steps: 10  # r.yaml:4\n"));
  EXPECT_THAT(text,
              ::testing::HasSubstr("\n  lr: 0.5  # override\n  betas: [0.8, 0.95]  # override\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("\n  eps: 1e-08  # default\n"));
}

/// A recipe whose every value differs from its default.
Recipe unusual_recipe() {
  Recipe recipe;
  recipe.seed = 9223372036854775807;
  recipe.output_dir = "1e-5";
  recipe.model.dtype = at::kDouble;
  recipe.model.arch = {.hidden_size = 24,
                       .intermediate_size = 3,
                       .num_hidden_layers = 5,
                       .num_attention_heads = 6,
                       .num_key_value_heads = 3,
                       .head_dim = 2,
                       .vocab_size = 300,
                       .rms_norm_eps = 1.0 / 3.0,
                       .rope_theta = 1e6,
                       .tie_word_embeddings = true,
                       .qk_norm = true,
                       .hidden_act = kernels::Activation::kGeGlu,
                       .initializer_range = 5e-324};
  recipe.moe.num_experts = 12;
  recipe.moe.num_experts_per_tok = 3;
  recipe.moe.moe_intermediate_size = 7;
  recipe.moe.shared_expert_intermediate_size = 2;
  recipe.moe.layers = {{4, 0}};
  recipe.moe.router.score = moe::RouterScore::kSigmoid;
  recipe.moe.router.score_after_topk = true;
  recipe.moe.router.norm_topk_prob = false;
  recipe.moe.router.scaling_factor = 2.5;
  recipe.moe.capacity_factor = 1.25;
  recipe.moe.capacity_scope = moe::CapacityScope::kRank;
  recipe.moe.losses = {{"z", 0.0}, {"switch", 1.0}};
  recipe.dataset = {
      .train = {{.path = "a b/${c}\n\"\\é", .extensions = {".txt", "no"}}, {.path = "~"}},
      .validation = {{.path = "null"}},
      .sequence_length = 17,
      .cross_document_attention = true};
  recipe.training = {.micro_batch_size = 2,
                     .global_batch_size = 24,
                     .gradient_accumulation_steps = 3,
                     .max_steps = 1000,
                     .max_grad_norm = std::nullopt,
                     .activation_checkpointing = models::ActivationCheckpointing::kMoe,
                     .num_threads = 2};
  recipe.optimizer = {.type = "muon",
                      .lr = 0.1 + 0.2,
                      .betas = {0.0, 0.5},
                      .eps = 1e-30,
                      .weight_decay = 0.0,
                      .momentum = 0.5,
                      .groups = {{.match = "*.gate.weight", .frozen = true},
                                 {.match = "*", .lr_scale = 0.5, .weight_decay = 0.0}}};
  recipe.lr_scheduler = {.type = optim::ScheduleType::kWsd,
                         .warmup_steps = 0.07,
                         .min_lr_ratio = 1.0,
                         .decay_steps = 0.25};
  recipe.parallel = {.dp = 4, .ep = 2};
  recipe.logging = {.logging_steps = 3};
  recipe.evaluation = {.eval_steps = 5, .eval_batches = 6};
  return recipe;
}

TEST_F(RecipeIoTest, ReadsBackWhatItPrints) {
  for (const bool with_origins : {false, true}) {
    const LoadedRecipe unusual{unusual_recipe(), {}, {}};
    EXPECT_EQ(load(print_recipe(unusual, with_origins)).recipe, unusual.recipe);
    const LoadedRecipe minimal = load(kMinimalRecipe, {"output_dir=a b", "moe.layers=none"});
    EXPECT_EQ(load(print_recipe(minimal, with_origins)).recipe, minimal.recipe);
  }
}

TEST_F(RecipeIoTest, PrintsOriginsOfHostileArgumentsInOneLine) {
  const LoadedRecipe loaded = load(kMinimalRecipe, {"output_dir=\"x\n\n y\""});
  EXPECT_EQ(load(print_recipe(loaded, /*with_origins=*/true)).recipe, loaded.recipe);
}

TEST_F(RecipeIoTest, KeepsItsDefaults) {
  const std::string printed = print_recipe(load(kMinimalRecipe), /*with_origins=*/true);
  const std::string header =
      "# SPDX-License-Identifier: Apache-2.0\n"
      "# Copyright 2026 The Hecaton authors\n"
      "# Every key of a recipe that gives dataset.train and training.max_steps alone. Rewritten "
      "by\n"
      "# HECATON_UPDATE_GOLDEN=1 build/release/bin/hecaton_recipes_tests "
      "--gtest_filter=*Defaults\n";
  if (!testing::rewrites_golden(kGoldenDefaults, header + printed)) {
    EXPECT_EQ(header + printed, file_text(kGoldenDefaults));
  }
}

TEST_F(RecipeIoTest, LoadsTheRecipesOfTheProject) {
  for (const auto& entry :
       std::filesystem::directory_iterator(testing::source_dir() + "/configs")) {
    const std::string path = entry.path().string();
    if (entry.is_directory()) {
      continue;  // data of the recipes
    }
    EXPECT_NO_THROW(load_recipe(path)) << path;
    EXPECT_EQ(file_text(path).rfind("# ", 0), 0U) << path << " has no first line that describes it";
  }
}

TEST_F(RecipeIoTest, SplitsTheQuickStartOverOneTwoAndFourRanks) {
  for (const int64_t num_ranks : {1, 2, 4}) {
    for (const std::string ep : {"1", "2"}) {
      Recipe recipe = load_recipe(testing::source_dir() + "/configs/quickstart.yaml",
                                  {"parallel.ep=" + ep, "training.max_steps=12"})
                          .recipe;
      if (num_ranks % recipe.parallel.ep == 0) {
        EXPECT_NO_THROW(check_world(recipe, num_ranks));
        EXPECT_NO_THROW(resolve_batch(recipe, num_ranks));
      }
    }
  }
}

}  // namespace
}  // namespace hecaton::recipes
