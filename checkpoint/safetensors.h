// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "checkpoint/file_io.h"

// A safetensors file is an 8-byte little-endian length N, a JSON header of N bytes that maps names
// to dtype, shape and byte range, and then the tensors, in C order and little endian.

namespace hecaton::checkpoint {

namespace detail {
class MappedFile;
}

/// What the header says about one tensor.
struct TensorInfo {
  std::string dtype;                          ///< as the file spells it, for example BF16
  std::optional<at::ScalarType> scalar_type;  ///< empty: a known dtype that is not loaded here
  std::vector<int64_t> shape;                 ///< empty for a scalar
  int64_t begin = 0;                          ///< first byte, from the start of the data part
  int64_t end = 0;                            ///< one past the last byte
};

/// A safetensors file open for reading. The file is mapped into memory, and nothing is believed
/// before it is checked, so a hostile file costs no more memory than its own size.
///
/// Source:      the safetensors format description and its reference reader.
/// Deviations:  stricter than the reference reader. A header starts with `{`: leading blanks, which
///              the description forbids and the reader lets pass, would let one file be read as two
///              formats. Tensors have no keys but dtype, shape and data_offsets. At most 1,000,000
///              tensors of rank at most 16; names of at most 1,024 bytes without control
///              characters; the product of the sizes other than 0 must fit into 63 bits.
/// Errors:      CheckpointError of one line, "PATH: what: expected ..., found ...".
class SafetensorsFile {
 public:
  /// Opens `path` and checks all of it but the values. Errors: CheckpointError "model file not
  /// found: PATH" if there is none; a pickle, a zip (PyTorch) archive, a GGUF file, a Git LFS
  /// pointer and a web page are called by their names, with what to do.
  explicit SafetensorsFile(std::string path);
  ~SafetensorsFile();
  SafetensorsFile(SafetensorsFile&&) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&&) noexcept;

  const std::string& path() const;
  const std::map<std::string, TensorInfo>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  /// A copy of one tensor: CPU, contiguous, 64-byte aligned, in the dtype of the file (BOOL, U8,
  /// I8, I16, I32, I64, F16, BF16, F32 or F64). NaN and infinity are values like any other.
  /// Errors:      CheckpointError if the name is unknown, the dtype is another one, a BOOL byte is
  ///              neither 0 nor 1, or the file was shortened since it was opened.
  at::Tensor load(const std::string& name) const;

  /// Copies one tensor into `destination`, which has its shape and dtype: nothing is converted.
  /// destination: any device and strides, changed in place.
  /// Errors:      those of load(); CheckpointError if shape or dtype differ.
  void load_into(const std::string& name, at::Tensor destination) const;

  /// Copies elements [begin, begin + destination.numel()) of one tensor, counted in C order, and
  /// touches no other part of the file.
  /// destination: CPU, contiguous, of any shape, in the dtype of the file, changed in place.
  /// Errors:      those of load(); CheckpointError if the dtype differs or the range is not inside.
  void load_range_into(const std::string& name, int64_t begin, at::Tensor destination) const;

 private:
  const TensorInfo& find(const std::string& name) const;
  std::string_view checked_bytes(const std::string& name, const TensorInfo& info) const;

  std::unique_ptr<const detail::MappedFile> file_;
  size_t data_start_ = 0;
  std::map<std::string, TensorInfo> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// A tensor that a SafetensorsWriter is going to write.
struct TensorSpec {
  std::string name;
  at::ScalarType dtype = at::kFloat;
  std::vector<int64_t> shape;
};

/// Writes a safetensors file tensor by tensor, so that a large model is never gathered in memory.
/// The file appears under its name with commit() only, complete and on the disk (see DurableFile).
///
/// Layout:      header padded with blanks so that the data starts on a multiple of 8 bytes; tensors
///              by dtype, widest first, then by name; metadata always has format = pt, which
///              readers in Python insist on.
/// Determinism: the bytes depend on names, shapes, values and metadata only, not on the order of
///              write().
/// Errors:      IoError if the file cannot be written.
class SafetensorsWriter {
 public:
  /// specs: every tensor of the file, in any order; dtypes that SafetensorsFile loads.
  /// Errors:      CheckpointError if the file would break a rule of SafetensorsFile: a duplicate or
  ///              overlong name, too high a rank, a dtype without a name here, a header above
  ///              25,000,000 bytes (model hubs refuse larger ones).
  SafetensorsWriter(std::string path,
                    const std::vector<TensorSpec>& specs,
                    std::map<std::string, std::string> metadata = {});

  /// Writes one declared tensor. tensor: any device and strides, not changed. Returns *this.
  /// Errors:      ShapeError if shape or dtype differ from the declaration; InternalError if the
  ///              name was not declared or is written twice.
  SafetensorsWriter& write(const std::string& name, const at::Tensor& tensor);

  /// Names of the tensors still to be written, in the order of the file. Writing in this order is
  /// what digest() needs.
  std::vector<std::string> names() const;

  /// Size and hash of the file, when all of it is written. Errors: InternalError if it was not
  /// written in the order of names().
  FileDigest digest() const { return file_.digest(); }

  /// Finishes the file. Errors: InternalError if a declared tensor was not written.
  void commit();

 private:
  std::map<std::string, TensorInfo> unwritten_;
  int64_t data_start_ = 0;
  DurableFile file_;
};

/// Writes a whole file with SafetensorsWriter. Errors: those of SafetensorsWriter.
void write_safetensors(const std::string& path,
                       const std::vector<std::pair<std::string, at::Tensor>>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace hecaton::checkpoint
