// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/training_state.h"

#include <cinttypes>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace hecaton::recipes {
namespace {

using nlohmann::ordered_json;

constexpr int64_t kFormatVersion = 1;

std::string to_hex(uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016" PRIx64, number);
  return text;
}

/// Keys of one object, each checked as it is read.
class Fields {
 public:
  Fields(const ordered_json& object, std::string path) : object_(object), path_(std::move(path)) {}

  [[noreturn]] void refuse(const std::string& key, const std::string& expected) const {
    throw CheckpointError(path_ + ": " + key + ": expected " + expected + ", found " +
                          (object_.contains(key) ? object_[key].dump().substr(0, 80) : "nothing"));
  }

  int64_t count(const std::string& key) const {
    const auto value = object_.find(key);
    if (value == object_.end() || !value->is_number_unsigned() ||
        value->get<uint64_t>() > uint64_t{INT64_MAX}) {
      refuse(key, "a whole number of at least 0");
    }
    return value->get<int64_t>();
  }

  double number(const std::string& key) const {
    const auto value = object_.find(key);
    if (value == object_.end() || !value->is_number()) {
      refuse(key, "a number");
    }
    return value->get<double>();
  }

  uint64_t hex(const std::string& key) const {
    const auto value = object_.find(key);
    uint64_t number = 0;
    if (value == object_.end() || !value->is_string() ||
        std::sscanf(value->get<std::string>().c_str(), "%16" SCNx64, &number) != 1 ||
        to_hex(number) != value->get<std::string>()) {
      refuse(key, "16 hexadecimal digits");
    }
    return number;
  }

 private:
  const ordered_json& object_;
  std::string path_;
};

}  // namespace

std::string to_json(const TrainingState& state) {
  ordered_json object = {{"format_version", kFormatVersion},
                         {"step", state.step},
                         {"tokens", state.num_tokens},
                         {"updates", state.num_updates},
                         {"elapsed_s", state.elapsed_s},
                         {"data_fingerprint", to_hex(state.data_fingerprint)},
                         {"best", nullptr}};
  if (state.best) {
    object["best"] = {{"step", state.best->step}, {"loss", state.best->loss}};
  }
  return object.dump(2) + "\n";
}

TrainingState training_state_from_json(const std::string& text, const std::string& path) {
  const ordered_json object = ordered_json::parse(text, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) {
    throw CheckpointError(path + ": expected a JSON object, found something else");
  }
  const Fields fields(object, path);
  if (fields.count("format_version") != kFormatVersion) {
    fields.refuse("format_version", std::to_string(kFormatVersion));
  }
  TrainingState state = {.step = fields.count("step"),
                         .num_tokens = fields.count("tokens"),
                         .num_updates = fields.count("updates"),
                         .elapsed_s = fields.number("elapsed_s"),
                         .data_fingerprint = fields.hex("data_fingerprint")};
  const auto best = object.find("best");
  if (best == object.end() || !(best->is_null() || best->is_object())) {
    fields.refuse("best", "null or an object");
  }
  if (best->is_object()) {
    const Fields best_fields(*best, path + ": best");
    state.best = {.step = best_fields.count("step"), .loss = best_fields.number("loss")};
  }
  return state;
}

}  // namespace hecaton::recipes
