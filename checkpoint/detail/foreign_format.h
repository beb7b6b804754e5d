// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>
#include <string_view>

namespace hecaton::checkpoint::detail {

/// What people hand over instead of a safetensors file, told by its first bytes, and what helps.
/// Empty if it is nothing of the kind. Ask only about a file that is no safetensors file: a legal
/// one may begin with the same bytes.
std::string foreign_format(std::string_view bytes);

}  // namespace hecaton::checkpoint::detail
