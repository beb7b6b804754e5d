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
  CollectiveBuilder builder(*this, "all_reduce", tensor.scalar_type());
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
  return launch(builder.take(reduction_of(tensor, op), {tensor}));
}

Handle HostCommunicator::start_reduce_scatter(const at::Tensor& input,
                                              const at::Tensor& output,
                                              ReduceOp op) {
  CollectiveBuilder builder(*this, "reduce_scatter", input.scalar_type());
  builder.reduce(cut_evenly(input, size()), cut_evenly(output, 1).front(), op);
  return launch(builder.take(reduction_of(input, op), {input, output}));
}

Handle HostCommunicator::start_all_gather(const at::Tensor& input, const at::Tensor& output) {
  CollectiveBuilder builder(*this, "all_gather", input.scalar_type());
  const Part own = cut_evenly(input, 1).front();
  builder.exchange(std::vector<Part>(static_cast<size_t>(size()), own), cut_evenly(output, size()));
  return launch(builder.take(content_of(input), {input, output}));
}

Handle HostCommunicator::start_all_to_all_v(const at::Tensor& input,
                                            const at::Tensor& output,
                                            const std::vector<int64_t>& send_counts,
                                            const std::vector<int64_t>& recv_counts) {
  CollectiveBuilder builder(*this, "all_to_all_v", input.scalar_type());
  builder.exchange(cut(input, send_counts), cut(output, recv_counts));
  return launch(builder.take(c10::toString(input.scalar_type()), {input, output}));
}

Handle HostCommunicator::start_broadcast(const at::Tensor& tensor, int root) {
  CollectiveBuilder builder(*this, "broadcast", tensor.scalar_type());
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
  return launch(builder.take(content_of(tensor) + " from rank " + std::to_string(root), {tensor}));
}

Handle HostCommunicator::start_send(const at::Tensor& tensor, int destination) {
  CollectiveBuilder builder(*this, "send", tensor.scalar_type());
  builder.send(cut_evenly(tensor, 1).front(), {destination});
  Collective collective = builder.take(content_of(tensor), {tensor});
  collective.is_point_to_point = true;
  return launch(std::move(collective));
}

Handle HostCommunicator::start_recv(const at::Tensor& tensor, int source) {
  CollectiveBuilder builder(*this, "recv", tensor.scalar_type());
  builder.receive(cut_evenly(tensor, 1).front(), source);
  Collective collective = builder.take(content_of(tensor), {tensor});
  collective.is_point_to_point = true;
  return launch(std::move(collective));
}

Handle HostCommunicator::start_barrier() {
  CollectiveBuilder builder(*this, "barrier", at::kByte);
  const std::vector<Part> nothing(static_cast<size_t>(size()));
  builder.exchange(nothing, nothing);
  return launch(builder.take("", {}));
}

}  // namespace hecaton::parallel
