// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>

#include "kernels/indexed_rows.h"
#include "moe/routing.h"

namespace hecaton::moe {

/// Experts [first, first + count) of a layer.
struct ExpertRange {
  int64_t first = 0;
  int64_t count = 0;
};

/// Rows under way or arrived, each with an optional number beside it.
struct Rows {
  kernels::IndexedRows
      rows;                 ///< of width D; where no copy was needed, rows of the tokens themselves
  at::Tensor value_R = {};  ///< [R] float; undefined if none was sent
};

/// Rows that may still be travelling. Copies share one transfer; wait() may be called again.
class PendingRows {
 public:
  /// finish: waits for the transfer and returns the rows; called once, at the first wait().
  explicit PendingRows(std::function<Rows()> finish);
  /// Already there.
  explicit PendingRows(Rows rows);

  /// Errors: CommError.
  Rows wait();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// The tokens [token_begin, token_end) of the micro-batch, whose rows travel together.
struct DispatchChunk {
  int64_t token_begin = 0;
  int64_t token_end = 0;
  /// [R] int32: slot (t - token_begin)*K + k of each row that leaves here.
  at::Tensor slot_of_row_R;
  at::Tensor row_of_slot_TK;        ///< [tokens, K] int32: its inverse, -1 for unused slots
  std::vector<int64_t> num_rows_L;  ///< rows that arrive here, per local expert
};

/// Who sends how many rows where, for one micro-batch and layer. A dispatcher derives its own.
struct DispatchPlan {
  virtual ~DispatchPlan() = default;
  std::vector<DispatchChunk> chunks;
  std::vector<int64_t> expert_id_L;  ///< global id of each local expert
};

/// Carries tokens to the experts and their outputs back. Works on plain tensors and never records
/// autograd. start_dispatch() without values and start_combine() are adjoint to each other up to
/// the sum over a token's slots, so backward uses the same two functions the other way round.
///
/// Parallel: every rank must plan, start and wait in the same order, also with zero tokens.
class Dispatcher {
 public:
  virtual ~Dispatcher() = default;

  /// Which of a layer's experts live on this rank.
  virtual ExpertRange local_experts(int64_t num_experts) const = 0;

  /// routing:    after any capacity.
  /// num_chunks: at least 1; tokens are cut into that many even ranges.
  /// Parallel:   one exchange of counts where ranks share the experts.
  virtual std::shared_ptr<const DispatchPlan> plan(const Routing& routing, int64_t num_chunks) = 0;

  /// x_TD:       [T, D], every token of the micro-batch; value_TK: [T, K] float, or undefined.
  /// Returns:    rows in the order of local experts, num_rows_L of them each; within an expert in
  ///             the order of ranks and tokens.
  virtual PendingRows start_dispatch(const DispatchPlan& plan,
                                     int64_t chunk,
                                     const at::Tensor& x_TD,
                                     const at::Tensor& value_TK) = 0;

  /// rows_RD:    as start_dispatch() delivered them; value_R: [R] float, or undefined.
  /// Returns:    the rows that left here, in the order of slot_of_row_R.
  virtual PendingRows start_combine(const DispatchPlan& plan,
                                    int64_t chunk,
                                    const at::Tensor& rows_RD,
                                    const at::Tensor& value_R) = 0;
};

/// The first token of chunk `chunk` of `num_chunks` even ranges over T tokens.
inline int64_t chunk_begin(int64_t T, int64_t num_chunks, int64_t chunk) {
  return T * chunk / num_chunks;
}

/// Token ranges and their slots sorted by expert.
struct SortedChunks {
  std::vector<DispatchChunk> chunks;   ///< num_rows_L is left to the dispatcher
  std::vector<at::Tensor> num_rows_E;  ///< per chunk: [E] int64, rows that leave here
};
/// The chunk table of a routing. Errors: InternalError if num_chunks < 1.
SortedChunks sort_chunks(const Routing& routing, int64_t num_chunks);

/// The rows of a chunk that leave here: rows of x_TD, and numbers of value_TK if it is defined, in
/// the order of experts.
Rows leaving_rows(const DispatchChunk& chunk, const at::Tensor& x_TD, const at::Tensor& value_TK);

}  // namespace hecaton::moe
