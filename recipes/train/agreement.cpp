// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/agreement.h"

#include <algorithm>
#include <exception>

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include "core/error.h"

namespace hecaton::recipes {

std::optional<int> first_rank_that_differs(parallel::Communicator& world, uint64_t number) {
  const auto options = at::TensorOptions().dtype(at::kLong);
  const at::Tensor own = at::full({1}, static_cast<int64_t>(number), options);
  const at::Tensor all = at::empty({world.size()}, options);
  world.all_gather(own, all);
  const int64_t* first = all.const_data_ptr<int64_t>();
  const int64_t* end = first + world.size();
  const int64_t* other =
      std::find_if(first, end, [first](int64_t value) { return value != *first; });
  return other == end ? std::nullopt : std::optional(static_cast<int>(other - first));
}

void on_main_rank(parallel::Communicator& world, const std::function<void()>& work) {
  std::exception_ptr error;
  if (world.rank() == 0) {
    try {
      work();
    } catch (...) {
      error = std::current_exception();
    }
  }
  if (!world.all_agree(error == nullptr)) {
    if (error != nullptr) {
      std::rethrow_exception(error);
    }
    throw PeerFailure("rank 0 failed");
  }
}

}  // namespace hecaton::recipes
