// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "parallel/communicator.h"

// Every collective is a few rounds of messages between two ranks each, with local work after each
// round. This file says which messages; the back ends carry them.

namespace hecaton::parallel {

/// Bytes that leave for another rank.
struct Send {
  int peer = 0;
  const std::byte* data = nullptr;
  int64_t bytes = 0;
};

/// Bytes that come from another rank. The length is a promise: a back end reports any other.
struct Receive {
  int peer = 0;
  std::byte* data = nullptr;
  int64_t bytes = 0;
};

/// Messages that may all travel at once, then work on what they brought. A message of zero bytes is
/// a message: both sides have it.
struct Round {
  std::vector<Send> sends;
  std::vector<Receive> receives;
  std::function<void()> finish;  ///< after all sends and receives of the round; may be empty
};

/// One collective as one rank sees it. What its flight says of operation and content is the same on
/// every rank of a collective; of a point-to-point message, the content is.
struct Collective {
  std::shared_ptr<Flight> flight;
  int64_t element_bytes = 1;
  std::vector<Round> rounds;
  std::vector<at::Tensor> tensors;  ///< what the messages point into

  int rank() const { return flight->plan().rank; }
  bool is_point_to_point() const { return flight->plan().is_point_to_point; }
  /// "ep_rank 1": a rank of the group.
  std::string name_of(int rank) const;
  /// "ep_rank 1 of 4: all_reduce (sum of 8 Float) at training_engine.cpp:192 in step 3".
  std::string text() const;
};

/// "ep_rank 1".
std::string rank_name(const std::string& axis, int rank);
/// "sum", "max", "min".
const char* reduce_name(ReduceOp op);
/// "8 Float".
std::string content_of(const at::Tensor& tensor);
/// "sum of 8 Float".
std::string reduction_of(const at::Tensor& tensor, ReduceOp op);
/// What a wait for `what` says that outlasted wait_timeout(). whom: "dp_rank 3" or whatever is
/// known of those that did not come.
std::string timeout_text(const std::string& what, const std::string& whom);

/// Consecutive elements of a tensor.
struct Part {
  std::byte* data = nullptr;
  int64_t count = 0;
};

/// `tensor` cut into consecutive parts of counts[i] elements.
std::vector<Part> cut(const at::Tensor& tensor, const std::vector<int64_t>& counts);
/// `tensor` cut into `num_parts` parts whose lengths differ by one element at most.
std::vector<Part> cut_evenly(const at::Tensor& tensor, int num_parts);

/// Writes down a collective of one rank, round by round. What a rank sends to itself is copied at
/// once.
class CollectiveBuilder {
 public:
  CollectiveBuilder(std::shared_ptr<Flight> flight, at::ScalarType dtype);

  /// A round in which rank r gets sends[r], and receives[r] is what rank r sends here.
  void exchange(const std::vector<Part>& sends, const std::vector<Part>& receives);
  /// A round in which rank r gets parts[r] of every rank and joins these contributions, in the
  /// order of ranks, into `output`. `output` may be parts[rank].
  void reduce(const std::vector<Part>& parts, Part output, ReduceOp op);
  /// A round that only sends or only receives.
  void send(Part part, const std::vector<int>& peers);
  void receive(Part part, int peer);

  /// tensors: what the parts point into. The flight learns what leaves this rank.
  Collective take(const std::vector<at::Tensor>& tensors);

 private:
  Send send_of(int peer, const Part& part) const;
  Receive receive_of(int peer, const Part& part) const;

  int rank_;
  int size_;
  at::ScalarType dtype_;
  Collective collective_;
};

}  // namespace hecaton::parallel
