// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace hecaton {

/// Collects every fault of a configuration, so that a user sees all of them at once.
///
/// A config struct has `void collect_faults(ConfigFaults&) const`, which calls require() once per
/// rule, and `void validate() const`, which throws one ConfigError listing what was collected. A
/// struct that holds other configs hands them on with require_valid().
class ConfigFaults {
 public:
  /// One broken rule: the dotted path of the field, its value as text, the rule.
  struct Fault {
    std::string path;
    std::string value;
    std::string rule;
  };

  /// root: name in front of every path, for example "router". May be empty.
  explicit ConfigFaults(std::string root) : prefix_(std::move(root)) {}

  /// Records a fault of `field` unless `ok`.
  template <typename T>
  void require(bool ok, const std::string& field, const T& value, const std::string& rule) {
    if (ok) {
      return;
    }
    std::ostringstream text;
    text << std::boolalpha << value;
    faults_.push_back({join(prefix_, field), text.str(), rule});
  }

  /// Collects the faults of a nested config below `field`.
  template <typename Config>
  void require_valid(const std::string& field, const Config& config) {
    const std::string outer = prefix_;
    prefix_ = join(outer, field);
    config.collect_faults(*this);
    prefix_ = outer;
  }

  const std::vector<Fault>& faults() const { return faults_; }

  /// Throws ConfigError with one line per fault: "path = value: rule". Does nothing without faults.
  void throw_if_any() const;

 private:
  static std::string join(const std::string& prefix, const std::string& field) {
    return prefix.empty() ? field : prefix + "." + field;
  }

  std::string prefix_;
  std::vector<Fault> faults_;
};

}  // namespace hecaton
