// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/metrics.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <system_error>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/log.h"

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
  if (!std::isfinite(value)) {
    return "null";
  }
  std::array<char, 32> digits = {};  // the longest, -2.2250738585072014e-308, has 24
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

std::string json_value(const std::string& value) {
  return Json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
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

}  // namespace hecaton::recipes
