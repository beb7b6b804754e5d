// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/detail/save_plan.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include <c10/core/ScalarType.h>
#include <nlohmann/json.hpp>

#include "checkpoint/detail/agreement.h"
#include "checkpoint/detail/hostile_text.h"
#include "checkpoint/detail/safetensors_dtype.h"
#include "core/error.h"

namespace hecaton::checkpoint::detail {
namespace {

using Json = nlohmann::json;

/// One tensor as the ranks know it.
struct HeldTensor {
  int first_rank = 0;
  at::ScalarType dtype = at::kFloat;
  std::vector<int64_t> shape;
  /// (begin, number of elements) -> the ranks that hold this piece, ascending.
  std::map<std::pair<int64_t, int64_t>, std::vector<int>> holders;
};
using HeldTensors = std::map<std::string, HeldTensor>;

/// What a rank tells the others: [[name, dtype, shape, begin, number of elements], ...].
std::string format_pieces(const std::vector<TensorPiece>& pieces) {
  std::string text = "[";
  for (const TensorPiece& piece : pieces) {
    check_piece(piece);
    text += (text.size() == 1 ? "[" : ",[") + quoted("save", piece.name) + ",\"" +
            std::string(find_dtype(piece.values.scalar_type())->name) + "\"," +
            Json(piece.shape).dump() + "," + std::to_string(piece.begin) + "," +
            std::to_string(piece.values.numel()) + "]";
  }
  return text + "]";
}

[[noreturn]] void fail(const std::string& name,
                       const std::string& expected,
                       const std::string& found) {
  throw ShapeError("tensor " + shown(name) + ": expected " + expected + ", found " + found);
}

void add_piece(const Json& fields, int rank, HeldTensors& tensors) {
  const auto name = fields[0].get<std::string>();
  const at::ScalarType dtype = find_dtype(fields[1].get<std::string>())->scalar_type.value();
  const auto shape = fields[2].get<std::vector<int64_t>>();
  const auto begin = fields[3].get<int64_t>();
  const auto num_elements = fields[4].get<int64_t>();
  HeldTensor& tensor = tensors.try_emplace(name, HeldTensor{rank, dtype, shape, {}}).first->second;
  if (tensor.dtype != dtype || tensor.shape != shape) {
    fail(name,
         description(tensor.dtype, tensor.shape) + " as on rank " +
             std::to_string(tensor.first_rank),
         description(dtype, shape) + " on rank " + std::to_string(rank));
  }
  if (num_elements == 0) {
    return;
  }
  std::vector<int>& ranks = tensor.holders[{begin, num_elements}];
  if (!ranks.empty() && ranks.back() == rank) {
    fail(name,
         "every piece once",
         "that from element " + std::to_string(begin) + " twice on rank " + std::to_string(rank));
  }
  ranks.push_back(rank);
}

/// Gives each piece to the holder with the fewest bytes in `bytes_of_rank` and adds to them.
ManifestTensor elect(const std::string& name,
                     const HeldTensor& held,
                     std::vector<int64_t>& bytes_of_rank) {
  ManifestTensor tensor = {held.dtype, held.shape, {}};
  const auto element_bytes = static_cast<int64_t>(c10::elementSize(held.dtype));
  const int64_t num_elements =
      tensor_bytes(*find_dtype(held.dtype), held.shape).value() / element_bytes;
  int64_t num_covered = 0;
  for (const auto& [range, ranks] : held.holders) {
    if (range.first != num_covered) {
      fail(name,
           "pieces without hole or overlap, the next from element " + std::to_string(num_covered),
           "one from " + std::to_string(range.first) + " on rank " + std::to_string(ranks.front()));
    }
    const int writer = *std::min_element(ranks.begin(), ranks.end(), [&](int a, int b) {
      return bytes_of_rank[static_cast<size_t>(a)] < bytes_of_rank[static_cast<size_t>(b)];
    });
    const auto writer_idx = static_cast<size_t>(writer);
    bytes_of_rank[writer_idx] += range.second * element_bytes;
    tensor.pieces.push_back({writer_idx, range.first, range.second});
    num_covered += range.second;
  }
  if (num_covered != num_elements) {
    fail(name,
         "pieces of all " + std::to_string(num_elements) + " elements",
         std::to_string(num_covered) + " on all ranks together");
  }
  return tensor;
}

}  // namespace

void check_piece(const TensorPiece& piece) {
  const at::ScalarType dtype = piece.values.scalar_type();
  const Dtype* known = find_dtype(dtype);
  if (known == nullptr) {
    fail(piece.name, "a dtype of safetensors files", c10::toString(dtype));
  }
  const std::optional<int64_t> num_bytes = tensor_bytes(*known, piece.shape);
  if (!num_bytes) {
    fail(piece.name, "a shape of less than 2^60 bytes", description(dtype, piece.shape));
  }
  const int64_t num_elements = *num_bytes / static_cast<int64_t>(c10::elementSize(dtype));
  if (piece.begin < 0 || piece.begin > num_elements - piece.values.numel()) {
    fail(piece.name,
         "a piece inside its " + std::to_string(num_elements) + " elements",
         std::to_string(piece.values.numel()) + " from " + std::to_string(piece.begin));
  }
}

std::map<std::string, ManifestTensor> plan_save(parallel::Communicator& world,
                                                const std::vector<TensorPiece>& pieces) {
  const std::vector<std::string> lists = agree(world, [&] { return format_pieces(pieces); });
  HeldTensors held;
  for (int rank = 0; rank < world.size(); ++rank) {
    for (const Json& fields : Json::parse(lists[static_cast<size_t>(rank)])) {
      add_piece(fields, rank, held);
    }
  }
  std::map<std::string, ManifestTensor> plan;
  std::vector<int64_t> bytes_of_rank(static_cast<size_t>(world.size()), 0);
  for (const auto& [name, tensor] : held) {
    plan.emplace_hint(plan.end(), name, elect(name, tensor, bytes_of_rank));
  }
  return plan;
}

}  // namespace hecaton::checkpoint::detail
