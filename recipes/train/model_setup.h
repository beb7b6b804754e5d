// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include "models/decoder_config.h"
#include "moe/moe_layer_config.h"
#include "optim/make_optimizer.h"
#include "optim/schedule.h"
#include "recipes/config/recipe.h"

namespace hecaton::recipes {

/// What a recipe says about the parts of the library, in their own terms. recipe: validated.
models::DecoderConfig decoder_config(const Recipe& recipe);
/// The other way round: sets what a recipe says about architecture, router and capacity to
/// `config`.
void set_architecture(const models::DecoderConfig& config, Recipe& recipe);
moe::MoeLayerConfig moe_layer_config(const Recipe& recipe);
optim::OptimizerConfig optimizer_config(const Recipe& recipe);
optim::ScheduleConfig schedule_config(const Recipe& recipe);

}  // namespace hecaton::recipes
