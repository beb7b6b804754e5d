// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

// Apart from capacity.h, so that recipes do without tensors.

namespace hecaton::moe {

/// The set of tokens that shares an expert's capacity.
enum class CapacityScope {
  kSequence,    ///< the tokens of one sequence; independent of layout and micro-batch
  kMicroBatch,  ///< the tokens of all ranks at one accumulation index; independent of the layout
  kRank,        ///< the tokens of one rank; depends on the layout, to compare with other systems
};

}  // namespace hecaton::moe
