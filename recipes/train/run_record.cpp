// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/run_record.h"

#include <ctime>
#include <sstream>

#include <ATen/Parallel.h>
#include <hecaton/version.h>
#include <nlohmann/json.hpp>
#include <torch/version.h>

#include "parallel/mpi.h"
#include "parallel/nccl_version.h"
#include "recipes/git_revision.h"
#include "recipes/train/host.h"

#ifdef HECATON_WITH_CUDA
#include <ATen/Context.h>
#endif

namespace hecaton::recipes {
namespace {

#ifdef __clang__
constexpr char kCompiler[] = __VERSION__;  // says "Clang" itself
#else
constexpr char kCompiler[] = "g++ " __VERSION__;
#endif

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> build_versions() {
  std::vector<std::pair<std::string, std::string>> versions = {
      {"hecaton", HECATON_VERSION_STRING},
      {"git", kGitRevision},
      {"libtorch", TORCH_VERSION},
#ifdef HECATON_WITH_MPI
      {"mpi", parallel::mpi_version()},
#else
      {"mpi", "not built in"},
#endif
#ifdef HECATON_WITH_CUDA
      {"cuda", at::hasCUDA() ? "device found" : "built in, no device found"},
#else
      {"cuda", "not built in"},
#endif
      {"nccl", parallel::nccl_version()},
      {"compiler", kCompiler},
  };
  return versions;
}

std::string run_record(parallel::Mesh& mesh) {
  nlohmann::ordered_json record;
  for (const auto& [name, version] : build_versions()) {
    record["versions"][name] = version;
  }
  record["started"] = utc_now();
  record["host"] = host_name();
  record["cpu"] = cpu_name();
  record["layout"] = mesh.describe();
  record["threads_per_rank"] = at::get_num_threads();
  return record.dump(2) + "\n";
}

}  // namespace hecaton::recipes
