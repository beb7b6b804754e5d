// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/gpu_placement.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAFunctions.h>
#include <cuda_runtime_api.h>

#include "core/cuda_check.h"
#include "core/error.h"
#include "parallel/detail/collective.h"

namespace hecaton::parallel {
namespace {

GpuId gpu_id(at::Device device) {
  cudaDeviceProp properties{};
  HECATON_CUDA(cudaGetDeviceProperties(&properties, device.index()));
  GpuId id;
  static_assert(sizeof(id) == sizeof(properties.uuid.bytes));
  std::memcpy(id.data(), properties.uuid.bytes, sizeof(id));
  return id;
}

void require_gpu(const Communicator& host, at::Device device) {
  const int num_devices = c10::cuda::device_count();
  if (!device.is_cuda() || device.index() < 0 || device.index() >= num_devices) {
    throw ConfigError(rank_name(host.axis(), host.rank()) +
                      ": device must be a GPU of this machine: expected one of " +
                      std::to_string(num_devices) + " CUDA devices found " + device.str());
  }
}

}  // namespace

at::Device gpu_for_rank(const Communicator& host) {
  const int num_devices = std::max<int>(1, c10::cuda::device_count());
  return {at::kCUDA, static_cast<c10::DeviceIndex>(host.node_place().local_rank % num_devices)};
}

void check_one_rank_per_gpu(Communicator& host, const GpuId& own) {
  const auto id_bytes = static_cast<int64_t>(own.size());
  const at::Tensor mine = at::empty({id_bytes}, at::TensorOptions(at::kByte));
  const at::Tensor all = at::empty({host.size() * id_bytes}, mine.options());
  std::memcpy(mine.data_ptr(), own.data(), own.size());
  host.all_gather(mine, all);
  std::vector<GpuId> ids(static_cast<size_t>(host.size()));
  std::memcpy(ids.data(), all.const_data_ptr(), ids.size() * own.size());
  for (size_t rank = 0; rank < ids.size(); ++rank) {
    const auto first = std::find(ids.begin(), ids.end(), ids[rank]) - ids.begin();
    if (first != static_cast<std::ptrdiff_t>(rank)) {
      throw ConfigError(
          "two ranks share one GPU: expected at most as many ranks on a machine as it "
          "has GPUs found " +
          rank_name(host.axis(), static_cast<int>(first)) + " and " +
          rank_name(host.axis(), static_cast<int>(rank)) + " on the same");
    }
  }
}

void check_placement(Communicator& host, at::Device device) {
  GpuId id{};
  std::exception_ptr error;
  try {
    require_gpu(host, device);
    id = gpu_id(device);
  } catch (...) {
    error = std::current_exception();
  }
  if (host.all_agree(error == nullptr)) {
    return check_one_rank_per_gpu(host, id);
  }
  if (error != nullptr) {
    std::rethrow_exception(error);
  }
  throw PeerFailure(host.axis() + ": another rank has no GPU");
}

}  // namespace hecaton::parallel
