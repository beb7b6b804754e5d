// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include <ATen/ops/empty.h>

#include "checkpoint/detail/foreign_format.h"
#include "checkpoint/detail/mapped_file.h"
#include "checkpoint/detail/safetensors_dtype.h"
#include "checkpoint/detail/safetensors_header.h"
#include "core/check.h"
#include "core/error.h"

namespace hecaton::checkpoint {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little endian");

constexpr size_t kLengthBytes = 8;
// The limit of the reference reader.
constexpr uint64_t kMaxReadHeaderBytes = 100'000'000;
// The limit of the Hugging Face Hub's interface.
constexpr size_t kMaxWrittenHeaderBytes = 25'000'000;

/// The JSON header. Errors: CheckpointError unless the file starts like a safetensors file.
std::string_view header_text(const std::string& path, std::string_view bytes) {
  const auto require = [&](bool ok, const std::string& expected, const std::string& found) {
    if (!ok) {
      const std::string foreign = detail::foreign_format(bytes);
      throw CheckpointError(foreign.empty()
                                ? path + ": header: expected " + expected + ", found " + found
                                : path + ": format: expected a safetensors file, found " + foreign);
    }
  };
  require(bytes.size() >= kLengthBytes,
          "its length in the first 8 bytes",
          std::to_string(bytes.size()) + " bytes in the file");
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  const uint64_t max_length = std::min<uint64_t>(kMaxReadHeaderBytes, bytes.size() - kLengthBytes);
  require(length <= max_length,
          "at most " + std::to_string(max_length) + " bytes",
          "a length of " + std::to_string(length));
  const std::string_view text = bytes.substr(kLengthBytes, length);
  require(text.starts_with('{'), "{ as its first character", text.empty() ? "none" : "another");
  return text;
}

std::string description(const at::Tensor& tensor) {
  return detail::description(tensor.scalar_type(), tensor.sizes().vec());
}

bool fits(const at::Tensor& tensor, const TensorInfo& info) {
  return tensor.scalar_type() == info.scalar_type && tensor.sizes() == info.shape;
}

}  // namespace

SafetensorsFile::SafetensorsFile(std::string path)
    : file_(std::make_unique<const detail::MappedFile>(std::move(path))) {
  const std::string_view bytes = file_->bytes();
  const std::string_view text = header_text(file_->path(), bytes);
  data_start_ = kLengthBytes + text.size();
  detail::SafetensorsHeader header =
      detail::parse_header(file_->path(), text, static_cast<int64_t>(bytes.size() - data_start_));
  tensors_ = std::move(header.tensors);
  metadata_ = std::move(header.metadata);
}

SafetensorsFile::~SafetensorsFile() = default;
SafetensorsFile::SafetensorsFile(SafetensorsFile&&) noexcept = default;
SafetensorsFile& SafetensorsFile::operator=(SafetensorsFile&&) noexcept = default;

const std::string& SafetensorsFile::path() const {
  return file_->path();
}

const TensorInfo& SafetensorsFile::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    throw CheckpointError(path() + ": tensor '" + name + "': expected it in the file, found only " +
                          std::to_string(tensors_.size()) + " others");
  }
  return found->second;
}

std::string_view SafetensorsFile::checked_bytes(const std::string& name,
                                                const TensorInfo& info) const {
  if (!info.scalar_type) {
    throw CheckpointError(path() + ": tensor '" + name +
                          "': expected a dtype that can be loaded, found " + info.dtype);
  }
  file_->check_unchanged();
  const std::string_view bytes = file_->bytes().substr(
      data_start_ + static_cast<size_t>(info.begin), static_cast<size_t>(info.end - info.begin));
  // A bool that holds another value is undefined behaviour in C++.
  const auto is_bool = [](char byte) { return byte == 0 || byte == 1; };
  if (info.scalar_type == at::kBool && !std::all_of(bytes.begin(), bytes.end(), is_bool)) {
    throw CheckpointError(path() + ": tensor '" + name +
                          "': expected BOOL bytes of 0 or 1, found another");
  }
  return bytes;
}

void SafetensorsFile::load_range_into(const std::string& name,
                                      int64_t begin,
                                      at::Tensor destination) const {
  const TensorInfo& info = find(name);
  const int64_t element_bytes = destination.element_size();
  const int64_t last_begin = (info.end - info.begin) / element_bytes - destination.numel();
  HECATON_CHECK(destination.is_cpu() && destination.is_contiguous(),
                "a range is loaded into consecutive memory");
  if (destination.scalar_type() != info.scalar_type || begin < 0 || begin > last_begin) {
    throw CheckpointError(path() + ": tensor '" + name + "': expected " + description(destination) +
                          " from element " + std::to_string(begin) + ", found " +
                          detail::description(info.dtype, info.shape));
  }
  const std::string_view bytes =
      checked_bytes(name, info)
          .substr(static_cast<size_t>(begin * element_bytes), destination.nbytes());
  std::copy(bytes.begin(), bytes.end(), static_cast<char*>(destination.data_ptr()));
}

at::Tensor SafetensorsFile::load(const std::string& name) const {
  const TensorInfo& info = find(name);
  const std::string_view bytes = checked_bytes(name, info);
  at::Tensor tensor = at::empty(info.shape, *info.scalar_type);
  std::copy(bytes.begin(), bytes.end(), static_cast<char*>(tensor.data_ptr()));
  return tensor;
}

void SafetensorsFile::load_into(const std::string& name, at::Tensor destination) const {
  const TensorInfo& info = find(name);
  if (!fits(destination, info)) {
    throw CheckpointError(path() + ": tensor '" + name + "': expected " + description(destination) +
                          ", found " + detail::description(info.dtype, info.shape));
  }
  if (destination.is_cpu() && destination.is_contiguous()) {
    const std::string_view bytes = checked_bytes(name, info);
    std::copy(bytes.begin(), bytes.end(), static_cast<char*>(destination.data_ptr()));
  } else {
    destination.detach().copy_(load(name));  // detached: a parameter may be written, too
  }
}

SafetensorsWriter::SafetensorsWriter(std::string path,
                                     const std::vector<TensorSpec>& specs,
                                     std::map<std::string, std::string> metadata)
    : file_(std::move(path)) {
  metadata["format"] = "pt";
  const detail::HeaderText header = detail::format_header(file_.path(), specs, metadata);
  // What the reader would refuse is not written.
  unwritten_ = detail::parse_header(file_.path(), header.text, header.num_data_bytes).tensors;
  const uint64_t length = header.text.size();
  if (length > kMaxWrittenHeaderBytes) {
    throw CheckpointError(file_.path() + ": header: expected at most " +
                          std::to_string(kMaxWrittenHeaderBytes) + " bytes, found " +
                          std::to_string(length));
  }
  data_start_ = static_cast<int64_t>(kLengthBytes + length);
  file_.write_at(0, &length, kLengthBytes);
  file_.write_at(kLengthBytes, header.text.data(), header.text.size());
}

std::vector<std::string> SafetensorsWriter::names() const {
  std::vector<std::string> names;
  names.reserve(unwritten_.size());
  for (const auto& [name, info] : unwritten_) {
    names.push_back(name);
  }
  // By place; an empty tensor shares its own with the next one.
  std::sort(names.begin(), names.end(), [this](const std::string& a, const std::string& b) {
    return unwritten_.at(a).begin < unwritten_.at(b).begin;
  });
  return names;
}

SafetensorsWriter& SafetensorsWriter::write(const std::string& name, const at::Tensor& tensor) {
  const auto found = unwritten_.find(name);
  if (found == unwritten_.end()) {
    throw InternalError(file_.path() + ": tensor '" + name +
                        "': expected a declared one, written once");
  }
  const TensorInfo& info = found->second;
  if (!fits(tensor, info)) {
    throw ShapeError(file_.path() + ": tensor '" + name + "': expected " +
                     detail::description(info.dtype, info.shape) + ", found " +
                     description(tensor));
  }
  const at::Tensor host = tensor.cpu().contiguous();
  file_.write_at(data_start_ + info.begin, host.const_data_ptr(), host.nbytes());
  unwritten_.erase(found);
  return *this;
}

void SafetensorsWriter::commit() {
  HECATON_CHECK(unwritten_.empty(), file_.path() + ": every declared tensor must be written");
  file_.commit();
}

void write_safetensors(const std::string& path,
                       const std::vector<std::pair<std::string, at::Tensor>>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<TensorSpec> specs;
  specs.reserve(tensors.size());
  for (const auto& [name, tensor] : tensors) {
    specs.push_back({name, tensor.scalar_type(), tensor.sizes().vec()});
  }
  SafetensorsWriter writer(path, specs, metadata);
  for (const auto& [name, tensor] : tensors) {
    writer.write(name, tensor);
  }
  writer.commit();
}

}  // namespace hecaton::checkpoint
