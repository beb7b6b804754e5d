// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/metrics.h"

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/rng.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

using hecaton::testing::expect_error;
using hecaton::testing::read_bytes;
using hecaton::testing::TemporaryFolder;
using hecaton::testing::test_seed;
using hecaton::testing::write_bytes;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(JsonlWriterTest, WritesAnObjectALineInTheOrderGiven) {
  const TemporaryFolder folder;
  JsonlWriter writer(folder / "train.jsonl");
  const std::string first = R"({"step":1,"loss":2.5,"dataset":"validation"})";
  writer.write({{"step", int64_t{1}}, {"loss", 2.5}, {"dataset", "validation"}});
  // Without closing: a line is in the file as soon as it was written.
  EXPECT_EQ(read_bytes(folder / "train.jsonl"), first + "\n");
  writer.write({});
  EXPECT_EQ(read_bytes(folder / "train.jsonl"), first + "\n{}\n");
}

TEST(JsonlWriterTest, AppendsToWhatIsThere) {
  const TemporaryFolder folder;
  write_bytes(folder / "train.jsonl", "{\"step\":1}\n");
  JsonlWriter(folder / "train.jsonl").write({{"step", int64_t{2}}});
  EXPECT_EQ(read_bytes(folder / "train.jsonl"), "{\"step\":1}\n{\"step\":2}\n");
}

TEST(JsonlWriterTest, RefusesAFileThatCannotBeOpened) {
  const TemporaryFolder folder;
  expect_error<IoError>(
      [&] { JsonlWriter(folder / "missing/train.jsonl"); },
      "cannot open " + (folder / "missing/train.jsonl") + ": No such file or directory");
}

TEST(JsonlWriterTest, ReportsAFullDisk) {
  JsonlWriter writer("/dev/full");
  expect_error<IoError>(
      [&] {
        writer.write({{"step", int64_t{1}}});
      },
      "cannot write /dev/full: No space left on device");
}

TEST(JsonLineTest, WritesTheShortestDigits) {
  EXPECT_EQ(json_line({{"a", 0.1}, {"b", 3.0}, {"c", 1e-9}, {"d", -0.0}, {"e", 1e300}}),
            R"({"a":0.1,"b":3,"c":1e-09,"d":-0,"e":1e+300})");
  EXPECT_EQ(json_line({{"a", std::numeric_limits<int64_t>::min()}}),
            R"({"a":-9223372036854775808})");
}

TEST(JsonLineTest, WritesNullForWhatIsNoNumber) {
  EXPECT_EQ(json_line({{"a", std::nan("")}, {"b", kInfinity}, {"c", -kInfinity}}),
            R"({"a":null,"b":null,"c":null})");
}

TEST(JsonLineTest, EscapesNamesAndStrings) {
  EXPECT_EQ(json_line({{"a\"b", "c\\d\n"}, {"bad", "\xFF"}}),
            "{\"a\\\"b\":\"c\\\\d\\n\",\"bad\":\"\xEF\xBF\xBD\"}");
}

TEST(JsonLineTest, KeepsEveryBitOfADouble) {
  const CounterRng rng(test_seed(), "doubles");
  for (uint64_t i = 0; i < 2000; ++i) {
    const double value =
        std::ldexp(rng.normal(2 * i), static_cast<int>(rng.bits(2 * i + 1) % 2000) - 1000);
    const auto parsed = nlohmann::json::parse(json_line({{"a", value}}));
    EXPECT_EQ(parsed["a"].get<double>(), value);
  }
}

TEST(MetricsFileTest, ReadsAColumnAgainstTheStep) {
  const TemporaryFolder folder;
  write_bytes(folder / "m.jsonl",
              "{\"step\":1,\"loss\":2.5}\n{\"step\":2,\"loss\":null}\n"
              "{\"step\":3,\"loss\":1.5}\n{\"step\":4,\"lo");
  const std::vector<std::pair<int64_t, double>> expected = {{1, 2.5}, {3, 1.5}};
  EXPECT_EQ(metric_points(folder / "m.jsonl", "loss"), expected);
  expect_error<IoError>([&] { metric_points(folder / "none.jsonl", "loss"); }, "none.jsonl");
  write_bytes(folder / "bad.jsonl", "{\"step\":1}\nnonsense\n");
  expect_error<DataError>([&] { metric_points(folder / "bad.jsonl", "loss"); },
                          "bad.jsonl:2: expected a JSON object");
}

TEST(MetricsFileTest, CutsLaterRowsAndAnUnfinishedOne) {
  const TemporaryFolder folder;
  const std::string kept = "{\"step\":1,\"loss\":2.5}\n{\"step\":2,\"loss\":0.1}\n";
  write_bytes(folder / "m.jsonl", kept + "{\"step\":3,\"loss\":1.5}\n{\"step\":4,\"lo");
  cut_metrics(folder / "m.jsonl", 2);
  EXPECT_EQ(read_bytes(folder / "m.jsonl"), kept);
  write_bytes(folder / "m.jsonl", "{\"step\":0,\"loss\":5.5}\n" + kept);
  cut_metrics(folder / "m.jsonl", -1);
  EXPECT_EQ(read_bytes(folder / "m.jsonl"), "");
  cut_metrics(folder / "none.jsonl", 2);
  EXPECT_FALSE(std::filesystem::exists(folder / "none.jsonl"));
}

}  // namespace
}  // namespace hecaton::recipes
