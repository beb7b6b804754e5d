// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/recipe_data.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ops/cat.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "parallel/single.h"
#include "recipes/data/megatron_files.h"
#include "recipes/data/tokenizer.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/temporary_folder.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::recipes {
namespace {

using hecaton::testing::expect_bitwise_equal;
using hecaton::testing::expect_error;
using hecaton::testing::TemporaryFolder;
using hecaton::testing::write_bytes;

/// A file of every format.
class RecipeDataTest : public ::testing::Test {
 protected:
  RecipeDataTest() {
    write_bytes(folder_ / "text/a", std::string(100, 'a'));
    write_bytes(folder_ / "text/b", std::string(60, 'b'));
    write_bytes(folder_ / "tokens", std::string(120, '\1'));
    MegatronWriter writer(folder_ / "set", TokenType::kUint16);
    writer.add_document(std::vector<int64_t>(90, 5));
    writer.add_document(std::vector<int64_t>(30, 6));
    writer.commit();
    write_bytes(folder_ / "pairs/p.jsonl",
                "{\"prompt\": \"2+2=\", \"completion\": \"4\"}\n"
                "{\"prompt\": \"3+3=\", \"completion\": \"6\"}\n");
    write_bytes(folder_ / "chat.jsonl",
                "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"},"
                " {\"role\": \"assistant\", \"content\": \"Hello\"}]}\n");
  }

  DataSourceRecipe entry(const std::string& name,
                         DataFormat format,
                         std::optional<double> weight = {}) const {
    return {.path = folder_ / name, .format = format, .weight = weight};
  }

  Recipe recipe(std::vector<DataSourceRecipe> train) const {
    Recipe recipe;
    recipe.dataset.train = std::move(train);
    recipe.dataset.sequence_length = 48;
    recipe.training.max_steps = 1;
    return recipe;
  }

  Recipe blend() const {
    return recipe({entry("text", DataFormat::kText, 4),
                   entry("set", DataFormat::kMegatron, 2),
                   entry("tokens", DataFormat::kTokens, 2),
                   entry("pairs", DataFormat::kPromptCompletion, 1),
                   entry("chat.jsonl", DataFormat::kMessages, 1)});
  }

  TemporaryFolder folder_;
};

TEST_F(RecipeDataTest, OpensEveryFormat) {
  const RecipeData data = load_data(blend());
  EXPECT_EQ(data.validation, nullptr);
  const std::vector<SourceUse> uses = data.train->source_uses(100.0);
  ASSERT_EQ(uses.size(), 5U);
  const std::vector<int64_t> num_tokens = {162, 120, 60, 12, 32};
  const std::vector<int64_t> num_documents = {2, 2, 1, 2, 1};
  const std::vector<int64_t> num_windows = {4, 3, 2, 1, 1};
  const std::vector<double> shares = {0.4, 0.2, 0.2, 0.1, 0.1};
  for (size_t i = 0; i < uses.size(); ++i) {
    EXPECT_EQ(uses[i].num_tokens, num_tokens[i]) << i;
    EXPECT_EQ(uses[i].num_documents, num_documents[i]) << i;
    EXPECT_EQ(uses[i].num_windows, num_windows[i]) << i;
    EXPECT_DOUBLE_EQ(uses[i].share, shares[i]) << i;
  }
}

TEST_F(RecipeDataTest, DescribesSources) {
  const RecipeData data = load_data(blend());
  TrainingRecipe training;
  training.global_batch_size = 10;
  training.max_steps = 10;
  const std::string text = describe_sources(*data.train, training);
  EXPECT_NE(text.find("  40.00%    10.000           162             2  " + (folder_ / "text\n")),
            std::string::npos)
      << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 6);
  // No walk over the samples, and more of them than 64 bits count.
  training.max_steps = std::numeric_limits<int64_t>::max();
  const std::string endless = describe_sources(*data.train, training);
  EXPECT_NE(endless.find("  40.00%  9223372036854775808.000  "), std::string::npos) << endless;
}

/// All samples of `num_steps` steps, as `num_ranks` ranks draw them: each loads the data for itself
/// and takes its own rows of each micro-batch, from `first_step` on.
Batch samples_of_run(const Recipe& recipe,
                     int64_t num_ranks,
                     int64_t num_micro_batches,
                     int64_t first_step,
                     int64_t num_steps) {
  constexpr int64_t kGlobalBatch = 8;
  const int64_t per_rank = kGlobalBatch / num_ranks / num_micro_batches;
  std::vector<RecipeData> data;
  for (int64_t rank = 0; rank < num_ranks; ++rank) {
    data.push_back(load_data(recipe));
  }
  std::vector<at::Tensor> inputs;
  std::vector<at::Tensor> targets;
  for (int64_t step = first_step; step < first_step + num_steps; ++step) {
    for (int64_t i = 0; i < num_micro_batches; ++i) {
      for (int64_t rank = 0; rank < num_ranks; ++rank) {
        const int64_t first = step * kGlobalBatch + (i * num_ranks + rank) * per_rank;
        const Batch batch = data[static_cast<size_t>(rank)].train->train_batch(first, per_rank);
        inputs.push_back(batch.input_BQ);
        targets.push_back(batch.target_BQ);
      }
    }
  }
  Batch all;
  all.input_BQ = at::cat(inputs);
  all.target_BQ = at::cat(targets);
  return all;
}

TEST_F(RecipeDataTest, DrawsTheSameSamplesForEveryLayoutAndAfterAResume) {
  constexpr int64_t kSteps = 6;  // 48 samples: several epochs of each source
  for (const bool is_weighted : {true, false}) {
    Recipe recipe = blend();
    for (DataSourceRecipe& source : recipe.dataset.train) {
      source.weight = is_weighted ? source.weight : std::nullopt;
    }
    const Batch whole = samples_of_run(recipe, 1, 1, 0, kSteps);
    for (const int64_t num_ranks : {1, 2, 4}) {
      for (const int64_t num_micro_batches : {1, 2}) {
        const Batch run = samples_of_run(recipe, num_ranks, num_micro_batches, 0, kSteps);
        expect_bitwise_equal(run.input_BQ, whole.input_BQ);
        expect_bitwise_equal(run.target_BQ, whole.target_BQ);
        const int64_t resumed_at = 4;
        const Batch rest =
            samples_of_run(recipe, num_ranks, num_micro_batches, resumed_at, kSteps - resumed_at);
        expect_bitwise_equal(rest.input_BQ, whole.input_BQ.slice(0, 8 * resumed_at));
      }
    }
    recipe.seed += 1;
    EXPECT_FALSE(samples_of_run(recipe, 1, 1, 0, kSteps).input_BQ.equal(whole.input_BQ));
  }
}

TEST_F(RecipeDataTest, JoinsNeighboursOfTextIntoOneStream) {
  Recipe joined = recipe({entry("text/a", DataFormat::kText), entry("text", DataFormat::kText)});
  const RecipeData data = load_data(joined);
  EXPECT_EQ(data.train->num_documents(), 2);  // a counts once
  ASSERT_EQ(data.train->source_uses(1.0).size(), 1U);
  EXPECT_EQ(data.train->source_uses(1.0)[0].name, (folder_ / "text/a") + " and 1 more");
  EXPECT_EQ(data.train->fingerprint(),
            load_data(recipe({entry("text", DataFormat::kText)})).train->fingerprint());
  for (DataSourceRecipe& source : joined.dataset.train) {
    source.weight = 1.0;
  }
  EXPECT_EQ(load_data(joined).train->num_documents(), 3);
}

TEST_F(RecipeDataTest, GivesEachDocumentASequenceWithoutPacking) {
  Recipe apart =
      recipe({entry("set", DataFormat::kMegatron), entry("pairs", DataFormat::kPromptCompletion)});
  apart.dataset.packing = false;
  EXPECT_EQ(load_data(apart).train->num_windows(), 2 + 1 + 2);
  apart.dataset.packing = true;
  EXPECT_EQ(load_data(apart).train->num_windows(), 3 + 1);
}

TEST_F(RecipeDataTest, HoldsFilesOut) {
  Recipe split = recipe({entry("text", DataFormat::kText)});
  split.dataset.validation_fraction = 0.5;
  const RecipeData data = load_data(split);
  EXPECT_EQ(data.train->num_documents(), 1);
  EXPECT_EQ(data.validation->num_documents(), 1);
}

TEST_F(RecipeDataTest, LoadsTheValidationDataAlone) {
  Recipe recipe_of_both = recipe({entry("gone", DataFormat::kTokens)});
  EXPECT_EQ(load_validation(recipe_of_both), nullptr);
  EXPECT_STREQ(token_name(recipe_of_both.dataset), "token");
  recipe_of_both.dataset.validation = {entry("text", DataFormat::kText)};
  expect_error<DataError>([&] { load_data(recipe_of_both); }, folder_ / "gone");
  EXPECT_EQ(load_validation(recipe_of_both)->num_documents(), 2);
  EXPECT_STREQ(token_name(recipe_of_both.dataset), "byte");
  Recipe split = recipe({entry("text", DataFormat::kText)});
  split.dataset.validation_fraction = 0.5;
  EXPECT_EQ(load_validation(split)->fingerprint(), load_data(split).validation->fingerprint());
}

TEST_F(RecipeDataTest, EvaluatesSourcesInTheirOrder) {
  Recipe recipe = blend();
  recipe.dataset.validation = {entry("chat.jsonl", DataFormat::kMessages),
                               entry("text", DataFormat::kText)};
  const RecipeData data = load_data(recipe);
  EXPECT_EQ(data.validation->num_windows(), 5);
  const Batch first = data.validation->window_batch(0, 1);
  EXPECT_EQ(first.input_BQ[0][0].item<int64_t>(), '<');
  EXPECT_EQ(first.num_target_tokens, 6);
  const auto single = parallel::make_single();
  EXPECT_EQ(evaluation_batches(*data.validation, 2, 5, *single).size(), 3U);
  EXPECT_EQ(evaluation_batches(*data.validation, 2, 2, *single).size(), 1U);
}

TEST_F(RecipeDataTest, EvaluatesAsManyWindowsOnAnyNumberOfRanks) {
  Recipe recipe = blend();
  recipe.dataset.validation = {entry("chat.jsonl", DataFormat::kMessages),
                               entry("text", DataFormat::kText)};
  const RecipeData data = load_data(recipe);
  EXPECT_EQ(num_evaluated_windows(recipe, *data.validation), 5);
  recipe.training.global_batch_size = 2;
  EXPECT_EQ(num_evaluated_windows(recipe, *data.validation), 5);
  recipe.evaluation.eval_batches = 2;
  EXPECT_EQ(num_evaluated_windows(recipe, *data.validation), 4);
  recipe.evaluation.eval_batches = 3;
  EXPECT_EQ(num_evaluated_windows(recipe, *data.validation), 5);
}

TEST_F(RecipeDataTest, TakesWhatTheRecipeSaysOfExamples) {
  Recipe pairs = recipe({entry("pairs", DataFormat::kPromptCompletion)});
  EXPECT_EQ(load_data(pairs).train->window_batch(0, 1).num_target_tokens, 4);
  pairs.dataset.train_on = TrainOn::kAll;
  EXPECT_EQ(load_data(pairs).train->window_batch(0, 1).num_target_tokens, 10);
  pairs.dataset.sequence_length = 4;
  expect_error<DataError>([&] { load_data(pairs); },
                          (folder_ / "pairs/p.jsonl") + ":1: expected an example of at most 5");
  pairs.dataset.overlong_examples = OverlongExamples::kTruncate;
  EXPECT_EQ(load_data(pairs).train->num_tokens(), 10);
  pairs.dataset.overlong_examples = OverlongExamples::kDrop;
  expect_error<DataError>(
      [&] { load_data(pairs); },
      (folder_ / "pairs") + ": expected a token to train on, found none in 0 documents");
}

TEST_F(RecipeDataTest, ChecksIdsAgainstTheVocabulary) {
  write_bytes(folder_ / "wide", std::string("\1\0\2\1\3\0", 6));  // 1, 258, 3
  Recipe recipe_of_ids = recipe({entry("wide", DataFormat::kTokens)});
  expect_error<DataError>([&] { load_data(recipe_of_ids); },
                          (folder_ / "wide") +
                              ": document 0, token 1 (byte 2): expected an id below the "
                              "vocabulary size 258, found 258");
  recipe_of_ids.model.arch.vocab_size = 259;
  EXPECT_EQ(load_data(recipe_of_ids).train->num_tokens(), 3);
  recipe_of_ids.dataset.train[0].document_end_id = 258;
  EXPECT_EQ(load_data(recipe_of_ids).train->num_documents(), 2);
  recipe_of_ids.dataset.train[0].document_end_id.reset();
  recipe_of_ids.dataset.train[0].dtype = TokenType::kUint8;
  EXPECT_EQ(load_data(recipe_of_ids).train->num_tokens(), 6);
}

}  // namespace
}  // namespace hecaton::recipes
