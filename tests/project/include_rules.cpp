// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "tests/project/include_rules.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <regex>

namespace hecaton::project {
namespace {

// What each folder may include of the others: a folder ("core/") or one header of it.
const std::map<std::string, std::vector<std::string>>& allowed_edges() {
  static const std::map<std::string, std::vector<std::string>> kEdges = {
      {"core", {}},
      {"kernels", {"core/"}},
      {"moe", {"core/", "kernels/"}},
      // Of moe the interfaces that a dispatcher implements, never the layer.
      {"parallel", {"core/", "kernels/", "moe/routing.h", "moe/dispatcher.h"}},
      {"optim", {"core/", "parallel/communicator.h", "parallel/mesh.h"}},
      {"models", {"core/", "kernels/", "moe/"}},
      {"checkpoint", {"core/", "parallel/communicator.h", "parallel/mesh.h"}},
      {"recipes", {"core/", "kernels/", "moe/", "parallel/", "optim/", "models/", "checkpoint/"}},
      {"tests",
       {"core/", "kernels/", "moe/", "parallel/", "optim/", "models/", "checkpoint/", "recipes/"}},
      {"examples", {}},
      {"bench", {}},
  };
  return kEdges;
}

struct Include {
  bool is_quoted = false;
  std::string path;
};

std::optional<Include> parse_include(const std::string& line) {
  static const std::regex kPattern(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"].*$)");
  std::smatch match;
  if (!std::regex_match(line, match, kPattern)) {
    return std::nullopt;
  }
  return Include{match[1] == "\"", match[2]};
}

bool starts_with_any(const std::string& text, const std::vector<std::string>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const std::string& prefix) {
    return text.compare(0, prefix.size(), prefix) == 0;
  });
}

// "moe/detail/plan.h" -> "moe"; "" for a file at the root.
std::string top_folder(const std::string& path) {
  const size_t slash = path.find('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

// The folder whose private files `path` may include; tests/moe may include those of moe.
std::string home_folder(const std::string& path) {
  const std::string top = top_folder(path);
  return top == "tests" ? top_folder(path.substr(top.size() + 1)) : top;
}

bool is_private(const std::string& header) {
  return header.find("/detail/") != std::string::npos ||
         std::filesystem::path(header).extension() == ".cuh";
}

// The rule that an include of our own breaks, "" for none.
std::string broken_project_rule(const std::string& file, const std::string& header) {
  const std::string from = top_folder(file);
  const std::string to = top_folder(header);
  if (allowed_edges().count(to) == 0) {
    return "project headers are included by their path from the root";
  }
  if (from != to && !starts_with_any(header, allowed_edges().at(from))) {
    return from + "/ may not include this";
  }
  if (is_private(header) && home_folder(file) != home_folder(header)) {
    return "detail/ and .cuh files belong to their folder alone";
  }
  return "";
}

// The rule that an include in angle brackets breaks, "" for none.
std::string broken_system_rule(const std::string& file, const std::string& header) {
  static const std::regex kMpiOrNccl(R"(mpi\.h|nccl.*\.h)");
  static const std::regex kCuda(
      R"((cuda|cublas|cudnn|cub/|cuda/|thrust/|cooperative_groups|nv/|mma\.h|c10/cuda/|ATen/cuda/).*)");
  static const std::regex kLibTorch(R"((ATen|c10|torch)/.*)");
  const std::string from = top_folder(file);
  const std::string extension = std::filesystem::path(file).extension();
  const bool is_public_user = from == "examples" || from == "bench";
  if (header == "torch/torch.h" || header == "torch/all.h" || header == "torch/extension.h") {
    return "it includes all of LibTorch, name the headers that are used";
  }
  if (top_folder(header) == "hecaton" && !is_public_user && header != "hecaton/version.h") {
    return "the public tree is for users, include by the path from the root";
  }
  if (std::regex_match(header, kMpiOrNccl) && !(from == "parallel" && extension == ".cpp")) {
    return "MPI and NCCL belong to parallel/*.cpp";
  }
  if (std::regex_match(header, kCuda) && extension == ".h") {
    return "CUDA belongs to .cu files and the sources that launch them";
  }
  if (std::regex_match(header, kLibTorch) && (extension == ".cu" || extension == ".cuh")) {
    return ".cu files see raw pointers, no LibTorch";
  }
  return "";
}

}  // namespace

std::vector<std::string> find_forbidden_includes(const SourceFile& file) {
  std::vector<std::string> violations;
  for (size_t idx = 0; idx < file.lines.size(); ++idx) {
    const std::optional<Include> include = parse_include(file.lines[idx]);
    if (!include.has_value()) {
      continue;
    }
    const std::string rule = include->is_quoted ? broken_project_rule(file.path, include->path)
                                                : broken_system_rule(file.path, include->path);
    if (!rule.empty()) {
      violations.push_back(file.path + ":" + std::to_string(idx + 1) + ": " + rule + ": " +
                           include->path);
    }
  }
  return violations;
}

}  // namespace hecaton::project
