// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <barrier>
#include <functional>
#include <thread>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros_like.h>

#include "moe/routing.h"

namespace hecaton::moe {

/// Counts over ranks that are threads of this process. Every rank must make the same calls.
class FakeRanks {
 public:
  /// Runs body(rank, counts) of every rank, each on a thread of its own.
  static void run(int num_ranks, const std::function<void(int rank, CountReducer& counts)>& body) {
    FakeRanks ranks(num_ranks);
    std::vector<std::thread> threads;
    threads.reserve(static_cast<size_t>(num_ranks));
    for (int rank = 0; rank < num_ranks; ++rank) {
      threads.emplace_back([&, rank] {
        Counts counts(ranks, rank);
        body(rank, counts);
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }

 private:
  explicit FakeRanks(int num_ranks)
      : counts_of_rank_(static_cast<size_t>(num_ranks)), barrier_(num_ranks) {}

  class Counts final : public CountReducer {
   public:
    Counts(FakeRanks& ranks, int rank) : ranks_(ranks), rank_(static_cast<size_t>(rank)) {}
    at::Tensor sum(const at::Tensor& counts_E) override {
      return sum_before(ranks_.counts_of_rank_.size(), counts_E);
    }
    at::Tensor exclusive_scan(const at::Tensor& counts_E) override {
      return sum_before(rank_, counts_E);
    }

   private:
    at::Tensor sum_before(size_t end, const at::Tensor& counts_E) {
      ranks_.counts_of_rank_[rank_] = counts_E;
      ranks_.barrier_.arrive_and_wait();
      at::Tensor sum_E = at::zeros_like(counts_E);
      for (size_t rank = 0; rank < end; ++rank) {
        sum_E.add_(ranks_.counts_of_rank_[rank]);
      }
      ranks_.barrier_.arrive_and_wait();  // nobody's counts change while another reads them
      return sum_E;
    }

    FakeRanks& ranks_;
    size_t rank_;
  };

  std::vector<at::Tensor> counts_of_rank_;
  std::barrier<> barrier_;
};

}  // namespace hecaton::moe
