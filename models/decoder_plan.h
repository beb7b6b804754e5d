// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <c10/core/ScalarType.h>

#include "models/decoder_config.h"

namespace hecaton::models {

/// Parameters of a whole model over all ranks.
struct ParameterCount {
  int64_t total = 0;
  int64_t active = 0;  ///< that one token passes through: K of E routed experts
};

/// What a tensor of a decoder belongs to.
enum class DecoderPart {
  kEmbedding,
  kAttention,  ///< projections, and the norms of queries and keys
  kNorm,
  kDenseFfn,
  kRouter,
  kRoutedExpert,
  kSharedExpert,
  kHead,
};

/// Every part, in the order of the enumeration.
const std::vector<DecoderPart>& decoder_parts();
std::string part_name(DecoderPart part);

/// One tensor of a decoder, as files and comparisons know it.
struct PlannedTensor {
  std::string name;
  std::vector<int64_t> shape;
  at::ScalarType dtype = at::kFloat;
  DecoderPart part = DecoderPart::kEmbedding;
  /// Name of the Parameter that stores it, which holds several where one product needs them all.
  std::string stored_in = {};

  int64_t num_elements() const;
  int64_t num_bytes() const;
};

/// Every tensor of the decoder that `config` describes, each matrix of each expert on its own: what
/// DecoderImpl::describe_parameters() would name on one process. Of the library's own parts none is
/// made; of a router or experts of the user's own one is made per layer, to be asked.
/// config: validated.
std::vector<PlannedTensor> plan_decoder(const DecoderConfig& config);

/// The counts of one part of a planned decoder.
ParameterCount count_part(const DecoderConfig& config,
                          const std::vector<PlannedTensor>& tensors,
                          DecoderPart part);

/// The counts of the whole decoder.
ParameterCount count_parameters(const DecoderConfig& config);

}  // namespace hecaton::models
