// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/activation_kind.h"
#include "kernels/detail/combine_tokens.h"
#include "kernels/detail/float_panels.h"
#include "kernels/detail/kind_kernels.h"
#include "kernels/detail/simd_math.h"

// The tasks of kind_kernels.h for any kind of panels. Every product goes the same way: the left
// operand is packed once, the right one a few panels at a time; a left panel is read from the first
// level cache for all of these, which stay in the second; each tile is handed to an epilogue while
// it is in the first.

namespace hecaton::kernels::detail {
namespace {

/// Right panels that are packed at a time take about so much.
inline constexpr int64_t kRightBytes = int64_t{512} << 10;
/// Rows of a weight gradient's sum that are packed at a time: its sums are cut there.
inline constexpr int64_t kRowsPerSum = 512;

/// Hands out parts of a task's scratch, each at a multiple of 64 bytes. Without memory it counts.
class Scratch {
 public:
  explicit Scratch(std::byte* begin) : begin_(begin) {}

  template <typename Number>
  Number* take(int64_t count) {
    auto* taken = reinterpret_cast<Number*>(begin_ == nullptr ? nullptr : begin_ + num_bytes_);
    num_bytes_ += (static_cast<size_t>(count) * sizeof(Number) + 63) / 64 * 64;
    return taken;
  }
  size_t num_bytes() const { return num_bytes_; }

 private:
  std::byte* begin_;
  size_t num_bytes_ = 0;
};

/// A left operand of at most max_rows rows and a few right panels over at most max_K.
template <typename Panels>
struct ProductScratch {
  using Packed = typename Panels::Packed;

  ProductScratch(Scratch& scratch, int64_t max_rows, int64_t max_K)
      : left(scratch.take<Packed>(divide_up(max_rows, Panels::kRows) * Panels::left_size(max_K))),
        right(scratch.take<Packed>(larger(kRightBytes / static_cast<int64_t>(sizeof(Packed)),
                                          Panels::right_size(max_K)))) {}

  Packed* left;
  Packed* right;
};

/// Asks for the lines of [begin, begin + num_bytes) before they are needed.
inline void prefetch(const void* begin, int64_t num_bytes) {
  const auto* line = static_cast<const std::byte*>(begin);
  for (int64_t offset = 0; offset < num_bytes; offset += 64) {
    __builtin_prefetch(line + offset, /*rw=*/0, /*locality=*/2);
  }
}

/// A matrix that an epilogue reads or writes: a tile of its own for each tile of the product. Its
/// lines are asked for before the tile is computed, because nothing else would foresee them.
struct TiledMatrix {
  const void* begin = nullptr;
  int64_t row_bytes = 0;
  int64_t tile_bytes = 0;  ///< of one row

  void prefetch_tile(int64_t first_row, int64_t num_rows, int64_t panel) const {
    if (begin == nullptr) {
      return;
    }
    const auto* tile =
        static_cast<const std::byte*>(begin) + first_row * row_bytes + panel * tile_bytes;
    for (int64_t i = 0; i < num_rows; ++i) {
      prefetch(tile + i * row_bytes, tile_bytes);
    }
  }
};

/// Part `part` of num_parts even parts of `count` things begins here.
constexpr int64_t part_begin(int64_t count, int64_t part, int64_t num_parts) {
  return count * part / num_parts;
}

/// A tile whose epilogue is yet to come: where products have a unit of their own, the next tile is
/// computed beside it.
template <typename Panels>
struct FinishedTile {
  int64_t first_row = 0;
  int64_t num_rows = 0;
  int64_t panel = 0;
  const float* data = nullptr;

  template <typename Epilogue>
  void pass_on(const Epilogue& epilogue, int64_t part, int64_t num_parts) const {
    const int64_t begin = part_begin(num_rows, part, num_parts);
    const int64_t end = part_begin(num_rows, part + 1, num_parts);
    epilogue(first_row + begin, end - begin, panel, data + begin * Panels::kLanes);
  }
};

/// left times right, whose left operand is packed.
///
/// right:       pack(first panel, one past the last, to) packs; prefetch(first panel, one past the
///              last, part, num_parts) asks for a part of what that will read.
/// epilogue:    called with (first row, number of rows, panel, tile) for every tile, whole or a few
///              rows at a time, panel by panel for each row; matrices: what it reads and writes.
template <typename Panels, typename Right, typename Epilogue, size_t kNumMatrices>
void multiply(const ProductScratch<Panels>& scratch,
              int64_t num_rows,
              int64_t K,
              int64_t num_panels,
              void (*poll)(),
              const Right& right,
              const TiledMatrix (&matrices)[kNumMatrices],
              const Epilogue& epilogue) {
  const int64_t panel_size = Panels::right_size(K);
  const int64_t panel_bytes = panel_size * static_cast<int64_t>(sizeof(*scratch.right));
  const int64_t group = larger(1, kRightBytes / larger(1, panel_bytes));
  const int64_t num_parts = divide_up(num_rows, Panels::kRows);
  alignas(64) float tile[Panels::kRows * Panels::kLanes];
  FinishedTile<Panels> finished;  // still in `tile`, which the next product writes at its end
  for (int64_t begin = 0; begin < num_panels; begin += group) {
    const int64_t end = smaller(begin + group, num_panels);
    right.pack(begin, end, scratch.right);
    for (int64_t row = 0; row < num_rows; row += Panels::kRows) {
      const int64_t count = smaller(Panels::kRows, num_rows - row);
      const int64_t part = row / Panels::kRows;
      const auto* left = scratch.left + part * Panels::left_size(K);
      right.prefetch(end, smaller(end + group, num_panels), part, num_parts);
      for (int64_t panel = begin; panel < end; ++panel) {
        for (const TiledMatrix& matrix : matrices) {
          matrix.prefetch_tile(row, count, panel);
        }
        const auto* lanes = scratch.right + (panel - begin) * panel_size;
        if constexpr (Panels::kHasMatrixUnit) {
          Panels::multiply(count, K, left, lanes, tile, [&](int64_t step, int64_t num_steps) {
            finished.pass_on(epilogue, step, num_steps);
          });
          finished = {row, count, panel, tile};
        } else {
          Panels::multiply(count, K, left, lanes, tile);
          epilogue(row, count, panel, static_cast<const float*>(tile));
        }
      }
      if (poll != nullptr) {
        poll();
        Panels::Session::renew();
      }
    }
  }
  if constexpr (Panels::kHasMatrixUnit) {
    finished.pass_on(epilogue, 0, 1);
  }
}

/// Calls body(first lane, number of lanes, vector) for each vector of a row of a tile that has
/// lanes below `width`.
template <typename Panels, typename Body>
void for_each_vector(int64_t panel, int64_t width, const float* tile_row, const Body& body) {
#pragma GCC unroll 2
  for (int64_t v = 0; v < Panels::kVectors; ++v) {
    const int64_t lane = panel * Panels::kLanes + v * Panels::kWidth;
    if (lane < width) {
      body(lane,
           smaller(Panels::kWidth, width - lane),
           Panels::Simd::load(tile_row + v * Panels::kWidth));
    }
  }
}

/// An epilogue that writes tiles to a matrix of `width` columns.
template <typename Panels>
auto store_to(void* matrix, int64_t width) {
  using Number = typename Panels::Number;
  return [to = static_cast<Number*>(matrix), width](
             int64_t first_row, int64_t num_rows, int64_t panel, const float* tile) {
    using Simd = typename Panels::Simd;
    for (int64_t i = 0; i < num_rows; ++i, tile += Panels::kLanes) {
      Number* row = to + (first_row + i) * width;
      for_each_vector<Panels>(
          panel, width, tile, [&](int64_t lane, int64_t count, typename Simd::Floats values) {
            store_some<Simd>(row + lane, values, count);
          });
    }
  };
}

/// Lanes that are rows of a matrix: y = x W^T. Each panel takes kLanes / num_blocks lanes of each
/// of num_blocks blocks of num_lanes rows: gate and up where both are wanted side by side.
template <typename Panels>
struct RightRows {
  const void* matrix = nullptr;
  int64_t num_lanes = 0;
  int64_t K = 0;
  int64_t num_blocks = 1;

  int64_t lanes_per_panel() const { return Panels::kLanes / num_blocks; }
  int64_t num_panels() const { return divide_up(num_lanes, lanes_per_panel()); }

  template <typename Packed>
  void pack(int64_t begin, int64_t end, Packed* to) const {
    const RowsView rows{matrix, K, nullptr};
    const int64_t vectors_per_block = Panels::kVectors / num_blocks;
    for (int64_t panel = begin; panel < end; ++panel, to += Panels::right_size(K)) {
      for (int64_t v = 0; v < Panels::kVectors; ++v) {
        const int64_t lane = panel * lanes_per_panel() + v % vectors_per_block * Panels::kWidth;
        const int64_t first_row = v / vectors_per_block * num_lanes + lane;
        Panels::pack_right_rows(to, v, rows, first_row, num_lanes - lane, K);
      }
    }
  }

  void prefetch(int64_t begin, int64_t end, int64_t part, int64_t num_parts) const {
    using Number = typename Panels::Number;
    const int64_t first = begin * lanes_per_panel();
    const int64_t count = smaller(end * lanes_per_panel(), num_lanes) - first;
    const int64_t part_first = part_begin(count * K, part, num_parts);
    const int64_t part_end = part_begin(count * K, part + 1, num_parts);
    for (int64_t block = 0; block < num_blocks && count > 0; ++block) {
      const auto* rows = static_cast<const Number*>(matrix) + (block * num_lanes + first) * K;
      detail::prefetch(rows + part_first,
                       (part_end - part_first) * static_cast<int64_t>(sizeof(Number)));
    }
  }
};

/// Lanes that are columns of a matrix of K rows: dx = dy W.
template <typename Panels>
struct RightColumns {
  RowsView rows;
  int64_t num_lanes = 0;
  int64_t K = 0;

  int64_t num_panels() const { return divide_up(num_lanes, Panels::kLanes); }

  template <typename Packed>
  void pack(int64_t begin, int64_t end, Packed* to) const {
    const int64_t first = begin * Panels::kLanes;
    Panels::pack_right_columns(
        to, rows, K, {first, smaller(end * Panels::kLanes, num_lanes) - first, num_lanes - first});
  }

  void prefetch(int64_t begin, int64_t end, int64_t part, int64_t num_parts) const {
    using Number = typename Panels::Number;
    const int64_t first = begin * Panels::kLanes;
    const int64_t num_bytes =
        (smaller(end * Panels::kLanes, num_lanes) - first) * static_cast<int64_t>(sizeof(Number));
    for (int64_t k = part_begin(K, part, num_parts); k < part_begin(K, part + 1, num_parts); ++k) {
      detail::prefetch(row_of<Number>(rows, k) + first, num_bytes);
    }
  }
};

/// The tiles of a matrix of num_columns columns; each panel has `lanes` of them.
template <typename Number>
TiledMatrix tiles_of(const Number* matrix, int64_t num_columns, int64_t lanes) {
  constexpr auto kBytes = static_cast<int64_t>(sizeof(Number));
  return {matrix, num_columns * kBytes, lanes * kBytes};
}

/// z = x up^T, and a = act(z) in the pass that writes z.
template <typename Panels, Activation kActivation>
struct UpProjection {
  using Simd = typename Panels::Simd;
  using Floats = typename Simd::Floats;
  using Number = typename Panels::Number;

  static void run(const FfnForwardTask& task, const ProductScratch<Panels>& scratch, Number* a_RF) {
    const int64_t D = task.sizes.D;
    const int64_t F = task.sizes.F;
    auto* z_RG = static_cast<Number*>(task.z_RG);
    Panels::pack_left_rows(scratch.left, task.x, task.num_rows, D);
    if constexpr (is_gated(kActivation)) {
      static_assert(Panels::kVectors == 2, "a panel is a vector of gates and the ups of these");
      const RightRows<Panels> right{task.up_GD, F, D, /*num_blocks=*/2};
      multiply(scratch,
               task.num_rows,
               D,
               right.num_panels(),
               task.poll,
               right,
               {tiles_of(z_RG, 2 * F, Panels::kWidth),
                tiles_of(z_RG == nullptr ? nullptr : z_RG + F, 2 * F, Panels::kWidth)},
               [&](int64_t first_row, int64_t num_rows, int64_t panel, const float* tile) {
                 const int64_t f = panel * Panels::kWidth;
                 const int64_t count = smaller(Panels::kWidth, F - f);
                 for (int64_t row = first_row; row < first_row + num_rows;
                      ++row, tile += Panels::kLanes) {
                   const Floats gate = rounded_to<Simd, Number>(Simd::load(tile));
                   const Floats up = rounded_to<Simd, Number>(Simd::load(tile + Panels::kWidth));
                   if (z_RG != nullptr) {
                     store_some<Simd>(z_RG + row * 2 * F + f, gate, count);
                     store_some<Simd>(z_RG + row * 2 * F + F + f, up, count);
                   }
                   store_some<Simd>(
                       a_RF + row * F + f, curve<Simd, kActivation>(gate).value * up, count);
                 }
               });
    } else {
      const RightRows<Panels> right{task.up_GD, F, D};
      multiply(
          scratch,
          task.num_rows,
          D,
          right.num_panels(),
          task.poll,
          right,
          {tiles_of(z_RG, F, Panels::kLanes)},
          [&](int64_t first_row, int64_t num_rows, int64_t panel, const float* tile) {
            for (int64_t row = first_row; row < first_row + num_rows;
                 ++row, tile += Panels::kLanes) {
              for_each_vector<Panels>(panel, F, tile, [&](int64_t f, int64_t count, Floats values) {
                const Floats z = rounded_to<Simd, Number>(values);
                if (z_RG != nullptr) {
                  store_some<Simd>(z_RG + row * F + f, z, count);
                }
                store_some<Simd>(a_RF + row * F + f, curve<Simd, kActivation>(z).value, count);
              });
            }
          });
    }
  }
};

/// da = dy down, and in the pass that has it the gradients of z and of the score.
template <typename Panels, Activation kActivation>
struct DownGradient {
  using Simd = typename Panels::Simd;
  using Floats = typename Simd::Floats;
  using Number = typename Panels::Number;

  /// dscore_lanes: scratch, a vector for each row.
  static void run(const FfnBackwardTask& task,
                  const ProductScratch<Panels>& scratch,
                  float* dscore_lanes) {
    const int64_t D = task.sizes.D;
    const int64_t F = task.sizes.F;
    for (int64_t row = 0; row < task.num_rows; ++row) {
      Simd::store(dscore_lanes + row * Simd::kWidth, Simd::zero());
    }
    Panels::pack_left_rows(scratch.left, task.dy, task.num_rows, D);
    const int64_t G = projection_width(kActivation, F);
    const auto* z_RG = static_cast<const Number*>(task.z_RG);
    const auto* dz_RG = static_cast<const Number*>(task.dz_RG);
    const RightColumns<Panels> right{{task.down_DF, F, nullptr}, F, D};
    multiply(scratch,
             task.num_rows,
             D,
             right.num_panels(),
             task.poll,
             right,
             {tiles_of(z_RG, G, Panels::kLanes),
              tiles_of(z_RG + G - F, G, Panels::kLanes),  // the same again where nothing is gated
              tiles_of(dz_RG, G, Panels::kLanes),
              tiles_of(dz_RG + G - F, G, Panels::kLanes),
              tiles_of(static_cast<const Number*>(task.a_RF), F, Panels::kLanes)},
             [&](int64_t first_row, int64_t num_rows, int64_t panel, const float* tile) {
               for (int64_t row = first_row; row < first_row + num_rows;
                    ++row, tile += Panels::kLanes) {
                 Floats dscore = Simd::load(dscore_lanes + row * Simd::kWidth);
                 for_each_vector<Panels>(panel, F, tile, [&](int64_t f, int64_t count, Floats da) {
                   dscore = dscore + differentiate(task, row, f, count, da);
                 });
                 Simd::store(dscore_lanes + row * Simd::kWidth, dscore);
               }
             });
    for (int64_t row = 0; row < task.num_rows; ++row) {
      task.dscore_R[row] = Simd::sum(Simd::load(dscore_lanes + row * Simd::kWidth));
    }
  }

 private:
  /// Lanes [f, f + count) of a row; returns da * a. Missing lanes give 0.
  static Floats differentiate(
      const FfnBackwardTask& task, int64_t row, int64_t f, int64_t count, Floats da) {
    const int64_t F = task.sizes.F;
    const int64_t G = projection_width(kActivation, F);
    const auto* z_G = static_cast<const Number*>(task.z_RG) + row * G;
    auto* dz_G = static_cast<Number*>(task.dz_RG) + row * G;
    const Floats score = Simd::set(task.score_R[row]);
    const Curve<Simd> curve = detail::curve<Simd, kActivation>(load_some<Simd>(z_G + f, count));
    Floats a = curve.value;
    Floats dz = score * da * curve.slope;
    if constexpr (is_gated(kActivation)) {
      const Floats up = load_some<Simd>(z_G + F + f, count);
      a = a * up;
      dz = dz * up;
      store_some<Simd>(dz_G + F + f, score * da * curve.value, count);
    }
    store_some<Simd>(dz_G + f, dz, count);
    store_some<Simd>(static_cast<Number*>(task.a_RF) + row * F + f, score * a, count);
    return da * a;
  }
};

/// Calls body(activation as a constant).
template <typename Body>
void with_activation(Activation activation, const Body& body) {
  switch (activation) {
    case Activation::kSwiGlu:
      return body.template operator()<Activation::kSwiGlu>();
    case Activation::kGeGlu:
      return body.template operator()<Activation::kGeGlu>();
    case Activation::kGelu:
      return body.template operator()<Activation::kGelu>();
    case Activation::kSquaredRelu:
      return body.template operator()<Activation::kSquaredRelu>();
  }
}

template <typename Panels>
struct FfnTasks {
  using Number = typename Panels::Number;

  /// A task's products sum over D, then over F forward and over G backward.
  static int64_t forward_max_K(const FfnSizes& sizes) { return larger(sizes.D, sizes.F); }
  static int64_t backward_max_K(const FfnSizes& sizes) {
    return larger(sizes.D, projection_width(sizes.activation, sizes.F));
  }

  static void forward(const FfnForwardTask& task) {
    [[maybe_unused]] const typename Panels::Session session;
    const int64_t D = task.sizes.D;
    const int64_t F = task.sizes.F;
    Scratch parts(task.scratch);
    const ProductScratch<Panels> scratch(parts, task.num_rows, forward_max_K(task.sizes));
    auto* a_RF = parts.take<Number>(task.num_rows * F);
    with_activation(task.sizes.activation, [&]<Activation kActivation>() {
      UpProjection<Panels, kActivation>::run(task, scratch, a_RF);
    });
    Panels::pack_left_rows(scratch.left, {a_RF, F, nullptr}, task.num_rows, F);
    const RightRows<Panels> right{task.down_DF, D, F};
    multiply(scratch,
             task.num_rows,
             F,
             right.num_panels(),
             task.poll,
             right,
             {tiles_of(static_cast<const Number*>(task.y_RD), D, Panels::kLanes)},
             store_to<Panels>(task.y_RD, D));
  }

  static void backward(const FfnBackwardTask& task) {
    [[maybe_unused]] const typename Panels::Session session;
    const int64_t D = task.sizes.D;
    const int64_t G = projection_width(task.sizes.activation, task.sizes.F);
    Scratch parts(task.scratch);
    const ProductScratch<Panels> scratch(parts, task.num_rows, backward_max_K(task.sizes));
    auto* dscore_lanes = parts.take<float>(task.num_rows * Panels::kWidth);
    with_activation(task.sizes.activation, [&]<Activation kActivation>() {
      DownGradient<Panels, kActivation>::run(task, scratch, dscore_lanes);
    });
    Panels::pack_left_rows(scratch.left, {task.dz_RG, G, nullptr}, task.num_rows, G);
    const RightColumns<Panels> right{{task.up_GD, D, nullptr}, D, G};
    multiply(scratch,
             task.num_rows,
             G,
             right.num_panels(),
             task.poll,
             right,
             {tiles_of(static_cast<const Number*>(task.dx_RD), D, Panels::kLanes)},
             store_to<Panels>(task.dx_RD, D));
  }

  static void weight_grad(const WeightGradTask& task) {
    [[maybe_unused]] const typename Panels::Session session;
    Scratch parts(task.scratch);
    const int64_t num_outputs = task.end_N - task.begin_N;
    const ProductScratch<Panels> scratch(parts, num_outputs, kRowsPerSum);
    for (int64_t first_row = 0; first_row < task.num_rows; first_row += kRowsPerSum) {
      const int64_t K = smaller(kRowsPerSum, task.num_rows - first_row);
      Panels::pack_left_columns(scratch.left,
                                rows_from<Number>(task.left, first_row),
                                K,
                                {task.begin_N, num_outputs, task.left.stride - task.begin_N});
      const RightColumns<Panels> right{rows_from<Number>(task.right, first_row), task.M, K};
      multiply(scratch,
               num_outputs,
               K,
               right.num_panels(),
               task.poll,
               right,
               {tiles_of(task.grad_NM + task.begin_N * task.M, task.M, Panels::kLanes)},
               [&](int64_t first_n, int64_t num_n, int64_t panel, const float* tile) {
                 if (task.overwrites && first_row == 0) {
                   put_tile<true>(task, task.begin_N + first_n, num_n, panel, tile);
                 } else {
                   put_tile<false>(task, task.begin_N + first_n, num_n, panel, tile);
                 }
               });
    }
  }

  static size_t forward_scratch_bytes(const FfnSizes& sizes, int64_t max_rows) {
    Scratch parts(nullptr);
    const ProductScratch<Panels> scratch(parts, max_rows, forward_max_K(sizes));
    parts.take<Number>(max_rows * sizes.F);
    return parts.num_bytes();
  }

  static size_t backward_scratch_bytes(const FfnSizes& sizes, int64_t max_rows) {
    Scratch parts(nullptr);
    const ProductScratch<Panels> scratch(parts, max_rows, backward_max_K(sizes));
    parts.take<float>(max_rows * Panels::kWidth);
    return parts.num_bytes();
  }

  static size_t weight_grad_scratch_bytes(int64_t max_rows) {
    Scratch parts(nullptr);
    const ProductScratch<Panels> scratch(parts, max_rows, kRowsPerSum);
    return parts.num_bytes();
  }

  static constexpr KindKernels kernels(const char* name) {
    return {.name = name,
            .forward = forward,
            .backward = backward,
            .weight_grad = weight_grad,
            .combine = combine<typename Panels::Simd, Number>,
            .forward_scratch_bytes = forward_scratch_bytes,
            .backward_scratch_bytes = backward_scratch_bytes,
            .weight_grad_scratch_bytes = weight_grad_scratch_bytes};
  }

 private:
  template <bool kOverwrites>
  static void put_tile(const WeightGradTask& task,
                       int64_t first_n,
                       int64_t num_n,
                       int64_t panel,
                       const float* tile) {
    using Simd = typename Panels::Simd;
    for (int64_t n = first_n; n < first_n + num_n; ++n, tile += Panels::kLanes) {
      float* grad_M = task.grad_NM + n * task.M;
      for_each_vector<Panels>(
          panel, task.M, tile, [&](int64_t m, int64_t count, typename Simd::Floats sum) {
            if constexpr (!kOverwrites) {
              sum = load_some<Simd>(grad_M + m, count) + sum;
            }
            store_some<Simd>(grad_M + m, sum, count);
          });
    }
  }
};

}  // namespace
}  // namespace hecaton::kernels::detail
