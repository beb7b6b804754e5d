// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/pending_save.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <set>
#include <sys/statvfs.h>
#include <system_error>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <c10/core/ScalarType.h>

#include "checkpoint/detail/agreement.h"
#include "checkpoint/detail/content_hash.h"
#include "checkpoint/detail/folder.h"
#include "checkpoint/detail/save_plan.h"
#include "checkpoint/file_io.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/step_folder.h"
#include "core/check.h"
#include "core/error.h"

namespace hecaton::checkpoint {
namespace {

/// Bytes of all tensors.
int64_t total_bytes(const std::map<std::string, ManifestTensor>& tensors) {
  int64_t total = 0;
  for (const auto& [name, tensor] : tensors) {
    for (const ManifestPiece& piece : tensor.pieces) {
      total += piece.num_elements * static_cast<int64_t>(c10::elementSize(tensor.dtype));
    }
  }
  return total;
}

/// The tensors that rank `rank` writes, by their keys in its file, in memory that may be written
/// from: the values themselves where they are contiguous and on the CPU.
std::map<std::string, at::Tensor> stage(const std::vector<TensorPiece>& pieces,
                                        const std::map<std::string, ManifestTensor>& plan,
                                        size_t rank) {
  const at::NoGradGuard no_grad;
  std::map<std::string, at::Tensor> staged;
  for (const TensorPiece& piece : pieces) {
    const ManifestTensor& tensor = plan.at(piece.name);
    for (const ManifestPiece& planned : tensor.pieces) {
      if (planned.file_idx == rank && planned.begin == piece.begin && piece.values.numel() > 0) {
        const at::Tensor host = piece.values.detach().cpu().contiguous();
        staged.emplace(piece_key(piece.name, tensor, planned),
                       tensor.pieces.size() == 1 ? host.view(tensor.shape) : host.view({-1}));
      }
    }
  }
  return staged;
}

FileDigest write_staged(const std::string& path, const std::map<std::string, at::Tensor>& staged) {
  std::vector<TensorSpec> specs;
  specs.reserve(staged.size());
  for (const auto& [key, tensor] : staged) {
    specs.push_back({key, tensor.scalar_type(), tensor.sizes().vec()});
  }
  SafetensorsWriter writer(path, specs);
  for (const std::string& key : writer.names()) {
    writer.write(key, staged.at(key));
  }
  writer.commit();
  return writer.digest();
}

/// The folders of these files below `folder`, itself included.
std::set<std::string> folders_of(const std::string& folder,
                                 const std::vector<ManifestFile>& files) {
  std::set<std::string> folders = {folder};
  for (const ManifestFile& file : files) {
    for (size_t slash = file.name.find('/'); slash != std::string::npos;
         slash = file.name.find('/', slash + 1)) {
      folders.insert(folder + "/" + file.name.substr(0, slash));
    }
  }
  return folders;
}

}  // namespace

PendingSave::PendingSave(std::string run_folder,
                         int64_t step,
                         std::string layout,
                         std::shared_ptr<parallel::Communicator> world)
    : run_folder_(std::move(run_folder)), world_(std::move(world)) {
  manifest_.step = step;
  manifest_.layout = std::move(layout);
  folder_ = detail::agree(*world_, [&] {
              return world_->rank() == 0 ? make_temporary_folder() : "";
            }).front();
}

PendingSave::~PendingSave() {
  if (!is_visible_ && world_->rank() == 0) {
    detail::remove_folder(folder_);
  }
}

std::string PendingSave::make_temporary_folder() const {
  create_folders(run_folder_);
  detail::remove_leftovers(run_folder_);
  std::string path = detail::unique_name(run_folder_ + "/" + step_folder_name(manifest_.step),
                                         detail::kUnfinished);
  create_folders(path);
  return path;
}

void PendingSave::write(const std::vector<TensorPiece>& pieces) {
  HECATON_CHECK(manifest_.files.empty(), "a save is written once");
  manifest_.tensors = detail::plan_save(*world_, pieces);
  detail::agree(*world_, [&] {
    check_free_space();
    return "";
  });
  const std::vector<std::string> digests = detail::agree(*world_, [&] {
    const FileDigest digest = write_own_file(pieces);
    return digest.hash + std::to_string(digest.num_bytes);
  });
  for (const std::string& text : digests) {
    const auto rank = static_cast<int64_t>(manifest_.files.size());
    manifest_.files.push_back(
        {rank_file_name(rank),
         {std::stoll(text.substr(detail::kHashDigits)), text.substr(0, detail::kHashDigits)}});
  }
}

void PendingSave::check_free_space() const {
  struct statvfs status = {};
  if (::statvfs(folder_.c_str(), &status) != 0) {
    throw IoError("cannot ask for the free space of " + folder_ + ": " +
                  std::generic_category().message(errno));
  }
  const auto num_free = static_cast<int64_t>(status.f_bavail * status.f_frsize);
  const int64_t num_needed = total_bytes(manifest_.tensors);
  if (num_free < num_needed) {
    throw IoError("no room for " + folder_ + ": expected " + std::to_string(num_needed) +
                  " bytes, found " + std::to_string(num_free) + " free");
  }
}

FileDigest PendingSave::write_own_file(const std::vector<TensorPiece>& pieces) const {
  const auto rank = static_cast<size_t>(world_->rank());
  return write_staged(folder_ + "/" + rank_file_name(world_->rank()),
                      stage(pieces, manifest_.tensors, rank));
}

void PendingSave::add_files(const std::function<void(const std::string& folder)>& write_files) {
  detail::agree(*world_, [&] {
    write_files(folder_);
    return "";
  });
}

void PendingSave::commit() {
  HECATON_CHECK(!manifest_.files.empty(), "a save is written before it is committed");
  detail::agree(*world_, [&] {
    if (world_->rank() == 0) {
      publish();
    }
    return "";
  });
  is_visible_ = true;
}

void PendingSave::list_added_files() {
  std::set<std::string> listed;
  for (const ManifestFile& file : manifest_.files) {
    listed.insert(file.name);
  }
  for (const std::string& name : detail::list_files_below(folder_)) {
    if (listed.count(name) == 0) {
      sync_file(folder_ + "/" + name);
      manifest_.files.push_back({name, detail::digest_file(folder_ + "/" + name)});
    }
  }
}

void PendingSave::publish() {
  list_added_files();
  const std::string path = folder_ + "/" + std::string(kManifestName);
  const std::string text = format_manifest(manifest_);
  parse_manifest(path, text);  // what the reader would refuse is not written
  for (const std::string& folder : folders_of(folder_, manifest_.files)) {
    sync_folder(folder);
  }
  write_file(path, text);
  const std::string name = step_folder_name(manifest_.step);
  const bool was_there = replace_folder(folder_, run_folder_ + "/" + name);
  is_visible_ = true;
  sync_folder(run_folder_);
  write_file(run_folder_ + "/latest", name + "\n");
  if (was_there) {
    detail::remove_folder(folder_);
  }
}

}  // namespace hecaton::checkpoint
