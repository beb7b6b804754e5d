// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "recipes/config/environment.h"
#include "recipes/config/overrides.h"
#include "recipes/config/recipe.h"
#include "tests/recipes/config/recipe_file.h"

namespace hecaton::recipes {
namespace {

using Losses = std::vector<LossRecipe>;

class RecipeOverrideTest : public RecipeFileTest {};
class RecipeAliasTest : public RecipeFileTest {};
class RecipeEnvironmentTest : public RecipeFileTest {};

TEST_F(RecipeOverrideTest, WinsOverTheFileAndTheLastOneWins) {
  EXPECT_EQ(load_minimal({}).training.max_steps, 10);
  EXPECT_EQ(load_minimal({"training.max_steps=12"}).training.max_steps, 12);
  EXPECT_EQ(load_minimal({"training.max_steps=12", "training.max_steps=13"}).training.max_steps,
            13);
}

TEST_F(RecipeOverrideTest, SetsKeysThatTheFileLacksInEachForm) {
  EXPECT_EQ(load_minimal({"optimizer.lr=1e-5"}).optimizer.lr, 1e-5);
  EXPECT_EQ(load_minimal({"+optimizer.lr=1e-5"}).optimizer.lr, 1e-5);
  EXPECT_EQ(load_minimal({"--optimizer.lr=1e-5"}).optimizer.lr, 1e-5);
}

TEST_F(RecipeOverrideTest, TakesItsValueAsYaml) {
  const Recipe recipe =
      load_minimal({"moe.layers=[0, 2]", "output_dir=\"12\"", "model.arch={hidden_size: 64}"});
  EXPECT_EQ(recipe.moe.layers, (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(recipe.output_dir, "12");
  EXPECT_EQ(recipe.model.arch.hidden_size, 64);
}

TEST_F(RecipeOverrideTest, ReachesEntriesOfLists) {
  const Recipe recipe = load_minimal(
      {"dataset.train.0.path=a", "dataset.train.1.path=b", "dataset.train.1.extensions.0=.txt"});
  ASSERT_EQ(recipe.dataset.train.size(), 2U);
  EXPECT_EQ(recipe.dataset.train[0].path, "a");
  EXPECT_EQ(recipe.dataset.train[1].path, "b");
  EXPECT_EQ(recipe.dataset.train[1].extensions, (std::vector<std::string>{".txt"}));
}

TEST_F(RecipeOverrideTest, StartsAListFromItsDefault) {
  EXPECT_EQ(load_minimal({"optimizer.betas.1=0.99"}).optimizer.betas,
            (std::array<double, 2>{0.9, 0.99}));
  EXPECT_EQ(load_minimal({"moe.losses.0.coef=0.5"}).moe.losses, (Losses{{"switch", 0.5}}));
}

TEST_F(RecipeOverrideTest, DeletesKeysAndEntries) {
  const std::string text = std::string(kMinimalRecipe) + "optimizer: {lr: 1, eps: 1}\n";
  EXPECT_EQ(load(text, {"~optimizer.lr"}).recipe.optimizer.lr, 3e-4);
  EXPECT_EQ(load(text, {"~optimizer.lr"}).recipe.optimizer.eps, 1.0);
  EXPECT_EQ(load(text, {"~optimizer"}).recipe.optimizer, OptimizerRecipe{});
  EXPECT_EQ(load(text, {"~learning_rate", "~moe.num_experts"}).recipe.optimizer.lr, 3e-4);
  EXPECT_EQ(load(text, {"dataset.train.1.path=b", "~dataset.train.0"}).recipe.dataset.train[0].path,
            "b");
}

TEST_F(RecipeOverrideTest, DeletesEntriesOfDefaultLists) {
  EXPECT_EQ(load_minimal({"~moe.losses.0"}).moe.losses, Losses{});
  EXPECT_EQ(load_minimal({"~moe.router_aux_loss_coef"}).moe.losses, Losses{});
  EXPECT_EQ(load_minimal({"moe.router_z_loss_coef=0.5", "~moe.router_aux_loss_coef"}).moe.losses,
            (Losses{{"z", 0.5}}));
  EXPECT_EQ(load_minimal({"~moe.router_z_loss_coef"}).moe.losses, (Losses{{"switch", 0.01}}))
      << "there is none to delete";
  EXPECT_EQ(error_of_override("~moe.losses.1"),
            "override '~moe.losses.1': moe.losses: has no entry 1");
}

TEST_F(RecipeOverrideTest, NamesTheArgumentInItsFaults) {
  EXPECT_EQ(error_of_override("optimizer.lrr=1"),
            "override 'optimizer.lrr=1': optimizer.lrr: unknown key; did you mean "
            "'optimizer.lr'?");
  EXPECT_EQ(error_of_override("optimizer.lr=-1"),
            "override 'optimizer.lr=-1': optimizer.lr: must be a number above 0, found -1");
  EXPECT_EQ(error_of_override("~optimizer.lrr"),
            "override '~optimizer.lrr': optimizer.lrr: unknown key; did you mean "
            "'optimizer.lr'?");
  EXPECT_EQ(error_of_override("seed.x=1"),
            "override 'seed.x=1': seed: must be an integer of at least 0, found a section");
  EXPECT_EQ(error_of_override("moe.layers=[0"),
            "override 'moe.layers=[0': moe.layers: YAML syntax: end of sequence flow not found");
  EXPECT_EQ(error_of_override("parallel.ep=3"),
            "override 'parallel.ep=3': parallel.ep: must divide moe.num_experts = 8, found 3");
  EXPECT_EQ(error_of_override("dataset.train.3.path=x"),
            "override 'dataset.train.3.path=x': dataset.train.3: must be an index of the list, "
            "from 0 to 1");
  EXPECT_EQ(error_of_override("dataset.train.path=x"),
            "override 'dataset.train.path=x': dataset.train.path: must be an index of the list, "
            "from 0 to 1");
}

TEST_F(RecipeOverrideTest, RefusesArgumentsOfAnotherForm) {
  for (const std::string argument : {"seed", "=1", ".seed=1", "a..b=1", "~", "--=1"}) {
    EXPECT_EQ(error_of_override(argument),
              "override '" + argument + "': must have the form key=value or ~key");
  }
}

TEST_F(RecipeOverrideTest, ReplacesAValueThatHasTheWrongType) {
  EXPECT_EQ(load(std::string(kMinimalRecipe) + "seed: x\n", {"seed=2"}).recipe.seed, 2);
}

TEST_F(RecipeOverrideTest, LeavesAFaultySectionToItsOwnFault) {
  EXPECT_EQ(error_of(std::string(kMinimalRecipe) + "moe: 5\n", {"moe.num_experts=4"}),
            "r.yaml:5:6: moe: must be a section of keys, found 5");
}

TEST_F(RecipeAliasTest, ReadsOldNamesAtTheTopAndInTheirSection) {
  const LoadedRecipe loaded = load(std::string(kMinimalRecipe) +
                                   "  local_batch_size: 2\n"
                                   "learning_rate: 0.5\n"
                                   "bf16: true\n"
                                   "warmup_ratio: 0.25\n");
  EXPECT_EQ(loaded.recipe.optimizer.lr, 0.5);
  EXPECT_EQ(loaded.recipe.training.micro_batch_size, 2);
  EXPECT_EQ(loaded.recipe.model.dtype, at::kBFloat16);
  EXPECT_EQ(loaded.recipe.lr_scheduler.warmup_steps, 0.25);
  EXPECT_EQ(loaded.origins.at("optimizer.lr").line, 6);
  EXPECT_EQ(loaded.warnings,
            (std::vector<std::string>{
                "r.yaml:5: training.local_batch_size is an old name of training.micro_batch_size",
                "r.yaml:6: learning_rate is an old name of optimizer.lr",
                "r.yaml:8: warmup_ratio is an old name of lr_scheduler.warmup_steps",
                "r.yaml:7: bf16 is an old name of model.dtype"}));
}

TEST_F(RecipeAliasTest, ReadsEachOldName) {
  const Recipe recipe = load(
                            "dataset: {train: [{path: a}]}\n"
                            "batch_size: 2\n"
                            "lr_decay_style: inverse-square-root\n"
                            "gradient_checkpointing: true\n"
                            "num_warmup_steps: 3\n"
                            "train_iters: 4\n"
                            "clip_grad: 5\n"
                            "cutoff_len: 6\n"
                            "log_interval: 7\n"
                            "eval_interval: 8\n"
                            "torch_dtype: float64\n"
                            "ep_size: 4\n")
                            .recipe;
  EXPECT_EQ(recipe.training.micro_batch_size, 2);
  EXPECT_EQ(recipe.lr_scheduler.type, optim::ScheduleType::kInverseSqrt);
  EXPECT_EQ(recipe.training.activation_checkpointing, models::ActivationCheckpointing::kFull);
  EXPECT_EQ(recipe.lr_scheduler.warmup_steps, 3);
  EXPECT_EQ(recipe.training.max_steps, 4);
  EXPECT_EQ(recipe.training.max_grad_norm, 5);
  EXPECT_EQ(recipe.dataset.sequence_length, 6);
  EXPECT_EQ(recipe.logging.logging_steps, 7);
  EXPECT_EQ(recipe.evaluation.eval_steps, 8);
  EXPECT_EQ(recipe.model.dtype, at::kDouble);
  EXPECT_EQ(recipe.parallel.ep, 4);
}

TEST_F(RecipeAliasTest, RefusesAnOldNameBesideItsKey) {
  EXPECT_EQ(error_below_minimal("learning_rate: 1\noptimizer: {lr: 2}\n"),
            "r.yaml:5:1: learning_rate: is an old name of optimizer.lr, which is given too");
  EXPECT_EQ(error_below_minimal("seq_len: 1\nmax_seq_len: 2\n"),
            "r.yaml:5:1: seq_len: is an old name of dataset.sequence_length, which is given too");
}

TEST_F(RecipeAliasTest, PlacesAFaultyValueWhereItStands) {
  EXPECT_EQ(error_below_minimal("bf16: auto\n"),
            "r.yaml:5:7: model.dtype: must be one of float32, bfloat16, float64, found auto");
}

TEST_F(RecipeAliasTest, KnowsOldNamesInOverrides) {
  const LoadedRecipe loaded =
      load(std::string(kMinimalRecipe) + "optimizer: {lr: 2}\n", {"learning_rate=3"});
  EXPECT_EQ(loaded.recipe.optimizer.lr, 3.0);
  EXPECT_EQ(loaded.warnings,
            (std::vector<std::string>{
                "override 'learning_rate=3': learning_rate is an old name of optimizer.lr"}));
}

TEST_F(RecipeAliasTest, SetsCoefficientsOfLossesByTheirOwnKeys) {
  const std::string text = std::string(kMinimalRecipe) + "moe: {router_z_loss_coef: 0.001}\n";
  EXPECT_EQ(load(text).recipe.moe.losses, (Losses{{"switch", 0.01}, {"z", 0.001}}));
  EXPECT_EQ(load(text, {"moe.router_aux_loss_coef=0.5"}).recipe.moe.losses,
            (Losses{{"switch", 0.5}, {"z", 0.001}}));
  EXPECT_EQ(load(text, {"moe.router_z_loss_coef=0.5"}).recipe.moe.losses,
            (Losses{{"switch", 0.01}, {"z", 0.5}}));
  EXPECT_EQ(load(text, {"moe.losses=[]"}).recipe.moe.losses, Losses{});
  EXPECT_TRUE(load(text).warnings.empty());
}

TEST_F(RecipeAliasTest, RefusesACoefficientThatTheListGivesToo) {
  EXPECT_EQ(error_below_minimal("moe:\n  losses: [{type: z, coef: 1}]\n  router_z_loss_coef: 2\n"),
            "r.yaml:7:3: moe.router_z_loss_coef: moe.losses has an entry of type z too");
  EXPECT_EQ(error_below_minimal("moe: {losses: 3, router_z_loss_coef: 2}\n"),
            "r.yaml:5:15: moe.losses: must be a list of losses, found 3");
}

TEST_F(RecipeEnvironmentTest, PutsVariablesIntoScalars) {
  setenv("HECATON_TEST_DIR", "/data", 1);
  setenv("HECATON_TEST_STEPS", "7", 1);
  setenv("HECATON_TEST_EMPTY", "", 1);
  unsetenv("HECATON_TEST_UNSET");
  const Recipe recipe =
      load(
          "dataset: {train: [{path: \"${HECATON_TEST_DIR}/a\"}]}\n"
          "training: {max_steps: \"1\"}\n"
          "output_dir: x-${HECATON_TEST_UNSET:-runs/}$${y}$-${HECATON_TEST_EMPTY}\n",
          {"training.max_steps=${HECATON_TEST_STEPS}",
           "seed=${HECATON_TEST_EMPTY:-5}",
           "training.max_grad_norm=${HECATON_TEST_UNSET:-null}"})
          .recipe;
  EXPECT_EQ(recipe.dataset.train[0].path, "/data/a");
  EXPECT_EQ(recipe.output_dir, "x-runs/${y}$-");
  EXPECT_EQ(recipe.training.max_steps, 7);
  EXPECT_EQ(recipe.seed, 5);
  EXPECT_EQ(recipe.training.max_grad_norm, std::nullopt);
}

TEST_F(RecipeEnvironmentTest, RefusesReferencesWithoutAValue) {
  unsetenv("HECATON_TEST_UNSET");
  EXPECT_EQ(error_below_minimal("output_dir: runs/${HECATON_TEST_UNSET}\n"),
            "r.yaml:5:13: output_dir: environment variable HECATON_TEST_UNSET is not set; "
            "${HECATON_TEST_UNSET:-default} gives a default");
  EXPECT_EQ(error_below_minimal("output_dir: runs/${HOME\n"),
            "r.yaml:5:13: output_dir: ${ has no closing }");
  EXPECT_EQ(error_below_minimal("output_dir: ${a b}\n"),
            "r.yaml:5:13: output_dir: a b is not the name of an environment variable");
  EXPECT_EQ(error_of_override("dataset.train.0.path=${1}"),
            "override 'dataset.train.0.path=${1}': dataset.train.0.path: 1 is not the name of "
            "an environment variable");
}

TEST_F(RecipeEnvironmentTest, EscapesTextThatLooksLikeAReference) {
  for (const std::string text : {"${a}", "$${a}", "$", "a${b}${c", "$$"}) {
    YamlNode node = YamlNode::quoted(escape_environment(text));
    FaultList faults;
    expand_environment(node, "", faults);
    EXPECT_TRUE(faults.is_empty());
    EXPECT_EQ(node.text, text);
  }
}

}  // namespace
}  // namespace hecaton::recipes
