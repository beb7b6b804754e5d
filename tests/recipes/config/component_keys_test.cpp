// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/component_keys.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "moe/moe_layer.h"
#include "moe/registry.h"
#include "moe/switch_loss.h"
#include "moe/top_k_router.h"
#include "recipes/config/recipe_schema.h"
#include "tests/recipes/config/recipe_file.h"

namespace hecaton::recipes {
namespace {

/// Knows a router and a loss that a program registered after the first recipe was read.
class ComponentKeysTest : public RecipeFileTest {
 protected:
  static void SetUpTestSuite() {
    recipe_schema();
    moe::register_router("patient", [](const moe::MoeLayerConfig& layer, OptionReader& options) {
      options.require(options.number("patience", 1.0) > 0.0, "patience", "above 0");
      options.text("mood", "calm");
      return [&layer] { return moe::TopKRouter(layer.hidden_size, layer.router).ptr(); };
    });
    moe::register_routing_loss("lenient", [](OptionReader& options) {
      options.boolean("always", false);
      return std::make_shared<moe::SwitchLoss>();
    });
  }
};

TEST_F(ComponentKeysTest, NamesAndOptionsAreRead) {
  const Recipe recipe =
      load(std::string(kMinimalRecipe) +
               "moe:\n"
               "  router: {type: patient, options: {patience: 2, mood: \"5\"}}\n"
               "  losses: [{type: lenient, coef: 0.5, options: {always: true}}]\n",
           {"moe.router.options.patience=1.5"})
          .recipe;
  EXPECT_EQ(recipe.moe.router.type, "patient");
  EXPECT_EQ(recipe.moe.router.options, (Options{{"patience", 1.5}, {"mood", "5"}}));
  EXPECT_EQ(recipe.moe.losses[0].options, (Options{{"always", true}}));
}

TEST_F(ComponentKeysTest, OptionsSurvivePrinting) {
  const LoadedRecipe first =
      load(std::string(kMinimalRecipe) +
           "moe:\n"
           "  router: {type: patient, options: {patience: 0.25, mood: \"true\"}}\n");
  const std::string printed = print_recipe(first, /*with_origins=*/false);
  EXPECT_EQ(load(printed).recipe.moe, first.recipe.moe) << printed;
}

TEST_F(ComponentKeysTest, AnUnknownNameGetsTheNearestOne) {
  EXPECT_EQ(error_below_minimal("moe: {router: {type: topk}, experts: {type: 3}}\n"),
            "r.yaml:5:22: moe.router.type: must be one of patient, top_k, found topk; "
            "did you mean 'top_k'?\n"
            "r.yaml:5:45: moe.experts.type: must be one of ffn, found 3");
  EXPECT_EQ(error_below_minimal("moe: {losses: [{type: swtch, coef: 1}]}\n"),
            "r.yaml:5:23: moe.losses.0.type: must be one of lenient, switch, z, found swtch; "
            "did you mean 'switch'?");
}

TEST_F(ComponentKeysTest, EveryWrongOptionIsListedWhereItStands) {
  EXPECT_EQ(error_below_minimal("moe:\n"
                                "  router: {type: patient, options: {patience: 0, moood: calm}}\n"
                                "  losses:\n"
                                "    - {type: z, coef: 1, options: {always: true}}\n"),
            "r.yaml:6:47: moe.router.options.patience: must be above 0, found 0\n"
            "r.yaml:6:57: moe.router.options.moood: unknown option (known: mood, patience), "
            "found calm\n"
            "r.yaml:8:44: moe.losses.0.options.always: unknown option (known: none), found true");
}

TEST_F(ComponentKeysTest, AnOptionHasOneValue) {
  EXPECT_EQ(error_below_minimal("moe: {router: {type: patient, options: {patience: [1]}}}\n"),
            "r.yaml:5:51: moe.router.options.patience: must be true, false, a number or text, "
            "found a list of 1 entry");
  EXPECT_EQ(error_below_minimal("moe: {router: {type: patient, options: 3}}\n"),
            "r.yaml:5:40: moe.router.options: must be a section of options, found 3");
}

TEST_F(ComponentKeysTest, OptionsOfAnUnknownTypeAreNotBlamed) {
  EXPECT_EQ(error_below_minimal("moe: {router: {type: pattient, options: {patience: 2}}}\n"),
            "r.yaml:5:22: moe.router.type: must be one of patient, top_k, found pattient; "
            "did you mean 'patient'?");
}

}  // namespace
}  // namespace hecaton::recipes
