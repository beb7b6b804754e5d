// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace hecaton::recipes {

/// Where a value of a recipe was written.
struct Origin {
  /// The recipe file, "override 'a.b=c'", or the key that brings the value along, such as
  /// "model.base_model". Empty: written nowhere, the value is a default.
  std::string source;
  /// 1-based line of the file; 0 if the source is no file.
  int line = 0;
  /// 1-based byte of the line; for an override, its number on the command line, from 1; 0 for a
  /// key.
  int column = 0;

  bool is_default() const { return source.empty(); }
  /// "default", "FILE:LINE", "override" or the key.
  std::string text() const;
};

/// The origin of an override. number: its place on the command line.
Origin override_origin(const std::string& argument, int number);

/// Most faults that are listed. A text that has more is no recipe with mistakes in it.
constexpr size_t kMaxFaults = 100;

/// Collects every fault of a recipe, so that a user sees all of them at once.
class FaultList {
 public:
  /// path: the dotted key, empty for the document as a whole. message: the rule, then what was
  /// found. Errors: ConfigError with the faults so far, if there are kMaxFaults already.
  void add(const Origin& origin, const std::string& path, const std::string& message);

  bool is_empty() const { return faults_.empty(); }
  /// Whether the key `path`, a section around it or an entry within it has a fault.
  bool touches(const std::string& path) const;

  /// Throws one ConfigError with a line per fault: "FILE:LINE:COLUMN: key.path: message" in the
  /// order of the file, then "override 'a.b=c': key.path: message" in the order of the command
  /// line. Does nothing without faults.
  void throw_if_any() const;

 private:
  struct Fault {
    Origin origin;
    std::string path;
    std::string message;
  };
  /// A line per fault.
  std::string text() const;

  std::vector<Fault> faults_;
};

/// `section.name`, or `name` alone at the top.
std::string join_path(const std::string& section, const std::string& name);

/// Text from outside made fit for a one-line message: control characters escaped, cut off when
/// long.
std::string one_line(const std::string& text);

}  // namespace hecaton::recipes
