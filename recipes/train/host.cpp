// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/host.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <fstream>
#include <sched.h>
#include <string>
#include <unistd.h>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <malloc.h>

#include "core/error.h"
#include "core/rng.h"

namespace hecaton::recipes {
namespace {

/// More slow a machine down whatever they do, and some thousands cannot be made at all.
constexpr int64_t kMostThreadsPerCore = 8;
constexpr double kKibPerGib = 1024.0 * 1024.0;

cpu_set_t allowed_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
    CPU_SET(0, &allowed);
  }
  return allowed;
}

/// Ranks on this host that may use exactly these cores: those that the launcher bound together.
int64_t ranks_sharing(const cpu_set_t& cores, parallel::Communicator& world) {
  std::string place = host_name();
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    place += CPU_ISSET(core, &cores) ? '1' : '0';
  }
  const auto options = at::TensorOptions().dtype(at::kLong);
  const at::Tensor own = at::full({1}, static_cast<int64_t>(hash_name(place) >> 1), options);
  const at::Tensor all_P = at::empty({world.size()}, options);
  world.all_gather(own, all_P);
  return all_P.eq(own).sum().item<int64_t>();
}

/// The value behind "key   : value" of a file of such lines.
std::string line_value(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (line.compare(0, key.size(), key) == 0 && colon != std::string::npos) {
      const size_t begin = line.find_first_not_of(" \t", colon + 1);
      return begin == std::string::npos ? "" : line.substr(begin);
    }
  }
  return "";
}

}  // namespace

ThreadChoice choose_threads(parallel::Communicator& world,
                            std::optional<int64_t> requested,
                            const std::string& name) {
  ThreadChoice choice;
  const cpu_set_t cores = allowed_cores();
  choice.num_cores = CPU_COUNT(&cores);
  choice.ranks_on_cores = ranks_sharing(cores, world);
  const char* variable = std::getenv("OMP_NUM_THREADS");
  if (requested) {
    choice.num_threads = *requested;
    choice.origin = name;
  } else if (variable != nullptr && std::atoll(variable) > 0) {
    choice.num_threads = std::atoll(variable);
    choice.origin = "OMP_NUM_THREADS";
  } else {
    choice.num_threads = std::max<int64_t>(1, choice.num_cores / choice.ranks_on_cores);
    choice.origin = "cores / ranks";
  }
  const int64_t most_threads = kMostThreadsPerCore * choice.num_cores;
  if (choice.num_threads < 1 || choice.num_threads > most_threads) {
    throw ConfigError(choice.origin + " = " + std::to_string(choice.num_threads) +
                      ": must be from 1 to " + std::to_string(most_threads) + ", " +
                      std::to_string(kMostThreadsPerCore) + " for each core");
  }
  return choice;
}

void apply_threads(const ThreadChoice& choice) {
  at::set_num_threads(static_cast<int>(choice.num_threads));
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
}

double memory_gib() {
  return std::atof(line_value("/proc/self/status", "VmRSS").c_str()) / kKibPerGib;
}

double usable_memory_gib() {
  const double machine_gib = (std::atof(line_value("/proc/meminfo", "MemTotal").c_str()) +
                              std::atof(line_value("/proc/meminfo", "SwapTotal").c_str())) /
                             kKibPerGib;
  double usable_gib = machine_gib;
  // Version 2 of control groups, where a container sees itself as the root; version 1.
  for (const char* path :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    double limit_bytes = 0.0;
    if (std::ifstream(path) >> limit_bytes) {  // "max" stands for no limit
      usable_gib = std::min(usable_gib, limit_bytes / (1024.0 * kKibPerGib));
    }
  }
  return usable_gib;
}

std::string cpu_name() {
  const std::string name = line_value("/proc/cpuinfo", "model name");
  return name.empty() ? "unknown" : name;
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

}  // namespace hecaton::recipes
