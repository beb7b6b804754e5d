// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/mapped_file.h"

#include <chrono>
#include <filesystem>
#include <string>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton {
namespace {

using testing::expect_error;
using testing::TemporaryFolder;
using testing::write_bytes;

MappedFile map_data(const std::string& path) {
  return MappedFile(path, "data", throw_as<DataError>);
}

TEST(MappedFileTest, ShowsTheBytesOfAFile) {
  const TemporaryFolder folder;
  write_bytes(folder / "a", "some bytes");
  write_bytes(folder / "empty", "");
  EXPECT_EQ(map_data(folder / "a").bytes(), "some bytes");
  EXPECT_EQ(map_data(folder / "a").path(), folder / "a");
  EXPECT_EQ(map_data(folder / "empty").bytes(), "");
}

TEST(MappedFileTest, RefusesWhatIsNoFile) {
  const TemporaryFolder folder;
  expect_error<DataError>([&] { map_data(folder / "gone"); },
                          "data not found: " + (folder / "gone"));
  expect_error<DataError>([&] { map_data(folder.path()); },
                          folder.path() + ": expected a regular file, found a folder");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  expect_error<DataError>([&] { map_data(folder / "pipe"); },
                          "expected a regular file, found something else");
  expect_error<DataError>([&] { map_data(folder / std::string(300, 'a')); }, "cannot be opened: ");
}

TEST(MappedFileTest, SeesThatAFileWasCutOrWrittenTo) {
  const TemporaryFolder folder;
  write_bytes(folder / "a", "some bytes");
  const MappedFile file = map_data(folder / "a");
  file.check_unchanged();
  const auto now = std::filesystem::last_write_time(folder / "a");
  std::filesystem::last_write_time(folder / "a", now + std::chrono::seconds(1));
  expect_error<DataError>([&] { file.check_unchanged(); },
                          "changed while it was read: it was written to since it was opened");
  std::filesystem::resize_file(folder / "a", 4);
  expect_error<DataError>([&] { file.check_unchanged(); },
                          "changed while it was read: expected 10 bytes, found 4");
}

TEST(MappedFileTest, KeepsAFileThatWasReplaced) {
  const TemporaryFolder folder;
  write_bytes(folder / "a", "old");
  const MappedFile file = map_data(folder / "a");
  write_bytes(folder / "b", "newer");
  std::filesystem::rename(folder / "b", folder / "a");
  file.check_unchanged();
  EXPECT_EQ(file.bytes(), "old");
}

}  // namespace
}  // namespace hecaton
