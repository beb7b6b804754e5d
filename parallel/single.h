// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <memory>
#include <string>

#include "parallel/communicator.h"

namespace hecaton::parallel {

/// The group of one process that is alone. Every collective is the identity.
std::shared_ptr<Communicator> make_single(std::string axis = "world");

}  // namespace hecaton::parallel
