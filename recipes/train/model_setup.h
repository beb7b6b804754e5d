// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include "models/decoder_config.h"
#include "optim/adamw.h"
#include "optim/schedule.h"
#include "recipes/config/recipe.h"

namespace hecaton::recipes {

/// What a recipe says about the parts of the library, in their own terms. recipe: validated.
models::DecoderConfig decoder_config(const Recipe& recipe);
optim::AdamWConfig adamw_config(const Recipe& recipe);
optim::ScheduleConfig schedule_config(const Recipe& recipe);

}  // namespace hecaton::recipes
