// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/threads.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include "core/error.h"
#include "parallel/detail/collective.h"
#include "parallel/detail/host_communicator.h"

// Ranks meet in slots. A rank that starts a collective puts it into the slot of that number and
// goes on; the rank that fills the slot carries the collective out for all, so that it never
// matters who waits first. `Job` has the one lock and the one failure of all groups of a run.

namespace hecaton::parallel {
namespace {

struct Job {
  std::mutex mutex;
  std::condition_variable changed;
  std::string failure;       ///< empty while all is well
  std::exception_ptr error;  ///< of the rank that failed first

  /// The first failure counts: later ones are its consequences. Called under the lock.
  void fail(const std::string& text) {
    if (failure.empty()) {
      failure = text;
    }
    changed.notify_all();
  }
};

class Group;

/// A collective in which one rank takes part.
class Operation final : public Handle::State {
 public:
  Operation(std::shared_ptr<Group> group, Collective what)
      : collective(std::move(what)), group_(std::move(group)) {}

  void wait() override;

  const Collective collective;
  bool done = false;  ///< under the lock

 private:
  std::shared_ptr<Group> group_;
};

using Operations = std::map<int, std::shared_ptr<Operation>>;  // by rank, so in the order of ranks

class Group {
 public:
  Group(std::shared_ptr<Job> job, int size) : job_(std::move(job)), size_(size) {}

  int size() const { return size_; }
  const std::shared_ptr<Job>& job() const { return job_; }

  /// Puts `operation` into its slot and, if that makes the slot full, carries it out.
  void post(const std::shared_ptr<Operation>& operation);

  /// "dp_rank 1, dp_rank 3": who has not come to the slot of `operation`. Called under the lock.
  std::string missing_ranks(const Operation& operation) const;

  /// The same object for every rank that asks for the group `color` of split number `split`.
  std::shared_ptr<Group> child(int64_t split, int color, int size) {
    const std::scoped_lock lock(job_->mutex);
    std::shared_ptr<Group>& group = children_[{split, color}];
    if (!group) {
      group = std::make_shared<Group>(job_, size);
    }
    return group;
  }

 private:
  // Collectives are counted per group, point-to-point messages per pair of source and destination.
  using Channel = std::pair<int, int>;
  using SlotKey = std::pair<Channel, int64_t>;
  static constexpr Channel kAllRanks = {-1, -1};

  static Channel channel_of(const Operation& operation);

  const std::shared_ptr<Job> job_;
  const int size_;
  std::map<std::pair<Channel, int>, int64_t> num_posted_;  // by channel and rank
  std::map<SlotKey, Operations> slots_;
  std::map<std::pair<int64_t, int>, std::shared_ptr<Group>> children_;
};

Group::Channel Group::channel_of(const Operation& operation) {
  if (!operation.collective.is_point_to_point()) {
    return kAllRanks;
  }
  const int rank = operation.collective.rank();
  const Round& round = operation.collective.rounds.front();
  return round.sends.empty() ? Channel{round.receives.front().peer, rank}
                             : Channel{rank, round.sends.front().peer};
}

std::string Group::missing_ranks(const Operation& operation) const {
  const auto holds = [&operation](const auto& entry) { return entry.second.get() == &operation; };
  std::string names;
  for (const auto& [key, operations] : slots_) {
    if (std::none_of(operations.begin(), operations.end(), holds)) {
      continue;
    }
    const Channel& channel = key.first;
    for (int rank = 0; rank < size_; ++rank) {
      const bool takes_part =
          channel == kAllRanks || rank == channel.first || rank == channel.second;
      if (takes_part && operations.count(rank) == 0) {
        names += (names.empty() ? "" : ", ") + operation.collective.name_of(rank);
      }
    }
  }
  return names;
}

void Operation::wait() {
  Job& job = *group_->job();
  std::unique_lock lock(job.mutex);
  const bool is_in_time =
      job.changed.wait_for(lock, wait_timeout(), [&] { return done || !job.failure.empty(); });
  if (!is_in_time) {
    const std::string text = timeout_text(collective.text(), group_->missing_ranks(*this));
    job.fail(text);
    throw CommError(text);
  }
  if (!done) {
    throw CommError(collective.text() + ": " + job.failure);
  }
}

/// What is wrong if ranks do not issue the same; empty if they do.
std::string find_difference(const Operations& operations) {
  const Collective& a = operations.begin()->second->collective;
  for (const auto& entry : operations) {
    const Collective& b = entry.second->collective;
    const FlightPlan& ours = a.flight->plan();
    const FlightPlan& theirs = b.flight->plan();
    const bool is_same_kind = ours.is_point_to_point || ours.operation == theirs.operation;
    if (!is_same_kind || ours.content != theirs.content) {
      return a.name_of(a.rank()) + " issued " + a.flight->text() + " where " + b.name_of(b.rank()) +
             " issued " + b.flight->text();
    }
  }
  return "";
}

const Receive& receive_from(const Operation& operation, size_t round, int source) {
  for (const Receive& receive : operation.collective.rounds[round].receives) {
    if (receive.peer == source) {
      return receive;
    }
  }
  throw InternalError(operation.collective.text() + ": expects nothing from " +
                      operation.collective.name_of(source));
}

/// Copies the messages of one round. Throws CommError if two ranks differ about a length.
void move_round(const Operations& operations, size_t round) {
  for (const auto& [source, sender] : operations) {
    const Collective& collective = sender->collective;
    for (const Send& send : collective.rounds[round].sends) {
      const Receive& receive = receive_from(*operations.at(send.peer), round, source);
      if (send.bytes != receive.bytes) {
        throw CommError(collective.flight->text() + ": " + collective.name_of(source) + " sends " +
                        std::to_string(send.bytes / collective.element_bytes) + " elements to " +
                        collective.name_of(send.peer) + ", which expects " +
                        std::to_string(receive.bytes / collective.element_bytes));
      }
      if (send.bytes > 0) {
        std::memcpy(receive.data, send.data, static_cast<size_t>(send.bytes));
      }
    }
  }
}

/// Carries a full slot out, on behalf of all its ranks. Nobody else touches it meanwhile.
void carry_out(const Operations& operations) {
  const std::string difference = find_difference(operations);
  if (!difference.empty()) {
    throw CommError(difference);
  }
  const size_t num_rounds = operations.begin()->second->collective.rounds.size();
  for (size_t round = 0; round < num_rounds; ++round) {
    move_round(operations, round);
    for (const auto& entry : operations) {
      if (const auto& finish = entry.second->collective.rounds[round].finish) {
        finish();
      }
    }
  }
}

void Group::post(const std::shared_ptr<Operation>& operation) {
  std::unique_lock lock(job_->mutex);
  if (!job_->failure.empty()) {
    throw CommError(operation->collective.text() + ": " + job_->failure);
  }
  const Channel channel = channel_of(*operation);
  const int rank = operation->collective.rank();
  const SlotKey key = {channel, num_posted_[{channel, rank}]++};
  slots_[key].emplace(rank, operation);
  const size_t num_members = channel == kAllRanks ? static_cast<size_t>(size_) : 2;
  if (slots_[key].size() < num_members) {
    return;
  }
  const Operations full = std::move(slots_.extract(key).mapped());

  lock.unlock();
  std::string failure;
  try {
    carry_out(full);
  } catch (const std::exception& error) {
    failure = error.what();
  }
  lock.lock();
  if (!failure.empty()) {
    job_->fail(failure);
    throw CommError(operation->collective.text() + ": " + failure);
  }
  for (const auto& entry : full) {
    entry.second->done = true;
    entry.second->collective.flight->finish();
  }
  job_->changed.notify_all();
}

class ThreadsCommunicator final : public HostCommunicator {
 public:
  ThreadsCommunicator(std::shared_ptr<Group> group,
                      int rank,
                      const std::string& axis,
                      std::shared_ptr<FlightRecorder> recorder)
      : HostCommunicator(rank, group->size(), axis, std::move(recorder)),
        group_(std::move(group)) {}

  std::string backend() const override { return "threads"; }
  NodePlace node_place() const override { return {rank(), size()}; }

 protected:
  Handle start(Collective collective) override {
    auto operation = std::make_shared<Operation>(group_, std::move(collective));
    group_->post(operation);
    return Handle(operation);
  }

  std::shared_ptr<Communicator> make_group(int color, const std::string& axis) override {
    const at::Tensor colors = at::empty({size()}, at::TensorOptions(at::kInt));
    all_gather(at::full({1}, color, at::TensorOptions(at::kInt)), colors);
    int new_rank = 0;
    int new_size = 0;
    for (int r = 0; r < size(); ++r) {
      const bool is_member = colors.const_data_ptr<int>()[r] == color;
      new_rank += is_member && r < rank() ? 1 : 0;
      new_size += is_member ? 1 : 0;
    }
    return std::make_shared<ThreadsCommunicator>(
        group_->child(num_splits_++, color, new_size), new_rank, axis, shared_recorder());
  }

 private:
  std::shared_ptr<Group> group_;
  int64_t num_splits_ = 0;
};

/// Body of the thread of one rank.
void run_rank(const std::shared_ptr<Group>& world,
              int rank,
              const std::function<void(std::shared_ptr<Communicator>)>& body) {
  const std::shared_ptr<Job> job = world->job();
  const auto fail = [&](const std::string& text) {
    const std::scoped_lock lock(job->mutex);
    if (!job->error) {
      job->error = std::current_exception();
    }
    job->fail(rank_name("world", rank) + " failed: " + text);
  };
  try {
    at::set_num_threads(1);
    body(std::make_shared<ThreadsCommunicator>(
        world, rank, "world", std::make_shared<FlightRecorder>()));
  } catch (const std::exception& error) {
    fail(error.what());
  } catch (...) {
    fail("unknown exception");
  }
}

}  // namespace

void run_ranks(int num_ranks, const std::function<void(std::shared_ptr<Communicator>)>& body) {
  if (num_ranks < 1) {
    throw ConfigError("run_ranks: num_ranks must be at least 1: found " +
                      std::to_string(num_ranks));
  }
  // The number of threads is partly global state of ATen's libraries: it is set back at the end.
  const int num_threads = at::get_num_threads();
  const auto world = std::make_shared<Group>(std::make_shared<Job>(), num_ranks);
  std::vector<std::thread> threads;
  threads.reserve(static_cast<size_t>(num_ranks));
  for (int rank = 0; rank < num_ranks; ++rank) {
    threads.emplace_back([&world, &body, rank] { run_rank(world, rank, body); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  at::set_num_threads(num_threads);
  if (world->job()->error) {
    std::rethrow_exception(world->job()->error);
  }
}

}  // namespace hecaton::parallel
