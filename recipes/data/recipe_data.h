// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parallel/communicator.h"
#include "recipes/config/recipe.h"
#include "recipes/data/dataset.h"

namespace hecaton::recipes {

/// Training and validation data of a recipe. validation is empty if the recipe has none.
struct RecipeData {
  std::unique_ptr<TokenDataset> train;
  std::unique_ptr<TokenDataset> validation;
};

/// Opens the data of a recipe and reads all of it once: every fault of a file is found here.
/// Neighbours of format text without a weight are one stream, in which a file that is reached twice
/// counts once; any other entry is a source of its own.
/// Errors:      DataError naming the file for one that is missing or malformed, and for a source
///              without a target.
RecipeData load_data(const Recipe& recipe);

/// The validation data of a recipe alone; empty if it has none. Errors: those of load_data().
std::unique_ptr<TokenDataset> load_validation(const Recipe& recipe);

/// A table for people: documents, tokens, share and epochs of each source over a run.
/// training: its batch is resolved.
std::string describe_sources(const TokenDataset& data, const TrainingRecipe& training);

/// What one token of the validation data is called: "byte" if the byte tokenizer makes all of them,
/// "token" if some come from files of ids.
const char* token_name(const DatasetRecipe& dataset);

/// Windows of a validation set that one evaluation looks at: evaluation.eval_batches times
/// training.global_batch_size, or all of them. The same for every number of ranks.
int64_t num_evaluated_windows(const Recipe& recipe, const TokenDataset& data);

/// This rank's batches of the first windows of a dataset, padded so that every rank has as many.
/// num_windows: a multiple of micro_batch_size * dp.size(), or all that there are.
std::vector<Batch> evaluation_batches(const TokenDataset& data,
                                      int64_t micro_batch_size,
                                      int64_t num_windows,
                                      const parallel::Communicator& dp);

}  // namespace hecaton::recipes
