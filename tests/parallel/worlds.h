// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "parallel/communicator.h"

namespace hecaton::parallel {

/// Runs `body` as every rank of a world, and of several worlds where that is cheap: alone and on 1,
/// 2 and 4 threads in hecaton_parallel_tests; on the job's ranks under mpirun in
/// hecaton_parallel_mpi_tests, and there over NCCL in hecaton_parallel_nccl_tests. Bodies hold for
/// any number of ranks, and use EXPECT alone: a rank that leaves early stops the others.
void on_each_world(const std::function<void(std::shared_ptr<Communicator>)>& body);

/// Expects `statement` to throw a `Kind` whose text has `part` in it.
template <typename Kind, typename Statement>
void expect_throw(const Statement& statement, const std::string& part) {
  try {
    statement();
    ADD_FAILURE() << "nothing was thrown; expected: " << part;
  } catch (const Kind& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

}  // namespace hecaton::parallel
