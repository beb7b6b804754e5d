// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/pending_save.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/file_io.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/step_folder.h"
#include "core/error.h"
#include "parallel/single.h"
#include "parallel/threads.h"
#include "tests/checkpoint/file_size_limit.h"
#include "tests/checkpoint/saved_state.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/temporary_folder.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::checkpoint {
namespace {

using hecaton::testing::expect_bitwise_equal;
using hecaton::testing::expect_error;
using hecaton::testing::FileSizeLimit;
using hecaton::testing::read_bytes;
using hecaton::testing::TemporaryFolder;
using hecaton::testing::write_bytes;
using SharedCommunicator = std::shared_ptr<parallel::Communicator>;

void save(const std::string& folder,
          int64_t step,
          const std::vector<TensorPiece>& pieces,
          const SharedCommunicator& world = parallel::make_single()) {
  PendingSave pending(folder, step, "world 1", world);
  pending.write(pieces);
  pending.commit();
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

using Names = std::vector<std::string>;

TEST(PendingSaveTest, ShowsNothingBeforeTheCommitAndAWholeCheckpointAfterIt) {
  const TemporaryFolder folder;
  const std::string run = folder / "a/run";
  {
    PendingSave pending(run, 7, "world 1", parallel::make_single());
    pending.write(sample_state());
    EXPECT_EQ(names_in(run).size(), 1U);
    EXPECT_EQ(names_in(run)[0].rfind("step-0000007.tmp-", 0), 0U) << names_in(run)[0];
    EXPECT_EQ(pending.folder(), run + "/" + names_in(run)[0]);
    pending.commit();
  }
  EXPECT_EQ(names_in(run), Names({"latest", "step-0000007"}));
  EXPECT_EQ(names_in(run + "/step-0000007"), Names({"manifest.json", "rank-00000.safetensors"}));
  EXPECT_EQ(read_bytes(run + "/latest"), "step-0000007\n");
}

TEST(PendingSaveTest, RemovesWhatWasNotCommittedAndTheLeftoversOfKilledRuns) {
  const TemporaryFolder folder;
  write_bytes(folder / "step-0000001.tmp-0123/rank-00000.safetensors", "torn");
  write_bytes(folder / "step-1.tmp-0123/x", "not ours");
  write_bytes(folder / "notes.tmp-1", "not ours");
  {
    PendingSave pending(folder.path(), 2, "world 1", parallel::make_single());
    pending.write(sample_state());
    EXPECT_EQ(names_in(folder.path()).size(), 3U);
  }
  EXPECT_EQ(names_in(folder.path()), Names({"notes.tmp-1", "step-1.tmp-0123"}));
}

TEST(PendingSaveTest, ReplacesACheckpointOfTheSameStep) {
  const TemporaryFolder folder;
  save(folder.path(), 2, sample_state("old"));
  save(folder.path(), 2, sample_state("new"));
  EXPECT_EQ(names_in(folder.path()), Names({"latest", "step-0000002"}));
  const std::vector<TensorPiece> state = zeroed(sample_state());
  Checkpoint(folder / "step-0000002", parallel::make_single()).load(state);
  expect_bitwise_equal(state[0].values, sample_state("new")[0].values);
}

TEST(PendingSaveTest, TakesTheFilesOfTheCallerIntoTheCheckpoint) {
  const TemporaryFolder folder;
  PendingSave pending(folder.path(), 2, "world 1", parallel::make_single());
  pending.write({});
  pending.add_files([](const std::string& step_folder) {
    create_folders(step_folder + "/model/text");
    write_bytes(step_folder + "/model/text/merges.txt", "a b");
    write_bytes(step_folder + "/trainer_state.json", "{}");
    write_bytes(step_folder + "/model/.nfs0001", "left out");
  });
  pending.commit();
  const Checkpoint checkpoint(folder / "step-0000002", parallel::make_single());
  Names names;
  for (const ManifestFile& file : checkpoint.manifest().files) {
    names.push_back(file.name);
  }
  EXPECT_EQ(names,
            Names({"rank-00000.safetensors", "model/text/merges.txt", "trainer_state.json"}));
  EXPECT_EQ(checkpoint.read_file("model/text/merges.txt"), "a b");
  expect_error<CheckpointError>([&] { checkpoint.read_file("config.yaml"); },
                                "step-0000002: expected config.yaml among its files, found none");
  write_bytes(folder / "step-0000002/trainer_state.json", "[]");
  expect_error<CheckpointError>([&] { checkpoint.read_file("trainer_state.json"); },
                                "trainer_state.json: damaged: expected the hash ");
}

TEST(PendingSaveTest, RefusesAddedFilesThatNobodyCouldReadBack) {
  const TemporaryFolder folder;
  const auto save_with = [&](const std::function<void(const std::string&)>& write_files) {
    PendingSave pending(folder.path(), 2, "world 1", parallel::make_single());
    pending.write({});
    pending.add_files(write_files);
    pending.commit();
  };
  expect_error<IoError>(
      [&] {
        save_with([](const std::string& step_folder) {
          std::filesystem::create_symlink("/dev/null", step_folder + "/link");
        });
      },
      "/link: expected a file or a folder, found something else");
  expect_error<CheckpointError>(
      [&] { save_with([](const std::string& path) { write_bytes(path + "/a\nb", ""); }); },
      "file 'a?b': expected a name of at most 1024 bytes without control characters");
  expect_error<CheckpointError>(
      [&] { save_with([](const std::string& path) { write_bytes(path + "/\xff", ""); }); },
      "expected UTF-8, found other bytes");
  EXPECT_EQ(names_in(folder.path()), Names());
}

TEST(PendingSaveTest, WritesTheSameBytesForTheSamePieces) {
  const TemporaryFolder folder;
  for (const std::string run : {"a", "b"}) {
    parallel::run_ranks(2, [&](const SharedCommunicator& world) {
      save(folder / run, 1, cut_state(sample_state(), Cut::kByTensor, world->rank(), 2), world);
    });
  }
  for (const std::string name :
       {"manifest.json", "rank-00000.safetensors", "rank-00001.safetensors"}) {
    EXPECT_EQ(read_bytes(folder / ("a/step-0000001/" + name)),
              read_bytes(folder / ("b/step-0000001/" + name)))
        << name;
  }
}

TEST(PendingSaveTest, WritesFilesThatAnySafetensorsReaderUnderstands) {
  const TemporaryFolder folder;
  parallel::run_ranks(2, [&](const SharedCommunicator& world) {
    const at::Tensor half = at::ones({3});
    save(folder.path(),
         1,
         {whole_tensor("whole", at::ones({2, 2})),
          {"cut", {2, 3}, int64_t{3} * world->rank(), half}},
         world);
  });
  const SafetensorsFile first(folder / "step-0000001/rank-00000.safetensors");
  const SafetensorsFile second(folder / "step-0000001/rank-00001.safetensors");
  EXPECT_EQ(first.tensors().at("cut[0:3]").shape, std::vector<int64_t>({3}));
  EXPECT_EQ(second.tensors().at("cut[3:6]").shape, std::vector<int64_t>({3}));
  EXPECT_EQ(first.tensors().at("whole").shape, std::vector<int64_t>({2, 2}));
  EXPECT_EQ(second.tensors().count("whole"), 0U);
}

TEST(PendingSaveTest, SavesValuesThatAreNotContiguousAndParameters) {
  const TemporaryFolder folder;
  const at::Tensor stored = testing::random_tensor({3, 4}, at::kFloat, "stored");
  at::Tensor parameter = stored.t().contiguous().set_requires_grad(true);
  save(folder.path(), 1, {whole_tensor("w", parameter.t()), whole_tensor("p", parameter)});
  at::Tensor p = at::zeros({4, 3}).set_requires_grad(true);
  const at::Tensor w = at::zeros({4, 3});
  Checkpoint(folder / "step-0000001", parallel::make_single())
      .load({whole_tensor("w", w.t()), whole_tensor("p", p)});
  expect_bitwise_equal(w.t(), stored);
  expect_bitwise_equal(p, parameter);
}

/// What rank 0 and rank 1 hand over, and what both are told.
struct Disagreement {
  const char* name;
  TensorPiece first;
  TensorPiece second;
  const char* message;
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for this name
void PrintTo(const Disagreement& disagreement, std::ostream* out) {
  *out << disagreement.name;
}

std::vector<Disagreement> disagreements() {
  const at::Tensor two = at::ones({2});
  return {
      {"Shape",
       {"w", {2}, 0, two},
       {"w", {1, 2}, 0, two},
       "tensor 'w': expected F32 [2] as on rank 0, found F32 [1, 2] on rank 1"},
      {"Dtype",
       {"w", {2}, 0, two},
       {"w", {2}, 0, two.to(at::kDouble)},
       "expected F32 [2] as on rank 0, found F64 [2] on rank 1"},
      {"Hole",
       {"w", {5}, 0, two},
       {"w", {5}, 3, two},
       "expected pieces without hole or overlap, the next from element 2, found one from 3 on rank "
       "1"},
      {"Overlap",
       {"w", {3}, 0, two},
       {"w", {3}, 1, two},
       "the next from element 2, found one from 1 on rank 1"},
      {"OverlapAtTheSamePlace",
       {"w", {3}, 0, two},
       {"w", {3}, 0, at::ones({3})},
       "the next from element 2, found one from 0 on rank 1"},
      {"MissingEnd",
       {"w", {5}, 0, two},
       {"w", {5}, 2, two},
       "expected pieces of all 5 elements, found 4 on all ranks together"},
      {"NoPieceAtAll",
       {"w", {5}, 0, two.slice(0, 0, 0)},
       {"w", {5}, 5, two.slice(0, 0, 0)},
       "expected pieces of all 5 elements, found 0"},
      {"Outside",
       {"w", {2}, 0, two},
       {"w", {2}, 1, two},
       "tensor 'w': expected a piece inside its 2 elements, found 2 from 1"},
      {"NegativeBegin", {"w", {2}, 0, two}, {"w", {2}, -1, two}, "found 2 from -1"},
      {"NegativeShape", {"w", {2}, 0, two}, {"w", {-2}, 0, two}, "less than 2^60 bytes"},
      {"HugeShape",
       {"w", {2}, 0, two},
       {"w", {int64_t{1} << 40, int64_t{1} << 40}, 0, two},
       "expected a shape of less than 2^60 bytes, found F32 [1099511627776, 1099511627776]"},
      {"UnsupportedDtype",
       {"w", {2}, 0, two.to(at::kComplexFloat)},
       {"w", {2}, 0, two},
       "expected a dtype of safetensors files, found ComplexFloat"},
  };
}

class DisagreementTest : public ::testing::TestWithParam<Disagreement> {};

TEST_P(DisagreementTest, IsReportedOnEveryRankAndLeavesNothing) {
  const TemporaryFolder folder;
  parallel::run_ranks(2, [&](const SharedCommunicator& world) {
    const TensorPiece& own = world->rank() == 0 ? GetParam().first : GetParam().second;
    expect_error<ShapeError>([&] { save(folder.path(), 1, {own}, world); }, GetParam().message);
  });
  EXPECT_EQ(names_in(folder.path()), Names());
}

INSTANTIATE_TEST_SUITE_P(Rules,
                         DisagreementTest,
                         ::testing::ValuesIn(disagreements()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(PendingSaveTest, RefusesAPieceThatARankHasTwiceAndANameThatIsReserved) {
  const TemporaryFolder folder;
  const TensorPiece piece = whole_tensor("w", at::ones({2}));
  expect_error<ShapeError>(
      [&] {
        save(folder.path(), 1, {piece, piece});
      },
      "expected every piece once, found that from element 0 twice on rank 0");
  expect_error<CheckpointError>(
      [&] { save(folder.path(), 1, {whole_tensor("__metadata__", at::ones({2}))}); },
      "tensor '__metadata__': expected every name once");
  expect_error<CheckpointError>(
      [&] { save(folder.path(), 1, {whole_tensor("\xff", at::ones({2}))}); }, "expected UTF-8");
}

TEST(PendingSaveTest, ReportsTheCauseWhenOtherRanksOnlySayThatOneFailed) {
  const TemporaryFolder folder;
  parallel::run_ranks(3, [&](const SharedCommunicator& world) {
    PendingSave pending(folder.path(), 1, "world 3", world);
    pending.write({});
    const std::string prefix = world->rank() == 1 ? "" : "rank 1: ";
    expect_error<IoError>(
        [&] {
          pending.add_files([&](const std::string&) {
            if (world->rank() == 1) {
              throw IoError("disk full");
            }
            throw PeerFailure("rank 1 failed");
          });
        },
        prefix + "disk full");
    expect_error<PeerFailure>(
        [&] { pending.add_files([](const std::string&) { throw PeerFailure("it failed"); }); },
        "it failed");
  });
}

TEST(PendingSaveTest, RefusesAnAddedFileInThePlaceOfTheManifest) {
  const TemporaryFolder folder;
  PendingSave pending(folder.path(), 1, "world 1", parallel::make_single());
  pending.write({});
  pending.add_files([](const std::string& path) { write_bytes(path + "/manifest.json", "{}"); });
  expect_error<CheckpointError>([&] { pending.commit(); }, "another name than the manifest's own");
  EXPECT_EQ(complete_steps(folder.path()), std::vector<int64_t>());
}

TEST(PendingSaveTest, RefusesASecondWriteAndACommitWithoutOne) {
  const TemporaryFolder folder;
  PendingSave pending(folder.path(), 2, "world 1", parallel::make_single());
  expect_error<InternalError>([&] { pending.commit(); }, "written before it is committed");
  pending.write({});
  expect_error<InternalError>([&] { pending.write({}); }, "written once");
}

TEST(PendingSaveTest, AsksForRoomBeforeItWrites) {
  const TemporaryFolder folder;
  // A petabyte that takes four bytes of memory.
  const TensorPiece piece = whole_tensor("w", at::zeros({1}).expand({int64_t{1} << 48}));
  expect_error<IoError>([&] { save(folder.path(), 1, {piece}); },
                        ": expected 1125899906842624 bytes, found ");
  EXPECT_EQ(names_in(folder.path()), Names());
}

TEST(PendingSaveTest, ReportsAFullDiskOnEveryRankAndKeepsTheOlderCheckpoint) {
  const TemporaryFolder folder;
  save(folder.path(), 1, sample_state());
  const TensorPiece large = whole_tensor("w", at::ones({5000}));
  {
    const FileSizeLimit limit(/*num_bytes=*/4096);
    parallel::run_ranks(2, [&](const SharedCommunicator& world) {
      expect_error<IoError>([&] { save(folder.path(), 2, {large}, world); },
                            std::string(world->rank() == 0 ? "" : "rank 0: ") + "cannot write " +
                                folder.path() + "/step-0000002.tmp-");
    });
  }
  EXPECT_EQ(names_in(folder.path()), Names({"latest", "step-0000001"}));
  Checkpoint(folder / "step-0000001", parallel::make_single());
}

TEST(PendingSaveTest, ReportsAFolderThatCannotBeMadeOrVanishes) {
  const TemporaryFolder folder;
  write_bytes(folder / "file", "");
  expect_error<IoError>([&] { save(folder / "file/run", 1, {}); },
                        "cannot create folder " + (folder / "file") + ": Not a directory");
  PendingSave pending(folder / "run", 1, "world 1", parallel::make_single());
  pending.write({});
  std::filesystem::remove_all(folder / "run");
  expect_error<IoError>([&] { pending.commit(); },
                        pending.folder() + ": No such file or directory");
}

}  // namespace
}  // namespace hecaton::checkpoint
