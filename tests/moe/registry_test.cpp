// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/registry.h"

#include <memory>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "moe/grouped_ffn.h"
#include "moe/moe_layer.h"
#include "moe/top_k_router.h"
#include "moe/z_loss.h"
#include "tests/moe/layer_run.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::moe {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_error;
using testing::random_tensor;

/// A loss that is `scale` times the sum of the weights.
class WeightSum final : public RoutingLoss {
 public:
  explicit WeightSum(double scale) : scale_(scale) {}
  at::Tensor share(const RoutingLossInput& input) const override {
    return input.routing.weight_TK.sum() * (scale_ / input.divisor);
  }

 private:
  double scale_;
};

/// Components of the test's own. Names stay for the whole process, so they are added once.
class RegistryTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    register_router("test_scaled", [](const MoeLayerConfig& layer, OptionReader& options) {
      RouterConfig config = layer.router;
      config.scaling_factor = options.number("scale", 1.0);
      options.require(config.scaling_factor > 0.0, "scale", "above 0");
      return [config, &layer] { return TopKRouter(layer.hidden_size, config, layer.dtype).ptr(); };
    });
    register_experts("test_narrow", [](const MoeLayerConfig& layer, OptionReader& options) {
      const int64_t width = options.integer("width", 4);
      return [width, &layer](ExpertRange local) {
        return GroupedFfn(GroupedFfnConfig{.num_local_experts = local.count,
                                           .hidden_size = layer.hidden_size,
                                           .moe_intermediate_size = width,
                                           .dtype = layer.dtype})
            .ptr();
      };
    });
    register_routing_loss("test_weight_sum", [](OptionReader& options) {
      return std::make_shared<WeightSum>(options.number("scale", 1.0));
    });
  }
};

TEST_F(RegistryTest, KnowsTheLibrarysOwnAndTheTestsComponents) {
  EXPECT_EQ(components().routers.names(), (std::vector<std::string>{"test_scaled", "top_k"}));
  EXPECT_EQ(components().experts.names(), (std::vector<std::string>{"ffn", "test_narrow"}));
  EXPECT_EQ(components().losses.names(),
            (std::vector<std::string>{"switch", "test_weight_sum", "z"}));
}

TEST_F(RegistryTest, ALayerIsBuiltFromWhatItsConfigNames) {
  MoeLayerConfig config = small_config();
  config.router.type = "test_scaled";
  config.router.options = {{"scale", 3.0}};
  config.experts = {.type = "test_narrow", .options = {{"width", 5}}};
  config.losses = {{"test_weight_sum", 0.5, {{"scale", 2}}}};
  MoeLayer layer(config);
  const at::Tensor x_TD = random_tensor({7, config.hidden_size}, at::kDouble, "x");
  layer->forward(x_TD);
  EXPECT_EQ(layer->experts().weights().tensors[1].size(2), 5);
  EXPECT_NEAR(layer->last_routing().weight_TK.sum().item<double>(), 7 * 3.0, 1e-12);
  EXPECT_NEAR(layer->stats().losses.at("test_weight_sum"), 3.0 * 2.0, 1e-12);
}

TEST_F(RegistryTest, ALossOfTheUsersOwnReachesTheRouterThroughTheOutput) {
  MoeLayerConfig config = small_config();
  config.router.norm_topk_prob = false;
  const at::Tensor x_TD = random_tensor({7, config.hidden_size}, at::kDouble, "x");
  MoeLayer plain = random_layer(config);
  config.losses = {{"test_weight_sum", 2.0}};
  MoeLayer layer = random_layer(config);
  const NamedTensors without = run_layer(plain, x_TD);
  const NamedTensors with = run_layer(layer, x_TD);
  expect_bitwise_equal(with.at("y"), without.at("y"));
  for (at::Tensor& parameter : layer->parameters()) {
    parameter.mutable_grad().reset();
  }
  (layer->router().forward(x_TD, {}).weight_TK.sum() * (2.0 / 7.0)).backward();
  testing::expect_close(with.at("router.weight") - without.at("router.weight"),
                        layer->router().parameters()[0].grad(),
                        kDoubleFactor);
}

TEST_F(RegistryTest, UnknownNamesAndOptionsAreFaultsOfTheConfig) {
  MoeLayerConfig config = small_config();
  config.router.options = {{"jitter", 0.1}};
  config.experts.type = "fnn";
  config.losses = {{"switsch", 0.1}, {"z", 0.1, {{"bound", 3}}}};
  for (const char* fault :
       {"moe.router.options.jitter = 0.1: unknown option (known: none)",
        "moe.experts.type = fnn: must be one of ffn, test_narrow",
        "moe.losses.0.type = switsch: must be one of switch, test_weight_sum, z",
        "moe.losses.1.options.bound = 3: unknown option (known: none)"}) {
    expect_error<ConfigError>([&] { MoeLayer layer(config); }, fault);
  }
}

TEST_F(RegistryTest, AComponentRefusesItsOwnOptions) {
  MoeLayerConfig config = small_config();
  config.router.type = "test_scaled";
  config.router.options = {{"scale", -1}};
  expect_error<ConfigError>([&] { make_router(config); },
                            "moe.router.options.scale = -1: must be above 0");
}

TEST_F(RegistryTest, ANameIsTakenOnce) {
  expect_error<ConfigError>(
      [] { register_routing_loss("z", [](OptionReader&) { return std::make_shared<ZLoss>(); }); },
      "the routing loss 'z' is registered already");
  expect_error<ConfigError>([] { register_router("top_k", components().routers.find("top_k")); },
                            "the router 'top_k' is registered already");
  expect_error<ConfigError>([] { register_experts("ffn", components().experts.find("ffn")); },
                            "the kind of experts 'ffn' is registered already");
}

}  // namespace
}  // namespace hecaton::moe
