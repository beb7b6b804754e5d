// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// Cases that run alone, on threads, and again under mpirun (tests/parallel/worlds.h).

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/pending_save.h"
#include "core/error.h"
#include "tests/checkpoint/saved_state.h"
#include "tests/parallel/worlds.h"
#include "tests/testing/temporary_folder.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::checkpoint {
namespace {

using hecaton::testing::expect_bitwise_equal;
using hecaton::testing::TemporaryFolder;
using parallel::Communicator;
using SharedCommunicator = std::shared_ptr<Communicator>;

/// One folder for all ranks, removed by the rank that made it once all are done.
class SharedFolder {
 public:
  explicit SharedFolder(SharedCommunicator world) : world_(std::move(world)) {
    at::Tensor name = at::zeros({256}, at::TensorOptions().dtype(at::kByte));
    if (world_->rank() == 0) {
      own_.emplace();
      std::copy(own_->path().begin(), own_->path().end(), name.data_ptr<uint8_t>());
    }
    world_->broadcast(name, /*root=*/0);
    path_ = reinterpret_cast<const char*>(name.const_data_ptr<uint8_t>());
  }
  ~SharedFolder() { world_->barrier(); }
  SharedFolder(const SharedFolder&) = delete;
  SharedFolder& operator=(const SharedFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  SharedCommunicator world_;
  std::optional<TemporaryFolder> own_;
  std::string path_;
};

void save(const std::string& folder, Cut cut, const SharedCommunicator& world) {
  PendingSave pending(folder, /*step=*/3, "any", world);
  pending.write(cut_state(sample_state(), cut, world->rank(), world->size()));
  pending.commit();
}

TEST(TrapsTest, Trap13LoadsTheSameBitsHoweverTheTensorsWereCut) {
  parallel::on_each_world([](const SharedCommunicator& world) {
    const std::vector<TensorPiece> expected = sample_state();
    for (const Cut saved : {Cut::kReplicated, Cut::kByTensor, Cut::kSharded}) {
      const SharedFolder folder(world);
      save(folder.path(), saved, world);
      const Checkpoint checkpoint(folder.path() + "/step-0000003", world);
      for (const Cut loaded : {Cut::kReplicated, Cut::kByTensor, Cut::kSharded}) {
        const std::vector<TensorPiece> state = zeroed(expected);
        checkpoint.load(cut_state(state, loaded, world->rank(), world->size()));
        const auto actual = cut_state(state, loaded, world->rank(), world->size());
        const auto wanted = cut_state(expected, loaded, world->rank(), world->size());
        for (size_t i = 0; i < wanted.size(); ++i) {
          SCOPED_TRACE(wanted[i].name);
          expect_bitwise_equal(actual[i].values, wanted[i].values);
        }
      }
    }
  });
}

TEST(ReshardTest, AFailureOfTheLastRankIsThatOfAll) {
  parallel::on_each_world([](const SharedCommunicator& world) {
    const SharedFolder folder(world);
    save(folder.path(), Cut::kReplicated, world);
    const int last = world->size() - 1;
    {
      PendingSave pending(folder.path(), /*step=*/4, "any", world);
      pending.write(cut_state(sample_state(), Cut::kSharded, world->rank(), world->size()));
      parallel::expect_throw<IoError>(
          [&] {
            pending.add_files([&](const std::string&) {
              if (world->rank() == last) {
                throw IoError("cannot write x: No space left on device");
              }
            });
          },
          (world->rank() == last ? "" : "rank " + std::to_string(last) + ": ") +
              "cannot write x: No space left on device");
    }
    world->barrier();
    EXPECT_FALSE(std::filesystem::exists(folder.path() + "/step-0000004"));
    // Throws if it was touched.
    static_cast<void>(Checkpoint(folder.path() + "/step-0000003", world));
  });
}

TEST(ReshardTest, WritesEachElementOnceAndSpreadsTheWork) {
  parallel::on_each_world([](const SharedCommunicator& world) {
    std::vector<TensorPiece> state;
    state.reserve(8);
    for (int i = 0; i < 8; ++i) {
      state.push_back(whole_tensor("w" + std::to_string(i), at::full({1000}, i)));
    }
    const SharedFolder folder(world);
    PendingSave pending(folder.path(), /*step=*/1, "any", world);
    pending.write(state);
    pending.commit();
    const Checkpoint checkpoint(folder.path() + "/step-0000001", world);
    std::vector<int64_t> num_tensors(static_cast<size_t>(world->size()));
    for (const auto& [name, tensor] : checkpoint.manifest().tensors) {
      ASSERT_EQ(tensor.pieces.size(), 1U);
      ++num_tensors[tensor.pieces[0].file_idx];
    }
    EXPECT_EQ(num_tensors, std::vector<int64_t>(num_tensors.size(), 8 / world->size()));
  });
}

}  // namespace
}  // namespace hecaton::checkpoint
