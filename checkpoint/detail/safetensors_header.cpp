// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/detail/safetensors_header.h"

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

#include "checkpoint/detail/hostile_text.h"
#include "checkpoint/detail/safetensors_dtype.h"
#include "core/error.h"

namespace hecaton::checkpoint::detail {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kMetadataKey = "__metadata__";
std::string shape_text(const std::vector<int64_t>& shape) {
  return Json(shape).dump();
}

/// Receives the header from the JSON parser piece by piece, so that a repeated key is seen (a
/// parsed document keeps only the last) and a deep or long one stops the parser at once.
class HeaderReader : public nlohmann::json_sax<Json> {
 public:
  explicit HeaderReader(const std::string& path) : path_(path) {}

  SafetensorsHeader take() { return std::move(header_); }

  bool null() override { refuse_value("null"); }
  bool boolean(bool value) override { refuse_value(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { refuse_value(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { refuse_value(shown(text)); }
  bool binary(binary_t&) override { refuse_value("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    const size_t max_length = place_ == Place::kOffsets ? 2 : kMaxRank;
    std::vector<int64_t>& numbers = place_ == Place::kOffsets ? offsets_ : tensor_.shape;
    if ((place_ != Place::kShape && place_ != Place::kOffsets) || value > INT64_MAX) {
      refuse_value(std::to_string(value));
    }
    if (numbers.size() == max_length) {
      refuse("at most " + std::to_string(max_length) + " numbers", "more");
    }
    numbers.push_back(static_cast<int64_t>(value));
    return true;
  }

  bool string(string_t& value) override {
    if (place_ == Place::kMetadata) {
      header_.metadata[key_] = value;
    } else if (place_ == Place::kTensor && key_ == "dtype") {
      tensor_.dtype = value;
    } else {
      refuse_value("the string " + shown(value));
    }
    return true;
  }

  bool start_object(size_t) override {
    if (place_ == Place::kOutside) {
      place_ = Place::kRoot;
    } else if (place_ == Place::kRoot && name_ == kMetadataKey) {
      place_ = Place::kMetadata;
    } else if (place_ == Place::kRoot) {
      place_ = Place::kTensor;
      tensor_ = {};
      offsets_.clear();
      seen_keys_.clear();
    } else {
      refuse_value("an object");
    }
    return true;
  }

  bool key(string_t& key) override {
    if (place_ == Place::kRoot) {
      take_name(key);
      return true;
    }
    key_ = key;
    if (place_ == Place::kMetadata) {
      require(!header_.metadata.contains(key), "every key once", "it twice");
      return true;
    }
    require(key == "dtype" || key == "shape" || key == "data_offsets",
            "one of the keys dtype, shape, data_offsets",
            "another");
    require(std::find(seen_keys_.begin(), seen_keys_.end(), key) == seen_keys_.end(),
            "every key once",
            "it twice");
    seen_keys_.push_back(key);
    return true;
  }

  bool end_object() override {
    key_.clear();
    if (place_ == Place::kTensor) {
      finish_tensor();
    }
    place_ = place_ == Place::kRoot ? Place::kOutside : Place::kRoot;
    return true;
  }

  bool start_array(size_t) override {
    if (place_ != Place::kTensor || key_ == "dtype") {
      refuse_value("an array");
    }
    place_ = key_ == "shape" ? Place::kShape : Place::kOffsets;
    return true;
  }

  bool end_array() override {
    place_ = Place::kTensor;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const Json::exception&) override {
    throw CheckpointError(path_ +
                          ": header: expected JSON in UTF-8, found a syntax error at its byte " +
                          std::to_string(position));
  }

 private:
  enum class Place { kOutside, kRoot, kMetadata, kTensor, kShape, kOffsets };

  [[noreturn]] void refuse(const std::string& expected, const std::string& found) const {
    std::string where = place_ == Place::kOutside ? "header" : "tensor " + shown(name_);
    if (place_ != Place::kOutside && place_ != Place::kRoot) {
      where += key_.empty() ? "" : ", key " + shown(key_);
    }
    throw CheckpointError(path_ + ": " + where + ": expected " + expected + ", found " + found);
  }

  void require(bool ok, const std::string& expected, const std::string& found) const {
    if (!ok) {
      refuse(expected, found);
    }
  }

  /// A value of a kind that has no business at this place.
  [[noreturn]] void refuse_value(const std::string& found) const {
    switch (place_) {
      case Place::kOutside:
      case Place::kRoot:
        refuse("an object", found);
      case Place::kMetadata:
        refuse("a string", found);
      case Place::kTensor:
        refuse(key_ == "dtype" ? "a string" : "an array of numbers", found);
      case Place::kShape:
      case Place::kOffsets:
        break;
    }
    refuse("whole numbers from 0 to 2^63-1", found);
  }

  void take_name(const std::string& name) {
    name_ = name;
    require(std::none_of(name.begin(), name.end(), is_control),
            "a name without control characters",
            "one");
    require(name.size() <= kMaxNameBytes,
            "a name of at most " + std::to_string(kMaxNameBytes) + " bytes",
            std::to_string(name.size()));
    if (name == kMetadataKey) {
      require(!std::exchange(has_metadata_, true), "every name once", "it twice");
      return;
    }
    require(!header_.tensors.contains(name), "every name once", "it twice");
    require(header_.tensors.size() < kMaxTensors,
            "at most " + std::to_string(kMaxTensors) + " tensors",
            "more");
  }

  void finish_tensor() {
    for (const std::string key : {"dtype", "shape", "data_offsets"}) {
      require(std::find(seen_keys_.begin(), seen_keys_.end(), key) != seen_keys_.end(),
              "the key " + key,
              "none");
    }
    const Dtype* dtype = find_dtype(tensor_.dtype);
    require(dtype != nullptr, "a known dtype", shown(tensor_.dtype));
    require(offsets_.size() == 2 && offsets_[0] <= offsets_[1],
            "data_offsets [begin, end] with begin <= end",
            shape_text(offsets_));
    const std::string what = tensor_.dtype + " " + shape_text(tensor_.shape);
    const std::optional<int64_t> num_bytes = tensor_bytes(*dtype, tensor_.shape);
    require(num_bytes.has_value(), "a whole number of bytes below 2^60", what);
    require(*num_bytes == offsets_[1] - offsets_[0],
            std::to_string(*num_bytes) + " bytes for " + what,
            "data_offsets " + shape_text(offsets_));
    tensor_.scalar_type = dtype->scalar_type;
    tensor_.begin = offsets_[0];
    tensor_.end = offsets_[1];
    header_.tensors.emplace(name_, std::move(tensor_));
  }

  const std::string& path_;
  SafetensorsHeader header_;
  bool has_metadata_ = false;
  Place place_ = Place::kOutside;
  std::string name_;  ///< the key of the root object that is being read
  std::string key_;   ///< the key below it
  TensorInfo tensor_;
  std::vector<int64_t> offsets_;
  std::vector<std::string> seen_keys_;
};

/// Demands that the tensors fill the data part without hole, overlap or rest.
void check_coverage(const std::string& path,
                    const std::map<std::string, TensorInfo>& tensors,
                    int64_t num_data_bytes) {
  using Range = std::tuple<int64_t, int64_t, std::string_view>;
  std::vector<Range> ranges;
  ranges.reserve(tensors.size());
  for (const auto& [name, tensor] : tensors) {
    ranges.emplace_back(tensor.begin, tensor.end, name);
  }
  std::sort(ranges.begin(), ranges.end());
  int64_t covered = 0;
  for (const auto& [begin, end, name] : ranges) {
    if (begin != covered) {
      throw CheckpointError(path + ": tensor " + shown(name) + ": expected its data at byte " +
                            std::to_string(covered) + ", where the one before it ends, found " +
                            std::to_string(begin));
    }
    covered = end;
  }
  if (covered != num_data_bytes) {
    throw CheckpointError(path + ": data: expected " + std::to_string(covered) +
                          " bytes for the tensors of the header, found " +
                          std::to_string(num_data_bytes));
  }
}

}  // namespace

SafetensorsHeader parse_header(const std::string& path,
                               std::string_view text,
                               int64_t num_data_bytes) {
  // The JSON parser takes a NUL for the end of its input and would not look at what follows.
  const size_t nul = text.find('\0');
  if (nul != std::string_view::npos) {
    throw CheckpointError(path + ": header: expected JSON in UTF-8, found a NUL at its byte " +
                          std::to_string(nul));
  }
  HeaderReader reader(path);
  Json::sax_parse(text.begin(), text.end(), &reader);
  SafetensorsHeader header = reader.take();
  check_coverage(path, header.tensors, num_data_bytes);
  return header;
}

HeaderText format_header(const std::string& path,
                         std::vector<TensorSpec> specs,
                         const std::map<std::string, std::string>& metadata) {
  for (const TensorSpec& spec : specs) {
    if (find_dtype(spec.dtype) == nullptr) {
      throw CheckpointError(path + ": tensor " + shown(spec.name) +
                            ": expected a dtype that safetensors files are loaded with, found " +
                            c10::toString(spec.dtype));
    }
  }
  std::sort(specs.begin(), specs.end(), [](const TensorSpec& a, const TensorSpec& b) {
    return std::make_pair(-find_dtype(a.dtype)->order, std::string_view(a.name)) <
           std::make_pair(-find_dtype(b.dtype)->order, std::string_view(b.name));
  });

  HeaderText header;
  header.text = "{" + quoted(path, std::string(kMetadataKey)) + ":{";
  const char* separator = "";
  for (const auto& [key, value] : metadata) {
    header.text += separator + quoted(path, key) + ":" + quoted(path, value);
    separator = ",";
  }
  header.text += "}";
  for (const TensorSpec& spec : specs) {
    const Dtype& dtype = *find_dtype(spec.dtype);
    const int64_t begin = header.num_data_bytes;
    const std::optional<int64_t> num_bytes = tensor_bytes(dtype, spec.shape);
    if (!num_bytes || __builtin_add_overflow(begin, *num_bytes, &header.num_data_bytes)) {
      throw CheckpointError(path + ": tensor " + shown(spec.name) +
                            ": expected less than 2^63 bytes in all, found shape " +
                            shape_text(spec.shape));
    }
    header.text += "," + quoted(path, spec.name) + R"(:{"dtype":")" + std::string(dtype.name) +
                   R"(","shape":)" + shape_text(spec.shape) + R"(,"data_offsets":)" +
                   shape_text({begin, header.num_data_bytes}) + "}";
  }
  header.text += "}";
  header.text.append((8 - header.text.size() % 8) % 8, ' ');
  return header;
}

}  // namespace hecaton::checkpoint::detail
