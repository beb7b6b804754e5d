// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "parallel/communicator.h"
#include "parallel/detail/collective.h"

namespace hecaton::parallel {

/// What the back ends on CPU tensors share: it writes every collective down as messages and local
/// work, and they move blocks of bytes and nothing else. So all of them give the same bits.
class HostCommunicator : public Communicator {
 protected:
  using Communicator::Communicator;

  /// Begins `collective`, which has messages to or from other ranks, and returns at once.
  virtual Handle start(Collective collective) = 0;

  Handle start_all_reduce(const at::Tensor& tensor, ReduceOp op) final;
  Handle start_reduce_scatter(const at::Tensor& input, const at::Tensor& output, ReduceOp op) final;
  Handle start_all_gather(const at::Tensor& input, const at::Tensor& output) final;
  Handle start_all_to_all_v(const at::Tensor& input,
                            const at::Tensor& output,
                            const std::vector<int64_t>& send_counts,
                            const std::vector<int64_t>& recv_counts) final;
  Handle start_broadcast(const at::Tensor& tensor, int root) final;
  Handle start_send(const at::Tensor& tensor, int destination) final;
  Handle start_recv(const at::Tensor& tensor, int source) final;
  Handle start_barrier() final;
  Handle start_gather_of_checks(const at::Tensor& input, const at::Tensor& output) final;

 private:
  Handle launch(Collective collective);
};

}  // namespace hecaton::parallel
