// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/flight_recorder.h"

#include <cstdio>
#include <exception>
#include <fstream>
#include <utility>

namespace hecaton::parallel {
namespace {

std::string at_site(const FlightPlan& plan, int64_t step) {
  return " at " + plan.site.text() + (step < 0 ? "" : " in step " + std::to_string(step + 1));
}

double milliseconds(std::chrono::duration<double> time) {
  return time.count() * 1e3;
}

std::string fixed(double number) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3f", number);
  return text;
}

}  // namespace

std::string CallSite::text() const {
  const std::string path = file;
  return path.substr(path.find_last_of('/') + 1) + ":" + std::to_string(line);
}

std::string FlightPlan::operation_text() const {
  return content.empty() ? operation : operation + " (" + content + ")";
}

Flight::Flight(std::shared_ptr<Totals> totals, FlightPlan plan, int64_t number, int64_t step)
    : totals_(std::move(totals)), plan_(std::move(plan)), number_(number), step_(step) {}

std::string Flight::text() const {
  return plan_.operation_text() + at_site(plan_, step_);
}

void Flight::add_sends(int64_t num_messages, int64_t num_bytes) {
  const std::scoped_lock lock(totals_->mutex);
  AxisTraffic& traffic = totals_->by_axis[plan_.axis];
  traffic.num_messages += num_messages;
  traffic.num_bytes += num_bytes;
  num_bytes_ += num_bytes;
}

void Flight::finish() {
  const std::scoped_lock lock(totals_->mutex);
  if (!finished_) {
    finished_ = Clock::now();
    totals_->by_axis[plan_.axis].flight_s +=
        std::chrono::duration<double>(*finished_ - issued_).count();
  }
}

void Flight::add_exposed(std::chrono::duration<double> time) {
  const std::scoped_lock lock(totals_->mutex);
  totals_->by_axis[plan_.axis].exposed_s += time.count();
  exposed_ += time;
}

std::shared_ptr<Flight> FlightRecorder::begin(FlightPlan plan) {
  const std::scoped_lock lock(totals_->mutex);
  ++totals_->by_axis[plan.axis].num_collectives;
  const int64_t number = plan.is_point_to_point ? -1 : next_number_++;
  std::shared_ptr<Flight> flight(new Flight(totals_, std::move(plan), number, step_));
  flights_.push_back(flight);
  if (flights_.size() > kMaxFlights) {
    flights_.pop_front();
  }
  return flight;
}

void FlightRecorder::set_step(int64_t step) {
  const std::scoped_lock lock(totals_->mutex);
  step_ = step;
}

std::map<std::string, AxisTraffic> FlightRecorder::traffic() const {
  const std::scoped_lock lock(totals_->mutex);
  return totals_->by_axis;
}

std::vector<std::string> FlightRecorder::sequence() const {
  const std::scoped_lock lock(totals_->mutex);
  std::vector<std::string> sequence;
  sequence.reserve(flights_.size());
  for (const auto& flight : flights_) {
    if (!flight->plan_.is_point_to_point) {
      sequence.push_back(flight->plan_.axis + " " + flight->plan_.operation_text());
    }
  }
  return sequence;
}

std::string FlightRecorder::last_text() const {
  const std::scoped_lock lock(totals_->mutex);
  if (flights_.empty()) {
    return "no collective";
  }
  const Flight& last = *flights_.back();
  return last.plan_.operation_text() + " over " + last.plan_.axis + at_site(last.plan_, last.step_);
}

std::string FlightRecorder::text() const {
  const std::scoped_lock lock(totals_->mutex);
  std::string text =
      "  number     issued ms      ended ms     waited ms      sent bytes  axis   collective\n";
  for (const auto& flight : flights_) {
    char line[128];
    std::snprintf(
        line,
        sizeof(line),
        "%8s%14.3f%14s%14.3f%16lld  %-6s ",
        flight->number_ < 0 ? "" : std::to_string(flight->number_).c_str(),
        milliseconds(flight->issued_ - start_),
        flight->finished_ ? fixed(milliseconds(*flight->finished_ - start_)).c_str() : "under way",
        milliseconds(flight->exposed_),
        static_cast<long long>(flight->num_bytes_),
        flight->plan_.axis.c_str());
    text += line;
    text += flight->text();
    text += "\n";
  }
  return text;
}

void FlightRecorder::set_path(const std::string& path) {
  const std::scoped_lock lock(totals_->mutex);
  path_ = path;
}

bool FlightRecorder::write() const noexcept {
  try {
    const std::string content = text();
    const std::scoped_lock lock(totals_->mutex);
    if (path_.empty()) {
      return false;
    }
    std::ofstream file(path_);
    file << content;
    file.close();
    return file.good();
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace hecaton::parallel
