// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/grouped_ffn.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <initializer_list>
#include <numeric>
#include <string>
#include <utility>

#include <ATen/Parallel.h>

#include "core/error.h"
#include "core/progress.h"
#include "core/shapes.h"
#include "core/workspace.h"
#include "kernels/activation.h"
#include "kernels/detail/device.h"
#include "kernels/detail/dtype_check.h"
#include "kernels/detail/kernel_choice.h"
#include "kernels/detail/kind_kernels.h"
#include "kernels/grouped_gemm.h"

namespace hecaton::kernels {
namespace {

using detail::FfnSizes;
using detail::KindKernels;
using detail::kRowsPerTask;
using detail::RowsView;
using Counts = std::vector<int64_t>;

void check_rows(const char* name,
                const IndexedRows& rows,
                int64_t width,
                at::ScalarType dtype,
                const Counts& num_rows_L) {
  check_indexed_rows(name, rows);
  check_shape(name, rows.source_TD, {-1, width});
  check_dtype(name, rows.source_TD, dtype);
  detail::check_on_cpu(name, rows.source_TD);
  if (rows.idx_R.defined()) {
    detail::check_on_cpu("idx_R", rows.idx_R);
  }
  for (const int64_t num_rows : num_rows_L) {
    if (num_rows < 0) {
      throw ShapeError("num_rows_L must not be negative: found " + std::to_string(num_rows));
    }
  }
  const int64_t sum = std::accumulate(num_rows_L.begin(), num_rows_L.end(), int64_t{0});
  if (sum != rows.num_rows()) {
    throw ShapeError("num_rows_L must sum to the number of rows: sum=" + std::to_string(sum) +
                     " rows=" + std::to_string(rows.num_rows()));
  }
}

FfnSizes check_weights(const at::Tensor& up_LGD,
                       const at::Tensor& down_LDF,
                       const Counts& num_rows_L,
                       Activation activation) {
  const auto L = static_cast<int64_t>(num_rows_L.size());
  check_shape("down_LDF", down_LDF, {L, -1, -1});
  detail::check_dtype_among("down_LDF", down_LDF, {at::kFloat, at::kDouble, at::kBFloat16});
  const FfnSizes sizes{down_LDF.size(1), down_LDF.size(2), activation};
  check_shape("up_LGD", up_LGD, {L, projection_width(activation, sizes.F), sizes.D});
  check_dtype("up_LGD", up_LGD, down_LDF.scalar_type());
  detail::check_on_cpu("up_LGD", up_LGD);
  detail::check_on_cpu("down_LDF", down_LDF);
  return sizes;
}

/// Rows [first, first + size) of expert l.
struct Block {
  int64_t l;
  int64_t first;
  int64_t size;
};

/// Rows of a task whose products sum over up to `width` numbers: few enough for the packed ones to
/// stay below a bound.
int64_t rows_per_task(int64_t width) {
  constexpr int64_t kMaxPacked = int64_t{1} << 22;
  return std::clamp<int64_t>(kMaxPacked / std::max<int64_t>(width, 1), 64, kRowsPerTask);
}

/// Tasks of up to max_rows rows, the longest first, so that no thread begins one at the end.
std::vector<Block> blocks_of(const Counts& num_rows_L, int64_t max_rows) {
  std::vector<Block> blocks;
  int64_t first = 0;
  for (size_t l = 0; l < num_rows_L.size(); ++l) {
    for (int64_t begin = 0; begin < num_rows_L[l]; begin += max_rows) {
      blocks.push_back(
          {static_cast<int64_t>(l), first + begin, std::min(max_rows, num_rows_L[l] - begin)});
    }
    first += num_rows_L[l];
  }
  std::stable_sort(
      blocks.begin(), blocks.end(), [](const Block& a, const Block& b) { return a.size > b.size; });
  return blocks;
}

/// Calls run(i, scratch, poll) for each i below num_tasks, each thread taking the next that is
/// left. poll: null but on the calling thread.
template <typename Run>
void run_tasks(size_t num_tasks, size_t scratch_bytes, const Run& run) {
  const int64_t num_threads =
      std::min<int64_t>(at::get_num_threads(), static_cast<int64_t>(num_tasks));
  const at::Tensor scratch =
      workspace_empty({num_threads, static_cast<int64_t>(scratch_bytes)}, at::kByte);
  std::atomic<size_t> next = 0;
  at::parallel_for(0, num_threads, 1, [&](int64_t thread, int64_t /*end*/) {
    auto* own_scratch =
        static_cast<std::byte*>(scratch.data_ptr()) + static_cast<size_t>(thread) * scratch_bytes;
    for (size_t i = next++; i < num_tasks; i = next++) {
      run(i, own_scratch, thread == 0 ? &poll_progress : nullptr);
    }
  });
}

/// A contiguous matrix, row by row, from the row on.
const void* row_at(const at::Tensor& matrix, int64_t row) {
  return static_cast<const std::byte*>(matrix.const_data_ptr()) +
         static_cast<size_t>(row * matrix.stride(0) * matrix.element_size());
}

void* mutable_row_at(const at::Tensor& matrix, int64_t row) {
  return matrix.defined() ? const_cast<void*>(row_at(matrix, row)) : nullptr;
}

IndexedRows contiguous(const IndexedRows& rows) {
  return {rows.source_TD.contiguous(),
          rows.idx_R.defined() ? rows.idx_R.contiguous() : at::Tensor()};
}

RowsView view_from(const IndexedRows& rows, int64_t first) {
  if (!rows.idx_R.defined()) {
    return {row_at(rows.source_TD, first), rows.width(), nullptr};
  }
  return {
      rows.source_TD.const_data_ptr(), rows.width(), rows.idx_R.const_data_ptr<int32_t>() + first};
}

FfnForward forward_by_library(const at::Tensor& x_RD,
                              const at::Tensor& up_LGD,
                              const at::Tensor& down_LDF,
                              const Counts& num_rows_L,
                              Activation activation) {
  const at::Tensor z_RG = grouped_gemm(x_RD, up_LGD, num_rows_L);
  return {z_RG, grouped_gemm(activation_forward(z_RG, activation), down_LDF, num_rows_L)};
}

FfnBackward backward_by_library(const at::Tensor& dy_RD,
                                const at::Tensor& score_R,
                                const at::Tensor& z_RG,
                                const at::Tensor& up_LGD,
                                const at::Tensor& down_LDF,
                                const Counts& num_rows_L,
                                Activation activation) {
  const at::Tensor da_RF = grouped_gemm_input_grad(dy_RD, down_LDF, num_rows_L);
  ActivationGrads grads = activation_backward(z_RG, da_RF, score_R, activation);
  return {grouped_gemm_input_grad(grads.dz_RG, up_LGD, num_rows_L),
          std::move(grads.dscore_R),
          std::move(grads.dz_RG),
          std::move(grads.a_RF)};
}

/// Rows of a weight's gradient that one task computes.
struct WeightBlock {
  const IndexedRows* left;
  const IndexedRows* right;
  GradSink grad_LNM;
  int64_t l;
  int64_t first_row;
  int64_t num_rows;
  int64_t begin_N;
  int64_t end_N;

  int64_t cost() const { return num_rows * (end_N - begin_N) * right->width(); }
};

void add_weight_blocks(const IndexedRows& left,
                       const IndexedRows& right,
                       const Counts& num_rows_L,
                       const GradSink& grad_LNM,
                       std::vector<WeightBlock>& blocks) {
  if (!grad_LNM.is_set()) {
    return;
  }
  int64_t first = 0;
  for (size_t l = 0; l < num_rows_L.size(); ++l) {
    if (num_rows_L[l] == 0 && grad_LNM.is_blank()) {
      grad_LNM.grad()[static_cast<int64_t>(l)].zero_();
    }
    for (int64_t n = 0; n < left.width() && num_rows_L[l] > 0; n += kRowsPerTask) {
      blocks.push_back({&left,
                        &right,
                        grad_LNM,
                        static_cast<int64_t>(l),
                        first,
                        num_rows_L[l],
                        n,
                        std::min(n + kRowsPerTask, left.width())});
    }
    first += num_rows_L[l];
  }
}

void check_grad(const char* name,
                const GradSink& sink,
                std::initializer_list<int64_t> shape,
                at::ScalarType dtype) {
  if (sink.is_set()) {
    const at::Tensor& grad = sink.grad();
    check_shape(name, grad, shape);
    check_dtype(name, grad, accumulation_dtype(dtype));
    detail::check_on_cpu(name, grad);
    if (!grad.is_contiguous()) {
      throw ShapeError(std::string(name) + " must be contiguous");
    }
  }
}

}  // namespace

FfnForward ffn_forward(const IndexedRows& x,
                       const at::Tensor& up_LGD,
                       const at::Tensor& down_LDF,
                       const Counts& num_rows_L,
                       Activation activation,
                       bool keeps_z) {
  const FfnSizes sizes = check_weights(up_LGD, down_LDF, num_rows_L, activation);
  const at::ScalarType dtype = down_LDF.scalar_type();
  check_rows("x", x, sizes.D, dtype, num_rows_L);
  const KindKernels* kernels = detail::own_kernels(dtype);
  if (kernels == nullptr) {
    FfnForward forward = forward_by_library(x.gathered(), up_LGD, down_LDF, num_rows_L, activation);
    return {keeps_z ? forward.z_RG : at::Tensor(), forward.y_RD};
  }
  const IndexedRows rows = contiguous(x);
  const at::Tensor up = up_LGD.contiguous();
  const at::Tensor down = down_LDF.contiguous();
  const int64_t R = rows.num_rows();
  FfnForward forward;
  if (keeps_z) {
    forward.z_RG = workspace_empty({R, up.size(1)}, dtype);
  }
  forward.y_RD = workspace_empty({R, sizes.D}, dtype);
  const std::vector<Block> blocks =
      blocks_of(num_rows_L, rows_per_task(std::max(sizes.D, sizes.F)));
  run_tasks(blocks.size(),
            kernels->forward_scratch_bytes(sizes, blocks.empty() ? 0 : blocks.front().size),
            [&](size_t i, std::byte* scratch, auto* poll) {
              const Block& block = blocks[i];
              kernels->forward({.sizes = sizes,
                                .num_rows = block.size,
                                .x = view_from(rows, block.first),
                                .up_GD = row_at(up, block.l),
                                .down_DF = row_at(down, block.l),
                                .z_RG = mutable_row_at(forward.z_RG, block.first),
                                .y_RD = mutable_row_at(forward.y_RD, block.first),
                                .scratch = scratch,
                                .poll = poll});
            });
  return forward;
}

FfnBackward ffn_backward(const IndexedRows& dy,
                         const at::Tensor& score_R,
                         const at::Tensor& z_RG,
                         const at::Tensor& up_LGD,
                         const at::Tensor& down_LDF,
                         const Counts& num_rows_L,
                         Activation activation) {
  const FfnSizes sizes = check_weights(up_LGD, down_LDF, num_rows_L, activation);
  const at::ScalarType dtype = down_LDF.scalar_type();
  check_rows("dy", dy, sizes.D, dtype, num_rows_L);
  const int64_t R = dy.num_rows();
  check_shape("score_R", score_R, {R});
  check_dtype("score_R", score_R, accumulation_dtype(dtype));
  check_shape("z_RG", z_RG, {R, up_LGD.size(1)});
  check_dtype("z_RG", z_RG, dtype);
  detail::check_on_cpu("score_R", score_R);
  detail::check_on_cpu("z_RG", z_RG);
  const KindKernels* kernels = detail::own_kernels(dtype);
  if (kernels == nullptr) {
    return backward_by_library(
        dy.gathered(), score_R, z_RG, up_LGD, down_LDF, num_rows_L, activation);
  }
  const IndexedRows rows = contiguous(dy);
  const at::Tensor score = score_R.contiguous();
  const at::Tensor z = z_RG.contiguous();
  const at::Tensor up = up_LGD.contiguous();
  const at::Tensor down = down_LDF.contiguous();
  FfnBackward backward{.dx_RD = workspace_empty({R, sizes.D}, dtype),
                       .dscore_R = workspace_empty({R}, at::kFloat),
                       .dz_RG = workspace_empty({R, up.size(1)}, dtype),
                       .a_RF = workspace_empty({R, sizes.F}, dtype)};
  const std::vector<Block> blocks =
      blocks_of(num_rows_L, rows_per_task(std::max(sizes.D, up.size(1))));
  run_tasks(
      blocks.size(),
      kernels->backward_scratch_bytes(sizes, blocks.empty() ? 0 : blocks.front().size),
      [&](size_t i, std::byte* scratch, auto* poll) {
        const Block& block = blocks[i];
        kernels->backward({.sizes = sizes,
                           .num_rows = block.size,
                           .dy = view_from(rows, block.first),
                           .score_R = score.const_data_ptr<float>() + block.first,
                           .z_RG = row_at(z, block.first),
                           .up_GD = row_at(up, block.l),
                           .down_DF = row_at(down, block.l),
                           .dz_RG = mutable_row_at(backward.dz_RG, block.first),
                           .a_RF = mutable_row_at(backward.a_RF, block.first),
                           .dx_RD = mutable_row_at(backward.dx_RD, block.first),
                           .dscore_R = backward.dscore_R.mutable_data_ptr<float>() + block.first,
                           .scratch = scratch,
                           .poll = poll});
      });
  return backward;
}

void ffn_weight_grads(const IndexedRows& x,
                      const IndexedRows& dy,
                      const FfnBackward& backward,
                      const Counts& num_rows_L,
                      GradSink up_grad_LGD,
                      GradSink down_grad_LDF) {
  const auto L = static_cast<int64_t>(num_rows_L.size());
  check_indexed_rows("dy", dy);
  const at::ScalarType dtype = dy.source_TD.scalar_type();
  detail::check_dtype_among("dy", dy.source_TD, {at::kFloat, at::kDouble, at::kBFloat16});
  const int64_t D = dy.width();
  check_rows("x", x, D, dtype, num_rows_L);
  check_rows("dy", dy, D, dtype, num_rows_L);
  check_rows("dz_RG", {backward.dz_RG}, -1, dtype, num_rows_L);
  check_rows("a_RF", {backward.a_RF}, -1, dtype, num_rows_L);
  check_grad("up_grad_LGD", up_grad_LGD, {L, backward.dz_RG.size(1), D}, dtype);
  check_grad("down_grad_LDF", down_grad_LDF, {L, D, backward.a_RF.size(1)}, dtype);
  const KindKernels* kernels = detail::own_kernels(dtype);
  if (kernels == nullptr) {
    if (up_grad_LGD.is_set()) {
      grouped_gemm_weight_grad(backward.dz_RG, x.gathered(), num_rows_L, up_grad_LGD.sum());
    }
    if (down_grad_LDF.is_set()) {
      grouped_gemm_weight_grad(dy.gathered(), backward.a_RF, num_rows_L, down_grad_LDF.sum());
    }
    return;
  }
  const IndexedRows x_rows = contiguous(x);
  const IndexedRows dy_rows = contiguous(dy);
  const IndexedRows dz_rows = contiguous({backward.dz_RG});
  const IndexedRows a_rows = contiguous({backward.a_RF});
  std::vector<WeightBlock> blocks;
  add_weight_blocks(dz_rows, x_rows, num_rows_L, up_grad_LGD, blocks);
  add_weight_blocks(dy_rows, a_rows, num_rows_L, down_grad_LDF, blocks);
  std::stable_sort(blocks.begin(), blocks.end(), [](const WeightBlock& a, const WeightBlock& b) {
    return a.cost() > b.cost();
  });
  run_tasks(blocks.size(),
            kernels->weight_grad_scratch_bytes(kRowsPerTask),
            [&](size_t i, std::byte* scratch, auto* poll) {
              const WeightBlock& block = blocks[i];
              kernels->weight_grad(
                  {.num_rows = block.num_rows,
                   .left = view_from(*block.left, block.first_row),
                   .right = view_from(*block.right, block.first_row),
                   .begin_N = block.begin_N,
                   .end_N = block.end_N,
                   .M = block.right->width(),
                   .grad_NM = static_cast<float*>(mutable_row_at(block.grad_LNM.grad(), block.l)),
                   .overwrites = block.grad_LNM.is_blank(),
                   .scratch = scratch,
                   .poll = poll});
            });
  for (GradSink* sink : {&up_grad_LGD, &down_grad_LDF}) {
    if (sink->is_set()) {
      sink->set_written();
    }
  }
}

}  // namespace hecaton::kernels
