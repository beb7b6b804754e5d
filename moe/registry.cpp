// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/registry.h"

#include <type_traits>
#include <utility>

#include "moe/experts.h"
#include "moe/moe_layer_config.h"
#include "moe/router.h"

namespace hecaton::moe {

void register_builtin_components(Components& components);  // the build writes its source

namespace {

template <typename Factory>
std::string names_of(const Registry<Factory>& registry) {
  std::string names;
  for (const std::string& name : registry.names()) {
    names += (names.empty() ? "" : ", ") + name;
  }
  return names;
}

/// What the factory of `type` makes of the options; nothing, and a fault, if there is no such type.
/// path: of the component in messages, with a dot behind it, or "".
template <typename Factory, typename... Layer>
auto read_component(const Registry<Factory>& registry,
                    const std::string& path,
                    const std::string& type,
                    const Options& options,
                    ConfigFaults& faults,
                    const Layer&... layer) {
  const Factory factory = registry.find(type);
  if (!factory) {
    faults.require(false, path + "type", type, "must be one of " + names_of(registry));
    return std::invoke_result_t<Factory, const Layer&..., OptionReader&>();
  }
  OptionReader reader(options, path + "options", faults);
  auto made = factory(layer..., reader);
  reader.refuse_others();
  return made;
}

auto read_router(const MoeLayerConfig& layer, ConfigFaults& faults) {
  const RouterConfig& router = layer.router;
  return read_component(
      components().routers, "router.", router.type, router.options, faults, layer);
}

auto read_experts(const MoeLayerConfig& layer, ConfigFaults& faults) {
  const ExpertsConfig& experts = layer.experts;
  return read_component(
      components().experts, "experts.", experts.type, experts.options, faults, layer);
}

auto read_loss(const RoutingLossConfig& loss, ConfigFaults& faults) {
  return read_component(components().losses, "", loss.type, loss.options, faults);
}

}  // namespace

Components& components() {
  static Components components;
  static const bool kIsFilled = (register_builtin_components(components), true);
  static_cast<void>(kIsFilled);
  return components;
}

void register_router(const std::string& name, RouterFactory factory) {
  components().routers.add(name, std::move(factory));
}

void register_experts(const std::string& name, ExpertsFactory factory) {
  components().experts.add(name, std::move(factory));
}

void register_routing_loss(const std::string& name, RoutingLossFactory factory) {
  components().losses.add(name, std::move(factory));
}

std::shared_ptr<Router> make_router(const MoeLayerConfig& layer) {
  ConfigFaults faults("moe");
  const auto make = read_router(layer, faults);
  faults.throw_if_any();
  return make();
}

std::shared_ptr<Experts> make_experts(const MoeLayerConfig& layer, ExpertRange local) {
  ConfigFaults faults("moe");
  const auto make = read_experts(layer, faults);
  faults.throw_if_any();
  return make(local);
}

std::vector<WeightedRoutingLoss> make_routing_losses(
    const std::vector<RoutingLossConfig>& configs) {
  std::vector<WeightedRoutingLoss> losses;
  losses.reserve(configs.size());
  ConfigFaults faults("losses");
  for (const RoutingLossConfig& config : configs) {
    losses.push_back({config.type, config.coef, read_loss(config, faults)});
  }
  faults.throw_if_any();
  return losses;
}

void collect_component_faults(const MoeLayerConfig& layer, ConfigFaults& faults) {
  read_router(layer, faults);
  read_experts(layer, faults);
}

void collect_component_faults(const RoutingLossConfig& loss, ConfigFaults& faults) {
  read_loss(loss, faults);
}

}  // namespace hecaton::moe
