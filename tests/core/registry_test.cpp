// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/registry.h"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/testing/expect_error.h"

namespace hecaton {
namespace {

using Factory = std::function<int()>;

TEST(RegistryTest, FindsWhatWasAdded) {
  Registry<Factory> registry("shape");
  registry.add("square", [] { return 4; });
  registry.add("hexagon", [] { return 6; });
  EXPECT_EQ(registry.find("square")(), 4);
  EXPECT_EQ(registry.find("hexagon")(), 6);
  EXPECT_FALSE(registry.find("circle"));
  EXPECT_EQ(registry.names(), (std::vector<std::string>{"hexagon", "square"}));
}

TEST(RegistryTest, RefusesANameThatIsTaken) {
  Registry<Factory> registry("shape");
  registry.add("square", [] { return 4; });
  testing::expect_error<ConfigError>([&] { registry.add("square", [] { return 5; }); },
                                     "the shape 'square' is registered already");
  EXPECT_EQ(registry.find("square")(), 4);
}

}  // namespace
}  // namespace hecaton
