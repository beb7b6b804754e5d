// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/detail/host_communicator.h"

#include <utility>

namespace hecaton::parallel {
namespace {

// Up to here all_reduce sends whole tensors in one round. Two rounds send less, 2/size of it, but
// below some 16 KiB a message costs its latency and not its bytes.
constexpr size_t kOneRoundBytes = size_t{16} * 1024;

}  // namespace

Handle HostCommunicator::launch(Collective collective) {
  if (size() > 1) {
    return start(std::move(collective));
  }
  for (const Round& round : collective.rounds) {
    if (round.finish) {
      round.finish();
    }
  }
  return Handle();
}

Handle HostCommunicator::start_all_reduce(const at::Tensor& tensor, ReduceOp op) {
  if (size() == 1) {
    return Handle();
  }
  CollectiveBuilder builder(flight(), tensor.scalar_type());
  const auto num_ranks = static_cast<size_t>(size());
  if (tensor.nbytes() <= kOneRoundBytes) {
    const Part whole = cut_evenly(tensor, 1).front();
    builder.reduce(std::vector<Part>(num_ranks, whole), whole, op);
  } else {
    const std::vector<Part> parts = cut_evenly(tensor, size());
    const Part own = parts[static_cast<size_t>(rank())];
    builder.reduce(parts, own, op);
    builder.exchange(std::vector<Part>(num_ranks, own), parts);
  }
  return launch(builder.take({tensor}));
}

Handle HostCommunicator::start_reduce_scatter(const at::Tensor& input,
                                              const at::Tensor& output,
                                              ReduceOp op) {
  CollectiveBuilder builder(flight(), input.scalar_type());
  builder.reduce(cut_evenly(input, size()), cut_evenly(output, 1).front(), op);
  return launch(builder.take({input, output}));
}

Handle HostCommunicator::start_all_gather(const at::Tensor& input, const at::Tensor& output) {
  CollectiveBuilder builder(flight(), input.scalar_type());
  const Part own = cut_evenly(input, 1).front();
  builder.exchange(std::vector<Part>(static_cast<size_t>(size()), own), cut_evenly(output, size()));
  return launch(builder.take({input, output}));
}

Handle HostCommunicator::start_gather_of_checks(const at::Tensor& input, const at::Tensor& output) {
  return start_all_gather(input, output);
}

Handle HostCommunicator::start_all_to_all_v(const at::Tensor& input,
                                            const at::Tensor& output,
                                            const std::vector<int64_t>& send_counts,
                                            const std::vector<int64_t>& recv_counts) {
  CollectiveBuilder builder(flight(), input.scalar_type());
  builder.exchange(cut(input, send_counts), cut(output, recv_counts));
  return launch(builder.take({input, output}));
}

Handle HostCommunicator::start_broadcast(const at::Tensor& tensor, int root) {
  CollectiveBuilder builder(flight(), tensor.scalar_type());
  const Part whole = cut_evenly(tensor, 1).front();
  if (rank() == root) {
    std::vector<int> peers;
    for (int step = 1; step < size(); ++step) {
      peers.push_back((rank() + step) % size());
    }
    builder.send(whole, peers);
  } else {
    builder.receive(whole, root);
  }
  return launch(builder.take({tensor}));
}

Handle HostCommunicator::start_send(const at::Tensor& tensor, int destination) {
  CollectiveBuilder builder(flight(), tensor.scalar_type());
  builder.send(cut_evenly(tensor, 1).front(), {destination});
  return launch(builder.take({tensor}));
}

Handle HostCommunicator::start_recv(const at::Tensor& tensor, int source) {
  CollectiveBuilder builder(flight(), tensor.scalar_type());
  builder.receive(cut_evenly(tensor, 1).front(), source);
  return launch(builder.take({tensor}));
}

Handle HostCommunicator::start_barrier() {
  CollectiveBuilder builder(flight(), at::kByte);
  const std::vector<Part> nothing(static_cast<size_t>(size()));
  builder.exchange(nothing, nothing);
  return launch(builder.take({}));
}

}  // namespace hecaton::parallel
