// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/options.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace hecaton {
namespace {

const Options kOptions = {{"flag", true}, {"count", 3}, {"ratio", 0.5}, {"name", "sine"}};

std::vector<std::string> lines_of(const ConfigFaults& faults) {
  std::vector<std::string> lines;
  for (const ConfigFaults::Fault& fault : faults.faults()) {
    lines.push_back(fault.path + " = " + fault.value + ": " + fault.rule);
  }
  return lines;
}

TEST(OptionsTest, ReadsEachKindOfValue) {
  ConfigFaults faults("");
  OptionReader reader(kOptions, "options", faults);
  EXPECT_TRUE(reader.boolean("flag", false));
  EXPECT_EQ(reader.integer("count", 7), 3);
  EXPECT_EQ(reader.number("ratio", 2.0), 0.5);
  EXPECT_EQ(reader.number("count", 2.0), 3.0);
  EXPECT_EQ(reader.text("name", "cosine"), "sine");
  reader.refuse_others();
  EXPECT_EQ(lines_of(faults), std::vector<std::string>{});
}

TEST(OptionsTest, GivesDefaultsForWhatIsNotThere) {
  const Options none;
  ConfigFaults faults("");
  OptionReader reader(none, "options", faults);
  EXPECT_TRUE(reader.boolean("flag", true));
  EXPECT_EQ(reader.integer("count", 7), 7);
  EXPECT_EQ(reader.number("ratio", 2.0), 2.0);
  EXPECT_EQ(reader.text("name", "cosine"), "cosine");
  EXPECT_EQ(lines_of(faults), std::vector<std::string>{});
}

TEST(OptionsTest, ListsEveryFaultAndReadsDefaultsThere) {
  ConfigFaults faults("router");
  OptionReader reader(kOptions, "options", faults);
  EXPECT_FALSE(reader.boolean("name", false));
  EXPECT_EQ(reader.integer("ratio", 7), 7);
  EXPECT_EQ(reader.number("flag", 2.0), 2.0);
  EXPECT_EQ(reader.text("count", "cosine"), "cosine");
  EXPECT_EQ(lines_of(faults),
            (std::vector<std::string>{"router.options.name = sine: must be true or false",
                                      "router.options.ratio = 0.5: must be a whole number",
                                      "router.options.flag = true: must be a number",
                                      "router.options.count = 3: must be text"}));
}

TEST(OptionsTest, AppliesTheComponentsOwnRules) {
  ConfigFaults faults("");
  OptionReader reader(kOptions, "options", faults);
  reader.require(reader.number("ratio", 1.0) > 0.6, "ratio", "above 0.6");
  reader.require(reader.number("scale", 1.0) > 2.0, "scale", "above 2");
  reader.require(reader.integer("count", 1) > 2, "count", "above 2");
  EXPECT_EQ(lines_of(faults),
            (std::vector<std::string>{"options.ratio = 0.5: must be above 0.6",
                                      "options.scale = default: must be above 2"}));
}

TEST(OptionsTest, RefusesWhatWasNotAskedFor) {
  const Options options = {{"temprature", 2.0}, {"scale", 1}};
  ConfigFaults faults("");
  OptionReader reader(options, "options", faults);
  reader.number("temperature", 1.0);
  reader.integer("scale", 1);
  reader.refuse_others();
  EXPECT_EQ(lines_of(faults),
            (std::vector<std::string>{
                "options.temprature = 2: unknown option (known: scale, temperature)"}));

  ConfigFaults of_nothing("");
  OptionReader(options, "options", of_nothing).refuse_others();
  EXPECT_EQ(lines_of(of_nothing),
            (std::vector<std::string>{"options.scale = 1: unknown option (known: none)",
                                      "options.temprature = 2: unknown option (known: none)"}));
}

}  // namespace
}  // namespace hecaton
