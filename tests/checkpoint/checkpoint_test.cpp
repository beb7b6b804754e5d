// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/checkpoint.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include "checkpoint/pending_save.h"
#include "checkpoint/step_folder.h"
#include "core/error.h"
#include "core/rng.h"
#include "parallel/single.h"
#include "parallel/threads.h"
#include "tests/checkpoint/saved_state.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/temporary_folder.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::checkpoint {
namespace {

namespace fs = std::filesystem;
using hecaton::testing::expect_bitwise_equal;
using hecaton::testing::expect_error;
using hecaton::testing::read_bytes;
using hecaton::testing::TemporaryFolder;
using hecaton::testing::test_seed;
using hecaton::testing::write_bytes;
using SharedCommunicator = std::shared_ptr<parallel::Communicator>;

/// A checkpoint of two ranks in a folder of its own.
class CheckpointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    parallel::run_ranks(2, [&](const SharedCommunicator& world) {
      PendingSave pending(folder_.path(), 5, "world 2", world);
      pending.write(cut_state(sample_state(), Cut::kSharded, world->rank(), 2));
      pending.commit();
    });
  }

  std::string path(const std::string& name) const { return step_folder_ + "/" + name; }

  /// Expects this error from opening it as it stands.
  void expect_refused(const std::string& text, bool verify_hashes = true) const {
    expect_error<CheckpointError>([&] { Checkpoint(step_folder_, world_, verify_hashes); }, text);
  }

  Checkpoint open() const { return Checkpoint(step_folder_, world_); }

  TemporaryFolder folder_;
  std::string step_folder_ = folder_ / "step-0000005";
  SharedCommunicator world_ = parallel::make_single();
};

TEST_F(CheckpointTest, TellsWhatItHolds) {
  const Checkpoint checkpoint = open();
  EXPECT_EQ(checkpoint.manifest().step, 5);
  EXPECT_EQ(checkpoint.manifest().layout, "world 2");
  EXPECT_EQ(checkpoint.manifest().files.size(), 2U);
  EXPECT_EQ(checkpoint.manifest().tensors.size(), sample_state().size());
}

TEST_F(CheckpointTest, RefusesARankFileCutOffAnywhere) {
  const std::string whole = read_bytes(path("rank-00001.safetensors"));
  for (size_t i = 0; i < 64; ++i) {
    const size_t length = whole.size() * i / 64;
    write_bytes(path("rank-00001.safetensors"), whole.substr(0, length));
    expect_refused("rank-00001.safetensors: expected a file of " + std::to_string(whole.size()) +
                       " bytes, found " + std::to_string(length),
                   /*verify_hashes=*/false);
  }
}

TEST_F(CheckpointTest, RefusesAnyFlippedBit) {
  for (const std::string name : {"rank-00000.safetensors", "manifest.json"}) {
    const std::string whole = read_bytes(path(name));
    const CounterRng rng(test_seed(), name);
    for (uint64_t trial = 0; trial < 64; ++trial) {
      std::string changed = whole;
      changed[rng.bits(2 * trial) % whole.size()] ^=
          static_cast<char>(1U << rng.bits(2 * trial + 1) % 8);
      write_bytes(path(name), changed);
      expect_refused(path(name) + ": ");
    }
    write_bytes(path(name), whole);
  }
  open();  // throws if the test did not put everything back
}

TEST_F(CheckpointTest, LooksAtSizesAloneWhenToldSo) {
  std::string bytes = read_bytes(path("rank-00000.safetensors"));
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write_bytes(path("rank-00000.safetensors"), bytes);
  expect_refused("rank-00000.safetensors: damaged: expected the hash ");
  Checkpoint(step_folder_, world_, /*verify_hashes=*/false);
}

TEST_F(CheckpointTest, RefusesMissingExtraAndSwappedFiles) {
  const std::string first = path("rank-00000.safetensors");
  const std::string second = path("rank-00001.safetensors");
  fs::rename(first, path("kept"));
  expect_refused(first + ": expected a file of ");
  fs::rename(second, first);
  expect_refused(first + ": expected a file of ");
  fs::rename(path("kept"), second);
  expect_refused("expected");
  fs::rename(first, path("kept"));
  fs::rename(second, first);
  fs::rename(path("kept"), second);
  fs::copy_file(second, path("rank-00002.safetensors"));
  expect_refused(path("rank-00002.safetensors") +
                 ": expected only rank files that the manifest lists");
  fs::remove(path("rank-00002.safetensors"));
  open();  // throws if the test did not put everything back
}

TEST_F(CheckpointTest, RefusesALinkInPlaceOfAFile) {
  fs::rename(path("rank-00000.safetensors"), folder_ / "elsewhere");
  fs::create_symlink(folder_ / "elsewhere", path("rank-00000.safetensors"));
  expect_refused("rank-00000.safetensors: expected a file of ", /*verify_hashes=*/false);
}

TEST_F(CheckpointTest, RefusesAFolderWithoutManifest) {
  fs::remove(path("manifest.json"));
  expect_refused("expected a checkpoint, found no manifest.json in it");
  expect_error<CheckpointError>([&] { Checkpoint(folder_ / "gone", world_); },
                                (folder_ / "gone") + ": expected a checkpoint");
}

TEST_F(CheckpointTest, ReportsOnEveryRankTheFaultThatOneFinds) {
  std::string bytes = read_bytes(path("rank-00001.safetensors"));
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write_bytes(path("rank-00001.safetensors"), bytes);
  // Rank 1 of 2 checks this file, rank 0 the other one.
  parallel::run_ranks(2, [&](const SharedCommunicator& world) {
    expect_error<CheckpointError>(
        [&] { Checkpoint(step_folder_, world); },
        (world->rank() == 1 ? "" : "rank 1: ") + path("rank-00001.safetensors: damaged"));
  });
}

TEST_F(CheckpointTest, ListsEverythingThatDoesNotFit) {
  std::vector<TensorPiece> pieces = zeroed(sample_state());
  pieces[0].name = "model.renamed";
  pieces[1] = whole_tensor(pieces[1].name, at::ones({3, 4}));
  pieces[3].values = pieces[3].values.to(at::kFloat);
  expect_error<CheckpointError>(
      [&] { open().load(pieces); },
      "step-0000005: missing tensors: model.renamed: unexpected tensors: model.embed.weight: "
      "other tensors: model.experts.0.up.weight (expected F32 [3, 4], found F32 [4, 3]), "
      "optim.exp_avg.model.norm (expected F32 [97], found F64 [97])");
  EXPECT_EQ(pieces[4].values.item<int64_t>(), 0) << "changed although something does not fit";
}

TEST_F(CheckpointTest, NamesTheFirstFewOfMany) {
  std::vector<TensorPiece> pieces;
  for (int i = 0; i < 8; ++i) {
    pieces.push_back(whole_tensor("new." + std::to_string(i), at::ones({1})));
  }
  expect_error<CheckpointError>([&] { open().load(pieces); },
                                "missing tensors: new.0, new.1, new.2, new.3, new.4 and 3 more: "
                                "unexpected tensors: model.embed.weight, ");
}

TEST_F(CheckpointTest, CountsATensorThatAnyRankAsksFor) {
  parallel::run_ranks(2, [&](const SharedCommunicator& world) {
    const std::vector<TensorPiece> state = zeroed(sample_state());
    std::vector<TensorPiece> own;
    for (size_t i = 0; i < state.size(); ++i) {
      if (static_cast<int>(i % 2) == world->rank()) {
        own.push_back(state[i]);
      }
    }
    const Checkpoint checkpoint(step_folder_, world);
    checkpoint.load(own);
    expect_bitwise_equal(own[1].values,
                         sample_state()[static_cast<size_t>(world->rank() + 2)].values);
    own.resize(world->rank() == 0 ? own.size() : 2);
    expect_error<CheckpointError>([&] { checkpoint.load(own); },
                                  "unexpected tensors: router.is_frozen, router.unused");
  });
}

TEST_F(CheckpointTest, RefusesAPieceOutsideOfItsTensor) {
  std::vector<TensorPiece> pieces = zeroed(sample_state());
  pieces[3].begin = 1;
  expect_error<ShapeError>([&] { open().load(pieces); },
                           "expected a piece inside its 97 elements, found 97 from 1");
}

}  // namespace
}  // namespace hecaton::checkpoint
