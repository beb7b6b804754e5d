// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/mpi.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <mutex>
#include <numeric>
#include <optional>
#include <sched.h>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <mpi.h>

#include "core/error.h"
#include "parallel/detail/collective.h"
#include "parallel/detail/host_communicator.h"
#include "parallel/detail/mpi_inquiry.h"

/// Runs an MPI call; CommError with its text, MPI's explanation, and `place`, which names axis and
/// rank and is computed only then.
#define HECATON_MPI(place, call)                   \
  do {                                             \
    const int hecaton_code = (call);               \
    if (hecaton_code != MPI_SUCCESS) {             \
      throw_mpi_error(place, #call, hecaton_code); \
    }                                              \
  } while (false)

namespace hecaton::parallel {
namespace {

[[noreturn]] void throw_mpi_error(const std::string& place, const char* call, int code) {
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  throw CommError(place + ": " + call + ": " + text.data());
}

bool is_mpi_over() {
  int is_finalized = 0;
  MPI_Finalized(&is_finalized);
  return is_finalized != 0;
}

class Operation;

/// What the collectives of this process share. One lock serialises all MPI calls, so that
/// MPI_THREAD_SERIALIZED is enough. Never destroyed: handles may outlive main().
struct Engine {
  std::mutex mutex;
  std::vector<Operation*> in_flight;
  std::vector<Operation*> awaited;    ///< by this rank, the innermost wait last
  std::vector<at::Tensor> abandoned;  ///< MPI may still read or write them
  std::shared_ptr<FlightRecorder> recorder;
  std::optional<MpiInquiry> inquiry;
  bool owns_mpi = false;
};

Engine& engine() {
  static Engine* const kInstance = new Engine;
  return *kInstance;
}

/// An MPI communicator and what its ranks must know about it.
class Group {
 public:
  /// Takes `comm` over.
  Group(MPI_Comm comm, const std::string& axis, int64_t piece_bytes);
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  MPI_Comm comm() const { return comm_; }
  /// The rank in MPI_COMM_WORLD of a rank of this group.
  int world_rank_of(int rank) const { return world_ranks_[static_cast<size_t>(rank)]; }
  int rank() const { return rank_; }
  int size() const { return size_; }
  int64_t piece_bytes() const { return piece_bytes_; }
  const std::string& place() const { return place_; }
  NodePlace node_place() const { return node_place_; }

  /// Messages may still come that nobody receives. Open MPI takes them for those of the next
  /// communicator that gets the number of this one, and reads beyond its ranks: so keep the number.
  void keep_after_use() { is_kept_ = true; }

  /// Numbers the collectives of the group, from 0.
  int64_t next_number() { return next_number_++; }
  /// The tag of a round of a collective, never 0, which is for point-to-point messages. It depends
  /// on what the collective is: messages of ranks that issued different ones never meet, so they do
  /// not fill each other's buffers, and the ranks find out when their time is up. Two rounds that
  /// get the same tag do no harm: MPI keeps the order of messages with the same tag.
  int tag_of(const Collective& collective, int64_t number, size_t round) const {
    const std::string text = std::to_string(number) + " " + std::to_string(round) + " " +
                             collective.flight->plan().operation_text();
    return static_cast<int>(1 + std::hash<std::string>{}(text) % static_cast<size_t>(max_tag_));
  }

 private:
  std::vector<int> find_world_ranks() const;
  NodePlace find_node_place() const;

  MPI_Comm comm_;
  int rank_ = 0;
  int size_ = 1;
  int64_t piece_bytes_;
  std::string place_;
  int64_t max_tag_ = 32767;
  int64_t next_number_ = 0;
  std::vector<int> world_ranks_;
  bool is_kept_ = false;
  NodePlace node_place_;
};

Group::Group(MPI_Comm comm, const std::string& axis, int64_t piece_bytes)
    : comm_(comm), piece_bytes_(piece_bytes) {
  const std::scoped_lock lock(engine().mutex);
  HECATON_MPI(axis, MPI_Comm_rank(comm_, &rank_));
  HECATON_MPI(axis, MPI_Comm_size(comm_, &size_));
  place_ = rank_name(axis, rank_) + " of " + std::to_string(size_);
  int* max_tag = nullptr;
  int has_max_tag = 0;
  HECATON_MPI(place_,
              MPI_Comm_get_attr(comm_, MPI_TAG_UB, static_cast<void*>(&max_tag), &has_max_tag));
  if (has_max_tag != 0) {
    max_tag_ = *max_tag;
  }
  world_ranks_ = find_world_ranks();
  node_place_ = find_node_place();
}

Group::~Group() {
  const std::scoped_lock lock(engine().mutex);
  if (!is_mpi_over() && !is_kept_) {
    MPI_Comm_free(&comm_);
  }
}

std::vector<int> Group::find_world_ranks() const {
  MPI_Group own = MPI_GROUP_NULL;
  MPI_Group world = MPI_GROUP_NULL;
  HECATON_MPI(place_, MPI_Comm_group(comm_, &own));
  HECATON_MPI(place_, MPI_Comm_group(MPI_COMM_WORLD, &world));
  std::vector<int> ranks(static_cast<size_t>(size_));
  std::iota(ranks.begin(), ranks.end(), 0);
  std::vector<int> world_ranks(ranks.size());
  HECATON_MPI(place_,
              MPI_Group_translate_ranks(own, size_, ranks.data(), world, world_ranks.data()));
  MPI_Group_free(&own);
  MPI_Group_free(&world);
  return world_ranks;
}

NodePlace Group::find_node_place() const {
  MPI_Comm node = MPI_COMM_NULL;
  HECATON_MPI(place_,
              MPI_Comm_split_type(comm_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node));
  NodePlace place;
  HECATON_MPI(place_, MPI_Comm_rank(node, &place.local_rank));
  HECATON_MPI(place_, MPI_Comm_size(node, &place.local_size));
  HECATON_MPI(place_, MPI_Comm_free(&node));
  return place;
}

/// One MPI message under way: a piece of a send or of a receive.
struct Piece {
  int peer = 0;
  int bytes = 0;
  bool is_receive = false;
};

/// A collective in which this rank takes part. Its later rounds begin when an earlier one is found
/// finished; so whoever waits for one collective moves all of them on, and ranks may wait in
/// different orders.
class Operation final : public Handle::State {
 public:
  Operation(std::shared_ptr<Group> group, Collective collective);
  ~Operation() override;
  /// Posts the messages of the first round.
  void begin();
  void wait() override;
  /// Moves every collective of the process on. Called under the lock.
  static void poll_all();
  /// What it waits for. Called under the lock.
  Whereabouts whereabouts() const;

 private:
  bool is_done();
  void give_up();
  void poll();
  void post_round();
  void post(const Send& send, int tag);
  void post(const Receive& receive, int tag);
  void finish_round();
  bool are_messages_done();
  void check_piece(const Piece& piece, const MPI_Status& status, int code) const;
  void abandon();
  [[noreturn]] void throw_wrong_length(const Piece& piece, const std::string& found) const;

  std::shared_ptr<Group> group_;
  Collective collective_;
  int64_t number_ = 0;  // in the group
  size_t round_ = 0;
  std::vector<MPI_Request> requests_;
  std::vector<Piece> pieces_;         // one for each request
  std::vector<int> done_;             // work space of are_messages_done()
  std::vector<MPI_Status> statuses_;  // the same
  bool is_done_ = false;
  std::exception_ptr error_;
};

Operation::Operation(std::shared_ptr<Group> group, Collective collective)
    : group_(std::move(group)), collective_(std::move(collective)) {}

void Operation::begin() {
  const std::scoped_lock lock(engine().mutex);
  if (!collective_.is_point_to_point()) {
    number_ = group_->next_number();
  }
  engine().in_flight.push_back(this);
  post_round();
}

Operation::~Operation() {
  // While an exception passes, the other ranks may never send what this one would wait for.
  if (!is_done_ && !is_mpi_over() && std::uncaught_exceptions() == 0) {
    try {
      wait();
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): nobody asked for the result
    }
  }
  const std::scoped_lock lock(engine().mutex);
  if (!is_done_) {
    abandon();
  }
  std::erase(engine().in_flight, this);
}

void Operation::wait() {
  const auto deadline = std::chrono::steady_clock::now() + wait_timeout();
  while (!is_done()) {
    if (std::chrono::steady_clock::now() > deadline) {
      give_up();
    }
    std::this_thread::yield();
  }
  if (error_) {
    std::rethrow_exception(error_);
  }
}

/// One look while this rank waits for it.
bool Operation::is_done() {
  const std::scoped_lock lock(engine().mutex);
  engine().awaited.push_back(this);
  poll_all();
  engine().awaited.pop_back();
  return is_done_;
}

void write_recorder() {
  engine().recorder->write();
}

void Operation::give_up() {
  const std::scoped_lock lock(engine().mutex);
  engine().awaited.push_back(this);
  write_recorder();  // before another rank that gives up ends the job
  const std::string culprits = engine().inquiry->find_culprits();
  engine().awaited.pop_back();
  error_ = std::make_exception_ptr(CommError(timeout_text(collective_.text(), culprits)));
  abandon();
}

Whereabouts Operation::whereabouts() const {
  Whereabouts whereabouts{{}, collective_.flight->text()};
  std::set<int> peers;
  for (size_t i = 0; i < requests_.size(); ++i) {
    if (requests_[i] != MPI_REQUEST_NULL) {
      peers.insert(group_->world_rank_of(pieces_[i].peer));
    }
  }
  whereabouts.awaited_ranks.assign(peers.begin(), peers.end());
  return whereabouts;
}

void Operation::poll_all() {
  for (Operation* operation : engine().in_flight) {
    operation->poll();
  }
  std::erase_if(engine().in_flight, [](const Operation* o) { return o->is_done_; });
  engine().inquiry->answer();
}

void Operation::poll() {
  try {
    while (!is_done_ && are_messages_done()) {
      finish_round();
    }
  } catch (const std::exception&) {
    error_ = std::current_exception();
    abandon();
  }
}

void Operation::finish_round() {
  const Round& round = collective_.rounds[round_];
  if (round.finish) {
    round.finish();
  }
  ++round_;
  is_done_ = round_ == collective_.rounds.size();
  if (is_done_) {
    collective_.flight->finish();
  } else {
    post_round();
  }
}

void Operation::post_round() {
  const Round& round = collective_.rounds[round_];
  const int tag =
      collective_.is_point_to_point() ? 0 : group_->tag_of(collective_, number_, round_);
  requests_.clear();
  pieces_.clear();
  for (const Receive& receive : round.receives) {
    post(receive, tag);
  }
  for (const Send& send : round.sends) {
    post(send, tag);
  }
}

// A message is cut into full pieces and one shorter piece, which may be empty. So two ranks that
// differ about the length differ about the length of some piece, and none waits for a piece that
// never comes without having found that out.
template <typename PostPiece>
void for_each_piece(int64_t bytes, int64_t piece_bytes, const PostPiece& post_piece) {
  for (int64_t offset = 0; offset <= bytes; offset += piece_bytes) {
    post_piece(offset, static_cast<int>(std::min(piece_bytes, bytes - offset)));
  }
}

void Operation::post(const Receive& receive, int tag) {
  for_each_piece(receive.bytes, group_->piece_bytes(), [&](int64_t offset, int bytes) {
    MPI_Request request = MPI_REQUEST_NULL;
    HECATON_MPI(
        collective_.text(),
        MPI_Irecv(
            receive.data + offset, bytes, MPI_BYTE, receive.peer, tag, group_->comm(), &request));
    requests_.push_back(request);
    pieces_.push_back({receive.peer, bytes, true});
  });
}

void Operation::post(const Send& send, int tag) {
  for_each_piece(send.bytes, group_->piece_bytes(), [&](int64_t offset, int bytes) {
    MPI_Request request = MPI_REQUEST_NULL;
    HECATON_MPI(
        collective_.text(),
        MPI_Isend(send.data + offset, bytes, MPI_BYTE, send.peer, tag, group_->comm(), &request));
    requests_.push_back(request);
    pieces_.push_back({send.peer, bytes, false});
  });
}

bool Operation::are_messages_done() {
  const int num_requests = static_cast<int>(requests_.size());
  int num_done = 0;
  done_.resize(requests_.size());
  statuses_.resize(requests_.size());
  const int code =
      MPI_Testsome(num_requests, requests_.data(), &num_done, done_.data(), statuses_.data());
  if (code != MPI_SUCCESS && code != MPI_ERR_IN_STATUS) {
    throw_mpi_error(collective_.text(), "MPI_Testsome", code);
  }
  if (num_done == MPI_UNDEFINED) {  // no request is left
    return true;
  }
  for (size_t i = 0; i < static_cast<size_t>(num_done); ++i) {
    const int own_code = code == MPI_SUCCESS ? MPI_SUCCESS : statuses_[i].MPI_ERROR;
    check_piece(pieces_[static_cast<size_t>(done_[i])], statuses_[i], own_code);
  }
  return std::all_of(requests_.begin(), requests_.end(), [](MPI_Request request) {
    return request == MPI_REQUEST_NULL;
  });
}

void Operation::check_piece(const Piece& piece, const MPI_Status& status, int code) const {
  int error_class = MPI_SUCCESS;
  MPI_Error_class(code, &error_class);
  if (piece.is_receive && error_class == MPI_ERR_TRUNCATE) {
    throw_wrong_length(piece, "more");
  }
  if (code != MPI_SUCCESS) {
    throw_mpi_error(collective_.text(), piece.is_receive ? "MPI_Irecv" : "MPI_Isend", code);
  }
  if (!piece.is_receive) {
    return;
  }
  // A receive that is longer than its message succeeds, and leaves old values behind it.
  int found = 0;
  HECATON_MPI(collective_.text(), MPI_Get_count(&status, MPI_BYTE, &found));
  if (found != piece.bytes) {
    throw_wrong_length(piece, std::to_string(found));
  }
}

void Operation::throw_wrong_length(const Piece& piece, const std::string& found) const {
  throw CommError(collective_.text() + ": message from " + collective_.name_of(piece.peer) +
                  " has another length: expected " + std::to_string(piece.bytes) + " bytes found " +
                  found);
}

void Operation::abandon() {
  group_->keep_after_use();
  for (size_t i = 0; i < requests_.size(); ++i) {
    if (requests_[i] == MPI_REQUEST_NULL || is_mpi_over()) {
      continue;
    }
    if (pieces_[i].is_receive) {
      MPI_Cancel(&requests_[i]);
    }
    MPI_Request_free(&requests_[i]);
  }
  auto& kept = engine().abandoned;
  kept.insert(kept.end(), collective_.tensors.begin(), collective_.tensors.end());
  is_done_ = true;
}

class MpiCommunicator final : public HostCommunicator {
 public:
  MpiCommunicator(std::shared_ptr<Group> group,
                  const std::string& axis,
                  std::shared_ptr<FlightRecorder> recorder)
      : HostCommunicator(group->rank(), group->size(), axis, std::move(recorder)),
        group_(std::move(group)) {}

  std::string backend() const override { return "mpi"; }
  void make_progress() override {
    const std::scoped_lock lock(engine().mutex);
    if (!is_mpi_over()) {
      Operation::poll_all();
    }
  }
  NodePlace node_place() const override { return group_->node_place(); }

 protected:
  Handle start(Collective collective) override {
    const auto operation = std::make_shared<Operation>(group_, std::move(collective));
    operation->begin();
    return Handle(operation);
  }

  std::shared_ptr<Communicator> make_group(int color, const std::string& axis) override {
    MPI_Comm comm = MPI_COMM_NULL;
    {
      const std::scoped_lock lock(engine().mutex);
      HECATON_MPI(group_->place(), MPI_Comm_split(group_->comm(), color, rank(), &comm));
    }
    return std::make_shared<MpiCommunicator>(
        std::make_shared<Group>(comm, axis, group_->piece_bytes()), axis, shared_recorder());
  }

 private:
  std::shared_ptr<Group> group_;
};

/// Where this rank is, for another one that asks.
Whereabouts whereabouts() {
  if (!engine().awaited.empty()) {
    return engine().awaited.back()->whereabouts();
  }
  return {{}, engine().recorder->last_text()};
}

/// Open MPI's own waits spin. With fewer cores than ranks they must give way.
void yield_if_crowded() {
  const char* local_size = std::getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
  cpu_set_t cores;
  CPU_ZERO(&cores);
  const bool is_known = local_size != nullptr && sched_getaffinity(0, sizeof(cores), &cores) == 0;
  if (is_known && CPU_COUNT(&cores) < std::atoi(local_size)) {
    setenv("OMPI_MCA_mpi_yield_when_idle", "1", /*overwrite=*/0);
  }
}

void initialize_mpi() {
  const std::string place = "world";
  int is_initialized = 0;
  HECATON_MPI(place, MPI_Initialized(&is_initialized));
  int granted = MPI_THREAD_SINGLE;
  if (is_initialized != 0) {
    HECATON_MPI(place, MPI_Query_thread(&granted));
  } else {
    yield_if_crowded();
    HECATON_MPI(place, MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &granted));
    engine().owns_mpi = true;
  }
  if (granted < MPI_THREAD_SERIALIZED) {
    throw CommError(place + ": MPI_Init_thread: must grant at least MPI_THREAD_SERIALIZED=" +
                    std::to_string(MPI_THREAD_SERIALIZED) + ": found " + std::to_string(granted) +
                    " in " + mpi_version());
  }
}

}  // namespace

std::shared_ptr<Communicator> make_mpi_world(int64_t piece_bytes) {
  if (piece_bytes < 1 || piece_bytes > kMaxPieceBytes) {
    throw ConfigError("make_mpi_world: piece_bytes must be from 1 to " +
                      std::to_string(kMaxPieceBytes) + ": found " + std::to_string(piece_bytes));
  }
  const std::string axis = "world";
  MPI_Comm comm = MPI_COMM_NULL;
  {
    const std::scoped_lock lock(engine().mutex);
    initialize_mpi();
    HECATON_MPI(axis, MPI_Comm_dup(MPI_COMM_WORLD, &comm));
    HECATON_MPI(axis, MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN));
    engine().recorder = std::make_shared<FlightRecorder>();
    if (!engine().inquiry) {
      engine().inquiry.emplace(whereabouts, write_recorder);
    }
  }
  return std::make_shared<MpiCommunicator>(
      std::make_shared<Group>(comm, axis, piece_bytes), axis, engine().recorder);
}

void finalize_mpi() {
  const std::scoped_lock lock(engine().mutex);
  if (engine().owns_mpi && !is_mpi_over()) {
    HECATON_MPI("world", MPI_Finalize());
  }
}

namespace {

/// Every rank that still moves writes down what it issued last.
void write_all_recorders() {
  const std::scoped_lock lock(engine().mutex);
  if (!engine().inquiry) {
    return;
  }
  write_recorder();
  try {
    engine().inquiry->raise_alarm();
  } catch (const CommError&) {  // NOLINT(bugprone-empty-catch): the job ends for another reason
  }
}

}  // namespace

void abort_mpi(int exit_code, bool writes_collectives) {
  static_cast<void>(std::fflush(nullptr));  // nobody is left to tell
  int is_initialized = 0;
  MPI_Initialized(&is_initialized);
  if (is_initialized != 0 && !is_mpi_over()) {
    if (writes_collectives) {
      write_all_recorders();
    }
    MPI_Abort(MPI_COMM_WORLD, exit_code);
  }
  std::_Exit(exit_code);
}

std::string mpi_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  HECATON_MPI("world", MPI_Get_library_version(text.data(), &length));
  const std::string version = text.data();
  return version.substr(0, version.find('\n'));
}

}  // namespace hecaton::parallel
