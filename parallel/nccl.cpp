// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/nccl.h"

#include <chrono>
#include <cstring>
#include <exception>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <nccl.h>

#include "core/error.h"
#include "core/log.h"
#include "parallel/detail/collective.h"
#include "parallel/gpu_placement.h"
#include "parallel/nccl_version.h"

/// Runs an NCCL call on `group` and waits until NCCL has taken it; CommError with `text`, which
/// names axis, rank and operation, the call and NCCL's explanation.
#define HECATON_NCCL(group, text, call) (group).check(text, #call, call)

namespace hecaton::parallel {
namespace {

constexpr auto kPollInterval = std::chrono::microseconds(50);

ncclDataType_t type_of(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kBool:
    case at::kByte:
      return ncclUint8;
    case at::kInt:
      return ncclInt32;
    case at::kLong:
      return ncclInt64;
    case at::kFloat:
      return ncclFloat32;
    case at::kDouble:
      return ncclFloat64;
    case at::kBFloat16:
      return ncclBfloat16;
    case at::kHalf:
      return ncclFloat16;
    default:
      throw InternalError(std::string("NCCL does not carry ") +
                          c10::toString(tensor.scalar_type()));
  }
}

ncclRedOp_t operator_of(ReduceOp op) {
  switch (op) {
    case ReduceOp::kSum:
      return ncclSum;
    case ReduceOp::kMax:
      return ncclMax;
    case ReduceOp::kMin:
      return ncclMin;
  }
  throw InternalError("unknown reduction");
}

size_t count_of(const at::Tensor& tensor) {
  return static_cast<size_t>(tensor.numel());
}

bool is_failure(ncclResult_t code) {
  return code != ncclSuccess && code != ncclInProgress;
}

/// An NCCL communicator, which never blocks the host, and the stream that its collectives run on.
class Group {
 public:
  Group(Communicator& host, at::Device device, c10::cuda::CUDAStream stream);
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  ncclComm_t comm() const { return comm_; }
  at::Device device() const { return device_; }
  const c10::cuda::CUDAStream& stream() const { return stream_; }
  c10::cuda::CUDAStream callers_stream() const {
    return c10::cuda::getCurrentCUDAStream(device_.index());
  }

  /// "ep_rank 1 of 4: all_reduce (sum of 8 Float) at training_engine.cpp:192".
  std::string text(const std::string& what) const;
  /// See HECATON_NCCL. Errors: CommError, after which the group is aborted.
  void check(const std::string& text, const char* call, ncclResult_t code);
  /// Errors: CommError if the group has failed, now or earlier.
  void check_health(const std::string& text);
  /// Aborts the group. Every later use throws the same.
  [[noreturn]] void fail(const std::string& text);

 private:
  void init(Communicator& host);
  ncclResult_t state() const;
  void close();

  at::Device device_;
  c10::cuda::CUDAStream stream_;
  std::string axis_;
  int rank_;
  int size_;
  ncclComm_t comm_ = nullptr;
  std::string failure_;  // empty while all is well
};

/// Polls `is_done` until it is true; false if wait_timeout() has passed before.
template <typename IsDone>
bool poll_until(const IsDone& is_done) {
  const auto deadline = std::chrono::steady_clock::now() + wait_timeout();
  while (!is_done()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(kPollInterval);
  }
  return true;
}

Group::Group(Communicator& host, at::Device device, c10::cuda::CUDAStream stream)
    : device_(device), stream_(stream), axis_(host.axis()), rank_(host.rank()), size_(host.size()) {
  const c10::cuda::CUDAGuard guard(device_);
  init(host);
}

void Group::init(Communicator& host) {
  const std::string place = text("start");
  ncclUniqueId id{};
  const ncclResult_t code = rank_ == 0 ? ncclGetUniqueId(&id) : ncclSuccess;
  if (!host.all_agree(code == ncclSuccess)) {
    check(place, "ncclGetUniqueId(&id)", code);
    throw PeerFailure(place + ": " + rank_name(axis_, 0) + " has no ncclUniqueId");
  }
  const at::Tensor bytes = at::empty({sizeof(id)}, at::TensorOptions(at::kByte));
  std::memcpy(bytes.data_ptr(), &id, sizeof(id));
  host.broadcast(bytes, 0);
  std::memcpy(&id, bytes.const_data_ptr(), sizeof(id));

  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;  // so that a rank that never comes ends in a timeout
  HECATON_NCCL(*this, place, ncclCommInitRankConfig(&comm_, size_, id, rank_, &config));
}

Group::~Group() {
  try {
    close();
  } catch (const std::exception& error) {
    log_warn(error.what());
  }
}

void Group::close() {
  if (comm_ == nullptr) {
    return;
  }
  const c10::cuda::CUDAGuard guard(device_);
  if (std::uncaught_exceptions() > 0) {  // the others may never come to what is under way
    ncclCommAbort(comm_);
    return;
  }
  const std::string place = text("end");
  HECATON_NCCL(*this, place, ncclCommFinalize(comm_));
  const ncclResult_t code = ncclCommDestroy(comm_);
  comm_ = nullptr;
  check(place, "ncclCommDestroy(comm)", code);
}

std::string Group::text(const std::string& what) const {
  return rank_name(axis_, rank_) + " of " + std::to_string(size_) + ": " + what;
}

ncclResult_t Group::state() const {
  ncclResult_t state = ncclSuccess;
  const ncclResult_t code = comm_ == nullptr ? ncclSuccess : ncclCommGetAsyncError(comm_, &state);
  return code == ncclSuccess ? state : code;
}

void Group::check(const std::string& text, const char* call, ncclResult_t code) {
  const bool is_taken = poll_until([&] {
    code = code == ncclInProgress ? state() : code;
    return code != ncclInProgress;
  });
  if (!is_taken) {
    fail(timeout_text(text + ": NCCL: " + call, "the other ranks"));
  }
  if (is_failure(code)) {
    fail(text + ": NCCL: " + call + ": " + ncclGetErrorString(code) + " (code " +
         std::to_string(static_cast<int>(code)) + "): " + ncclGetLastError(comm_));
  }
}

void Group::check_health(const std::string& text) {
  if (!failure_.empty()) {
    throw CommError(failure_);
  }
  const ncclResult_t code = state();
  if (is_failure(code)) {
    check(text, "ncclCommGetAsyncError(comm, &state)", code);
  }
}

void Group::fail(const std::string& text) {
  failure_ = text;
  if (comm_ != nullptr) {
    ncclCommAbort(comm_);  // its kernels would hold the GPU for ever; the first failure is reported
    comm_ = nullptr;
  }
  throw CommError(failure_);
}

/// A collective on the group's stream. The allocator knows that the stream uses its tensors, so
/// memory stays safe whatever becomes of the handle.
class Operation final : public Handle::State {
 public:
  Operation(std::shared_ptr<Group> group, std::shared_ptr<Flight> flight, std::string text)
      : group_(std::move(group)), flight_(std::move(flight)), text_(std::move(text)) {
    done_.record(group_->stream());
  }

  void wait() override {
    group_->check_health(text_);
    done_.block(group_->callers_stream());
  }

  void synchronize() override {
    const bool is_in_time = poll_until([this] {
      group_->check_health(text_);  // first: what was aborted is finished, too
      return is_finished();
    });
    if (!is_in_time) {
      group_->fail(timeout_text(text_, "the other ranks"));
    }
  }

  bool is_finished() const override {
    const bool is_finished = done_.query();
    if (is_finished) {
      flight_->finish();
    }
    return is_finished;
  }

 private:
  std::shared_ptr<Group> group_;
  std::shared_ptr<Flight> flight_;
  std::string text_;
  c10::cuda::CUDAEvent done_{cudaEventDisableTiming};
};

/// Messages of one group to and from each rank, as one NCCL operation.
class Exchange {
 public:
  explicit Exchange(Group& group) : group_(group) { note(ncclGroupStart()); }

  /// NCCL takes a message of no elements for a signal; neither side sends one here.
  void send(const Part& part, ncclDataType_t type, int peer) {
    if (part.count > 0) {
      const auto count = static_cast<size_t>(part.count);
      note(ncclSend(part.data, count, type, peer, group_.comm(), group_.stream()));
    }
  }
  void receive(const Part& part, ncclDataType_t type, int peer) {
    if (part.count > 0) {
      const auto count = static_cast<size_t>(part.count);
      note(ncclRecv(part.data, count, type, peer, group_.comm(), group_.stream()));
    }
  }
  /// A group that was started must be ended, so the first failure waits until here.
  ncclResult_t end() {
    note(ncclGroupEnd());
    return code_;
  }

 private:
  void note(ncclResult_t code) { code_ = is_failure(code_) ? code_ : code; }

  Group& group_;
  ncclResult_t code_ = ncclSuccess;
};

class NcclCommunicator final : public Communicator {
 public:
  NcclCommunicator(std::shared_ptr<Communicator> host,
                   at::Device device,
                   c10::cuda::CUDAStream stream)
      : Communicator(host->rank(), host->size(), host->axis(), recorder_of(*host)),
        host_(std::move(host)),
        group_(std::make_shared<Group>(*host_, device, stream)),
        flag_(at::zeros({1}, at::TensorOptions(at::kByte).device(device))) {}

  std::string backend() const override { return "nccl"; }
  at::Device device() const override { return group_->device(); }
  NodePlace node_place() const override { return host_->node_place(); }

 protected:
  Handle start_all_reduce(const at::Tensor& tensor, ReduceOp op) override;
  Handle start_reduce_scatter(const at::Tensor& input,
                              const at::Tensor& output,
                              ReduceOp op) override;
  Handle start_all_gather(const at::Tensor& input, const at::Tensor& output) override;
  Handle start_all_to_all_v(const at::Tensor& input,
                            const at::Tensor& output,
                            const std::vector<int64_t>& send_counts,
                            const std::vector<int64_t>& recv_counts) override;
  Handle start_broadcast(const at::Tensor& tensor, int root) override;
  Handle start_send(const at::Tensor& tensor, int destination) override;
  Handle start_recv(const at::Tensor& tensor, int source) override;
  Handle start_barrier() override;
  Handle start_gather_of_checks(const at::Tensor& input, const at::Tensor& output) override {
    return host_->all_gather_async(input, output);
  }

  std::shared_ptr<Communicator> make_group(int color, const std::string& axis) override {
    return std::make_shared<NcclCommunicator>(
        host_->split(color, axis), device(), group_->stream());
  }

 private:
  /// Calls enqueue(group, text), which hands NCCL a collective on `tensors`, behind what the
  /// caller's stream has queued so far. sent_bytes: that leave this rank, as a ring would send
  /// them.
  Handle run(int64_t sent_bytes,
             const std::vector<at::Tensor>& tensors,
             const std::function<void(Group&, const std::string&)>& enqueue) {
    const std::string text = group_->text(flight()->text());
    group_->check_health(text);
    const c10::cuda::CUDAGuard guard(device());
    c10::cuda::CUDAEvent ready(cudaEventDisableTiming);
    ready.record(group_->callers_stream());
    ready.block(group_->stream());
    for (const at::Tensor& tensor : tensors) {
      tensor.record_stream(group_->stream().unwrap());
    }
    enqueue(*group_, text);
    flight()->add_sends(/*num_messages=*/1, sent_bytes);
    return Handle(std::make_shared<Operation>(group_, flight(), text));
  }
  /// Bytes of `tensor` but for 1/size() of them.
  int64_t but_own_part(const at::Tensor& tensor) const {
    return static_cast<int64_t>(tensor.nbytes()) / size() * (size() - 1);
  }

  std::shared_ptr<Communicator> host_;
  std::shared_ptr<Group> group_;
  at::Tensor flag_;  // what a barrier reduces
};

Handle NcclCommunicator::start_all_reduce(const at::Tensor& tensor, ReduceOp op) {
  return run(2 * but_own_part(tensor), {tensor}, [&](Group& group, const std::string& text) {
    HECATON_NCCL(group,
                 text,
                 ncclAllReduce(tensor.const_data_ptr(),
                               tensor.data_ptr(),
                               count_of(tensor),
                               type_of(tensor),
                               operator_of(op),
                               group.comm(),
                               group.stream()));
  });
}

Handle NcclCommunicator::start_reduce_scatter(const at::Tensor& input,
                                              const at::Tensor& output,
                                              ReduceOp op) {
  return run(but_own_part(input), {input, output}, [&](Group& group, const std::string& text) {
    HECATON_NCCL(group,
                 text,
                 ncclReduceScatter(input.const_data_ptr(),
                                   output.data_ptr(),
                                   count_of(output),
                                   type_of(input),
                                   operator_of(op),
                                   group.comm(),
                                   group.stream()));
  });
}

Handle NcclCommunicator::start_all_gather(const at::Tensor& input, const at::Tensor& output) {
  return run(but_own_part(output), {input, output}, [&](Group& group, const std::string& text) {
    HECATON_NCCL(group,
                 text,
                 ncclAllGather(input.const_data_ptr(),
                               output.data_ptr(),
                               count_of(input),
                               type_of(input),
                               group.comm(),
                               group.stream()));
  });
}

Handle NcclCommunicator::start_all_to_all_v(const at::Tensor& input,
                                            const at::Tensor& output,
                                            const std::vector<int64_t>& send_counts,
                                            const std::vector<int64_t>& recv_counts) {
  const int64_t to_self = send_counts[static_cast<size_t>(rank())];
  const int64_t sent_bytes = (input.numel() - to_self) * input.element_size();
  return run(sent_bytes, {input, output}, [&](Group& group, const std::string& text) {
    const std::vector<Part> sends = cut(input, send_counts);
    const std::vector<Part> receives = cut(output, recv_counts);
    Exchange exchange(group);
    for (int peer = 0; peer < size(); ++peer) {
      exchange.send(sends[static_cast<size_t>(peer)], type_of(input), peer);
      exchange.receive(receives[static_cast<size_t>(peer)], type_of(output), peer);
    }
    group.check(text, "ncclSend and ncclRecv", exchange.end());
  });
}

Handle NcclCommunicator::start_broadcast(const at::Tensor& tensor, int root) {
  return run(
      static_cast<int64_t>(tensor.nbytes()), {tensor}, [&](Group& group, const std::string& text) {
        HECATON_NCCL(group,
                     text,
                     ncclBroadcast(tensor.const_data_ptr(),
                                   tensor.data_ptr(),
                                   count_of(tensor),
                                   type_of(tensor),
                                   root,
                                   group.comm(),
                                   group.stream()));
      });
}

Handle NcclCommunicator::start_send(const at::Tensor& tensor, int destination) {
  return run(
      static_cast<int64_t>(tensor.nbytes()), {tensor}, [&](Group& group, const std::string& text) {
        Exchange exchange(group);
        exchange.send(cut_evenly(tensor, 1).front(), type_of(tensor), destination);
        group.check(text, "ncclSend", exchange.end());
      });
}

Handle NcclCommunicator::start_recv(const at::Tensor& tensor, int source) {
  return run(/*sent_bytes=*/0, {tensor}, [&](Group& group, const std::string& text) {
    Exchange exchange(group);
    exchange.receive(cut_evenly(tensor, 1).front(), type_of(tensor), source);
    group.check(text, "ncclRecv", exchange.end());
  });
}

Handle NcclCommunicator::start_barrier() {
  return run(but_own_part(flag_), {flag_}, [&](Group& group, const std::string& text) {
    HECATON_NCCL(group,
                 text,
                 ncclAllReduce(flag_.const_data_ptr(),
                               flag_.data_ptr(),
                               1,
                               ncclUint8,
                               ncclMax,
                               group.comm(),
                               group.stream()));
  });
}

/// Throws on every rank unless each of them has loaded the NCCL that was built with.
void check_version(Communicator& host) {
  int loaded = 0;
  const bool is_ours = ncclGetVersion(&loaded) == ncclSuccess && loaded == NCCL_VERSION_CODE;
  if (host.all_agree(is_ours)) {
    return;
  }
  if (is_ours) {
    throw PeerFailure(host.axis() + ": another rank has loaded another NCCL");
  }
  throw ConfigError(
      "a process can hold one NCCL, and it must be the one that was built with: loaded " +
      nccl_version());
}

}  // namespace

std::shared_ptr<Communicator> make_nccl(std::shared_ptr<Communicator> host, at::Device device) {
  check_version(*host);
  check_placement(*host, device);
  const auto stream = c10::cuda::getStreamFromPool(/*isHighPriority=*/true, device.index());
  return std::make_shared<NcclCommunicator>(std::move(host), device, stream);
}

}  // namespace hecaton::parallel
