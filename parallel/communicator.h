// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "parallel/flight_recorder.h"

namespace hecaton::parallel {

/// How all_reduce and reduce_scatter join the contributions of the ranks.
enum class ReduceOp { kSum, kMax, kMin };

/// A collective under way. Holds its tensors and its group alive. A default-constructed handle is
/// done.
///
/// Copies share one collective. Every method is idempotent.
class Handle {
 public:
  /// What a back end implements. A state that is destroyed before wait() leaves memory safe.
  class State {
   public:
    State() = default;
    virtual ~State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    /// As Handle::wait().
    virtual void wait() = 0;
    /// As Handle::synchronize(). The same as wait() unless a back end works on streams.
    virtual void synchronize() { wait(); }
    /// After wait(): true if synchronize() has nothing left to do.
    virtual bool is_finished() const { return true; }
  };

  Handle() = default;
  explicit Handle(std::shared_ptr<State> state);

  /// Makes the caller wait until the output may be read: the calling thread for CPU tensors; for
  /// CUDA tensors its current stream, while the thread goes on. Afterwards this handle lets go of
  /// tensors and group if the collective has finished. Errors: CommError naming axis,
  /// operation and rank, at this call and every later one; on the CPU also when wait_timeout() has
  /// passed.
  void wait();
  /// Blocks the host until the collective has finished. The same as wait() on CPU tensors. Errors:
  /// CommError as wait(), and when wait_timeout() has passed.
  void synchronize();

 private:
  friend class Communicator;

  std::shared_ptr<State> state_;
  std::shared_ptr<Flight> flight_;  ///< learns how long the caller waited
};

/// Longest time that a wait lasts before it throws CommError, for the whole process. Default 30
/// minutes: longer than one rank of a healthy run keeps the others waiting while it reads or saves.
void set_wait_timeout(std::chrono::milliseconds timeout);
std::chrono::milliseconds wait_timeout();

/// Whether collectives make sure, before any data moves, that all ranks of their group issued the
/// same: number in the group, operation, dtype, size, and for all_to_all_v the counts of each pair.
/// If not, all of them throw CommError naming two ranks, what they issued and where. For the whole
/// process, equal in all processes of a job. Default: no. Cost: one small all-gather for each
/// collective, two for all_to_all_v.
void set_check_collectives(bool checks);
bool check_collectives();

/// Where a rank sits among the ranks that share its machine.
struct NodePlace {
  int local_rank = 0;  ///< [0, local_size)
  int local_size = 1;  ///< ranks of the group on this machine, at least 1
};

/// The ranks of one mesh axis, and the collectives among them. Back ends are internal: they are
/// made by the functions of single.h, threads.h, mpi.h and nccl.h.
///
/// Common rules. Tensors: contiguous tensors on device(), of bool, uint8, int32, int64, float32,
/// float64, bfloat16 or float16; counts are elements, never bytes, and may pass 2^31. Zero sizes
/// are legal everywhere. Order: every rank of a group must issue the same collectives in the same
/// order, zero-sized ones included, also when several groups overlap; between issue and wait()
/// neither input nor output may be touched. Determinism: contributions are reduced in the order of
/// ranks, so a result has the same bits on every rank, in every run and on every back end.
/// Precision: bfloat16 and float16 are summed in float32 and rounded once; kMax and kMin hand NaN
/// on; bool has kMax (or) and kMin (and), no kSum. `nccl` promises less of these two:
/// parallel/nccl.h. A group of one is the identity. Errors: ShapeError for tensors or ranks that do
/// not fit, before anything is sent; CommError when a peer failed, was not heard of within
/// wait_timeout(), or issued something else. Every message names the collective and where it was
/// issued. The back end `threads` finds every difference in operation, count or dtype at once;
/// `mpi` finds counts of another length at once, and ranks that issued different collectives when
/// wait_timeout() has passed; set_check_collectives() finds both before data moves. After a
/// CommError a group is of no further use. Threads: one thread of a rank at a time.
/// Accounting: recorder(). `site` of each method is where the caller stands; leave it out.
class Communicator {
 public:
  virtual ~Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  /// This rank's place in the group, [0, size()).
  int rank() const { return rank_; }
  /// Ranks in the group, at least 1.
  int size() const { return size_; }
  /// Name of the mesh axis, for messages: "world", "dp", "ep", "edp".
  const std::string& axis() const { return axis_; }
  /// "single", "threads", "mpi" or "nccl".
  virtual std::string backend() const = 0;
  /// Where tensors must be: the CPU, or this rank's GPU.
  virtual at::Device device() const { return at::kCPU; }
  /// What this rank has issued, in this group and in all that come from the same world.
  FlightRecorder& recorder() const { return *recorder_; }
  /// Moves messages of all groups of this rank on, without waiting. What a long computation calls
  /// now and then (core/progress.h), where nothing moves by itself.
  virtual void make_progress() {}

  /// Reduces `tensor` over the ranks, in place. Same shape and dtype on every rank.
  Handle all_reduce_async(at::Tensor tensor, ReduceOp op, CallSite site = CallSite::here());
  /// input: [size*n]; output: [n], block `rank` of the reduced input. One-dimensional.
  Handle reduce_scatter_async(const at::Tensor& input,
                              at::Tensor output,
                              ReduceOp op,
                              CallSite site = CallSite::here());
  /// input: [n], same n on every rank; output: [size*n], the inputs in the order of ranks.
  Handle all_gather_async(const at::Tensor& input,
                          at::Tensor output,
                          CallSite site = CallSite::here());
  /// Sends consecutive parts of `input`, send_counts[r] elements to rank r; `output` receives
  /// recv_counts[r] elements from rank r, in the order of ranks. Elements, not rows.
  /// Exactly size()-1 messages leave a rank. The tensors must not overlap.
  Handle all_to_all_v_async(const at::Tensor& input,
                            at::Tensor output,
                            const std::vector<int64_t>& send_counts,
                            const std::vector<int64_t>& recv_counts,
                            CallSite site = CallSite::here());
  /// Copies `tensor` of rank `root` to every rank, in place. Same shape and dtype on every rank.
  Handle broadcast_async(at::Tensor tensor, int root, CallSite site = CallSite::here());
  /// Point to point, to another rank. Messages between two ranks arrive in the order in which they
  /// were sent; count and dtype are the same on both sides.
  Handle send_async(const at::Tensor& tensor, int destination, CallSite site = CallSite::here());
  Handle recv_async(at::Tensor tensor, int source, CallSite site = CallSite::here());
  Handle barrier_async(CallSite site = CallSite::here());

  /// The same, waiting for the result.
  void all_reduce(at::Tensor tensor,
                  ReduceOp op = ReduceOp::kSum,
                  CallSite site = CallSite::here());
  void reduce_scatter(const at::Tensor& input,
                      at::Tensor output,
                      ReduceOp op = ReduceOp::kSum,
                      CallSite site = CallSite::here());
  void all_gather(const at::Tensor& input, at::Tensor output, CallSite site = CallSite::here());
  void all_to_all_v(const at::Tensor& input,
                    at::Tensor output,
                    const std::vector<int64_t>& send_counts,
                    const std::vector<int64_t>& recv_counts,
                    CallSite site = CallSite::here());
  void broadcast(at::Tensor tensor, int root, CallSite site = CallSite::here());
  void send(const at::Tensor& tensor, int destination, CallSite site = CallSite::here());
  void recv(at::Tensor tensor, int source, CallSite site = CallSite::here());
  /// Blocks the host, on every device.
  void barrier(CallSite site = CallSite::here());

  /// True on every rank if `ok` is true on every rank. What a rank must ask before it throws where
  /// the others would go on to a collective.
  bool all_agree(bool ok, CallSite site = CallSite::here());

  /// The texts of all ranks, of any length each, in the order of ranks. Two all-gathers, the second
  /// of size() times the longest text.
  std::vector<std::string> all_gather_texts(const std::string& text,
                                            CallSite site = CallSite::here());

  /// The ranks that pass the same `color` form a group, ordered by rank in this one. Every rank of
  /// this group must call it; it waits for all of them. color: at least 0. axis: name of the new
  /// group. Errors: ConfigError if color < 0.
  std::shared_ptr<Communicator> split(int color,
                                      const std::string& axis,
                                      CallSite site = CallSite::here());

  /// This rank among the ranks of this group on its machine.
  virtual NodePlace node_place() const = 0;

 protected:
  Communicator(int rank, int size, std::string axis, std::shared_ptr<FlightRecorder> recorder);

  const std::shared_ptr<FlightRecorder>& shared_recorder() const { return recorder_; }
  /// The same of another group, for a back end that stands on one.
  static const std::shared_ptr<FlightRecorder>& recorder_of(const Communicator& group) {
    return group.recorder_;
  }
  /// The collective that is being issued: what a back end's start_ methods hand on, so that it
  /// learns when the collective ends and what it sends.
  const std::shared_ptr<Flight>& flight() const { return flight_; }

  // What a back end carries out. Arguments have been checked; each begins the collective and
  // returns at once. Back ends on CPU tensors share one way to do it:
  // parallel/detail/host_communicator.h.
  virtual Handle start_all_reduce(const at::Tensor& tensor, ReduceOp op) = 0;
  virtual Handle start_reduce_scatter(const at::Tensor& input,
                                      const at::Tensor& output,
                                      ReduceOp op) = 0;
  virtual Handle start_all_gather(const at::Tensor& input, const at::Tensor& output) = 0;
  virtual Handle start_all_to_all_v(const at::Tensor& input,
                                    const at::Tensor& output,
                                    const std::vector<int64_t>& send_counts,
                                    const std::vector<int64_t>& recv_counts) = 0;
  virtual Handle start_broadcast(const at::Tensor& tensor, int root) = 0;
  virtual Handle start_send(const at::Tensor& tensor, int destination) = 0;
  virtual Handle start_recv(const at::Tensor& tensor, int source) = 0;
  virtual Handle start_barrier() = 0;
  /// An all-gather of CPU tensors that carries what check_collectives() compares.
  virtual Handle start_gather_of_checks(const at::Tensor& input, const at::Tensor& output) = 0;

  /// The group of all ranks that pass this `color`. All ranks are there, and wait for nothing else.
  virtual std::shared_ptr<Communicator> make_group(int color, const std::string& axis) = 0;

 private:
  enum class Kind { kCollective, kPointToPoint };

  /// Records the collective, checks it if so asked, and starts it.
  Handle issue(const std::string& operation,
               const std::string& content,
               CallSite site,
               Kind kind,
               const std::function<Handle()>& start);
  void check_same();
  void check_counts(const std::vector<int64_t>& send_counts,
                    const std::vector<int64_t>& recv_counts);
  at::Tensor gather_checks(const at::Tensor& own);

  int rank_;
  int size_;
  std::string axis_;
  std::shared_ptr<FlightRecorder> recorder_;
  std::shared_ptr<Flight> flight_;
  int64_t num_issued_ = 0;
};

}  // namespace hecaton::parallel
