// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

// Apart from the routers, which cost ten seconds to compile: recipes need no more than the names.

namespace hecaton::moe {

/// How logits become scores.
enum class RouterScore { kSoftmax, kSigmoid };

}  // namespace hecaton::moe
