// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>

#include "checkpoint/detail/content_hash.h"

namespace hecaton::checkpoint {

/// Manifest text with the right hash at its end. body: JSON without its last brace, ending in a
/// comma.
inline std::string sealed(const std::string& body) {
  return body + "\"xxh3_128\":\"" + detail::content_hash(body) + "\"\n}\n";
}

}  // namespace hecaton::checkpoint
