// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <memory>

#include <ATen/core/Tensor.h>

#include "parallel/communicator.h"

namespace hecaton::parallel {

/// The ranks of `host` once more, back end "nccl", for tensors on `device`. Groups split from it
/// have NCCL communicators of their own. Every rank of `host` must call it.
///
/// host:        carries the start-up: identities, agreement, splits. Kept, and not used otherwise.
/// device:      a GPU of this machine that no other rank uses: gpu_for_rank(*host).
/// Errors:      ConfigError if NCCL is not the one that was built with; those of check_placement();
///              CommError naming axis, rank, NCCL's call and code.
/// Determinism: less than the other back ends promise. Sums are NCCL's: every rank gets the same
///              bits from all_reduce, but the order of additions follows algorithm, protocol and
///              topology, which NCCL chooses by size, so it is not the order of ranks. The same job
///              on the same machines repeats its bits as long as NCCL chooses the same; its
///              documentation promises no more. Integers, kMax and kMin of numbers, and everything
///              that only moves bytes are exact.
/// Precision:   NCCL rounds partial sums of bfloat16 and float16 between steps, up to once per
/// rank;
///              gradients are reduced in float32 for that reason. Whether kMax and kMin hand NaN on
///              is not promised.
/// Parallel:    a collective begins when the caller's stream has come to where it was issued. All
///              groups of one world share one stream of high priority, so that collectives run in
///              the order of issue and none of two groups can wait for the other. So does a send or
///              a receive: it holds back everything issued later until its partner is issued, and
///              two ranks that both send first wait for each other for ever. Tensors may be let go
///              at any time. wait_timeout() covers start-up and synchronize(); a host that waits
///              for its stream in another way is not covered. After a CommError the group is
///              aborted. Destroy all groups before finalize_mpi().
std::shared_ptr<Communicator> make_nccl(std::shared_ptr<Communicator> host, at::Device device);

}  // namespace hecaton::parallel
