// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "moe/top_k_router.h"

namespace hecaton::moe {

/// Every kind of router over four experts that RouterConfig allows, K = 1 and K = E included.
inline std::vector<RouterConfig> every_router() {
  std::vector<RouterConfig> routers;
  for (const int64_t K : {1, 2, 4}) {
    for (const RouterScore score : {RouterScore::kSoftmax, RouterScore::kSigmoid}) {
      for (const bool is_after : {false, true}) {
        for (const bool is_normalised : {false, true}) {
          const RouterConfig router{.num_experts = 4,
                                    .num_experts_per_tok = K,
                                    .score = score,
                                    .score_after_topk = is_after,
                                    .norm_topk_prob = is_normalised,
                                    .scaling_factor = is_after ? 1.0 : 2.5};
          ConfigFaults faults("router");
          router.collect_faults(faults);
          if (faults.faults().empty()) {
            routers.push_back(router);
          }
        }
      }
    }
  }
  return routers;
}

inline std::string text_of(const RouterConfig& router) {
  std::ostringstream text;
  text << std::boolalpha << "K=" << router.num_experts_per_tok
       << " sigmoid=" << (router.score == RouterScore::kSigmoid)
       << " score_after_topk=" << router.score_after_topk
       << " norm_topk_prob=" << router.norm_topk_prob;
  return text.str();
}

}  // namespace hecaton::moe
