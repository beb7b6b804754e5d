// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/log.h"

#include <memory>

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "core/error.h"

namespace hecaton {
namespace {

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> kInstance = [] {
    auto terminal = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    auto instance = std::make_shared<spdlog::logger>("hecaton", terminal);
    instance->set_pattern("%^%v%$");
    instance->set_level(spdlog::level::info);
    return instance;
  }();
  return *kInstance;
}

}  // namespace

void set_log_rank(int rank, int num_ranks) {
  auto& terminal = logger().sinks().front();
  const std::string name =
      rank > 0 ? "[r" + std::to_string(rank) + "/" + std::to_string(num_ranks) + "] " : "";
  terminal->set_pattern("%^" + name + "%v%$");
  terminal->set_level(rank == 0 ? spdlog::level::info : spdlog::level::warn);
}

void add_log_file(const std::string& path) {
  try {
    auto file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path);
    file->set_pattern("[%Y-%m-%d %H:%M:%S.%e] [%l] %v");
    logger().sinks().push_back(std::move(file));
  } catch (const spdlog::spdlog_ex& error) {
    throw IoError("cannot open the log file " + path + ": " + error.what());
  }
}

void log_info(const std::string& text) {
  logger().info("{}", text);
  logger().flush();
}

void log_warn(const std::string& text) {
  logger().warn("warning: {}", text);
  logger().flush();
}

}  // namespace hecaton
