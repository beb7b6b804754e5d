// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <array>
#include <cstddef>

#include <c10/core/Device.h>

#include "parallel/communicator.h"

namespace hecaton::parallel {

/// The GPU for this rank of `host`: the ranks of a machine take its GPUs in turn. "cuda:0" on a
/// machine without any, which check_placement() then refuses.
at::Device gpu_for_rank(const Communicator& host);

/// Throws unless every rank of `host` has a GPU, `device`, to itself: ConfigError where `device` is
/// no GPU of this machine and PeerFailure on the other ranks, or ConfigError on every rank if two
/// share a GPU. Every rank must call it.
void check_placement(Communicator& host, at::Device device);

/// What tells a GPU from every other one: its UUID.
using GpuId = std::array<std::byte, 16>;

/// Throws ConfigError on every rank, naming both, if two ranks of `host` have the same GPU: NCCL
/// answers that by hanging. Every rank must call it.
void check_one_rank_per_gpu(Communicator& host, const GpuId& own);

}  // namespace hecaton::parallel
