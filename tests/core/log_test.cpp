// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/log.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"

namespace hecaton {
namespace {

using testing::expect_error;

/// What a rank writes to its terminal.
std::string terminal_text(int rank, int num_ranks) {
  set_log_rank(rank, num_ranks);
  ::testing::internal::CaptureStderr();
  log_info("ready {}");
  log_warn("slow 100%");
  std::string text = ::testing::internal::GetCapturedStderr();
  set_log_rank(0, 1);
  return text;
}

TEST(LogTest, OneProcessPrintsPlainLines) {
  EXPECT_EQ(terminal_text(0, 1), "ready {}\nwarning: slow 100%\n");
}

TEST(LogTest, RankZeroPrintsWhatOneProcessPrints) {
  EXPECT_EQ(terminal_text(0, 4), "ready {}\nwarning: slow 100%\n");
}

TEST(LogTest, OtherRanksPrintWarningsAlone) {
  EXPECT_EQ(terminal_text(3, 4), "[r3/4] warning: slow 100%\n");
}

TEST(LogTest, OneProcessPrintsPlainLinesAgainAfterAParallelRun) {
  terminal_text(3, 4);
  EXPECT_EQ(terminal_text(0, 1), "ready {}\nwarning: slow 100%\n");
}

TEST(LogTest, AFileAlsoTakesWhatTheTerminalDoesNotShow) {
  const std::filesystem::path path = std::filesystem::temp_directory_path() /
                                     ("hecaton_log_test_" + std::to_string(getpid()) + ".log");
  add_log_file(path.string());
  EXPECT_EQ(terminal_text(1, 2), "[r1/2] warning: slow 100%\n");
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(text.find("[info] ready {}\n"), std::string::npos) << text;
  EXPECT_NE(text.find("[warning] warning: slow 100%\n"), std::string::npos) << text;
  std::filesystem::remove(path);
}

TEST(LogTest, RefusesAFileThatCannotBeOpened) {
  expect_error<IoError>([] { add_log_file("/dev/null/run.log"); },
                        "cannot open the log file /dev/null/run.log: ");
}

}  // namespace
}  // namespace hecaton
