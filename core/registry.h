// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"

namespace hecaton {

/// Components of one kind by the name that a recipe gives them. Thread-safe.
///
/// Factory: a std::function.
template <typename Factory>
class Registry {
 public:
  /// kind: for messages, for example "router".
  explicit Registry(std::string kind) : kind_(std::move(kind)) {}

  /// Errors: ConfigError if the name is taken.
  void add(const std::string& name, Factory factory) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!factories_.emplace(name, std::move(factory)).second) {
      throw ConfigError("the " + kind_ + " '" + name + "' is registered already");
    }
  }

  /// The factory of that name; empty if there is none.
  Factory find(const std::string& name) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto place = factories_.find(name);
    return place == factories_.end() ? Factory() : place->second;
  }

  /// In alphabetical order.
  std::vector<std::string> names() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<std::string> names;
    names.reserve(factories_.size());
    for (const auto& entry : factories_) {
      names.push_back(entry.first);
    }
    return names;
  }

 private:
  std::string kind_;
  mutable std::mutex mutex_;
  std::map<std::string, Factory> factories_;
};

}  // namespace hecaton
