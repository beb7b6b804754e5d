// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/detail/mpi_inquiry.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <list>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include <mpi.h>

#include "core/error.h"

namespace hecaton::parallel {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kAnswerInterval = std::chrono::milliseconds(50);
constexpr auto kPatience = std::chrono::seconds(1);  // with one rank
constexpr auto kTotalPatience = std::chrono::seconds(3);
constexpr auto kAlarmTime = std::chrono::milliseconds(200);
constexpr int kQuestion = 1;
constexpr int kAnswer = 2;
constexpr int kAlarm = 3;

void require(int code, const char* call) {
  if (code != MPI_SUCCESS) {
    throw CommError(std::string("world: ") + call + " failed");
  }
}

std::string world_rank(int rank) {
  return "world_rank " + std::to_string(rank);
}

/// The number of the question, how many ranks are awaited, these ranks, then the text.
std::string packed(int32_t question, const Whereabouts& whereabouts) {
  std::vector<int32_t> numbers = {question, static_cast<int32_t>(whereabouts.awaited_ranks.size())};
  numbers.insert(numbers.end(), whereabouts.awaited_ranks.begin(), whereabouts.awaited_ranks.end());
  std::string bytes(numbers.size() * sizeof(int32_t), '\0');
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes + whereabouts.text;
}

struct Answer {
  int32_t question = 0;
  Whereabouts whereabouts;
};

Answer unpacked(const std::string& bytes) {
  const auto number_at = [&bytes](size_t i) {
    int32_t number = 0;
    std::memcpy(&number, bytes.data() + i * sizeof(number), sizeof(number));
    return number;
  };
  Answer answer;
  answer.question = number_at(0);
  const auto num_awaited = static_cast<size_t>(number_at(1));
  for (size_t i = 0; i < num_awaited; ++i) {
    answer.whereabouts.awaited_ranks.push_back(number_at(2 + i));
  }
  answer.whereabouts.text = bytes.substr((2 + num_awaited) * sizeof(int32_t));
  return answer;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    text += (text.empty() ? "" : "; ");
    text += part;
  }
  return text;
}

}  // namespace

struct MpiInquiry::Impl {
  struct Sending {
    std::string bytes;
    MPI_Request request = MPI_REQUEST_NULL;
  };

  void send(int to, int tag, std::string bytes);
  /// The next message with that tag, from `source` or MPI_ANY_SOURCE, if one has come.
  std::optional<std::pair<int, std::string>> receive(int source, int tag);
  void answer_now();
  std::optional<Whereabouts> ask(int asked);

  MPI_Comm comm = MPI_COMM_NULL;
  int rank = 0;
  int size = 1;
  std::function<Whereabouts()> whereabouts;
  std::function<void()> on_alarm;
  Clock::time_point next_answer;
  int32_t next_question = 1;
  std::list<Sending> sendings;  // an element stays where it is until MPI has sent it
};

void MpiInquiry::Impl::send(int to, int tag, std::string bytes) {
  sendings.remove_if([](Sending& sending) {
    int is_done = 0;
    MPI_Test(&sending.request, &is_done, MPI_STATUS_IGNORE);
    return is_done != 0;
  });
  Sending& sending = sendings.emplace_back();
  sending.bytes = std::move(bytes);
  require(MPI_Isend(sending.bytes.data(),
                    static_cast<int>(sending.bytes.size()),
                    MPI_BYTE,
                    to,
                    tag,
                    comm,
                    &sending.request),
          "MPI_Isend");
}

std::optional<std::pair<int, std::string>> MpiInquiry::Impl::receive(int source, int tag) {
  int has_come = 0;
  MPI_Status status;
  require(MPI_Iprobe(source, tag, comm, &has_come, &status), "MPI_Iprobe");
  if (has_come == 0) {
    return std::nullopt;
  }
  int num_bytes = 0;
  require(MPI_Get_count(&status, MPI_BYTE, &num_bytes), "MPI_Get_count");
  std::string bytes(static_cast<size_t>(num_bytes), '\0');
  require(
      MPI_Recv(bytes.data(), num_bytes, MPI_BYTE, status.MPI_SOURCE, tag, comm, MPI_STATUS_IGNORE),
      "MPI_Recv");
  return std::pair(status.MPI_SOURCE, bytes);
}

void MpiInquiry::Impl::answer_now() {
  while (const auto question = receive(MPI_ANY_SOURCE, kQuestion)) {
    int32_t number = 0;
    std::memcpy(&number, question->second.data(), sizeof(number));
    send(question->first, kAnswer, packed(number, whereabouts()));
  }
  if (receive(MPI_ANY_SOURCE, kAlarm)) {
    on_alarm();
  }
}

std::optional<Whereabouts> MpiInquiry::Impl::ask(int asked) {
  const int32_t number = next_question++;
  std::string bytes(sizeof(number), '\0');
  std::memcpy(bytes.data(), &number, sizeof(number));
  send(asked, kQuestion, std::move(bytes));
  const Clock::time_point deadline = Clock::now() + kPatience;
  while (Clock::now() < deadline) {
    answer_now();  // two ranks may ask each other
    if (const auto message = receive(asked, kAnswer)) {
      Answer answer = unpacked(message->second);
      if (answer.question == number) {
        return std::move(answer.whereabouts);
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return std::nullopt;
}

MpiInquiry::MpiInquiry(std::function<Whereabouts()> whereabouts, std::function<void()> on_alarm)
    : impl_(std::make_shared<Impl>()) {
  require(MPI_Comm_dup(MPI_COMM_WORLD, &impl_->comm), "MPI_Comm_dup");
  require(MPI_Comm_set_errhandler(impl_->comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  require(MPI_Comm_rank(impl_->comm, &impl_->rank), "MPI_Comm_rank");
  require(MPI_Comm_size(impl_->comm, &impl_->size), "MPI_Comm_size");
  impl_->whereabouts = std::move(whereabouts);
  impl_->on_alarm = std::move(on_alarm);
}

void MpiInquiry::answer() {
  const Clock::time_point now = Clock::now();
  if (now >= impl_->next_answer) {
    impl_->next_answer = now + kAnswerInterval;
    impl_->answer_now();
  }
}

std::string MpiInquiry::find_culprits() {
  const Clock::time_point deadline = Clock::now() + kTotalPatience;
  std::vector<std::string> silent;
  std::vector<std::string> elsewhere;
  std::vector<std::string> waiting;
  const std::vector<int> awaited = impl_->whereabouts().awaited_ranks;
  std::deque<int> to_ask(awaited.begin(), awaited.end());
  std::set<int> known = {impl_->rank};
  while (!to_ask.empty() && Clock::now() < deadline) {
    const int rank = to_ask.front();
    to_ask.pop_front();
    if (!known.insert(rank).second) {
      continue;
    }
    const std::optional<Whereabouts> found = impl_->ask(rank);
    if (!found) {
      silent.push_back(world_rank(rank) + ", which does not answer: stopped, lost or busy");
    } else if (found->awaited_ranks.empty()) {
      elsewhere.push_back(world_rank(rank) + ", which waits for nobody; its last: " + found->text);
    } else {
      waiting.push_back(world_rank(rank) + ", which waits for " + found->text);
      to_ask.insert(to_ask.end(), found->awaited_ranks.begin(), found->awaited_ranks.end());
    }
  }
  if (!silent.empty()) {
    return joined(silent);
  }
  return joined(elsewhere.empty() ? waiting : elsewhere);
}

void MpiInquiry::raise_alarm() {
  for (int rank = 0; rank < impl_->size; ++rank) {
    if (rank != impl_->rank) {
      impl_->send(rank, kAlarm, "");
    }
  }
  const Clock::time_point deadline = Clock::now() + kAlarmTime;
  while (Clock::now() < deadline) {
    impl_->answer_now();  // moves the messages on
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace hecaton::parallel
