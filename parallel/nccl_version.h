// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>

namespace hecaton::parallel {

/// The NCCL that this process loaded, and the one whose header it was built with if that is
/// another: a process can hold one NCCL only, and a wrong one shows late. "not built in" without
/// NCCL.
std::string nccl_version();

}  // namespace hecaton::parallel
