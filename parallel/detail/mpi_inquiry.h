// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace hecaton::parallel {

/// Where a rank is, as it tells others.
struct Whereabouts {
  std::vector<int> awaited_ranks;  ///< of the world; empty: it waits for none
  std::string text;  ///< the collective that it waits for, or else the last one it issued
};

/// Questions among the ranks of an MPI job, beside its collectives. A rank that has waited too long
/// asks those whom it waits for where they are, and those whom they wait for, until it comes to who
/// holds all of them up. A rank answers while it waits or moves messages on. Not thread-safe: the
/// lock around MPI is held.
class MpiInquiry {
 public:
  /// Every rank of MPI_COMM_WORLD must make it. whereabouts: tells where this rank is. on_alarm:
  /// what to do when another rank is about to end the job.
  MpiInquiry(std::function<Whereabouts()> whereabouts, std::function<void()> on_alarm);

  /// Answers what others have asked. Cheap: looks twenty times a second.
  void answer();

  /// Who keeps this rank waiting: "world_rank 3, which does not answer (stopped, lost or busy)".
  /// Takes three seconds at most.
  std::string find_culprits();

  /// Tells all other ranks that this one is about to end the job, and gives them a fifth of a
  /// second.
  void raise_alarm();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace hecaton::parallel
