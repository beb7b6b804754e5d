// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace hecaton::parallel {

/// Where in the source a collective was issued.
struct CallSite {
  const char* file = "";
  int line = 0;

  /// As default argument: the place of the call that left it out.
  static constexpr CallSite here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
  /// "training_engine.cpp:192".
  std::string text() const;
};

/// What is known of a collective when a rank issues it.
struct FlightPlan {
  std::string axis;  ///< of the group: "ep"
  int rank = 0;      ///< in the group
  int size = 1;
  std::string operation;  ///< "all_reduce"
  std::string content;    ///< "sum of 8 Float"
  bool is_point_to_point = false;
  CallSite site;

  /// "all_reduce (sum of 8 Float)".
  std::string operation_text() const;
};

/// Sums over the collectives of one axis.
struct AxisTraffic {
  int64_t num_collectives = 0;
  int64_t num_messages = 0;  ///< that left this rank
  int64_t num_bytes = 0;     ///< that left this rank
  double flight_s = 0.0;     ///< from issue to end, of each collective, added up
  double exposed_s = 0.0;    ///< that this rank waited and did nothing else
};

/// One collective of a rank from its issue on. Thread-safe.
class Flight {
 public:
  const FlightPlan& plan() const { return plan_; }
  /// Of the collective among those of the rank, over all axes, from 0. The same on every rank;
  /// -1 for a point-to-point message, of which ranks have different numbers.
  int64_t number() const { return number_; }

  /// "all_reduce (sum of 8 Float) at training_engine.cpp:192 in step 3".
  std::string text() const;

  /// What leaves this rank.
  void add_sends(int64_t num_messages, int64_t num_bytes);
  /// The collective has ended. Later calls do nothing.
  void finish();
  /// The rank has waited for it.
  void add_exposed(std::chrono::duration<double> time);

 private:
  friend class FlightRecorder;
  using Clock = std::chrono::steady_clock;

  /// What the flights of a recorder share with it.
  struct Totals {
    std::mutex mutex;
    std::map<std::string, AxisTraffic> by_axis;
  };

  Flight(std::shared_ptr<Totals> totals, FlightPlan plan, int64_t number, int64_t step);

  const std::shared_ptr<Totals> totals_;
  const FlightPlan plan_;
  const int64_t number_;
  const int64_t step_;  ///< from 0, -1 outside of steps
  const Clock::time_point issued_ = Clock::now();
  // Under the lock of the totals.
  int64_t num_bytes_ = 0;
  std::optional<Clock::time_point> finished_;
  std::chrono::duration<double> exposed_{0.0};
};

/// What one rank issued, on all axes: the last collectives one by one, all of them in sums. The
/// groups that come from one world share its recorder. Thread-safe.
class FlightRecorder {
 public:
  /// Collectives that are kept one by one.
  static constexpr size_t kMaxFlights = 1024;

  std::shared_ptr<Flight> begin(FlightPlan plan);

  /// The optimizer step, from 0, of collectives issued from now on; for messages. Before: none.
  void set_step(int64_t step);

  /// Per axis, since the recorder was made.
  std::map<std::string, AxisTraffic> traffic() const;

  /// "dp all_reduce (sum of 8 Float)" of the last collectives, oldest first, without point-to-point
  /// messages: what must be equal on all ranks.
  std::vector<std::string> sequence() const;
  /// "all_reduce (sum of 8 Float) over dp at training_engine.cpp:192 in step 3": the newest
  /// collective; "no collective" before the first.
  std::string last_text() const;
  /// The last collectives as a table, one a line, oldest first.
  std::string text() const;

  /// The file that write() writes; empty: none.
  void set_path(const std::string& path);
  /// Writes text(); true if that went well. Throws nothing: something has failed already.
  bool write() const noexcept;

 private:
  const std::shared_ptr<Flight::Totals> totals_ = std::make_shared<Flight::Totals>();
  const Flight::Clock::time_point start_ = Flight::Clock::now();
  // Under the lock of the totals.
  int64_t step_ = -1;
  int64_t next_number_ = 0;
  std::string path_;
  std::deque<std::shared_ptr<Flight>> flights_;
};

}  // namespace hecaton::parallel
