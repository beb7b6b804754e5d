// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/detail/manifest_reader.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "checkpoint/detail/content_hash.h"
#include "checkpoint/detail/hostile_text.h"
#include "checkpoint/detail/safetensors_dtype.h"
#include "core/error.h"

namespace hecaton::checkpoint::detail {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxFiles = 1'000'000;

enum class Kind { kObject, kArray, kText, kNumber };

/// Everything that a manifest may hold, one entry for each kind of value.
enum class Field : size_t {
  kRoot,
  kFormat,
  kVersion,
  kStep,
  kLayout,
  kFiles,
  kFile,
  kBytes,
  kHash,
  kTensors,
  kTensor,
  kDtype,
  kShape,
  kSize,
  kPieces,
  kPiece,
  kPieceFile,
  kBegin,
  kNumElements,
  kSeal,
  kNone,
};
constexpr auto kNumFields = static_cast<size_t>(Field::kNone);

/// Where a field stands. An empty key: under any name, or in an array.
struct Rule {
  Field parent = Field::kNone;
  std::string_view key;
  Kind kind = Kind::kObject;
};

/// In the order of Field.
constexpr std::array<Rule, kNumFields> kRules = {{
    {Field::kNone, "", Kind::kObject},
    {Field::kRoot, "format", Kind::kText},
    {Field::kRoot, "version", Kind::kNumber},
    {Field::kRoot, "step", Kind::kNumber},
    {Field::kRoot, "layout", Kind::kText},
    {Field::kRoot, "files", Kind::kObject},
    {Field::kFiles, "", Kind::kObject},
    {Field::kFile, "bytes", Kind::kNumber},
    {Field::kFile, "xxh3_128", Kind::kText},
    {Field::kRoot, "tensors", Kind::kObject},
    {Field::kTensors, "", Kind::kObject},
    {Field::kTensor, "dtype", Kind::kText},
    {Field::kTensor, "shape", Kind::kArray},
    {Field::kShape, "", Kind::kNumber},
    {Field::kTensor, "pieces", Kind::kArray},
    {Field::kPieces, "", Kind::kObject},
    {Field::kPiece, "file", Kind::kText},
    {Field::kPiece, "begin", Kind::kNumber},
    {Field::kPiece, "num_elements", Kind::kNumber},
    {Field::kRoot, "xxh3_128", Kind::kText},
}};

const Rule& rule_of(Field field) {
  return kRules[static_cast<size_t>(field)];
}

/// Calls `visit` with each field of an object, or with the element of an array.
template <typename Visitor>
void for_each_field(Field parent, const Visitor& visit) {
  for (size_t i = 0; i < kNumFields; ++i) {
    if (kRules[i].parent == parent) {
      visit(static_cast<Field>(i));
    }
  }
}

std::string keys_of(Field object) {
  std::string keys;
  for_each_field(object, [&](Field field) {
    keys += (keys.empty() ? "" : ", ") + std::string(rule_of(field).key);
  });
  return keys;
}

std::string text_of(Kind kind) {
  switch (kind) {
    case Kind::kObject:
      return "an object";
    case Kind::kArray:
      return "an array";
    case Kind::kText:
      return "a string";
    case Kind::kNumber:
      break;
  }
  return "a whole number from 0 to 2^63-1";
}

/// A relative path whose parts neither are empty nor begin with a dot: it leads nowhere but down.
bool is_file_name(std::string_view name) {
  while (true) {
    const size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    if (part.empty() || part.front() == '.') {
      return false;
    }
    if (slash == std::string_view::npos) {
      return true;
    }
    name.remove_prefix(slash + 1);
  }
}

bool is_hash(std::string_view text) {
  return text.size() == kHashDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Receives a manifest from the JSON parser piece by piece, so that a repeated key is seen, and
/// what does not belong stops the parser at once, however deep or long it is. The values of an
/// object wait until it closes and is checked as a whole.
class ManifestReader : public nlohmann::json_sax<Json> {
 public:
  explicit ManifestReader(const std::string& path) : path_(path) {}

  Manifest take() { return std::move(manifest_); }

  bool null() override { refuse_value("null"); }
  bool boolean(bool value) override { refuse_value(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { refuse_value(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { refuse_value(shown(text)); }
  bool binary(binary_t&) override { refuse_value("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (rule_of(field_).kind != Kind::kNumber || value > INT64_MAX) {
      refuse_value(std::to_string(value));
    }
    const auto number = static_cast<int64_t>(value);
    number_[field_] = number;
    if (field_ == Field::kSize) {
      require(tensor_.shape.size() < kMaxRank,
              "at most " + std::to_string(kMaxRank) + " numbers",
              "more");
      tensor_.shape.push_back(number);
    } else if (field_ == Field::kVersion) {
      // At once: another version may have other keys.
      require(number == kManifestVersion,
              std::to_string(kManifestVersion) + ", the version that this program reads",
              std::to_string(number));
    }
    return true;
  }

  bool string(string_t& value) override {
    if (rule_of(field_).kind != Kind::kText) {
      refuse_value("the string " + shown(value));
    }
    text_[field_] = std::move(value);
    return true;
  }

  bool start_object(size_t) override { return open(Kind::kObject); }
  bool start_array(size_t) override { return open(Kind::kArray); }

  bool key(string_t& key) override {
    if (place_ == Field::kFiles || place_ == Field::kTensors) {
      take_name(key);
      return true;
    }
    field_ = Field::kNone;
    for_each_field(place_,
                   [&](Field field) { field_ = rule_of(field).key == key ? field : field_; });
    if (field_ == Field::kNone) {
      refuse("one of the keys " + keys_of(place_), shown(key));
    }
    require(!seen_.test(static_cast<size_t>(field_)), "every key once", "it twice");
    seen_.set(static_cast<size_t>(field_));
    return true;
  }

  bool end_object() override {
    field_ = Field::kNone;
    if (place_ != Field::kFiles && place_ != Field::kTensors) {
      require_every_key();
    }
    if (place_ == Field::kFile) {
      finish_file();
    } else if (place_ == Field::kPiece) {
      finish_piece();
    } else if (place_ == Field::kTensor) {
      finish_tensor();
    } else if (place_ == Field::kRoot) {
      finish_root();
    }
    return leave();
  }

  bool end_array() override { return leave(); }

  bool parse_error(size_t position, const std::string&, const Json::exception&) override {
    throw CheckpointError(path_ + ": expected JSON in UTF-8, found a syntax error at its byte " +
                          std::to_string(position));
  }

 private:
  [[noreturn]] void refuse(const std::string& expected, const std::string& found) const {
    std::string where;
    if (place_ == Field::kFiles || place_ == Field::kFile) {
      where = "file " + shown(name_) + ": ";
    } else if (place_ != Field::kRoot && place_ != Field::kNone) {
      where = "tensor " + shown(name_) + ": ";
    }
    if (place_ == Field::kPiece) {
      where += "piece " + std::to_string(tensor_.pieces.size()) + ": ";
    }
    if (field_ != Field::kNone && !rule_of(field_).key.empty()) {
      where += "key '" + std::string(rule_of(field_).key) + "': ";
    }
    throw CheckpointError(path_ + ": " + where + "expected " + expected + ", found " + found);
  }

  void require(bool ok, const std::string& expected, const std::string& found) const {
    if (!ok) {
      refuse(expected, found);
    }
  }

  [[noreturn]] void refuse_value(const std::string& found) const {
    refuse(text_of(rule_of(field_).kind), found);
  }

  /// Enters the object or array that may stand here.
  bool open(Kind kind) {
    if (rule_of(field_).kind != kind) {
      refuse_value(text_of(kind));
    }
    require(field_ != Field::kTensors || seen_.test(static_cast<size_t>(Field::kFiles)),
            "the key files before it",
            "none");
    place_ = field_;
    for_each_field(place_, [&](Field field) {
      seen_.reset(static_cast<size_t>(field));
      field_ = field;  // for an array: what its elements are
    });
    if (place_ == Field::kTensor) {
      tensor_ = {};
      num_covered_ = 0;
    }
    return true;
  }

  bool leave() {
    field_ = place_;
    place_ = rule_of(place_).parent;
    return true;
  }

  void require_every_key() const {
    for_each_field(place_, [&](Field field) {
      if (!seen_.test(static_cast<size_t>(field))) {
        refuse("the key " + std::string(rule_of(field).key), "none");
      }
    });
  }

  void take_name(const std::string& name) {
    name_ = name;
    field_ = place_ == Field::kFiles ? Field::kFile : Field::kTensor;
    require(
        name.size() <= kMaxNameBytes && std::none_of(name.begin(), name.end(), is_control),
        "a name of at most " + std::to_string(kMaxNameBytes) + " bytes without control characters",
        std::to_string(name.size()) + " bytes");
    if (place_ == Field::kFiles) {
      require(is_file_name(name), "a path that leads downwards, no part beginning with '.'", "it");
      require(name != kManifestName, "another name than the manifest's own", "it");
      require(file_idx_.count(name) == 0, "every name once", "it twice");
      require(
          file_idx_.size() < kMaxFiles, "at most " + std::to_string(kMaxFiles) + " files", "more");
    } else {
      require(manifest_.tensors.count(name) == 0, "every name once", "it twice");
      require(manifest_.tensors.size() < kMaxTensors,
              "at most " + std::to_string(kMaxTensors) + " tensors",
              "more");
    }
  }

  void finish_file() {
    std::string& hash = text_[Field::kHash];
    require(is_hash(hash), "a hash of 32 lower-case hexadecimal digits", shown(hash));
    file_idx_.emplace(name_, manifest_.files.size());
    manifest_.files.push_back({name_, {number_[Field::kBytes], std::move(hash)}});
    piece_bytes_.push_back(0);
  }

  void finish_piece() {
    const std::string& file = text_[Field::kPieceFile];
    const auto found = file_idx_.find(file);
    require(found != file_idx_.end(), "one of the listed files", shown(file));
    const int64_t begin = number_[Field::kBegin];
    const int64_t num_elements = number_[Field::kNumElements];
    require(
        begin == num_covered_,
        "it to begin at element " + std::to_string(num_covered_) + ", where the one before it ends",
        std::to_string(begin));
    require(num_elements > 0 && !__builtin_add_overflow(begin, num_elements, &num_covered_),
            "at least one element, less than 2^63 in all",
            std::to_string(num_elements));
    tensor_.pieces.push_back({found->second, begin, num_elements});
  }

  void finish_tensor() {
    const Dtype* dtype = find_dtype(text_[Field::kDtype]);
    require(dtype != nullptr && dtype->scalar_type.has_value(),
            "a dtype that is loaded",
            shown(text_[Field::kDtype]));
    const std::optional<int64_t> num_bytes = tensor_bytes(*dtype, tensor_.shape);
    require(num_bytes.has_value(), "less than 2^60 bytes", "a shape of more");
    const int64_t element_bytes = dtype->num_bits / 8;
    require(num_covered_ == *num_bytes / element_bytes,
            "pieces of " + std::to_string(*num_bytes / element_bytes) + " elements together",
            std::to_string(num_covered_));
    tensor_.dtype = *dtype->scalar_type;
    for (const ManifestPiece& piece : tensor_.pieces) {
      // The tensor's size fits, so that of a piece does; the sum over tensors may not.
      int64_t& sum = piece_bytes_[piece.file_idx];
      const ManifestFile& file = manifest_.files[piece.file_idx];
      require(!__builtin_add_overflow(sum, piece.num_elements * element_bytes, &sum) &&
                  sum <= file.digest.num_bytes,
              "pieces that fit into the " + std::to_string(file.digest.num_bytes) + " bytes of " +
                  shown(file.name),
              "more");
    }
    manifest_.tensors.emplace(name_, std::move(tensor_));
  }

  void finish_root() {
    const std::string& format = text_[Field::kFormat];
    require(format == kManifestFormat, "the format " + std::string(kManifestFormat), shown(format));
    manifest_.step = number_[Field::kStep];
    manifest_.layout = std::move(text_[Field::kLayout]);
  }

  const std::string& path_;
  Manifest manifest_;
  std::map<std::string, size_t> file_idx_;
  std::vector<int64_t> piece_bytes_;  ///< of the pieces in each file so far
  Field place_ = Field::kNone;        ///< the object or array that is open
  Field field_ = Field::kRoot;        ///< what the next value in it is
  std::string name_;                  ///< the file or tensor that is being read
  std::bitset<kNumFields> seen_;
  std::map<Field, std::string> text_;
  std::map<Field, int64_t> number_;
  ManifestTensor tensor_;
  int64_t num_covered_ = 0;  ///< elements of it that its pieces cover
};

}  // namespace

Manifest read_manifest_json(const std::string& path, std::string_view text) {
  // The JSON parser takes a NUL for the end of its input and would not look at what follows.
  const size_t nul = text.find('\0');
  if (nul != std::string_view::npos) {
    throw CheckpointError(path + ": expected JSON in UTF-8, found a NUL at its byte " +
                          std::to_string(nul));
  }
  ManifestReader reader(path);
  Json::sax_parse(text.begin(), text.end(), &reader);
  return reader.take();
}

}  // namespace hecaton::checkpoint::detail
