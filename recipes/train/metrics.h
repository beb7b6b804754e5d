// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace hecaton::recipes {

/// Names and values of one measurement, in the order in which they are written.
using MetricRow = std::vector<std::pair<std::string, std::variant<int64_t, double, std::string>>>;

/// One flat JSON object on one line. A number has the fewest digits that read back to the same
/// bits; NaN and infinity, which JSON lacks, become null; a string that is no UTF-8 gets
/// replacement characters.
std::string json_line(const MetricRow& row);

/// Appends rows to a file, one JSON object a line, and hands each line to the system at once: a run
/// that is killed loses none.
class JsonlWriter {
 public:
  /// Opens `path` for appending; creates it, but not its folder. Errors: IoError.
  explicit JsonlWriter(std::string path);

  /// Errors: IoError naming path and cause, for a full disk for example.
  void write(const MetricRow& row);

 private:
  struct Close {
    void operator()(std::FILE* file) const;
  };

  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
};

/// A column of a file of rows against its column "step", for rows that have both as numbers.
/// Errors: IoError if the file cannot be read; DataError naming the line that is no JSON object.
std::vector<std::pair<int64_t, double>> metric_points(const std::string& path,
                                                      const std::string& name);

/// Cuts the rows after `last_step`, all of them if it is -1, and a last line that a killed run left
/// unfinished. Does nothing if there is no file. Errors: those of metric_points(), IoError.
void cut_metrics(const std::string& path, int64_t last_step);

}  // namespace hecaton::recipes
