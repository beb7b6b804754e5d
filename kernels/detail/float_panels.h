// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

#include "kernels/detail/kind_kernels.h"
#include "kernels/detail/simd_math.h"

namespace hecaton::kernels::detail {
namespace {

/// Row i of a view.
template <typename Number>
const Number* row_of(const RowsView& rows, int64_t i) {
  const int64_t row = rows.row_idx == nullptr ? i : rows.row_idx[i];
  return static_cast<const Number*>(rows.data) + row * rows.stride;
}

/// The rows of a view from `first` on.
template <typename Number>
RowsView rows_from(const RowsView& rows, int64_t first) {
  if (rows.row_idx != nullptr) {
    return {rows.data, rows.stride, rows.row_idx + first};
  }
  return {row_of<Number>(rows, first), rows.stride, nullptr};
}

/// Columns [first, first + count) of a matrix; the num_readable numbers from the first on are
/// there, at least `count` of them, and may be read.
struct Columns {
  int64_t first = 0;
  int64_t count = 0;
  int64_t num_readable = 0;
};

/// Asks for the line of a column of row i, if there is such a row, before it is needed.
template <typename Number>
void prefetch_row(const RowsView& rows, int64_t i, int64_t num_rows, int64_t column) {
  if (i < num_rows) {
    __builtin_prefetch(row_of<Number>(rows, i) + column, /*rw=*/0, /*locality=*/2);
  }
}

/// Calls body(panel, first lane, step) for each step over kRowsPerStep of the num_rows rows and
/// panels of kLanes lanes: a few steps at a time, so that what is read of a row is read whole and
/// soon again. Meanwhile the next few are on their way: the rows may stand anywhere.
template <int64_t kLanes, int64_t kRowsPerStep, typename Number, typename Body>
void for_each_step(const RowsView& rows, int64_t num_rows, Columns columns, const Body& body) {
  constexpr int64_t kAtATime = 16;
  constexpr int64_t kLine = 64 / static_cast<int64_t>(sizeof(Number));
  const int64_t num_steps = divide_up(num_rows, kRowsPerStep);
  for (int64_t first = 0; first < num_steps; first += kAtATime) {
    for (int64_t lane = 0; lane < columns.count; lane += kLanes) {
      for (int64_t step = first; step < num_steps && step < first + kAtATime; ++step) {
        for (int64_t i = 0; i < kRowsPerStep; ++i) {
          for (int64_t offset = 0; offset < kLanes; offset += kLine) {
            prefetch_row<Number>(rows,
                                 (step + kAtATime) * kRowsPerStep + i,
                                 num_rows,
                                 columns.first + lane + offset);
          }
        }
        body(lane / kLanes, lane, step);
      }
    }
  }
}

/// Panels that need nothing from the CPU while they are in use.
struct NoSession {
  static void renew() {}
};

/// The operands of a product, packed for the multipliers, and a tile of it: kRows rows of the left
/// operand times kLanes lanes of the right one, summed over K in order.
///
/// A panel holds the numbers of its rows or lanes for k = 0, then for k = 1 and so on; panels
/// follow each other. Both operands come from matrices in two ways: "rows" when a row of the matrix
/// runs along k, "columns" when each row of the matrix is one k. Rows and lanes that are missing
/// are zeros, or columns that nobody asked for.
///
/// Memory holds Source, float or BFloat16Bits; panels hold float.
template <typename SimdType, typename Source>
struct FloatPanels {
  using Simd = SimdType;
  using Number = Source;
  using Packed = float;
  /// An object that lives as long as products are computed; renew() after code of others.
  using Session = NoSession;
  /// Whether multiply() takes other work to do meanwhile: where products have a unit of their own.
  static constexpr bool kHasMatrixUnit = false;
  static constexpr int64_t kWidth = Simd::kWidth;
  static constexpr int64_t kRows = Simd::kTileRows;
  static constexpr int64_t kVectors = Simd::kTileVectors;
  static constexpr int64_t kLanes = kVectors * kWidth;

  static constexpr int64_t left_size(int64_t K) { return K * kRows; }
  static constexpr int64_t right_size(int64_t K) { return K * kLanes; }

  static void pack_left_rows(float* to, const RowsView& rows, int64_t num_rows, int64_t K) {
    for (int64_t row = 0; row < num_rows; row += kRows) {
      const int64_t count = smaller(kRows, num_rows - row);
      pack_rows(to + row * K, rows, row, count, K, [](float* at, int64_t k, Words words) {
        Simd::store_tile_rows(at + k * kRows, words);
      });
    }
  }
  static void pack_left_columns(float* to, const RowsView& rows, int64_t K, Columns columns) {
    const auto pack = [&](int64_t panel, int64_t lane, int64_t k) {
      const Source* from = row_of<Source>(rows, k) + columns.first + lane;
      Simd::store_tile_rows(to + panel * left_size(K) + k * kRows,
                            words_of(load_some<Simd>(from, columns.num_readable - lane)));
    };
    for_each_step<kRows, 1, Source>(rows, K, columns, pack);
  }
  /// One vector's lanes of one panel; every vector must be packed. Lane j is row first + j; there
  /// are `count` of them, negative for none.
  static void pack_right_rows(
      float* to, int64_t vector, const RowsView& rows, int64_t first, int64_t count, int64_t K) {
    pack_rows(to + vector * kWidth, rows, first, count, K, [](float* at, int64_t k, Words words) {
      Simd::store_words(at + k * kLanes, words);
    });
  }
  static void pack_right_columns(float* to, const RowsView& rows, int64_t K, Columns columns) {
    const auto pack = [&](int64_t panel, int64_t lane, int64_t k) {
      const Source* from = row_of<Source>(rows, k) + columns.first + lane;
      float* at = to + panel * right_size(K) + k * kLanes;
      for (int64_t v = 0; v < kLanes; v += kWidth) {
        Simd::store(at + v, load_some<Simd>(from + v, columns.num_readable - lane - v));
      }
    };
    for_each_step<kLanes, 1, Source>(rows, K, columns, pack);
  }

  /// tile[i * kLanes + j] = sum over k; rows from num_rows on are left as they are.
  static void multiply(
      int64_t num_rows, int64_t K, const float* left, const float* right, float* tile) {
    multiply_rows<kRows>(num_rows, K, left, right, tile);
  }

 private:
  using Floats = typename Simd::Floats;
  using Words = typename Simd::Words;

  static Words words_of(const Floats& numbers) { return reinterpret_cast<const Words&>(numbers); }

  /// Calls store(to, k, the lanes of k) for each k.
  template <typename Store>
  static void pack_rows(float* to,
                        const RowsView& rows,
                        int64_t first,
                        int64_t count,
                        int64_t K,
                        const Store& store) {
    const Source* from[kWidth] = {};
    for (int64_t i = 0; i < kWidth && i < count; ++i) {
      from[i] = row_of<Source>(rows, first + i);
    }
    for (int64_t k = 0; k < K; k += kWidth) {
      Words square[kWidth];
      for (int64_t i = 0; i < kWidth; ++i) {
        square[i] = words_of(i < count ? load_some<Simd>(from[i] + k, K - k) : Simd::zero());
      }
      Simd::transpose(square);
      for (int64_t i = 0; i < kWidth && k + i < K; ++i) {
        store(to, k + i, square[i]);
      }
    }
  }

  template <int64_t kNumRows>
  static void multiply_rows(
      int64_t num_rows, int64_t K, const float* left, const float* right, float* tile) {
    if constexpr (kNumRows > 1) {
      if (num_rows < kNumRows) {
        multiply_rows<kNumRows - 1>(num_rows, K, left, right, tile);
        return;
      }
    }
    Floats sums[kNumRows][kVectors];
    for (auto& row : sums) {
      for (Floats& sum : row) {
        sum = Simd::zero();
      }
    }
    for (int64_t k = 0; k < K; ++k) {
      Floats lanes[kVectors];
#pragma GCC unroll 2
      for (int64_t v = 0; v < kVectors; ++v) {
        lanes[v] = Simd::load(right + k * kLanes + v * kWidth);
      }
#pragma GCC unroll 16
      for (int64_t i = 0; i < kNumRows; ++i) {
        const Floats number = Simd::broadcast(left + k * kRows + i);
#pragma GCC unroll 2
        for (int64_t v = 0; v < kVectors; ++v) {
          sums[i][v] = sums[i][v] + number * lanes[v];
        }
      }
    }
#pragma GCC unroll 16
    for (int64_t i = 0; i < kNumRows; ++i) {
#pragma GCC unroll 2
      for (int64_t v = 0; v < kVectors; ++v) {
        Simd::store(tile + i * kLanes + v * kWidth, sums[i][v]);
      }
    }
  }
};

}  // namespace
}  // namespace hecaton::kernels::detail
