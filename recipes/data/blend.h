// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hecaton::recipes {

/// The order in which weighted sources take turns.
///
/// Formula:     with w_s = weight_s / sum of weights, sample n goes to the source s with the
/// largest
///              w_s * max(n, 1) - taken_s, the first of equals; taken_s counts the samples before n
///              that went to s. After n samples no source is more than one away from its share.
/// Source:      the blending rule of Megatron-LM, in float64 as there.
/// Determinism: a pure function of weights and n, the same on every machine.
class BlendOrder {
 public:
  /// weights:     at least one, each finite and above 0.
  explicit BlendOrder(std::vector<double> weights);

  /// A sample of the run as a sample of one source.
  struct Draw {
    size_t source = 0;
    int64_t idx = 0;  ///< samples of that source before this one
  };
  /// sample:      at least 0.
  /// Cost:        goes on from the last sample asked for; starts over when asked for an earlier
  /// one.
  ///              Not for several threads at a time.
  Draw at(int64_t sample);

  /// w_s of a source.
  double share(size_t source) const { return weights_[source]; }

 private:
  void go_to(int64_t sample);
  size_t next_source() const;

  std::vector<double> weights_;  ///< sum 1
  std::vector<int64_t> taken_;   ///< by the samples before next_
  int64_t next_ = 0;
};

}  // namespace hecaton::recipes
