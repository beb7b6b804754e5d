// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/console.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace hecaton::recipes {
namespace {

StepReport sample_report() {
  return {.step = 120,
          .max_steps = 1000,
          .loss = 2.34123,
          .grad_norm = 0.9051,
          .lr = 1.9e-5,
          .tokens_per_s = 41'203,
          .memory_gib = 1.4,
          .max_violation = 0.42,
          .eta_s = 4'320.0};
}

TEST(ConsoleLineTest, HasTheDocumentedForm) {
  EXPECT_EQ(console_line(sample_report()),
            "step 120/1000 | loss 2.3412 | grad 0.91 | lr 1.9e-05 | tok/s 41,203 | mem 1.4 GiB | "
            "maxvio 0.42 | eta 1h12m");
}

TEST(ConsoleLineTest, ShowsADashForWhatDoesNotApply) {
  StepReport report = sample_report();
  report.max_violation.reset();
  report.eta_s.reset();
  const std::string line = console_line(report);
  EXPECT_NE(line.find("| maxvio - | eta -"), std::string::npos) << line;
}

TEST(ConsoleLineTest, MatchesItsPatternWhateverTheValues) {
  const double nan = std::nan("");
  const double infinity = std::numeric_limits<double>::infinity();
  const std::regex pattern(kConsoleLinePattern);
  for (const double value : {0.0, 1e-9, 0.5, 123.456, 1e15, nan, infinity}) {
    for (const double seconds : {0.0, 61.0, 5'000.0, 1e6}) {
      StepReport report = sample_report();
      report.loss = value;
      report.grad_norm = value;
      report.max_violation = value;
      report.eta_s = seconds;
      EXPECT_TRUE(std::regex_match(console_line(report), pattern)) << console_line(report);
    }
  }
  for (const double lr : {0.0, 1.0, 9.99e-12, 3e-4}) {
    StepReport report = sample_report();
    report.lr = lr;
    report.max_violation.reset();
    report.eta_s.reset();
    report.tokens_per_s = 7;
    EXPECT_TRUE(std::regex_match(console_line(report), pattern)) << console_line(report);
  }
}

TEST(ConsoleLineTest, GivesItsValuesInTheGroupsOfThePattern) {
  const std::string line = console_line(sample_report());
  std::smatch match;
  ASSERT_TRUE(std::regex_match(line, match, std::regex(kConsoleLinePattern)));
  std::vector<std::string> groups(match.begin() + 1, match.end());
  EXPECT_EQ(groups,
            (std::vector<std::string>{
                "120", "1000", "2.3412", "0.91", "1.9e-05", "41,203", "1.4", "0.42", "1h12m"}));
  EXPECT_FALSE(std::regex_match("step 1/2 | loss 2.0", std::regex(kConsoleLinePattern)));
}

using Points = std::vector<std::pair<int64_t, double>>;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
  }
  return lines;
}

/// Characters, not bytes, of UTF-8 text.
int64_t num_characters(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; });
}

TEST(LossPlotTest, UsesBrailleUnlessTheLocaleNamesAnotherCharacterSet) {
  for (const char* locale : {"", "en_GB.UTF-8", "C.utf8"}) {
    EXPECT_EQ(plot_characters(locale), PlotCharacters::kBraille) << locale;
  }
  for (const char* locale : {"C", "POSIX", "de_DE.ISO-8859-1", "de_DE"}) {
    EXPECT_EQ(plot_characters(locale), PlotCharacters::kAscii) << locale;
  }
}

TEST(LossPlotTest, DrawsAFallingLine) {
  EXPECT_EQ(loss_plot({{1, 5.0}, {2, 4.0}, {3, 3.0}}, 24, 5, PlotCharacters::kAscii),
            "   5.0000 |***          \n"
            "          |   ******    \n"
            "   3.0000 |         ****\n"
            "          +-------------\n"
            "           1           3\n");
}

TEST(LossPlotTest, DrawsWithBrailleDots) {
  EXPECT_EQ(loss_plot({{0, 1.0}, {100, 0.0}}, 24, 5, PlotCharacters::kBraille),
            "   1.0000 │⠉⠒⠤⣀         \n"
            "          │    ⠉⠑⠢⢄⣀    \n"
            "   0.0000 │         ⠉⠒⠤⣀\n"
            "          └─────────────\n"
            "           0         100\n");
}

TEST(LossPlotTest, FillsTheSizeThatWasAskedFor) {
  Points points;
  for (int64_t step = 1; step <= 1000; ++step) {
    points.emplace_back(step, 1.5 + 4.0 / std::sqrt(static_cast<double>(step)));
  }
  for (const PlotCharacters characters : {PlotCharacters::kAscii, PlotCharacters::kBraille}) {
    const std::vector<std::string> lines = lines_of(loss_plot(points, 70, 14, characters));
    EXPECT_EQ(lines.size(), 14U);
    for (const std::string& line : lines) {
      EXPECT_EQ(num_characters(line), 70) << line;
    }
    EXPECT_NE(lines.back().find("1000"), std::string::npos);
  }
  EXPECT_EQ(lines_of(loss_plot(points, 1, 1, PlotCharacters::kAscii)).size(), 5U);
}

TEST(LossPlotTest, DrawsAFlatCurveInTheMiddle) {
  const std::vector<std::string> lines =
      lines_of(loss_plot({{1, 2.0}, {2, 2.0}}, 24, 5, PlotCharacters::kAscii));
  EXPECT_EQ(lines[1].substr(11), "*************");
}

TEST(LossPlotTest, AveragesPointsOfOneColumn) {
  Points points;
  for (int64_t step = 0; step < 13'000; ++step) {
    points.emplace_back(step, step % 2 == 0 ? 1.0 : 3.0);
  }
  const std::vector<std::string> lines = lines_of(loss_plot(points, 24, 5, PlotCharacters::kAscii));
  // Single points would give 3 and 1.
  EXPECT_NEAR(std::stod(lines[0]), 2.0, 0.01);
  EXPECT_NEAR(std::stod(lines[2]), 2.0, 0.01);
}

TEST(LossPlotTest, LeavesOutWhatIsNotFinite) {
  const double nan = std::nan("");
  EXPECT_EQ(
      loss_plot({{0, nan}, {1, 5.0}, {2, nan}, {3, 3.0}, {9, nan}}, 24, 5, PlotCharacters::kAscii),
      loss_plot({{1, 5.0}, {3, 3.0}}, 24, 5, PlotCharacters::kAscii));
  EXPECT_EQ(loss_plot({{1, nan}}, 24, 5, PlotCharacters::kAscii), "");
  EXPECT_EQ(loss_plot({}, 24, 5, PlotCharacters::kBraille), "");
}

}  // namespace
}  // namespace hecaton::recipes
