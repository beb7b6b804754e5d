// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// main() of hecaton_parallel_mpi_tests, and of hecaton_parallel_nccl_tests, whose world is NCCL's
// on the same ranks: every rank runs the same tests; the first failure of any rank ends the job,
// since the others would wait for it.

#include <chrono>
#include <cstdio>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "parallel/mpi.h"
#include "tests/parallel/worlds.h"

#ifdef HECATON_TEST_ON_CUDA
#include <c10/cuda/CUDAFunctions.h>

#include "parallel/gpu_placement.h"
#include "parallel/nccl.h"
#endif

namespace hecaton::parallel {
namespace {

std::shared_ptr<Communicator>& world() {
  static std::shared_ptr<Communicator> instance;
  return instance;
}

class EndJobOnFailure : public testing::EmptyTestEventListener {
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (result.failed()) {
      std::fprintf(stderr,
                   "world_rank %d: %s:%d: %s\n",
                   world()->rank(),
                   result.file_name(),
                   result.line_number(),
                   result.message());
    }
  }

  void OnTestEnd(const testing::TestInfo& info) override {
    if (info.result()->Failed()) {
      std::fprintf(stderr,
                   "world_rank %d: FAILED %s.%s\n",
                   world()->rank(),
                   info.test_suite_name(),
                   info.name());
      abort_mpi(1);
    }
  }
};

#ifdef HECATON_TEST_ON_CUDA
/// Moves the world to the ranks' GPUs; false, with the reason, if there are too few.
bool move_to_gpus() {
  const int num_devices = c10::cuda::device_count();
  const int num_ranks = world()->node_place().local_size;
  if (!world()->all_agree(num_devices >= num_ranks)) {
    std::printf("[  SKIPPED ] no CUDA device for each rank: %d ranks, %d devices\n",
                num_ranks,
                num_devices);
    return false;
  }
  world() = make_nccl(world(), gpu_for_rank(*world()));
  return true;
}
#else
bool move_to_gpus() {
  return true;
}
#endif

}  // namespace

void on_each_world(const std::function<void(std::shared_ptr<Communicator>)>& body) {
  body(world());
}

}  // namespace hecaton::parallel

int main(int argc, char** argv) {
  namespace parallel = hecaton::parallel;
  testing::InitGoogleTest(&argc, argv);
  at::set_num_threads(1);
  parallel::set_wait_timeout(std::chrono::seconds(60));
  parallel::world() = parallel::make_mpi_world();

  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  if (parallel::world()->rank() != 0) {
    delete listeners.Release(listeners.default_result_printer());
  }
  listeners.Append(new parallel::EndJobOnFailure);

  const int result = parallel::move_to_gpus() ? RUN_ALL_TESTS() : 0;
  const bool is_good = parallel::world()->all_agree(result == 0);
  parallel::world().reset();
  parallel::finalize_mpi();
  return is_good ? 0 : 1;
}
