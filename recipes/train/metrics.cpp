// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/metrics.h"

#include <cerrno>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <nlohmann/json.hpp>

#include "checkpoint/file_io.h"
#include "core/error.h"
#include "core/log.h"
#include "recipes/config/yaml_scalar.h"

namespace hecaton::recipes {
namespace {

using Json = nlohmann::json;

[[noreturn]] void fail(const std::string& action, const std::string& path, int error_number) {
  throw IoError("cannot " + action + " " + path + ": " +
                std::generic_category().message(error_number));
}

std::string json_value(int64_t value) {
  return std::to_string(value);
}

std::string json_value(double value) {
  return std::isfinite(value) ? print_number(value) : "null";  // the shortest form
}

std::string json_value(const std::string& value) {
  return Json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The rows of a file with their text; a last line without an end is none.
std::vector<std::pair<std::string, Json>> read_rows(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    fail("read", path, errno);
  }
  std::vector<std::pair<std::string, Json>> rows;
  std::string line;
  while (std::getline(file, line) && !file.eof()) {
    Json row = Json::parse(line, /*cb=*/nullptr, /*allow_exceptions=*/false);
    if (!row.is_object()) {
      throw DataError(path + ":" + std::to_string(rows.size() + 1) +
                      ": expected a JSON object, found something else");
    }
    rows.emplace_back(line, std::move(row));
  }
  return rows;
}

/// The step of a row, or 0 where it has none.
int64_t step_of(const Json& row) {
  const auto step = row.find("step");
  return step != row.end() && step->is_number_integer() ? step->get<int64_t>() : 0;
}

}  // namespace

std::string json_line(const MetricRow& row) {
  std::string line = "{";
  for (const auto& [name, value] : row) {
    line += line.size() > 1 ? "," : "";
    line += json_value(name) + ":";
    line += std::visit([](const auto& held) { return json_value(held); }, value);
  }
  return line + "}";
}

void JsonlWriter::Close::operator()(std::FILE* file) const {
  // Every line was flushed, so nothing is lost here.
  if (std::fclose(file) != 0) {
    log_warn("cannot close a metrics file: " + std::generic_category().message(errno));
  }
}

JsonlWriter::JsonlWriter(std::string path)
    : path_(std::move(path)), file_(std::fopen(path_.c_str(), "ae")) {
  if (file_ == nullptr) {
    fail("open", path_, errno);
  }
}

void JsonlWriter::write(const MetricRow& row) {
  const std::string line = json_line(row) + "\n";
  if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size() ||
      std::fflush(file_.get()) != 0) {
    fail("write", path_, errno);
  }
}

std::vector<std::pair<int64_t, double>> metric_points(const std::string& path,
                                                      const std::string& name) {
  std::vector<std::pair<int64_t, double>> points;
  for (const auto& [text, row] : read_rows(path)) {
    const auto value = row.find(name);
    if (row.contains("step") && value != row.end() && value->is_number()) {
      points.emplace_back(step_of(row), value->get<double>());
    }
  }
  return points;
}

void cut_metrics(const std::string& path, int64_t last_step) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return;
  }
  std::string kept;
  for (const auto& [text, row] : read_rows(path)) {
    if (step_of(row) <= last_step) {
      kept += text + "\n";
    }
  }
  checkpoint::write_file(path, kept);
}

}  // namespace hecaton::recipes
