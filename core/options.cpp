// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/options.h"

#include <sstream>
#include <type_traits>
#include <utility>

namespace hecaton {

OptionReader::OptionReader(const Options& options, std::string path, ConfigFaults& faults)
    : options_(options), path_(std::move(path)), faults_(faults) {}

bool OptionReader::boolean(const std::string& name, bool default_value) {
  const OptionValue* value = find(name);
  if (value == nullptr) {
    return default_value;
  }
  if (const bool* found = std::get_if<bool>(value)) {
    return *found;
  }
  add_fault(name, "must be true or false");
  return default_value;
}

int64_t OptionReader::integer(const std::string& name, int64_t default_value) {
  const OptionValue* value = find(name);
  if (value == nullptr) {
    return default_value;
  }
  if (const int64_t* found = std::get_if<int64_t>(value)) {
    return *found;
  }
  add_fault(name, "must be a whole number");
  return default_value;
}

double OptionReader::number(const std::string& name, double default_value) {
  const OptionValue* value = find(name);
  if (value == nullptr) {
    return default_value;
  }
  if (const int64_t* whole = std::get_if<int64_t>(value)) {
    return static_cast<double>(*whole);
  }
  if (const double* found = std::get_if<double>(value)) {
    return *found;
  }
  add_fault(name, "must be a number");
  return default_value;
}

std::string OptionReader::text(const std::string& name, const std::string& default_value) {
  const OptionValue* value = find(name);
  if (value == nullptr) {
    return default_value;
  }
  if (const std::string* found = std::get_if<std::string>(value)) {
    return *found;
  }
  add_fault(name, "must be text");
  return default_value;
}

void OptionReader::require(bool ok, const std::string& name, const std::string& rule) {
  if (!ok) {
    add_fault(name, "must be " + rule);
  }
}

void OptionReader::refuse_others() {
  std::string known;
  for (const std::string& name : asked_) {
    known += (known.empty() ? "" : ", ") + name;
  }
  for (const auto& [name, value] : options_) {
    if (asked_.count(name) == 0) {
      add_fault(name, "unknown option (known: " + (known.empty() ? "none" : known) + ")");
    }
  }
}

const OptionValue* OptionReader::find(const std::string& name) {
  asked_.insert(name);
  const auto place = options_.find(name);
  return place == options_.end() ? nullptr : &place->second;
}

void OptionReader::add_fault(const std::string& name, const std::string& rule) {
  const auto place = options_.find(name);
  const std::string value = place == options_.end() ? "default" : option_text(place->second);
  faults_.require(false, path_ + "." + name, value, rule);
}

std::string option_text(const OptionValue& value) {
  std::ostringstream text;
  text << std::boolalpha;
  std::visit([&text](const auto& found) { text << found; }, value);
  return text.str();
}

}  // namespace hecaton
