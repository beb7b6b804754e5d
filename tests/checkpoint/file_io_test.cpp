// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/file_io.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "checkpoint/detail/content_hash.h"
#include "core/error.h"
#include "tests/checkpoint/file_size_limit.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::checkpoint {
namespace {

using hecaton::testing::expect_error;
using hecaton::testing::FileSizeLimit;
using hecaton::testing::read_bytes;
using hecaton::testing::TemporaryFolder;
using hecaton::testing::write_bytes;

TEST(FileIoTest, WritesInAnyOrderOfOffsets) {
  const TemporaryFolder folder;
  DurableFile file(folder / "a");
  file.write_at(3, "def", 3);
  file.write_at(0, "abc", 3);
  EXPECT_FALSE(std::filesystem::exists(folder / "a")) << "visible before it is complete";
  file.commit();
  EXPECT_EQ(read_bytes(folder / "a"), "abcdef");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.tmp"));
}

TEST(FileIoTest, KeepsTheOldFileWhenTheNewOneIsAbandoned) {
  const TemporaryFolder folder;
  write_file(folder / "a", "old");
  {
    DurableFile file(folder / "a");
    file.write_at(0, "new", 3);
  }
  EXPECT_EQ(read_bytes(folder / "a"), "old");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.tmp"));
}

TEST(FileIoTest, ReplacesAnOldFileAndTheLeftoverOfAKilledRun) {
  const TemporaryFolder folder;
  write_bytes(folder / "a", "old");
  write_bytes(folder / "a.tmp", "a longer leftover");
  write_file(folder / "a", "new");
  EXPECT_EQ(read_bytes(folder / "a"), "new");
}

TEST(FileIoTest, RefusesAFolderThatCannotBeWrittenTo) {
  const TemporaryFolder folder;
  write_bytes(folder / "file", "");
  // Below a regular file nobody can create anything, not even root.
  expect_error<IoError>([&] { write_file(folder / "file/a", "x"); },
                        "cannot create " + (folder / "file/a.tmp") + ": Not a directory");
  expect_error<IoError>(
      [&] { write_file(folder / "missing/a", "x"); },
      "cannot create " + (folder / "missing/a.tmp") + ": No such file or directory");
}

TEST(FileIoTest, ReportsAWriteThatFailsHalfWayAndLeavesTheOldFile) {
  const TemporaryFolder folder;
  write_file(folder / "a", "old");
  {
    const FileSizeLimit limit(/*num_bytes=*/4096);
    expect_error<IoError>([&] { write_file(folder / "a", std::string(10'000, 'x')); },
                          "cannot write " + (folder / "a.tmp") + ": File too large");
  }
  EXPECT_EQ(read_bytes(folder / "a"), "old");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.tmp"));
}

TEST(FileIoTest, ReportsARenameThatFails) {
  const TemporaryFolder folder;
  write_bytes(folder / "a/inside", "");  // a folder has the name already
  expect_error<IoError>(
      [&] { write_file(folder / "a", "x"); },
      "cannot rename " + (folder / "a.tmp") + " to " + (folder / "a") + ": Is a directory");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.tmp"));
}

TEST(FileIoTest, RefusesToWriteOrCommitTwice) {
  const TemporaryFolder folder;
  DurableFile file(folder / "a");
  file.commit();
  expect_error<InternalError>([&] { file.write_at(0, "x", 1); }, "before it is committed");
  expect_error<InternalError>([&] { file.commit(); }, "committed once");
}

TEST(FileIoTest, CreatesFoldersWithTheirParents) {
  const TemporaryFolder folder;
  create_folders(folder / "a/b/c/");
  create_folders(folder / "a/b/c");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "a/b/c"));
}

TEST(FileIoTest, RefusesAFolderWhereAFileIs) {
  const TemporaryFolder folder;
  write_bytes(folder / "file", "");
  expect_error<IoError>([&] { create_folders(folder / "file"); },
                        "cannot create folder " + (folder / "file") + ": Not a directory");
  expect_error<IoError>([&] { create_folders(folder / "file/a"); },
                        "cannot create folder " + (folder / "file") + ": Not a directory");
}

TEST(FileIoTest, TakesADigestOfWhatIsWrittenInOrder) {
  const TemporaryFolder folder;
  DurableFile file(folder / "a");
  file.write_at(0, "abc", 3);
  file.write_at(3, "def", 3);
  file.commit();
  EXPECT_EQ(file.digest(), detail::digest_file(folder / "a"));
  EXPECT_EQ(file.digest().num_bytes, 6);
  DurableFile other(folder / "b");
  other.write_at(3, "def", 3);
  other.write_at(0, "abc", 3);
  expect_error<InternalError>([&] { other.digest(); }, "/b: a hash is taken of a file that was");
}

TEST(FileIoTest, ExchangesAFolderForAnotherOrJustRenamesIt) {
  const TemporaryFolder folder;
  write_bytes(folder / "new/inside", "new");
  EXPECT_FALSE(replace_folder(folder / "new", folder / "a"));
  EXPECT_FALSE(std::filesystem::exists(folder / "new"));
  write_bytes(folder / "newer/inside", "newer");
  EXPECT_TRUE(replace_folder(folder / "newer", folder / "a"));
  EXPECT_EQ(read_bytes(folder / "a/inside"), "newer");
  EXPECT_EQ(read_bytes(folder / "newer/inside"), "new");
  expect_error<IoError>([&] { replace_folder(folder / "missing", folder / "a"); },
                        "cannot rename " + (folder / "missing") + " to " + (folder / "a") +
                            ": No such file or directory");
}

TEST(FileIoTest, RefusesToSyncAFileThatIsNotThereOrALink) {
  const TemporaryFolder folder;
  write_bytes(folder / "a", "x");
  sync_file(folder / "a");  // throws if it cannot
  std::filesystem::create_symlink(folder / "a", folder / "link");
  expect_error<IoError>([&] { sync_file(folder / "link"); }, "cannot open " + (folder / "link"));
  expect_error<IoError>([&] { sync_file(folder / "b"); }, "cannot open " + (folder / "b"));
}

TEST(FileIoTest, RenamesAFolder) {
  const TemporaryFolder folder;
  write_bytes(folder / "a.tmp/inside", "x");
  rename_durably(folder / "a.tmp", folder / "a");
  EXPECT_EQ(read_bytes(folder / "a/inside"), "x");
  expect_error<IoError>([&] { rename_durably(folder / "a.tmp", folder / "b"); },
                        "cannot rename " + (folder / "a.tmp") + " to " + (folder / "b") +
                            ": No such file or directory");
}

TEST(FileIoTest, RefusesToSyncWhatIsNoFolder) {
  const TemporaryFolder folder;
  expect_error<IoError>([&] { sync_folder(folder / "missing"); },
                        "cannot open " + (folder / "missing"));
}

}  // namespace
}  // namespace hecaton::checkpoint
