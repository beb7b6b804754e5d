// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <string>

#include <gtest/gtest.h>

#include "recipes/config/recipe.h"
#include "tests/recipes/config/recipe_file.h"

namespace hecaton::recipes {
namespace {

using DataKeysTest = RecipeFileTest;

/// A recipe with this `dataset` section.
std::string with_dataset(const std::string& dataset) {
  return "training: {max_steps: 10}\ndataset: {" + dataset + "}\n";
}

TEST_F(DataKeysTest, ReadsEveryKeyOfASource) {
  const Recipe recipe =
      load(with_dataset("train: [{path: a, format: tokens, weight: 0.7, dtype: uint32, "
                        "document_end_id: 2}, {path: b, format: messages, weight: 3}], packing: "
                        "false, train_on: completion, overlong_examples: drop"))
          .recipe;
  const DatasetRecipe& dataset = recipe.dataset;
  EXPECT_EQ(dataset.train[0],
            (DataSourceRecipe{.path = "a",
                              .format = DataFormat::kTokens,
                              .weight = 0.7,
                              .dtype = TokenType::kUint32,
                              .document_end_id = 2}));
  EXPECT_EQ(dataset.train[1].format, DataFormat::kMessages);
  EXPECT_TRUE(dataset.train[1].has_examples());
  EXPECT_FALSE(dataset.train[0].has_examples());
  EXPECT_FALSE(dataset.packing);
  EXPECT_EQ(dataset.train_on, TrainOn::kCompletion);
  EXPECT_EQ(dataset.overlong_examples, OverlongExamples::kDrop);
}

TEST_F(DataKeysTest, RefusesUnknownWords) {
  EXPECT_NE(error_of(with_dataset("train: [{path: a, format: json}]"))
                .find("dataset.train.0.format: must be one of text, tokens, megatron, "
                      "prompt_completion, messages, found json"),
            std::string::npos);
  EXPECT_NE(error_of(with_dataset("train: [{path: a, weight: 0}]"))
                .find("dataset.train.0.weight: must be a number above 0 or null, found 0"),
            std::string::npos);
}

TEST_F(DataKeysTest, RefusesWeightsForSomeSources) {
  EXPECT_NE(error_of(with_dataset("train: [{path: a, weight: 1}, {path: b}]"))
                .find("dataset.train: must have a weight in every entry or in none, found 1 in 2 "
                      "entries"),
            std::string::npos);
}

TEST_F(DataKeysTest, RefusesAWeightInValidation) {
  EXPECT_NE(error_of(with_dataset("train: [{path: a}], validation: [{path: b, weight: 1}]"))
                .find("dataset.validation.0.weight: unknown key"),
            std::string::npos);
}

TEST_F(DataKeysTest, RefusesToHoldOutWhatIsNoText) {
  EXPECT_NE(error_of(with_dataset("train: [{path: a}, {path: b, format: megatron}], "
                                  "validation_fraction: 0.1"))
                .find("dataset.validation_fraction: holds whole files of format text out, so it "
                      "must be 0 when dataset.train has another format"),
            std::string::npos);
}

TEST_F(DataKeysTest, RefusesKeysThatAFormatHasNoUseFor) {
  EXPECT_NE(error_of(with_dataset("train: [{path: a}, {path: b, dtype: uint32}]"))
                .find("dataset.train: entry 1 must have format tokens for dtype and "
                      "document_end_id"),
            std::string::npos);
  EXPECT_NE(error_of(with_dataset("train: [{path: a}], validation: [{path: b, format: megatron, "
                                  "extensions: [.bin]}]"))
                .find("dataset.validation: entry 0 must have no extensions: its format is one "
                      "file and no folder"),
            std::string::npos);
}

TEST_F(DataKeysTest, RefusesToCrossWhatIsKeptApart) {
  EXPECT_NE(error_of(with_dataset("train: [{path: a}], packing: false, cross_document_attention: "
                                  "true"))
                .find("dataset.cross_document_attention: must be false when dataset.packing is "
                      "false: a sequence holds one document"),
            std::string::npos);
  EXPECT_NE(error_of(with_dataset("train: [{path: a}], validation: [{path: b.jsonl, format: "
                                  "messages}], cross_document_attention: true"))
                .find("must be false with examples, found b.jsonl: they are kept apart"),
            std::string::npos);
}

TEST_F(DataKeysTest, KnowsTheNamesOfOtherTrainers) {
  EXPECT_FALSE(
      load(with_dataset("train: [{path: a}], sample_packing: false")).recipe.dataset.packing);
  EXPECT_FALSE(load(with_dataset("train: [{path: a}], packed: false")).recipe.dataset.packing);
}

}  // namespace
}  // namespace hecaton::recipes
