// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/error.h"
#include "tests/fuzz/random.h"

namespace hecaton::fuzz {

/// A reader of files that come from outside, and how to hand it hostile ones.
struct Target {
  const char* name;  ///< its corpus is tests/fuzz/corpus/<name>/

  /// Hands an input to the reader. Returns whether it was taken; then all that the reader promises
  /// was tried. False if it was refused with the one exception that is documented, in lines that
  /// fit a terminal. Errors: any exception is a finding.
  bool (*read)(std::string_view input);

  /// A file that is like `input`, so that it gets past more checks than random bytes would.
  std::string (*mutate)(std::string_view input, Random& random);
};

Target safetensors_target();
Target manifest_target();
Target recipe_target();
Target yaml_target();
Target megatron_target();

inline std::array<Target, 5> all_targets() {
  return {
      safetensors_target(), manifest_target(), recipe_target(), yaml_target(), megatron_target()};
}

/// A reader broke a promise.
class Finding : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

inline void require(bool ok, const std::string& promise) {
  if (!ok) {
    throw Finding("broken: " + promise);
  }
}

/// Demands lines that begin with `where`, are short, and hold no control character. Messages of
/// ConfigError alone have more than one.
void check_message(std::string_view message, std::string_view where, bool has_one_line);

/// What `open` returns; empty if it throws a Refusal. where: what each line of its message begins
/// with.
template <typename Refusal, typename Open>
auto open_or_refuse(const std::string& where, const Open& open) -> std::optional<decltype(open())> {
  try {
    return open();
  } catch (const Refusal& refusal) {
    check_message(refusal.what(), where, !std::is_same_v<Refusal, ConfigError>);
    return std::nullopt;
  }
}

}  // namespace hecaton::fuzz
