// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/fuzz/target.h"
#include "tests/testing/paths.h"
#include "tests/testing/temporary_folder.h"

// What the fuzzers do, in a few seconds and with any compiler: every file of the corpus, and a few
// thousand that are like them.

namespace hecaton::fuzz {

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for this name
void PrintTo(const Target& target, std::ostream* out) {
  *out << target.name;
}

namespace {

using hecaton::testing::read_bytes;
using hecaton::testing::source_dir;

bool is_legal(const std::string& path) {
  return std::filesystem::path(path).filename().string().rfind("legal-", 0) == 0;
}

std::vector<std::string> corpus_of(const Target& target) {
  std::vector<std::string> paths;
  const std::string folder = source_dir() + "/tests/fuzz/corpus/" + target.name;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

class CorpusTest : public ::testing::TestWithParam<Target> {};

TEST_P(CorpusTest, EveryFileIsTakenOrRefusedAsItsNameSays) {
  const std::vector<std::string> paths = corpus_of(GetParam());
  for (const std::string& path : paths) {
    SCOPED_TRACE(path);
    EXPECT_NO_THROW(EXPECT_EQ(GetParam().read(read_bytes(path)), is_legal(path)));
  }
  EXPECT_GT(std::count_if(paths.begin(), paths.end(), is_legal), 1);
  EXPECT_GT(paths.size(), 8U);
}

TEST_P(CorpusTest, FilesLikeTheLegalOnesAreTakenOrRefused) {
  const Target target = GetParam();
  std::vector<std::string> paths = corpus_of(target);
  paths.erase(std::remove_if(paths.begin(), paths.end(), std::not_fn(is_legal)), paths.end());
  size_t num_taken = 0;
  constexpr uint32_t kNumTrials = 2000;
  for (uint32_t trial = 0; trial < kNumTrials; ++trial) {
    Random random(trial + 1);
    const std::string input = target.mutate(read_bytes(random.any_of(paths)), random);
    SCOPED_TRACE("trial " + std::to_string(trial));
    EXPECT_NO_THROW(num_taken += target.read(input) ? 1 : 0);
  }
  // Otherwise the changes break so much that the later checks of the reader are never reached.
  EXPECT_GT(num_taken, kNumTrials / 20);
  EXPECT_LT(num_taken, kNumTrials * 3 / 4);
}

INSTANTIATE_TEST_SUITE_P(Readers,
                         CorpusTest,
                         ::testing::ValuesIn(all_targets()),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace hecaton::fuzz
