// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/cli/model_commands.h"

#include <cmath>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>

#include "core/error.h"
#include "models/decoder_plan.h"
#include "parallel/single.h"
#include "recipes/config/recipe_io.h"
#include "recipes/data/recipe_data.h"
#include "recipes/data/tokenizer.h"
#include "recipes/model/model_convert.h"
#include "recipes/model/model_files.h"
#include "recipes/model/model_weights.h"
#include "recipes/train/host.h"
#include "recipes/train/run_folder.h"
#include "recipes/train/training_engine.h"

namespace hecaton::recipes {
namespace {

/// The config of a model whose weights have the names and shapes that it says.
models::DecoderConfig checked_config(const ModelLocation& location) {
  models::DecoderConfig config = load_model_config(location.model_folder);
  check_weights(ModelWeights(location.model_folder), config);
  return config;
}

models::Decoder load_decoder(const ModelLocation& location) {
  models::Decoder decoder(checked_config(location));
  load_model(*decoder, location.model_folder);
  return decoder;
}

/// The recipe that a model is evaluated with: its own, on the data asked for.
Recipe evaluation_recipe(const ModelLocation& location, const std::vector<std::string>& data) {
  Recipe recipe;
  if (!location.recipe_path.empty()) {
    recipe = load_recipe(location.recipe_path).recipe;
  }
  if (!data.empty()) {
    recipe.dataset.validation.clear();
    for (const std::string& path : data) {
      recipe.dataset.validation.push_back({.path = path});
    }
    recipe.dataset.validation_fraction = 0.0;
  }
  if (recipe.dataset.validation.empty() && recipe.dataset.validation_fraction == 0.0) {
    throw ConfigError("no data to evaluate on: the model's recipe names none; give --data PATH");
  }
  return recipe;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text;
  for (const int64_t size : shape) {
    text += (text.empty() ? "" : " x ") + std::to_string(size);
  }
  return text;
}

at::ScalarType dtype_named(const std::string& name) {
  static const std::map<std::string, at::ScalarType> kDtypes = {
      {"float32", at::kFloat}, {"bfloat16", at::kBFloat16}, {"float64", at::kDouble}};
  return kDtypes.at(name);  // the command line lets no other name through
}

}  // namespace

void evaluate(const std::string& model, const std::vector<std::string>& data) {
  const ModelLocation location = find_model(model);
  const Recipe recipe = evaluation_recipe(location, data);
  const std::unique_ptr<TokenDataset> validation = load_validation(recipe);
  const std::shared_ptr<parallel::Communicator> alone = parallel::make_single();
  apply_threads(choose_threads(*alone, std::nullopt));
  models::Decoder decoder = load_decoder(location);
  const int64_t num_windows = num_evaluated_windows(recipe, *validation);
  // Sequences at a time: a share of the windows asked for, so that no other is looked at.
  constexpr int64_t kMostSequences = 8;
  const int64_t batch_size = num_windows == validation->num_windows()
                                 ? kMostSequences
                                 : std::gcd(num_windows, kMostSequences);
  const EvalResult result = evaluate_decoder(
      *decoder, evaluation_batches(*validation, batch_size, num_windows, *alone), alone);
  const char* token = token_name(recipe.dataset);
  std::printf("loss %.6f nats per %s | perplexity %.4f | %lld %ss\n",
              result.loss,
              token,
              std::exp(result.loss),
              static_cast<long long>(result.num_target_tokens),
              token);
}

void generate(const std::string& model, const std::string& prompt, const SamplingConfig& sampling) {
  sampling.validate();
  models::Decoder decoder = load_decoder(find_model(model));
  const ByteTokenizer tokenizer;
  std::vector<int64_t> prompt_ids = tokenizer.encode(prompt);
  if (prompt_ids.empty()) {
    // The model needs something to go on from; documents that are kept apart have nothing before
    // their first byte.
    prompt_ids.push_back(ByteTokenizer::kDocumentEndId);
  }
  std::cout << prompt << std::flush;
  generate(*decoder,
           prompt_ids,
           ByteTokenizer::kDocumentEndId,
           ByteTokenizer::kPaddingId,
           sampling,
           [&](int64_t token) { std::cout << tokenizer.decode({token}) << std::flush; });
  std::cout << std::endl;
}

void inspect(const std::string& model) {
  const ModelLocation location = find_model(model);
  const ModelWeights weights(location.model_folder);
  const models::ParameterCount count = models::count_parameters(checked_config(location));
  std::cout << "model       " << location.model_folder << "\n"
            << "recipe      " << (location.recipe_path.empty() ? "none" : location.recipe_path)
            << "\n"
            << "parameters  " << count.total << " in total, " << count.active
            << " active per token\n";
  for (const auto& [name, info] : weights.tensors()) {
    std::cout << "  " << name << "  " << info.dtype << "  " << shape_text(info.shape) << "\n";
  }
  std::cout << std::flush;
}

void convert(const std::string& model,
             const std::string& output,
             std::optional<int64_t> max_shard_bytes,
             const std::string& dtype) {
  ConvertOptions options = {.max_shard_bytes = max_shard_bytes};
  if (!dtype.empty()) {
    options.dtype = dtype_named(dtype);
  }
  const ConvertResult result = convert_model(find_model(model).model_folder, output, options);
  std::cout << output << ": " << result.num_tensors << " tensors, " << result.num_bytes
            << " bytes in " << result.num_files << (result.num_files == 1 ? " file" : " files")
            << ", read back and compared" << std::endl;
}

}  // namespace hecaton::recipes
