// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/manifest.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "checkpoint/detail/content_hash.h"
#include "core/error.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/paths.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::checkpoint {
namespace {

using hecaton::testing::expect_error;
using hecaton::testing::read_bytes;
using hecaton::testing::TemporaryFolder;
using hecaton::testing::write_bytes;

TEST(ContentHashTest, IsXxh3Of128Bits) {
  // Test vectors of the xxHash project: no input, and its canonical form.
  EXPECT_EQ(detail::content_hash(""), "99aa06d3014798d86001c324468d497f");
}

TEST(ContentHashTest, IsTheSameForBytesInPartsAndInAFile) {
  const TemporaryFolder folder;
  const std::string bytes(1'000'000, 'x');
  detail::ContentHash hash;
  for (size_t begin = 0; begin < bytes.size(); begin += 333) {
    hash.update(bytes.data() + begin, std::min<size_t>(333, bytes.size() - begin));
  }
  EXPECT_EQ(hash.hex(), detail::content_hash(bytes));
  write_bytes(folder / "a", bytes);
  EXPECT_EQ(detail::digest_file(folder / "a"), (FileDigest{1'000'000, hash.hex()}));
  expect_error<CheckpointError>([&] { detail::digest_file(folder / "b"); },
                                (folder / "b") + ": cannot be read: No such file or directory");
  expect_error<CheckpointError>([&] { detail::digest_file(folder.path()); },
                                ": expected a regular file, found something else");
}

/// What docs/checkpoints.md shows.
Manifest sample_manifest() {
  Manifest manifest;
  manifest.step = 100;
  manifest.layout = "world 2 = dp 2 = edp 1 x ep 2";
  manifest.files = {
      {"rank-00000.safetensors", {4096, "0123456789abcdef0123456789abcdef"}},
      {"rank-00001.safetensors", {4000, "fedcba9876543210fedcba9876543210"}},
      {"model/config.json", {17, "00000000000000000000000000000000"}},
  };
  manifest.tensors["model.norm.weight"] = {at::kFloat, {2, 3}, {{0, 0, 4}, {1, 4, 2}}};
  manifest.tensors["optim.step"] = {at::kLong, {}, {{1, 0, 1}}};
  manifest.tensors["unused"] = {at::kBFloat16, {0, 4}, {}};
  return manifest;
}

TEST(ManifestTest, HasTheTextThatTheDocumentShows) {
  const std::string document = read_bytes(testing::source_dir() + "/docs/checkpoints.md");
  const size_t begin = document.find("```json\n") + 8;
  EXPECT_EQ(format_manifest(sample_manifest()),
            document.substr(begin, document.find("```", begin) - begin));
}

TEST(ManifestTest, IsReadBackAsItWas) {
  const Manifest expected = sample_manifest();
  const Manifest actual = parse_manifest("m", format_manifest(expected));
  EXPECT_EQ(actual.step, 100);
  EXPECT_EQ(actual.layout, expected.layout);
  ASSERT_EQ(actual.files.size(), 3U);
  EXPECT_EQ(actual.files[2].name, "model/config.json");
  EXPECT_EQ(actual.files[1].digest, expected.files[1].digest);
  const ManifestTensor& w = actual.tensors.at("model.norm.weight");
  EXPECT_EQ(w.dtype, at::kFloat);
  EXPECT_EQ(w.shape, std::vector<int64_t>({2, 3}));
  EXPECT_EQ(w.pieces.at(1).file_idx, 1U);
  EXPECT_EQ(w.pieces.at(1).begin, 4);
  EXPECT_EQ(w.pieces.at(1).num_elements, 2);
  EXPECT_EQ(format_manifest(actual), format_manifest(expected));
}

TEST(ManifestTest, NamesPiecesByTheirRange) {
  const Manifest manifest = sample_manifest();
  const ManifestTensor& w = manifest.tensors.at("model.norm.weight");
  EXPECT_EQ(piece_key("w", w, w.pieces[1]), "w[4:6]");
  const ManifestTensor& step = manifest.tensors.at("optim.step");
  EXPECT_EQ(piece_key("step", step, step.pieces[0]), "step");
}

TEST(ManifestTest, QuotesNames) {
  Manifest manifest = sample_manifest();
  manifest.layout = "a \"b\" \\";
  manifest.tensors["\"\xC3\xA4"] = {at::kByte, {0}, {}};
  const Manifest actual = parse_manifest("m", format_manifest(manifest));
  EXPECT_EQ(actual.layout, manifest.layout);
  EXPECT_EQ(actual.tensors.count("\"\xC3\xA4"), 1U);
}

TEST(ManifestTest, RefusesToWriteANameThatIsNotUtf8) {
  Manifest manifest = sample_manifest();
  manifest.files[0].name = "\xff";
  expect_error<CheckpointError>([&] { format_manifest(manifest); },
                                "manifest.json: name or metadata: expected UTF-8");
}

TEST(ManifestTest, RefusesAFolderWithoutOneAndAFileThatIsTooLong) {
  const TemporaryFolder folder;
  expect_error<CheckpointError>(
      [&] { read_manifest(folder.path()); },
      folder.path() + ": expected a checkpoint, found no manifest.json in it");
  write_bytes(folder / "manifest.json", "{");
  // A sparse file: it takes no room on the disk.
  std::filesystem::resize_file(folder / "manifest.json", (size_t{1} << 28) + 1);
  expect_error<CheckpointError>([&] { read_manifest(folder.path()); },
                                "expected at most 268435456 bytes, found 268435457");
}

}  // namespace
}  // namespace hecaton::checkpoint
