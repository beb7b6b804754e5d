// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/checkpoint.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string_view>
#include <sys/stat.h>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "checkpoint/detail/agreement.h"
#include "checkpoint/detail/content_hash.h"
#include "checkpoint/detail/folder.h"
#include "checkpoint/detail/mapped_file.h"
#include "checkpoint/detail/safetensors_dtype.h"
#include "checkpoint/detail/save_plan.h"
#include "checkpoint/safetensors.h"
#include "core/error.h"

namespace hecaton::checkpoint {
namespace {

/// "a, b and 7 more".
std::string join(const std::vector<std::string>& names) {
  constexpr size_t kMostShown = 5;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kMostShown); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  return names.size() <= kMostShown
             ? text
             : text + " and " + std::to_string(names.size() - kMostShown) + " more";
}

/// Reads pieces of tensors, and keeps the files open that it has met.
class PieceReader {
 public:
  PieceReader(std::string folder, const Manifest& manifest)
      : folder_(std::move(folder)), manifest_(manifest) {}

  /// Fills `destination`, contiguous and on the CPU, with elements from `begin` on.
  void read(const std::string& name, int64_t begin, const at::Tensor& destination) {
    const ManifestTensor& tensor = manifest_.tensors.at(name);
    const int64_t end = begin + destination.numel();
    // The first stored piece that ends behind `begin`.
    auto piece = std::partition_point(
        tensor.pieces.begin(), tensor.pieces.end(), [begin](const ManifestPiece& candidate) {
          return candidate.begin + candidate.num_elements <= begin;
        });
    for (; piece != tensor.pieces.end() && piece->begin < end; ++piece) {
      const int64_t first = std::max(begin, piece->begin);
      const int64_t last = std::min(end, piece->begin + piece->num_elements);
      file(piece->file_idx)
          .load_range_into(piece_key(name, tensor, *piece),
                           first - piece->begin,
                           destination.view({-1}).narrow(0, first - begin, last - first));
    }
  }

 private:
  const SafetensorsFile& file(size_t idx) {
    const auto found = files_.find(idx);
    return found != files_.end()
               ? found->second
               : files_.emplace(idx, folder_ + "/" + manifest_.files[idx].name).first->second;
  }

  std::string folder_;
  const Manifest& manifest_;
  std::map<size_t, SafetensorsFile> files_;
};

void fill(const TensorPiece& piece, PieceReader& reader) {
  if (piece.values.is_cpu() && piece.values.is_contiguous()) {
    reader.read(piece.name, piece.begin, piece.values.detach());
    return;
  }
  const at::Tensor host = at::empty(piece.values.sizes(), piece.values.scalar_type());
  reader.read(piece.name, piece.begin, host);
  piece.values.detach().copy_(host);  // detached: a parameter may be written, too
}

}  // namespace

Checkpoint::Checkpoint(std::string folder,
                       std::shared_ptr<parallel::Communicator> world,
                       bool verify_hashes)
    : folder_(std::move(folder)), world_(std::move(world)) {
  detail::agree(*world_, [&] {
    manifest_ = read_manifest(folder_);
    check_files(verify_hashes);
    return "";
  });
}

void Checkpoint::check_files(bool verify_hashes) const {
  const auto num_ranks = static_cast<size_t>(world_->size());
  for (size_t i = static_cast<size_t>(world_->rank()); i < manifest_.files.size(); i += num_ranks) {
    check_file(manifest_.files[i], verify_hashes);
  }
  std::set<std::string> listed;
  for (const ManifestFile& file : manifest_.files) {
    listed.insert(file.name);
  }
  for (const std::string& name : detail::list_folder(folder_)) {
    if (name.starts_with("rank-") && listed.count(name) == 0) {
      throw CheckpointError(folder_ + "/" + name +
                            ": expected only rank files that the manifest lists, found this one");
    }
  }
}

void Checkpoint::check_file(const ManifestFile& file, bool verify_hash) const {
  const std::string path = folder_ + "/" + file.name;
  struct stat status = {};
  const bool is_file = ::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
  if (!is_file || status.st_size != file.digest.num_bytes) {
    throw CheckpointError(path + ": expected a file of " + std::to_string(file.digest.num_bytes) +
                          " bytes, found " +
                          (is_file ? std::to_string(status.st_size) : std::string("none")));
  }
  if (verify_hash) {
    const std::string found = detail::digest_file(path).hash;
    if (found != file.digest.hash) {
      throw CheckpointError(path + ": damaged: expected the hash " + file.digest.hash + ", found " +
                            found);
    }
  }
}

std::vector<std::string> Checkpoint::find_unwanted(const std::vector<TensorPiece>& pieces) const {
  std::set<std::string_view> names;
  for (const TensorPiece& piece : pieces) {
    names.insert(piece.name);
  }
  at::Tensor is_wanted = at::zeros({static_cast<int64_t>(manifest_.tensors.size())},
                                   at::TensorOptions().dtype(at::kByte));
  uint8_t* next = is_wanted.data_ptr<uint8_t>();
  for (const auto& [name, tensor] : manifest_.tensors) {
    *next++ = names.count(name) != 0 ? 1 : 0;
  }
  world_->all_reduce(is_wanted, parallel::ReduceOp::kMax);
  std::vector<std::string> unwanted;
  next = is_wanted.data_ptr<uint8_t>();
  for (const auto& [name, tensor] : manifest_.tensors) {
    if (*next++ == 0) {
      unwanted.push_back(name);
    }
  }
  return unwanted;
}

void Checkpoint::check_fit(const std::vector<TensorPiece>& pieces,
                           const std::vector<std::string>& unwanted) const {
  std::vector<std::string> missing;
  std::vector<std::string> different;
  for (const TensorPiece& piece : pieces) {
    detail::check_piece(piece);
    const auto found = manifest_.tensors.find(piece.name);
    if (found == manifest_.tensors.end()) {
      missing.push_back(piece.name);
      continue;
    }
    const ManifestTensor& tensor = found->second;
    if (tensor.dtype != piece.values.scalar_type() || tensor.shape != piece.shape) {
      different.push_back(piece.name + " (expected " +
                          detail::description(piece.values.scalar_type(), piece.shape) +
                          ", found " + detail::description(tensor.dtype, tensor.shape) + ")");
    }
  }
  const std::string faults = (missing.empty() ? "" : ": missing tensors: " + join(missing)) +
                             (unwanted.empty() ? "" : ": unexpected tensors: " + join(unwanted)) +
                             (different.empty() ? "" : ": other tensors: " + join(different));
  if (!faults.empty()) {
    throw CheckpointError(folder_ + faults);
  }
}

void Checkpoint::load(const std::vector<TensorPiece>& pieces) const {
  const at::NoGradGuard no_grad;
  const std::vector<std::string> unwanted = find_unwanted(pieces);
  detail::agree(*world_, [&] {
    check_fit(pieces, unwanted);
    return "";
  });
  detail::agree(*world_, [&] {
    PieceReader reader(folder_, manifest_);
    for (const TensorPiece& piece : pieces) {
      fill(piece, reader);
    }
    return "";
  });
}

std::string Checkpoint::read_file(const std::string& name) const {
  const auto file = std::find_if(manifest_.files.begin(),
                                 manifest_.files.end(),
                                 [&](const ManifestFile& each) { return each.name == name; });
  if (file == manifest_.files.end()) {
    throw CheckpointError(folder_ + ": expected " + name + " among its files, found none");
  }
  const detail::MappedFile mapped(folder_ + "/" + name);
  std::string content(mapped.bytes());
  if (detail::content_hash(content) != file->digest.hash) {
    throw CheckpointError(mapped.path() + ": damaged: expected the hash " + file->digest.hash +
                          ", found " + detail::content_hash(content));
  }
  return content;
}

}  // namespace hecaton::checkpoint
