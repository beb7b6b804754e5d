// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/config_faults.h"
#include "core/options.h"
#include "core/registry.h"
#include "moe/aux_loss.h"
#include "moe/dispatcher.h"
#include "moe/routing_loss.h"

namespace hecaton::moe {

// Not included: module headers cost ten seconds to compile.
class Experts;
class Router;
struct MoeLayerConfig;

// The router, the experts and the losses of a layer are chosen by name: MoeLayerConfig::router.type
// and the like, moe.router.type in a recipe. Behind a name stands a factory. It reads the
// component's own options (router.options) and returns the function that makes the component, so
// that options are checked without making anything. That function is called, if at all, while the
// MoeLayerConfig lives; the OptionReader is gone by then, so a factory reads its options at once.
// The component copies what it keeps.

using RouterFactory =
    std::function<std::function<std::shared_ptr<Router>()>(const MoeLayerConfig&, OptionReader&)>;

/// The function returned gets the experts that live on this rank.
using ExpertsFactory = std::function<std::function<std::shared_ptr<Experts>(ExpertRange)>(
    const MoeLayerConfig&, OptionReader&)>;

/// A loss costs nothing to make.
using RoutingLossFactory = std::function<std::shared_ptr<const RoutingLoss>(OptionReader&)>;

/// Registers a component of the caller's own, before a layer or a recipe names it. Thread-safe.
/// Errors: ConfigError if the name is taken.
void register_router(const std::string& name, RouterFactory factory);
void register_experts(const std::string& name, ExpertsFactory factory);
void register_routing_loss(const std::string& name, RoutingLossFactory factory);

/// All that has a name.
struct Components {
  Registry<RouterFactory> routers{"router"};
  Registry<ExpertsFactory> experts{"kind of experts"};
  Registry<RoutingLossFactory> losses{"routing loss"};
};

/// The components of this process. At the first call those of the library are put in, by the
/// register_<file>(Components&) of each file that moe/CMakeLists.txt lists.
Components& components();

/// Make what a layer names. Errors: ConfigError for an unknown name or wrong options.
std::shared_ptr<Router> make_router(const MoeLayerConfig& layer);
std::shared_ptr<Experts> make_experts(const MoeLayerConfig& layer, ExpertRange local);
std::vector<WeightedRoutingLoss> make_routing_losses(const std::vector<RoutingLossConfig>& configs);

/// Collects unknown names and wrong options: of router and experts, and of one loss.
void collect_component_faults(const MoeLayerConfig& layer, ConfigFaults& faults);
void collect_component_faults(const RoutingLossConfig& loss, ConfigFaults& faults);

}  // namespace hecaton::moe
