// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/step_folder.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "checkpoint/detail/folder.h"
#include "checkpoint/manifest.h"

namespace hecaton::checkpoint {
namespace {

constexpr std::string_view kPrefix = "step-";

std::string zero_padded(int64_t number, size_t num_digits) {
  const std::string digits = std::to_string(number);
  return std::string(num_digits - std::min(num_digits, digits.size()), '0') + digits;
}

}  // namespace

std::string step_folder_name(int64_t step) {
  return std::string(kPrefix) + zero_padded(step, /*num_digits=*/7);
}

std::string rank_file_name(int64_t rank) {
  return "rank-" + zero_padded(rank, /*num_digits=*/5) + ".safetensors";
}

std::optional<int64_t> step_of_folder_name(std::string_view name) {
  if (!name.starts_with(kPrefix)) {
    return std::nullopt;
  }
  const std::string_view digits = name.substr(kPrefix.size());
  int64_t step = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), step);
  const bool is_step = result.ec == std::errc() && step >= 0 && step_folder_name(step) == name;
  return is_step ? std::optional(step) : std::nullopt;
}

std::vector<int64_t> complete_steps(const std::string& run_folder) {
  std::vector<int64_t> steps;
  for (const std::string& name : detail::list_folder(run_folder)) {
    const std::optional<int64_t> step = step_of_folder_name(name);
    std::error_code error;
    if (step && std::filesystem::exists(run_folder + "/" + name + "/" + std::string(kManifestName),
                                        error)) {
      steps.push_back(*step);
    }
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

}  // namespace hecaton::checkpoint
