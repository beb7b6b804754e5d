// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/json_schema.h"

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "recipes/config/recipe_schema.h"
#include "tests/recipes/config/json_schema_check.h"
#include "tests/recipes/config/recipe_file.h"
#include "tests/testing/paths.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

using nlohmann::json;

const json& schema() {
  static const json kSchema = json::parse(recipe_json_schema());
  return kSchema;
}

std::string violation(const std::string& yaml) {
  return schema_violation(yaml_as_json(yaml), schema(), schema());
}

class JsonSchemaTest : public RecipeFileTest {
 protected:
  /// Schema and reader say the same about lines below the minimal recipe.
  static void expect_same_verdict(const std::string& lines) {
    SCOPED_TRACE(lines);
    const std::string recipe = kMinimalRecipe + lines;
    const bool is_accepted = error_of(recipe) == "no ConfigError";
    EXPECT_EQ(violation(recipe).empty(), is_accepted) << error_of(recipe) << violation(recipe);
  }
};

TEST_F(JsonSchemaTest, AcceptsEveryRecipeOfTheProject) {
  size_t num_recipes = 0;
  for (const char* folder : {"configs", "tests/data"}) {
    for (const auto& entry :
         std::filesystem::directory_iterator(testing::source_dir() + "/" + folder)) {
      if (entry.path().extension() == ".yaml") {
        ++num_recipes;
        EXPECT_EQ(violation(testing::read_bytes(entry.path())), "") << entry.path();
      }
    }
  }
  EXPECT_GE(num_recipes, 2U);
}

TEST_F(JsonSchemaTest, RefusesUnknownKeysWrongTypesAndValuesOutOfRange) {
  const auto refusal = [](const std::string& lines) { return violation(kMinimalRecipe + lines); };
  EXPECT_EQ(refusal(""), "");
  EXPECT_EQ(refusal("sead: 1\n"), "/sead: additionalProperties");
  EXPECT_EQ(refusal("moe: {router: {typ: top_k}}\n"), "/moe/router/typ: additionalProperties");
  EXPECT_EQ(refusal("moe: {losses: [{type: z, coef: 1, k: 2}]}\n"),
            "/moe/losses/0/k: additionalProperties");
  EXPECT_EQ(refusal("moe: {num_experts: many}\n"), "/moe/num_experts: anyOf");
  EXPECT_EQ(refusal("moe: {num_experts: 0}\n"), "/moe/num_experts: anyOf");
  EXPECT_EQ(refusal("moe: 3\n"), "/moe: type");
  EXPECT_EQ(violation("training: {max_steps: 1}\n"), ": required");
  EXPECT_EQ(violation("dataset: {train: [{path: a}]}\n"), ": allOf");
}

TEST_F(JsonSchemaTest, AgreesWithTheReaderOnSingleValues) {
  for (const char* lines : {
           "seed: 0\n",
           "seed: -1\n",
           "seed: \"1\"\n",
           "model:\n",
           "model: {arch: {qk_norm: true, tie_word_embeddings: yes}}\n",
           "model: {dtype: bfloat16}\n",
           "model: {dtype: fp16}\n",
           "model: {arch: {head_dim: null}}\n",
           "model: {arch: {rope_theta: 0}}\n",
           "moe: {layers: all}\n",
           "moe: {layers: none}\n",
           "moe: {layers: some}\n",
           "moe: {layers: [0, 2]}\n",
           "moe: {layers: [-1]}\n",
           "moe: {capacity_factor: 1.5}\n",
           "moe: {router_aux_loss_coef: 0.1}\n",
           "moe: {router_aux_loss_coef: -0.1}\n",
           "moe: {losses: [{type: z}]}\n",
           "moe: {losses: [{type: zz, coef: 1}]}\n",
           "moe: {router: {type: top_k, options: {}}}\n",
           "moe: {router: {options: {list: [1]}}}\n",
           "dataset: {train: []}\n",
           "optimizer: {betas: [0.9, 0.99]}\n",
           "optimizer: {betas: [0.9]}\n",
           "optimizer: {betas: [0.9, 1.0]}\n",
           "lr_scheduler: {warmup_steps: 0.5}\n",
           "lr_scheduler: {warmup_steps: 7}\n",
           "lr_scheduler: {warmup_steps: 1.5}\n",
           "lr_scheduler: {min_lr_ratio: 1.5}\n",
           "parallel: {dp: auto}\n",
           "parallel: {dp: all}\n",
           "parallel: {expert_parallel_size: 2}\n",
           "learning_rate: 0.1\n",
           "learning_rate: fast\n",
           "bf16: true\n",
           "bf16: 3\n",
           "output_dir: \"\"\n",
           "output_dir: 12\n",
       }) {
    if (std::string(lines).rfind("dataset", 0) == 0) {
      EXPECT_EQ(violation(std::string(lines) + "training: {max_steps: 1}\n"),
                "/dataset/train: minItems");
    } else {
      expect_same_verdict(lines);
    }
  }
}

TEST_F(JsonSchemaTest, RequiredKeysMayHaveTheirOldNames) {
  const std::string data = "dataset: {train: [{path: a}]}\n";
  EXPECT_EQ(violation(data + "steps: 3\n"), "");
  EXPECT_EQ(violation(data + "training: {train_iters: 3}\n"), "");
  EXPECT_NE(violation(data + "training:\n"), "");
}

/// Every schema of a property below `form`.
void collect_properties(const json& form,
                        const std::string& path,
                        std::map<std::string, json>& out) {
  const json known = form.value("properties", json::object());
  for (const auto& property : known.items()) {
    const std::string name = path.empty() ? property.key() : path + "." + property.key();
    out[name] = property.value();
    collect_properties(property.value(), name, out);
  }
}

TEST_F(JsonSchemaTest, DescribesEveryKeyAndItsDefault) {
  std::map<std::string, json> properties;
  collect_properties(schema(), "", properties);
  for (const KeyDescription& key : recipe_schema().describe()) {
    ASSERT_EQ(properties.count(key.path), 1U) << key.path;
    const json& form = properties.at(key.path);
    EXPECT_EQ(form.value("description", ""), key.doc);
    EXPECT_EQ(form.contains("default"), key.default_value.has_value()) << key.path;
    if (form.contains("default")) {
      EXPECT_EQ(schema_violation(form["default"], form, schema()), "") << key.path;
    }
    EXPECT_GT(form.size(), form.contains("default") ? 2U : 1U) << key.path << " says no type";
  }
  for (const auto& [section, doc] : recipe_sections()) {
    EXPECT_EQ(properties.at(section).value("description", ""), doc);
  }
}

TEST_F(JsonSchemaTest, EverySectionHasADescription) {
  std::map<std::string, json> properties;
  collect_properties(schema(), "", properties);
  for (const auto& [path, form] : properties) {
    EXPECT_TRUE(form.contains("description")) << path;
  }
}

}  // namespace
}  // namespace hecaton::recipes
