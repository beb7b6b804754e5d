// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include "parallel/oracle.h"
#include "recipes/cli/recipe_commands.h"

namespace hecaton::recipes {

/// Trains a model a few steps under every layout of up to 4 ranks, by threads, and compares losses,
/// gradients, parameters, moments and loads with one process, in float64. Progress goes to standard
/// error; on standard output a table of the worst relative errors, whose last line is
/// "worst relative error 3.1e-13 over 84 layouts". Starts no job that would not end within 5
/// minutes of the first, by the time that the jobs before it took.
///
/// arguments: without a path, of a built-in tiny decoder; else the model and optimizer of that
///            recipe, on a built-in text, dropless and with capacities per sequence and per
///            micro-batch whatever the recipe says.
/// Errors:    NumericError naming layout, quantity and parameter if an error exceeds 1e-10;
///            ConfigError for overrides without a recipe, and for a recipe with a capacity per
///            rank, which depends on the layout; those of adopt_base_model().
void run_oracle(const RecipeArguments& arguments);

/// Errors: NumericError naming layout, quantity and parameter for the first relative error above
///         1e-10.
void check_report(const parallel::OracleReport& report);

}  // namespace hecaton::recipes
