// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/detail/collective.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <sstream>
#include <utility>

#include <ATen/ops/empty.h>

#include "core/check.h"
#include "parallel/detail/reduction.h"

namespace hecaton::parallel {
namespace {

void copy_bytes(std::byte* to, const std::byte* from, int64_t bytes) {
  if (bytes > 0 && to != from) {
    std::memcpy(to, from, static_cast<size_t>(bytes));
  }
}

}  // namespace

std::string rank_name(const std::string& axis, int rank) {
  return axis + "_rank " + std::to_string(rank);
}

const char* reduce_name(ReduceOp op) {
  switch (op) {
    case ReduceOp::kSum:
      return "sum";
    case ReduceOp::kMax:
      return "max";
    case ReduceOp::kMin:
      return "min";
  }
  return "";
}

std::string content_of(const at::Tensor& tensor) {
  return std::to_string(tensor.numel()) + " " + c10::toString(tensor.scalar_type());
}

std::string Collective::name_of(int rank) const {
  return rank_name(flight->plan().axis, rank);
}

std::string Collective::text() const {
  return name_of(rank()) + " of " + std::to_string(flight->plan().size) + ": " + flight->text();
}

std::string reduction_of(const at::Tensor& tensor, ReduceOp op) {
  return std::string(reduce_name(op)) + " of " + content_of(tensor);
}

std::string timeout_text(const std::string& what, const std::string& whom) {
  std::ostringstream out;
  out << what << ": no answer within " << std::chrono::duration<double>(wait_timeout()).count()
      << " s from " << whom;
  return out.str();
}

std::vector<Part> cut(const at::Tensor& tensor, const std::vector<int64_t>& counts) {
  auto* data = static_cast<std::byte*>(tensor.data_ptr());
  std::vector<Part> parts;
  parts.reserve(counts.size());
  for (const int64_t count : counts) {
    parts.push_back({data, count});
    data += count * tensor.element_size();
  }
  return parts;
}

std::vector<Part> cut_evenly(const at::Tensor& tensor, int num_parts) {
  const int64_t numel = tensor.numel();
  std::vector<int64_t> counts(static_cast<size_t>(num_parts), numel / num_parts);
  std::for_each_n(counts.begin(), numel % num_parts, [](int64_t& count) { ++count; });
  return cut(tensor, counts);
}

CollectiveBuilder::CollectiveBuilder(std::shared_ptr<Flight> flight, at::ScalarType dtype)
    : rank_(flight->plan().rank), size_(flight->plan().size), dtype_(dtype) {
  collective_.flight = std::move(flight);
  collective_.element_bytes = static_cast<int64_t>(c10::elementSize(dtype));
}

void CollectiveBuilder::exchange(const std::vector<Part>& sends,
                                 const std::vector<Part>& receives) {
  Round round;
  // Rank r begins with its neighbour r+1, so that not all ranks send to rank 0 first.
  for (int step = 1; step < size_; ++step) {
    const int to = (rank_ + step) % size_;
    const int from = (rank_ - step + size_) % size_;
    round.sends.push_back(send_of(to, sends.at(static_cast<size_t>(to))));
    round.receives.push_back(receive_of(from, receives.at(static_cast<size_t>(from))));
  }
  const Part& from_self = sends.at(static_cast<size_t>(rank_));
  const Part& to_self = receives.at(static_cast<size_t>(rank_));
  HECATON_CHECK_EQ(from_self.count, to_self.count, "a rank must get what it sends to itself");
  copy_bytes(to_self.data, from_self.data, from_self.count * collective_.element_bytes);
  collective_.rounds.push_back(std::move(round));
}

void CollectiveBuilder::reduce(const std::vector<Part>& parts, Part output, ReduceOp op) {
  const Part own = parts.at(static_cast<size_t>(rank_));
  const at::Tensor received = at::empty({(size_ - 1) * own.count}, at::TensorOptions(dtype_));
  std::vector<int64_t> counts(static_cast<size_t>(size_), own.count);
  counts[static_cast<size_t>(rank_)] = 0;
  std::vector<Part> contributions = cut(received, counts);
  contributions[static_cast<size_t>(rank_)] = own;
  collective_.tensors.push_back(received);

  exchange(parts, contributions);
  std::vector<const std::byte*> sources;
  sources.reserve(contributions.size());
  for (const Part& part : contributions) {
    sources.push_back(part.data);
  }
  collective_.rounds.back().finish = [=, dtype = dtype_] {
    reduce_in_order(dtype, op, sources, output.data, output.count);
  };
}

void CollectiveBuilder::send(Part part, const std::vector<int>& peers) {
  Round round;
  for (const int peer : peers) {
    round.sends.push_back(send_of(peer, part));
  }
  collective_.rounds.push_back(std::move(round));
}

void CollectiveBuilder::receive(Part part, int peer) {
  Round round;
  round.receives.push_back(receive_of(peer, part));
  collective_.rounds.push_back(std::move(round));
}

Collective CollectiveBuilder::take(const std::vector<at::Tensor>& tensors) {
  for (const Round& round : collective_.rounds) {
    for (const Send& send : round.sends) {
      collective_.flight->add_sends(/*num_messages=*/1, send.bytes);
    }
  }
  collective_.tensors.insert(collective_.tensors.end(), tensors.begin(), tensors.end());
  return std::move(collective_);
}

Send CollectiveBuilder::send_of(int peer, const Part& part) const {
  return {peer, part.data, part.count * collective_.element_bytes};
}

Receive CollectiveBuilder::receive_of(int peer, const Part& part) const {
  return {peer, part.data, part.count * collective_.element_bytes};
}

}  // namespace hecaton::parallel
