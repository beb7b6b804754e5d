// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/base_model.h"

#include <string>

#include "recipes/config/fault_list.h"
#include "recipes/config/recipe_diff.h"
#include "recipes/model/model_files.h"
#include "recipes/train/model_setup.h"
#include "recipes/train/run_folder.h"

namespace hecaton::recipes {

void adopt_base_model(LoadedRecipe& loaded) {
  if (!loaded.recipe.model.base_model) {
    return;
  }
  const std::string folder = find_model(*loaded.recipe.model.base_model).model_folder;
  Recipe adopted = loaded.recipe;
  set_architecture(load_model_config(folder), adopted);
  if (loaded.origins.count("model.dtype") != 0) {
    adopted.model.dtype = loaded.recipe.model.dtype;
  }
  FaultList faults;
  for (const RecipeChange& change : compare_recipes(loaded.recipe, adopted)) {
    const auto [origin, is_new] =
        loaded.origins.emplace(change.key, Origin{.source = "model.base_model"});
    if (!is_new) {
      faults.add(origin->second,
                 change.key,
                 "must be that of model.base_model, " + change.after + ", found " + change.before);
    }
  }
  faults.throw_if_any();
  validate_recipe(adopted);
  loaded.recipe = adopted;
}

}  // namespace hecaton::recipes
