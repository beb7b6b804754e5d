// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/detail/ffn_tasks.h"
#include "kernels/detail/simd_avx512_bf16.h"
#include "kernels/detail/word_panels.h"

namespace hecaton::kernels::detail {
namespace {

/// What ldtilecfg reads: eight registers of 16 rows by 64 bytes.
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t num_rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfig) == 64);

/// While it lives, this thread has matrix registers.
class MatrixRegisters {
 public:
  MatrixRegisters() { renew(); }
  ~MatrixRegisters() { _tile_release(); }
  MatrixRegisters(const MatrixRegisters&) = delete;
  MatrixRegisters& operator=(const MatrixRegisters&) = delete;

  /// Takes them again after code that may have released them or laid them out in another way.
  static void renew() {
    static constexpr TileConfig kConfig;
    asm volatile("ldtilecfg %0" ::"m"(kConfig));  // GCC 12's intrinsic names 8 of the 64 bytes
  }
};

/// Panels of bfloat16 pairs for the matrix registers; what each function does stands in
/// float_panels.h.
///
/// K goes in blocks of 32, zeros behind the last number. A left panel holds, block by block, 16
/// rows of 32 numbers and 16 more; a right panel is that of WordPacking.
struct MatrixPanels {
  using Simd = Avx512Bf16;
  using Number = BFloat16Bits;
  using Packed = uint32_t;
  using Session = MatrixRegisters;
  static constexpr bool kHasMatrixUnit = true;
  static constexpr int64_t kWidth = Simd::kWidth;
  static constexpr int64_t kRows = 32;
  static constexpr int64_t kVectors = 2;
  static constexpr int64_t kLanes = kVectors * kWidth;
  static constexpr int64_t kSquare = kWidth * kWidth;  ///< words of a matrix register

  static constexpr int64_t num_blocks(int64_t K) { return (K + 31) / 32; }
  static constexpr int64_t num_words(int64_t K) { return num_blocks(K) * kWidth; }
  static constexpr int64_t left_size(int64_t K) { return num_blocks(K) * 2 * kSquare; }
  static constexpr int64_t right_size(int64_t K) { return num_words(K) * kLanes; }

  static void pack_left_rows(uint32_t* to, const RowsView& rows, int64_t num_rows, int64_t K) {
    for (int64_t row = 0; row < divide_up(num_rows, kRows) * kRows; ++row) {
      const BFloat16Bits* from = row < num_rows ? row_of<BFloat16Bits>(rows, row) : nullptr;
      uint32_t* panel = to + row / kRows * left_size(K);
      for (int64_t block = 0; block < num_blocks(K); ++block) {
        Simd::store_words(panel + 2 * block * kSquare + row % kRows * kWidth,
                          row < num_rows ? WordPacking::along_row(from, block * kWidth, K)
                                         : _mm512_setzero_si512());
      }
    }
  }
  static void pack_left_columns(uint32_t* to, const RowsView& rows, int64_t K, Columns columns) {
    for (int64_t block = 0; block < num_blocks(K); ++block) {
      for (int64_t lane = 0; lane < divide_up(columns.count, kRows) * kRows; lane += kWidth) {
        Simd::Words square[kWidth];
        for (int64_t w = 0; w < kWidth; ++w) {
          const int64_t word = block * kWidth + w;
          for (int64_t k = 2 * word; k < 2 * word + 2; ++k) {
            prefetch_row<BFloat16Bits>(rows, k + 2 * kWidth, K, columns.first + lane);
          }
          square[w] = WordPacking::across_rows(
              rows, word, K, columns.first + lane, columns.num_readable - lane);
        }
        Simd::transpose(square);
        uint32_t* panel = to + lane / kRows * left_size(K);
        for (int64_t i = 0; i < kWidth; ++i) {
          Simd::store_words(panel + 2 * block * kSquare + (lane % kRows + i) * kWidth, square[i]);
        }
      }
    }
  }
  static void pack_right_rows(
      uint32_t* to, int64_t vector, const RowsView& rows, int64_t first, int64_t count, int64_t K) {
    WordPacking::pack_right_rows(to, vector, rows, first, count, K, num_words(K));
  }
  static void pack_right_columns(uint32_t* to, const RowsView& rows, int64_t K, Columns columns) {
    WordPacking::pack_right_columns(to, rows, K, columns, num_words(K));
  }

  /// Writes all 32 rows where more than 16 are asked for, else 16. The right panel streams through
  /// the first cache so that the left one stays there. Before it
  /// writes, calls other_work(part, num_parts) for each part, a few instructions each: the matrix
  /// unit needs few of those, and a core that finds both close together runs them side by side.
  template <typename OtherWork>
  static void multiply(int64_t num_rows,
                       int64_t K,
                       const uint32_t* left,
                       const uint32_t* right,
                       float* tile,
                       const OtherWork& other_work) {
    constexpr int64_t kLeftStride = kWidth * sizeof(uint32_t);
    constexpr int64_t kRightStride = kLanes * sizeof(uint32_t);
    if (K == 0) {
      other_work(0, 1);
    }
    asm volatile("" ::: "memory");  // the loads below do not say that they read what was packed
    _tile_zero(0);
    _tile_zero(1);
    if (num_rows <= kWidth) {
      for (int64_t block = 0; block < num_blocks(K); ++block) {
        _tile_loadd(4, left, kLeftStride);
        _tile_stream_loadd(6, right, kRightStride);
        _tile_stream_loadd(7, right + kWidth, kRightStride);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        other_work(block, num_blocks(K));
        left += 2 * kSquare;
        right += kWidth * kLanes;
      }
    } else {
      _tile_zero(2);
      _tile_zero(3);
      for (int64_t block = 0; block < num_blocks(K); ++block) {
        _tile_loadd(4, left, kLeftStride);
        _tile_stream_loadd(6, right, kRightStride);
        _tile_stream_loadd(7, right + kWidth, kRightStride);
        _tile_loadd(5, left + kSquare, kLeftStride);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
        other_work(block, num_blocks(K));
        left += 2 * kSquare;
        right += kWidth * kLanes;
      }
      _tile_stored(2, tile + kWidth * kLanes, kRightStride);
      _tile_stored(3, tile + kWidth * kLanes + kWidth, kRightStride);
    }
    _tile_stored(0, tile, kRightStride);
    _tile_stored(1, tile + kWidth, kRightStride);
  }
};

}  // namespace

const KindKernels kBFloat16Amx = FfnTasks<MatrixPanels>::kernels("bfloat16 amx_bf16");

}  // namespace hecaton::kernels::detail
