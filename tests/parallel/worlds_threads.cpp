// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/single.h"
#include "parallel/threads.h"
#include "tests/parallel/worlds.h"

namespace hecaton::parallel {

void on_each_world(const std::function<void(std::shared_ptr<Communicator>)>& body) {
  body(make_single());
  for (const int num_ranks : {1, 2, 4}) {
    run_ranks(num_ranks, body);
  }
}

}  // namespace hecaton::parallel
