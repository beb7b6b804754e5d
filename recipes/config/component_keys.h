// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>

#include "core/options.h"
#include "recipes/config/codec.h"
#include "recipes/config/fault_list.h"
#include "recipes/config/recipe.h"

namespace hecaton::recipes {

// Keys that name a registered component (moe/registry.h), those of a program of the user's own
// included, and the options that only this component knows.

/// Registered names, as they are when the key is read.
Codec<std::string> router_name();
Codec<std::string> experts_name();
Codec<std::string> routing_loss_name();

/// A section of names with one value each: true or false, a number, or text.
Codec<Options> options_section();

/// Lists each option of router, experts and losses that its component does not know or refuses.
/// recipe: within the range of every key; sections that have faults already are passed over.
void check_components(const Recipe& recipe, const Origins& origins, FaultList& faults);

}  // namespace hecaton::recipes
