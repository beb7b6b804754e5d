// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/communicator.h"

#include <algorithm>
#include <atomic>
#include <sstream>
#include <utility>

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "core/error.h"
#include "parallel/detail/collective.h"

namespace hecaton::parallel {
namespace {

std::atomic<int64_t> wait_timeout_ms = int64_t{30} * 60 * 1000;
std::atomic<bool> are_collectives_checked = false;

bool is_carried(at::ScalarType dtype) {
  switch (dtype) {
    case at::kBool:
    case at::kByte:
    case at::kInt:
    case at::kLong:
    case at::kFloat:
    case at::kDouble:
    case at::kBFloat16:
    case at::kHalf:
      return true;
    default:
      return false;
  }
}

/// Tells a flight how long its rank waited for it.
class WaitClock {
 public:
  explicit WaitClock(std::shared_ptr<Flight> flight) : flight_(std::move(flight)) {}
  ~WaitClock() {
    if (flight_) {
      flight_->add_exposed(std::chrono::steady_clock::now() - start_);
    }
  }
  WaitClock(const WaitClock&) = delete;
  WaitClock& operator=(const WaitClock&) = delete;

 private:
  std::shared_ptr<Flight> flight_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Argument checks of one call; messages begin with "ep: all_reduce: ".
class Arguments {
 public:
  Arguments(const Communicator& group, const std::string& operation)
      : group_(group), prefix_(group.axis() + ": " + operation + ": ") {}

  void require_tensor(const char* name, const at::Tensor& tensor) const {
    require(tensor.defined(), name, "must be a tensor", "none");
    const std::string place =
        group_.device().is_cpu() ? "must be on the CPU" : "must be on " + group_.device().str();
    require(tensor.device() == group_.device(), name, place, tensor.device());
    require(tensor.layout() == at::kStrided && tensor.is_contiguous(),
            name,
            "must be contiguous",
            "another layout");
    require(is_carried(tensor.scalar_type()),
            name,
            "must be bool, uint8, int32, int64, float32, float64, bfloat16 or float16",
            c10::toString(tensor.scalar_type()));
  }

  void require_pair(const at::Tensor& input, const at::Tensor& output) const {
    require_tensor("input", input);
    require_tensor("output", output);
    const std::string expected =
        std::string("must have the dtype of input, ") + c10::toString(input.scalar_type());
    require(output.scalar_type() == input.scalar_type(),
            "output",
            expected,
            c10::toString(output.scalar_type()));
  }

  void require_numel(const char* name, const at::Tensor& tensor, int64_t numel) const {
    require(tensor.numel() == numel,
            name,
            "must have " + std::to_string(numel) + " elements",
            tensor.numel());
  }

  void require_counts(const char* name,
                      const std::vector<int64_t>& counts,
                      const char* tensor_name,
                      const at::Tensor& tensor) const {
    require(counts.size() == static_cast<size_t>(group_.size()),
            name,
            "must have one count for each of " + std::to_string(group_.size()) + " ranks",
            counts.size());
    int64_t left = tensor.numel();
    for (const int64_t count : counts) {
      require(count >= 0, name, "must not be negative", count);
      require(count <= left, name, sum_rule(tensor_name, tensor), "more");
      left -= count;
    }
    require(left == 0, name, sum_rule(tensor_name, tensor), std::to_string(left) + " fewer");
  }

  void require_op(const at::Tensor& tensor, ReduceOp op) const {
    require(tensor.scalar_type() != at::kBool || op != ReduceOp::kSum,
            "op",
            "must be max or min on Bool",
            reduce_name(op));
  }

  void require_rank(const char* name, int rank) const {
    require(rank >= 0 && rank < group_.size(),
            name,
            "must be a rank of the group, 0 to " + std::to_string(group_.size() - 1),
            rank);
  }

  void require_peer(const char* name, int rank) const {
    require_rank(name, rank);
    require(rank != group_.rank(), name, "must be another rank", rank);
  }

  template <typename Found>
  void require(bool ok, const char* name, const std::string& rule, const Found& found) const {
    if (!ok) {
      std::ostringstream out;
      out << prefix_ << name << " " << rule << ": found " << found;
      throw ShapeError(out.str());
    }
  }

 private:
  static std::string sum_rule(const char* tensor_name, const at::Tensor& tensor) {
    return std::string("must sum to the ") + std::to_string(tensor.numel()) + " elements of " +
           tensor_name;
  }

  const Communicator& group_;
  std::string prefix_;
};

}  // namespace

void set_wait_timeout(std::chrono::milliseconds timeout) {
  wait_timeout_ms = timeout.count();
}

std::chrono::milliseconds wait_timeout() {
  return std::chrono::milliseconds(wait_timeout_ms);
}

void set_check_collectives(bool checks) {
  are_collectives_checked = checks;
}

bool check_collectives() {
  return are_collectives_checked;
}

Handle::Handle(std::shared_ptr<State> state) : state_(std::move(state)) {}

void Handle::wait() {
  if (state_) {
    const WaitClock clock(flight_);
    state_->wait();
    if (state_->is_finished()) {
      state_.reset();
    }
  }
}

void Handle::synchronize() {
  if (state_) {
    const WaitClock clock(flight_);
    state_->synchronize();
    state_.reset();
  }
}

Communicator::Communicator(int rank,
                           int size,
                           std::string axis,
                           std::shared_ptr<FlightRecorder> recorder)
    : rank_(rank), size_(size), axis_(std::move(axis)), recorder_(std::move(recorder)) {}

Handle Communicator::issue(const std::string& operation,
                           const std::string& content,
                           CallSite site,
                           Kind kind,
                           const std::function<Handle()>& start) {
  flight_ = recorder_->begin({.axis = axis_,
                              .rank = rank_,
                              .size = size_,
                              .operation = operation,
                              .content = content,
                              .is_point_to_point = kind == Kind::kPointToPoint,
                              .site = site});
  if (check_collectives() && size_ > 1 && kind == Kind::kCollective) {
    check_same();
  }
  Handle handle = start();
  if (handle.state_) {
    handle.flight_ = flight_;
  } else {
    flight_->finish();
  }
  return handle;
}

at::Tensor Communicator::gather_checks(const at::Tensor& own) {
  at::Tensor all = at::empty({size_, own.numel()}, own.options());
  FlightRecorder unread;  // the check is no collective of the rank, and the same for all
  const std::shared_ptr<Flight> checked = flight_;
  FlightPlan plan = checked->plan();
  plan.operation = "check";
  plan.content.clear();
  flight_ = unread.begin(plan);
  start_gather_of_checks(own, all.view({-1})).synchronize();
  flight_ = checked;
  return all;
}

void Communicator::check_same() {
  // What must be equal, and then who it was. Texts are cut where the space ends.
  constexpr int64_t kLength = 256;
  const auto write = [](const std::string& text, const at::Tensor& bytes) {
    const size_t length = std::min(text.size(), static_cast<size_t>(bytes.numel()));
    std::copy_n(text.begin(), length, bytes.data_ptr<uint8_t>());
  };
  const auto read = [](const at::Tensor& bytes) {
    const std::string text(bytes.const_data_ptr<uint8_t>(),
                           bytes.const_data_ptr<uint8_t>() + bytes.numel());
    return text.substr(0, text.find('\0'));
  };
  const at::Tensor own = at::zeros({2 * kLength}, at::TensorOptions(at::kByte));
  write(std::to_string(flight_->number()) + " " + flight_->plan().operation_text(),
        own.narrow(0, 0, kLength));
  write(flight_->text() + ", number " + std::to_string(flight_->number()),
        own.narrow(0, kLength, kLength));
  const at::Tensor all = gather_checks(own);
  for (int rank = 1; rank < size_; ++rank) {
    if (read(all[rank].narrow(0, 0, kLength)) != read(all[0].narrow(0, 0, kLength))) {
      throw CommError(rank_name(axis_, 0) + " issued " + read(all[0].narrow(0, kLength, kLength)) +
                      " where " + rank_name(axis_, rank) + " issued " +
                      read(all[rank].narrow(0, kLength, kLength)));
    }
  }
}

void Communicator::check_counts(const std::vector<int64_t>& send_counts,
                                const std::vector<int64_t>& recv_counts) {
  const at::Tensor own =
      at::cat({at::tensor(send_counts, at::kLong), at::tensor(recv_counts, at::kLong)});
  const at::Tensor all = gather_checks(own);
  const auto* counts = all.const_data_ptr<int64_t>();
  for (int source = 0; source < size_; ++source) {
    for (int destination = 0; destination < size_; ++destination) {
      const int64_t sent = counts[source * 2 * size_ + destination];
      const int64_t received = counts[destination * 2 * size_ + size_ + source];
      if (sent != received) {
        throw CommError(flight_->text() + ": " + rank_name(axis_, source) + " sends " +
                        std::to_string(sent) + " elements to " + rank_name(axis_, destination) +
                        ", which expects " + std::to_string(received));
      }
    }
  }
}

// A tensor that is written comes by value: a constant reference would say that it is not.
// NOLINTBEGIN(performance-unnecessary-value-param)

Handle Communicator::all_reduce_async(at::Tensor tensor, ReduceOp op, CallSite site) {
  const Arguments arguments(*this, "all_reduce");
  arguments.require_tensor("tensor", tensor);
  arguments.require_op(tensor, op);
  return issue("all_reduce", reduction_of(tensor, op), site, Kind::kCollective, [&] {
    return start_all_reduce(tensor, op);
  });
}

Handle Communicator::reduce_scatter_async(const at::Tensor& input,
                                          at::Tensor output,
                                          ReduceOp op,
                                          CallSite site) {
  const Arguments arguments(*this, "reduce_scatter");
  arguments.require_pair(input, output);
  arguments.require(input.dim() == 1, "input", "must have one dim", input.dim());
  arguments.require(output.dim() == 1, "output", "must have one dim", output.dim());
  arguments.require_numel("input", input, output.numel() * size_);
  arguments.require_op(input, op);
  return issue("reduce_scatter", reduction_of(input, op), site, Kind::kCollective, [&] {
    return start_reduce_scatter(input, output, op);
  });
}

Handle Communicator::all_gather_async(const at::Tensor& input, at::Tensor output, CallSite site) {
  const Arguments arguments(*this, "all_gather");
  arguments.require_pair(input, output);
  arguments.require_numel("output", output, input.numel() * size_);
  return issue("all_gather", content_of(input), site, Kind::kCollective, [&] {
    return start_all_gather(input, output);
  });
}

Handle Communicator::all_to_all_v_async(const at::Tensor& input,
                                        at::Tensor output,
                                        const std::vector<int64_t>& send_counts,
                                        const std::vector<int64_t>& recv_counts,
                                        CallSite site) {
  const Arguments arguments(*this, "all_to_all_v");
  arguments.require_pair(input, output);
  arguments.require_counts("send_counts", send_counts, "input", input);
  arguments.require_counts("recv_counts", recv_counts, "output", output);
  const auto self = static_cast<size_t>(rank_);
  arguments.require(
      send_counts[self] == recv_counts[self],
      "recv_counts",
      "must be equal to send_counts for this rank itself, " + std::to_string(send_counts[self]),
      recv_counts[self]);
  const std::string content = c10::toString(input.scalar_type());
  return issue("all_to_all_v", content, site, Kind::kCollective, [&] {
    if (check_collectives() && size_ > 1) {
      check_counts(send_counts, recv_counts);
    }
    return start_all_to_all_v(input, output, send_counts, recv_counts);
  });
}

Handle Communicator::broadcast_async(at::Tensor tensor, int root, CallSite site) {
  const Arguments arguments(*this, "broadcast");
  arguments.require_tensor("tensor", tensor);
  arguments.require_rank("root", root);
  const std::string content = content_of(tensor) + " from rank " + std::to_string(root);
  return issue(
      "broadcast", content, site, Kind::kCollective, [&] { return start_broadcast(tensor, root); });
}

Handle Communicator::send_async(const at::Tensor& tensor, int destination, CallSite site) {
  const Arguments arguments(*this, "send");
  arguments.require_tensor("tensor", tensor);
  arguments.require_peer("destination", destination);
  return issue("send", content_of(tensor), site, Kind::kPointToPoint, [&] {
    return start_send(tensor, destination);
  });
}

Handle Communicator::recv_async(at::Tensor tensor, int source, CallSite site) {
  const Arguments arguments(*this, "recv");
  arguments.require_tensor("tensor", tensor);
  arguments.require_peer("source", source);
  return issue("recv", content_of(tensor), site, Kind::kPointToPoint, [&] {
    return start_recv(tensor, source);
  });
}

// NOLINTEND(performance-unnecessary-value-param)

Handle Communicator::barrier_async(CallSite site) {
  return issue("barrier", "", site, Kind::kCollective, [&] { return start_barrier(); });
}

void Communicator::all_reduce(at::Tensor tensor, ReduceOp op, CallSite site) {
  all_reduce_async(std::move(tensor), op, site).wait();
}

void Communicator::reduce_scatter(const at::Tensor& input,
                                  at::Tensor output,
                                  ReduceOp op,
                                  CallSite site) {
  reduce_scatter_async(input, std::move(output), op, site).wait();
}

void Communicator::all_gather(const at::Tensor& input, at::Tensor output, CallSite site) {
  all_gather_async(input, std::move(output), site).wait();
}

void Communicator::all_to_all_v(const at::Tensor& input,
                                at::Tensor output,
                                const std::vector<int64_t>& send_counts,
                                const std::vector<int64_t>& recv_counts,
                                CallSite site) {
  all_to_all_v_async(input, std::move(output), send_counts, recv_counts, site).wait();
}

void Communicator::broadcast(at::Tensor tensor, int root, CallSite site) {
  broadcast_async(std::move(tensor), root, site).wait();
}

void Communicator::send(const at::Tensor& tensor, int destination, CallSite site) {
  send_async(tensor, destination, site).wait();
}

void Communicator::recv(at::Tensor tensor, int source, CallSite site) {
  recv_async(std::move(tensor), source, site).wait();
}

void Communicator::barrier(CallSite site) {
  barrier_async(site).synchronize();
}

bool Communicator::all_agree(bool ok, CallSite site) {
  const at::Tensor vote = at::full({1}, ok, at::TensorOptions(at::kBool).device(device()));
  // The host waits, and no longer than wait_timeout(), before it reads the vote.
  all_reduce_async(vote, ReduceOp::kMin, site).synchronize();
  return vote.item<bool>();
}

std::vector<std::string> Communicator::all_gather_texts(const std::string& text, CallSite site) {
  const at::TensorOptions bytes(at::kByte);
  const at::Tensor lengths = at::empty({size_}, at::TensorOptions(at::kLong).device(device()));
  all_gather(at::full({1}, static_cast<int64_t>(text.size()), lengths.options()), lengths, site);
  const at::Tensor host_lengths = lengths.cpu();
  const auto* length = host_lengths.const_data_ptr<int64_t>();
  const int64_t longest = *std::max_element(length, length + size_);

  const at::Tensor own = at::zeros({longest}, bytes);  // every rank sends as much as the longest
  std::copy(text.begin(), text.end(), own.data_ptr<uint8_t>());
  const at::Tensor all = at::empty({longest * size_}, bytes.device(device()));
  all_gather(own.to(device()), all, site);

  const at::Tensor host_bytes = all.cpu();
  const auto* begin = host_bytes.const_data_ptr<uint8_t>();
  std::vector<std::string> texts;
  texts.reserve(static_cast<size_t>(size_));
  for (int rank = 0; rank < size_; ++rank, begin += longest) {
    texts.emplace_back(begin, begin + length[rank]);
  }
  return texts;
}

std::shared_ptr<Communicator> Communicator::split(int color,
                                                  const std::string& axis,
                                                  CallSite site) {
  if (color < 0) {
    throw ConfigError(axis_ + ": split: color must be at least 0: found " + std::to_string(color));
  }
  barrier(site);  // all ranks are there, and wait for nothing else
  return make_group(color, axis);
}

}  // namespace hecaton::parallel
