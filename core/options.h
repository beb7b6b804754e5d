// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <variant>

#include "core/config_faults.h"

namespace hecaton {

using OptionValue = std::variant<bool, int64_t, double, std::string>;

/// Settings that only one kind of component knows, by name.
using Options = std::map<std::string, OptionValue>;

/// Reads the options of one component: each is asked for by name, and then no other may be left.
/// Faults are collected; a value that is at fault reads as its default.
class OptionReader {
 public:
  /// options and faults: must outlive this object. path: of the options in messages, for example
  /// "router.options".
  OptionReader(const Options& options, std::string path, ConfigFaults& faults);

  bool boolean(const std::string& name, bool default_value);
  int64_t integer(const std::string& name, int64_t default_value);
  /// A whole number will do.
  double number(const std::string& name, double default_value);
  std::string text(const std::string& name, const std::string& default_value);

  /// A fault of option `name` unless `ok`. rule: completes "must be ...".
  void require(bool ok, const std::string& name, const std::string& rule);

  /// A fault for each option that was not asked for.
  void refuse_others();

 private:
  /// The option if it is given; notes that it was asked for.
  const OptionValue* find(const std::string& name);
  void add_fault(const std::string& name, const std::string& rule);

  const Options& options_;
  std::string path_;
  ConfigFaults& faults_;
  std::set<std::string> asked_;
};

/// A value as messages show it: a number with six digits, text without quotes.
std::string option_text(const OptionValue& value);

}  // namespace hecaton
