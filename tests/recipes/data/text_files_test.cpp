// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/text_files.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

using hecaton::testing::expect_error;
using hecaton::testing::TemporaryFolder;
using hecaton::testing::write_bytes;

using Names = std::vector<std::string>;

Names names_of(const std::vector<TextFile>& files) {
  Names names;
  for (const TextFile& file : files) {
    names.push_back(file.name);
  }
  return names;
}

DataSourceRecipe source(const std::string& path, Names extensions = {}) {
  return {.path = path, .format = DataFormat::kText, .extensions = std::move(extensions)};
}

TEST(TextFilesTest, FindsFilesAtAnyDepthInBytewiseOrder) {
  const TemporaryFolder folder;
  for (const char* name :
       {"b.txt", "a/z.txt", "a/deep/er/x.txt", "a.txt", "Z.txt", "\xC3\xA9.txt"}) {
    write_bytes(folder / name, "text");
  }
  const Names expected = {"Z.txt", "a.txt", "a/deep/er/x.txt", "a/z.txt", "b.txt", "\xC3\xA9.txt"};
  const std::vector<TextFile> files = collect_text_files({source(folder.path())});
  EXPECT_EQ(names_of(files), expected);
  EXPECT_EQ(files[2].path, folder / "a/deep/er/x.txt");
  EXPECT_EQ(names_of(collect_text_files({source(folder.path() + "/")})), expected);
}

TEST(TextFilesTest, TakesTheChosenExtensionsOfAFolder) {
  const TemporaryFolder folder;
  for (const char* name : {"a.md", "b.cpp", "c.h", "md", "d.md.bak"}) {
    write_bytes(folder / name, "text");
  }
  EXPECT_EQ(names_of(collect_text_files({source(folder.path(), {".md", ".h"})})),
            (Names{"a.md", "c.h"}));
}

TEST(TextFilesTest, TakesAFileThatIsNamedItselfWhateverItsExtension) {
  const TemporaryFolder folder;
  write_bytes(folder / "a/data.bin", "text");
  EXPECT_EQ(names_of(collect_text_files({source(folder / "a/data.bin", {".md"})})),
            Names{"data.bin"});
}

TEST(TextFilesTest, PassesOverHiddenEntriesAndLinksToFolders) {
  const TemporaryFolder folder;
  for (const char* name : {"a.txt", ".hidden.txt", ".git/b.txt"}) {
    write_bytes(folder / name, "text");
  }
  std::filesystem::create_directory_symlink(folder.path(), folder / "loop");
  EXPECT_EQ(names_of(collect_text_files({source(folder.path())})), Names{"a.txt"});
}

TEST(TextFilesTest, KeepsTheOrderOfSourcesAndCountsAFileOnce) {
  const TemporaryFolder folder;
  write_bytes(folder / "b/1.txt", "text");
  write_bytes(folder / "a/2.txt", "text");
  EXPECT_EQ(names_of(collect_text_files(
                {source(folder / "b"), source(folder.path()), source(folder / "a/../b/1.txt")})),
            (Names{"1.txt", "a/2.txt"}));
}

TEST(TextFilesTest, SaysWhatIsMissing) {
  const TemporaryFolder folder;
  expect_error<DataError>([&] { collect_text_files({source(folder / "nothing")}); },
                          "data not found: " + (folder / "nothing"));
  expect_error<DataError>(
      [&] {
        collect_text_files({source(folder.path(), {".md", ".h"})});
      },
      folder.path() + ": expected a file ending in .md or .h in the folder, found none");
  expect_error<DataError>([&] { collect_text_files({source(folder.path())}); },
                          folder.path() + ": expected a file in the folder, found none");
}

TEST(TextFilesTest, RefusesWhatIsNeitherFileNorFolder) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  expect_error<DataError>([&] { collect_text_files({source(folder / "pipe")}); },
                          (folder / "pipe") + ": expected a file or a folder");
  std::filesystem::create_symlink("loop", folder / "loop");
  expect_error<DataError>([&] { collect_text_files({source(folder / "loop")}); },
                          (folder / "loop") + ": cannot be listed: Too many levels");
}

TEST(TextFilesTest, ReadsEveryByteOfAFile) {
  const TemporaryFolder folder;
  const std::string bytes("a\0\r\n\xFF", 5);
  write_bytes(folder / "a", bytes);
  write_bytes(folder / "empty", "");
  EXPECT_EQ(read_text_file(folder / "a"), bytes);
  EXPECT_EQ(read_text_file(folder / "empty"), "");
}

TEST(TextFilesTest, SaysWhyAFileCannotBeRead) {
  const TemporaryFolder folder;
  expect_error<DataError>([&] { read_text_file(folder / "a"); },
                          (folder / "a") + ": cannot be read: No such file or directory");
  expect_error<DataError>([&] { read_text_file(folder.path()); },
                          folder.path() + ": cannot be read: Is a directory");
}

std::vector<TextFile> numbered_files(int count) {
  std::vector<TextFile> files;
  for (int i = 0; i < count; ++i) {
    files.push_back({"/data/" + std::to_string(i), std::to_string(i)});
  }
  return files;
}

TEST(SplitDocumentsTest, HoldsOutAboutTheFractionInTheOldOrder) {
  const std::vector<TextFile> files = numbered_files(2000);
  const DocumentSplit split = split_documents(files, 0.1, /*seed=*/7);
  // Binomial, mean 200 and standard deviation 13.4: five of them.
  EXPECT_NEAR(static_cast<double>(split.validation.size()), 200.0, 67.0);
  Names merged = names_of(split.train);
  for (const std::string& name : names_of(split.validation)) {
    merged.push_back(name);
  }
  const auto by_number = [](const std::string& a, const std::string& b) {
    return std::stoi(a) < std::stoi(b);
  };
  EXPECT_TRUE(std::is_sorted(
      merged.begin(), merged.begin() + static_cast<std::ptrdiff_t>(split.train.size()), by_number));
  std::sort(merged.begin(), merged.end(), by_number);
  EXPECT_EQ(merged, names_of(files));
}

TEST(SplitDocumentsTest, KeepsAFileOnItsSideWhenOthersCome) {
  const DocumentSplit few = split_documents(numbered_files(100), 0.3, /*seed=*/7);
  const Names many = names_of(split_documents(numbered_files(200), 0.3, /*seed=*/7).validation);
  for (const std::string& name : names_of(few.validation)) {
    EXPECT_NE(std::find(many.begin(), many.end(), name), many.end()) << name;
  }
}

TEST(SplitDocumentsTest, DependsOnTheSeedAndNotOnWhereTheDataLies) {
  std::vector<TextFile> elsewhere = numbered_files(100);
  for (TextFile& file : elsewhere) {
    file.path = "/elsewhere" + file.path;
  }
  const Names here = names_of(split_documents(numbered_files(100), 0.3, /*seed=*/7).validation);
  EXPECT_EQ(names_of(split_documents(elsewhere, 0.3, /*seed=*/7).validation), here);
  EXPECT_NE(names_of(split_documents(numbered_files(100), 0.3, /*seed=*/8).validation), here);
}

TEST(SplitDocumentsTest, LeavesNoSideEmpty) {
  for (const double fraction : {1e-9, 0.999999}) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
      const DocumentSplit split = split_documents(numbered_files(2), fraction, seed);
      EXPECT_EQ(split.train.size(), 1U);
      EXPECT_EQ(split.validation.size(), 1U);
    }
  }
}

TEST(SplitDocumentsTest, HoldsNothingOutAtZero) {
  const DocumentSplit split = split_documents(numbered_files(1), 0.0, /*seed=*/7);
  EXPECT_EQ(split.train.size(), 1U);
  EXPECT_TRUE(split.validation.empty());
}

TEST(SplitDocumentsTest, RefusesToSplitOneFile) {
  expect_error<DataError>([] { split_documents(numbered_files(1), 0.5, /*seed=*/7); },
                          "dataset.validation_fraction: expected at least 2 files to hold one out, "
                          "found 1");
}

}  // namespace
}  // namespace hecaton::recipes
