// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/activation_kind.h"
#include "kernels/detail/ffn_kernels.h"
#include "kernels/detail/float_panels.h"
#include "kernels/detail/simd_math.h"

// The tasks of ffn_kernels.h for any kind of panels. Every product goes the same way: the left
// operand is packed once, the right one a few panels at a time, so that both stay in the second
// level cache, and each tile is handed to an epilogue while it is in the first.

namespace hecaton::kernels::detail {

/// Right panels that are packed at a time take about so much.
constexpr int64_t kRightBytes = 512 * 1024;
/// Rows of a weight gradient's sum that are packed at a time: its sums are cut there.
constexpr int64_t kRowsPerSum = 512;

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

/// left times right, whose left operand is packed.
///
/// pack_right:  called with (first panel, one past the last, to).
/// epilogue:    called with (first row, number of rows, panel, tile) for every tile, panel by panel
///              for each row.
template <typename Panels, typename PackRight, typename Epilogue>
void multiply(const ProductScratch<Panels>& scratch,
              int64_t num_rows,
              int64_t K,
              int64_t num_panels,
              void (*poll)(),
              const PackRight& pack_right,
              const Epilogue& epilogue) {
  const int64_t panel_size = Panels::right_size(K);
  const int64_t panel_bytes = panel_size * static_cast<int64_t>(sizeof(*scratch.right));
  const int64_t group = larger(1, kRightBytes / larger(1, panel_bytes));
  alignas(64) float tile[Panels::kRows * Panels::kLanes];
  for (int64_t begin = 0; begin < num_panels; begin += group) {
    const int64_t end = smaller(begin + group, num_panels);
    pack_right(begin, end, scratch.right);
    for (int64_t row = 0; row < num_rows; row += Panels::kRows) {
      const int64_t count = smaller(Panels::kRows, num_rows - row);
      const auto* left = scratch.left + row / Panels::kRows * Panels::left_size(K);
      for (int64_t panel = begin; panel < end; ++panel) {
        Panels::multiply(count, K, left, scratch.right + (panel - begin) * panel_size, tile);
        epilogue(row, count, panel, static_cast<const float*>(tile));
      }
      if (poll != nullptr) {
        poll();
      }
    }
  }
}

/// Calls body(first lane of the vector, lane of the tile, number of lanes) for each vector of a
/// panel that has lanes below `width`.
template <typename Panels, typename Body>
void for_each_vector(int64_t panel, int64_t width, const Body& body) {
  for (int64_t v = 0; v < Panels::kVectors; ++v) {
    const int64_t lane = panel * Panels::kLanes + v * Panels::kWidth;
    if (lane < width) {
      body(lane, v * Panels::kWidth, smaller(Panels::kWidth, width - lane));
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
    for_each_vector<Panels>(panel, width, [&](int64_t lane, int64_t tile_lane, int64_t count) {
      for (int64_t i = 0; i < num_rows; ++i) {
        store_some<Simd>(to + (first_row + i) * width + lane,
                         Simd::load(tile + i * Panels::kLanes + tile_lane),
                         count);
      }
    });
  };
}

/// Packs lanes that are rows of a matrix: y = x W^T.
template <typename Panels>
auto right_rows(const void* matrix, int64_t num_lanes, int64_t K) {
  return [rows = RowsView{matrix, K, nullptr}, num_lanes, K](int64_t begin, int64_t end, auto* to) {
    for (int64_t panel = begin; panel < end; ++panel) {
      for (int64_t v = 0; v < Panels::kVectors; ++v) {
        const int64_t first = panel * Panels::kLanes + v * Panels::kWidth;
        Panels::pack_right_rows(
            to + (panel - begin) * Panels::right_size(K), v, rows, first, num_lanes - first, K);
      }
    }
  };
}

/// Packs lanes that are columns of a matrix of K rows: dx = dy W.
template <typename Panels>
auto right_columns(const RowsView& rows, int64_t num_lanes, int64_t K) {
  return [rows, num_lanes, K](int64_t begin, int64_t end, auto* to) {
    const int64_t first = begin * Panels::kLanes;
    Panels::pack_right_columns(
        to, rows, K, {first, smaller(end * Panels::kLanes, num_lanes) - first, num_lanes - first});
  };
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
      // A panel holds gates in its first half and the same ups in its second.
      static_assert(Panels::kVectors == 2, "gate and up are a vector each");
      const RowsView up_GD{task.up_GD, D, nullptr};
      const auto pack = [&](int64_t begin, int64_t end, auto* to) {
        for (int64_t panel = begin; panel < end; ++panel) {
          const int64_t f = panel * Panels::kWidth;
          auto* panel_to = to + (panel - begin) * Panels::right_size(D);
          Panels::pack_right_rows(panel_to, 0, up_GD, f, F - f, D);
          Panels::pack_right_rows(panel_to, 1, up_GD, F + f, F - f, D);
        }
      };
      multiply(scratch,
               task.num_rows,
               D,
               divide_up(F, Panels::kWidth),
               task.poll,
               pack,
               [&](int64_t first_row, int64_t num_rows, int64_t panel, const float* tile) {
                 const int64_t f = panel * Panels::kWidth;
                 const int64_t count = smaller(Panels::kWidth, F - f);
                 for (int64_t i = 0; i < num_rows; ++i) {
                   const int64_t row = first_row + i;
                   const float* tile_row = tile + i * Panels::kLanes;
                   const Floats gate = rounded_to<Simd, Number>(Simd::load(tile_row));
                   const Floats up =
                       rounded_to<Simd, Number>(Simd::load(tile_row + Panels::kWidth));
                   if (z_RG != nullptr) {
                     store_some<Simd>(z_RG + row * 2 * F + f, gate, count);
                     store_some<Simd>(z_RG + row * 2 * F + F + f, up, count);
                   }
                   store_some<Simd>(
                       a_RF + row * F + f, curve<Simd, kActivation>(gate).value * up, count);
                 }
               });
    } else {
      multiply(
          scratch,
          task.num_rows,
          D,
          divide_up(F, Panels::kLanes),
          task.poll,
          right_rows<Panels>(task.up_GD, F, D),
          [&](int64_t first_row, int64_t num_rows, int64_t panel, const float* tile) {
            for_each_vector<Panels>(panel, F, [&](int64_t f, int64_t tile_lane, int64_t count) {
              for (int64_t i = 0; i < num_rows; ++i) {
                const int64_t row = first_row + i;
                const Floats z =
                    rounded_to<Simd, Number>(Simd::load(tile + i * Panels::kLanes + tile_lane));
                if (z_RG != nullptr) {
                  store_some<Simd>(z_RG + row * F + f, z, count);
                }
                store_some<Simd>(a_RF + row * F + f, curve<Simd, kActivation>(z).value, count);
              }
            });
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

  static void run(const FfnBackwardTask& task, const ProductScratch<Panels>& scratch) {
    const int64_t D = task.sizes.D;
    const int64_t F = task.sizes.F;
    for (int64_t row = 0; row < task.num_rows; ++row) {
      task.dscore_R[row] = 0.0F;
    }
    Panels::pack_left_rows(scratch.left, task.dy, task.num_rows, D);
    multiply(scratch,
             task.num_rows,
             D,
             divide_up(F, Panels::kLanes),
             task.poll,
             right_columns<Panels>({task.down_DF, F, nullptr}, F, D),
             [&](int64_t first_row, int64_t num_rows, int64_t panel, const float* tile) {
               for (int64_t i = 0; i < num_rows; ++i) {
                 Floats dscore = Simd::zero();
                 for_each_vector<Panels>(
                     panel, F, [&](int64_t f, int64_t tile_lane, int64_t count) {
                       const Floats da = Simd::load(tile + i * Panels::kLanes + tile_lane);
                       dscore = dscore + differentiate(task, first_row + i, f, count, da);
                     });
                 task.dscore_R[first_row + i] += Simd::sum(dscore);
               }
             });
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

  /// The inner dims are D, F and G.
  static int64_t max_K(const FfnSizes& sizes) {
    return larger(sizes.D, projection_width(sizes.activation, sizes.F));
  }

  static void forward(const FfnForwardTask& task) {
    [[maybe_unused]] const typename Panels::Session session;
    const int64_t D = task.sizes.D;
    const int64_t F = task.sizes.F;
    Scratch parts(task.scratch);
    const ProductScratch<Panels> scratch(parts, task.num_rows, max_K(task.sizes));
    auto* a_RF = parts.take<Number>(task.num_rows * F);
    with_activation(task.sizes.activation, [&]<Activation kActivation>() {
      UpProjection<Panels, kActivation>::run(task, scratch, a_RF);
    });
    Panels::pack_left_rows(scratch.left, {a_RF, F, nullptr}, task.num_rows, F);
    multiply(scratch,
             task.num_rows,
             F,
             divide_up(D, Panels::kLanes),
             task.poll,
             right_rows<Panels>(task.down_DF, D, F),
             store_to<Panels>(task.y_RD, D));
  }

  static void backward(const FfnBackwardTask& task) {
    [[maybe_unused]] const typename Panels::Session session;
    const int64_t D = task.sizes.D;
    const int64_t G = projection_width(task.sizes.activation, task.sizes.F);
    Scratch parts(task.scratch);
    const ProductScratch<Panels> scratch(parts, task.num_rows, max_K(task.sizes));
    with_activation(task.sizes.activation, [&]<Activation kActivation>() {
      DownGradient<Panels, kActivation>::run(task, scratch);
    });
    Panels::pack_left_rows(scratch.left, {task.dz_RG, G, nullptr}, task.num_rows, G);
    multiply(scratch,
             task.num_rows,
             G,
             divide_up(D, Panels::kLanes),
             task.poll,
             right_columns<Panels>({task.up_GD, D, nullptr}, D, G),
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
      multiply(scratch,
               num_outputs,
               K,
               divide_up(task.M, Panels::kLanes),
               task.poll,
               right_columns<Panels>(rows_from<Number>(task.right, first_row), task.M, K),
               [&](int64_t first_n, int64_t num_n, int64_t panel, const float* tile) {
                 add_tile(task, task.begin_N + first_n, num_n, panel, tile);
               });
    }
  }

  static size_t ffn_scratch_bytes(const FfnSizes& sizes) {
    Scratch parts(nullptr);
    const ProductScratch<Panels> scratch(parts, kRowsPerTask, max_K(sizes));
    parts.take<Number>(kRowsPerTask * sizes.F);
    return parts.num_bytes();
  }

  static size_t weight_grad_scratch_bytes() {
    Scratch parts(nullptr);
    const ProductScratch<Panels> scratch(parts, kRowsPerTask, kRowsPerSum);
    return parts.num_bytes();
  }

  static constexpr FfnKernels kernels(const char* name) {
    return {name, forward, backward, weight_grad, ffn_scratch_bytes, weight_grad_scratch_bytes};
  }

 private:
  static void add_tile(const WeightGradTask& task,
                       int64_t first_n,
                       int64_t num_n,
                       int64_t panel,
                       const float* tile) {
    using Simd = typename Panels::Simd;
    for_each_vector<Panels>(panel, task.M, [&](int64_t m, int64_t tile_lane, int64_t count) {
      for (int64_t i = 0; i < num_n; ++i) {
        float* grad = task.grad_NM + (first_n + i) * task.M + m;
        store_some<Simd>(
            grad,
            load_some<Simd>(grad, count) + Simd::load(tile + i * Panels::kLanes + tile_lane),
            count);
      }
    });
  }
};

}  // namespace hecaton::kernels::detail
