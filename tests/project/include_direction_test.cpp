// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/project/include_rules.h"
#include "tests/project/source_tree.h"
#include "tests/testing/paths.h"

namespace hecaton::project {
namespace {

bool is_source(const std::filesystem::path& name) {
  static const std::set<std::string> kExtensions = {".h", ".cpp", ".cu", ".cuh"};
  return kExtensions.count(name.extension()) > 0;
}

TEST(IncludeDirectionTest, EveryIncludeOfTheProjectIsAllowed) {
  const std::vector<SourceFile> files = read_tree(testing::source_dir(), is_source);
  std::set<std::string> paths;
  for (const SourceFile& file : files) {
    paths.insert(file.path);
    EXPECT_THAT(find_forbidden_includes(file), ::testing::IsEmpty());
  }
  EXPECT_TRUE(paths.count("core/check.h") == 1 && paths.count("core/rng.cpp") == 1)
      << "the scan of " << testing::source_dir() << " missed core/";
}

// A file of a made-up tree with one include, and what must be reported of it.
struct Case {
  const char* path;
  const char* line;
  const char* rule;
};

TEST(IncludeRulesTest, ReportsEveryKindOfForbiddenInclude) {
  const std::vector<Case> cases = {
      {"core/rng.cpp", "#include \"kernels/topk.h\"", "core/ may not include this"},
      {"kernels/topk.h", "#include \"moe/routing.h\"", "kernels/ may not include this"},
      {"moe/moe_layer.h", "#include \"parallel/communicator.h\"", "moe/ may not"},
      {"parallel/all_to_all.h", "#include \"moe/moe_layer.h\"", "parallel/ may not"},
      {"optim/clip.h", "#include \"parallel/data_parallel.h\"", "optim/ may not"},
      {"optim/clip.h", "#include \"moe/routing.h\"", "optim/ may not"},
      {"models/decoder.h", "#include \"parallel/mesh.h\"", "models/ may not"},
      {"checkpoint/store.h", "#include \"models/decoder.h\"", "checkpoint/ may not"},
      {"recipes/train/trainer.cpp", "#include \"tests/project/source_tree.h\"", "recipes/ may not"},
      {"examples/layer.cpp", "#include \"moe/moe_layer.h\"", "examples/ may not"},
      {"bench/layer.cpp", "  #  include \"kernels/topk.h\" // why", "bench/ may not"},
      {"moe/router.cpp", "#include \"router.h\"", "by their path from the root"},
      {"moe/router.cpp", "#include \"../core/check.h\"", "by their path from the root"},
      {"moe/router.cpp", "#include <hecaton/core/check.h>", "the public tree is for users"},
      {"moe/router.cpp", "#include \"kernels/detail/tile.h\"", "belong to their folder"},
      {"tests/moe/a_test.cpp", "#include \"kernels/detail/tile.h\"", "belong to their folder"},
      {"kernels/topk.h", "#include <torch/torch.h>", "includes all of LibTorch"},
      {"recipes/main.cpp", "#include <mpi.h>", "belong to parallel/*.cpp"},
      {"parallel/mesh.h", "#include <mpi.h>", "belong to parallel/*.cpp"},
      {"parallel/mesh.h", "#include <nccl.h>", "belong to parallel/*.cpp"},
      {"kernels/topk.h", "#include <cuda_runtime.h>", "CUDA belongs to"},
      {"parallel/stream.h", "#include <c10/cuda/CUDAStream.h>", "CUDA belongs to"},
      {"kernels/topk.cu", "#include <ATen/core/Tensor.h>", "no LibTorch"},
  };
  for (const Case& forbidden : cases) {
    SCOPED_TRACE(std::string(forbidden.path) + " with " + forbidden.line);
    const std::vector<std::string> found =
        find_forbidden_includes({forbidden.path, {"#pragma once", forbidden.line}});
    ASSERT_EQ(found.size(), 1U);
    EXPECT_THAT(found[0], ::testing::StartsWith(std::string(forbidden.path) + ":2: "));
    EXPECT_THAT(found[0], ::testing::HasSubstr(forbidden.rule));
  }
}

TEST(IncludeRulesTest, AcceptsWhatTheLayoutAllows) {
  const std::vector<SourceFile> files = {
      {"parallel/all_to_all.h", {"#include \"moe/dispatcher.h\""}},
      {"parallel/mpi.cpp", {"#include <mpi.h>"}},
      {"optim/clip.cpp", {"#include \"parallel/mesh.h\""}},
      {"recipes/train/trainer.cpp", {"#include \"checkpoint/store.h\""}},
      {"kernels/topk.cpp", {"#include \"kernels/detail/tile.h\""}},
      {"tests/kernels/a_test.cpp", {"#include \"kernels/detail/tile.h\""}},
      {"kernels/topk.cpp", {"#include <cuda_runtime.h>"}},
      {"core/log.cpp", {"#include <ATen/core/Tensor.h>"}},
      {"examples/layer.cpp", {"#include <hecaton/moe/moe_layer.h>"}},
      {"core/log.cpp", {"// #include <mpi.h>"}},
  };
  for (const SourceFile& file : files) {
    EXPECT_THAT(find_forbidden_includes(file), ::testing::IsEmpty());
  }
}

}  // namespace
}  // namespace hecaton::project
