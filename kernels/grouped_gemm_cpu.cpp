// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/grouped_gemm.h"

#include <algorithm>
#include <numeric>

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <omp.h>

#include "core/error.h"
#include "core/shapes.h"
#include "kernels/detail/device.h"
#include "kernels/detail/dtype_check.h"

// MKL's own, exported by LibTorch where that was built with MKL; null elsewhere.
// NOLINTNEXTLINE(readability-identifier-naming): the name is MKL's
extern "C" int MKL_Set_Num_Threads_Local(int num_threads) __attribute__((weak));

namespace hecaton::kernels {
namespace {

// Enough rows that a block runs at nearly the speed of a large product, few enough that one expert
// with most of the rows still feeds every thread.
constexpr int64_t kRowsPerBlock = 256;

/// name: the rows that the counts divide among the experts.
void check_rows(const char* name, const at::Tensor& rows, const std::vector<int64_t>& num_rows_L) {
  detail::check_dtype_among(name, rows, {at::kFloat, at::kDouble, at::kBFloat16});
  detail::check_on_cpu(name, rows);
  for (const int64_t num_rows : num_rows_L) {
    if (num_rows < 0) {
      throw ShapeError("num_rows_L must not be negative: found " + std::to_string(num_rows));
    }
  }
  const int64_t sum = std::accumulate(num_rows_L.begin(), num_rows_L.end(), int64_t{0});
  if (sum != rows.size(0)) {
    throw ShapeError("num_rows_L must sum to the number of rows: sum=" + std::to_string(sum) +
                     " rows=" + std::to_string(rows.size(0)));
  }
}

void check_same_dtype(const char* name, const at::Tensor& tensor, const at::Tensor& like) {
  check_dtype(name, tensor, like.scalar_type());
}

/// While it lives, the library computes each product on the calling thread alone and takes it for
/// the only one. MKL and oneDNN cut long sums by the number of threads they are allowed, also where
/// they then run on one, and the bits of the result would follow that number.
class SerialLibrary {
 public:
  SerialLibrary() : num_openmp_threads_(omp_get_max_threads()), num_mkl_threads_(set_mkl(1)) {
    omp_set_num_threads(1);
  }
  ~SerialLibrary() {
    omp_set_num_threads(num_openmp_threads_);
    set_mkl(num_mkl_threads_);
  }
  SerialLibrary(const SerialLibrary&) = delete;
  SerialLibrary& operator=(const SerialLibrary&) = delete;

 private:
  /// Returns the number before; 0 stands for MKL's global number.
  static int set_mkl(int num_threads) {
    return MKL_Set_Num_Threads_Local == nullptr ? 0 : MKL_Set_Num_Threads_Local(num_threads);
  }

  int num_openmp_threads_;
  int num_mkl_threads_;
};

/// Rows of one expert's product, computed by one thread.
struct Block {
  size_t l;
  int64_t begin;  ///< first row, counted within the expert
  int64_t size;
};

/// Calls body(block) for blocks that cover num_rows_L[l] rows of every product l. The cut depends
/// on nothing else, above all not on the number of threads.
template <typename Body>
void for_each_block(const std::vector<int64_t>& num_rows_L, const Body& body) {
  std::vector<Block> blocks;
  for (size_t l = 0; l < num_rows_L.size(); ++l) {
    for (int64_t begin = 0; begin < num_rows_L[l]; begin += kRowsPerBlock) {
      blocks.push_back({l, begin, std::min(kRowsPerBlock, num_rows_L[l] - begin)});
    }
  }
  at::parallel_for(0, static_cast<int64_t>(blocks.size()), 1, [&](int64_t begin, int64_t end) {
    const at::NoGradGuard no_grad;  // grad mode is per thread, and mm_out refuses to record
    const SerialLibrary serial;
    for (int64_t i = begin; i < end; ++i) {
      body(blocks[static_cast<size_t>(i)]);
    }
  });
}

std::vector<int64_t> first_rows(const std::vector<int64_t>& num_rows_L) {
  std::vector<int64_t> first_row_L(num_rows_L.size());
  std::exclusive_scan(num_rows_L.begin(), num_rows_L.end(), first_row_L.begin(), int64_t{0});
  return first_row_L;
}

}  // namespace

at::Tensor grouped_gemm(const at::Tensor& x_RM,
                        const at::Tensor& weight_LNM,
                        const std::vector<int64_t>& num_rows_L) {
  const auto L = static_cast<int64_t>(num_rows_L.size());
  check_shape("weight_LNM", weight_LNM, {L, -1, -1});
  check_shape("x_RM", x_RM, {-1, weight_LNM.size(2)});
  check_same_dtype("weight_LNM", weight_LNM, x_RM);
  check_rows("x_RM", x_RM, num_rows_L);
  at::Tensor y_RN = at::empty({x_RM.size(0), weight_LNM.size(1)}, x_RM.options());
  const std::vector<int64_t> first_row_L = first_rows(num_rows_L);
  for_each_block(num_rows_L, [&](const Block& block) {
    const int64_t first_row = first_row_L[block.l] + block.begin;
    at::Tensor block_y_RN = y_RN.narrow(0, first_row, block.size);
    const at::Tensor weight_NM = weight_LNM.select(0, static_cast<int64_t>(block.l));
    at::mm_out(block_y_RN, x_RM.narrow(0, first_row, block.size), weight_NM.t());
  });
  return y_RN;
}

at::Tensor grouped_gemm_input_grad(const at::Tensor& dy_RN,
                                   const at::Tensor& weight_LNM,
                                   const std::vector<int64_t>& num_rows_L) {
  const auto L = static_cast<int64_t>(num_rows_L.size());
  check_shape("weight_LNM", weight_LNM, {L, -1, -1});
  check_shape("dy_RN", dy_RN, {-1, weight_LNM.size(1)});
  check_same_dtype("weight_LNM", weight_LNM, dy_RN);
  check_rows("dy_RN", dy_RN, num_rows_L);
  at::Tensor dx_RM = at::empty({dy_RN.size(0), weight_LNM.size(2)}, dy_RN.options());
  const std::vector<int64_t> first_row_L = first_rows(num_rows_L);
  for_each_block(num_rows_L, [&](const Block& block) {
    const int64_t first_row = first_row_L[block.l] + block.begin;
    at::Tensor block_dx_RM = dx_RM.narrow(0, first_row, block.size);
    const at::Tensor weight_NM = weight_LNM.select(0, static_cast<int64_t>(block.l));
    at::mm_out(block_dx_RM, dy_RN.narrow(0, first_row, block.size), weight_NM);
  });
  return dx_RM;
}

void grouped_gemm_weight_grad(const at::Tensor& dy_RN,
                              const at::Tensor& x_RM,
                              const std::vector<int64_t>& num_rows_L,
                              const at::Tensor& grad_LNM) {
  const auto L = static_cast<int64_t>(num_rows_L.size());
  check_shape("dy_RN", dy_RN, {-1, -1});
  check_shape("x_RM", x_RM, {dy_RN.size(0), -1});
  check_shape("grad_LNM", grad_LNM, {L, dy_RN.size(1), x_RM.size(1)});
  check_same_dtype("x_RM", x_RM, dy_RN);
  check_dtype("grad_LNM", grad_LNM, accumulation_dtype(dy_RN.scalar_type()));
  check_rows("dy_RN", dy_RN, num_rows_L);
  const bool is_same_dtype = grad_LNM.scalar_type() == dy_RN.scalar_type();
  // The rows of this product are the N outputs; an expert that saw no input has nothing to add.
  std::vector<int64_t> num_outputs_L;
  num_outputs_L.reserve(num_rows_L.size());
  for (const int64_t num_rows : num_rows_L) {
    num_outputs_L.push_back(num_rows > 0 ? dy_RN.size(1) : 0);
  }
  const std::vector<int64_t> first_row_L = first_rows(num_rows_L);
  for_each_block(num_outputs_L, [&](const Block& block) {
    const int64_t first_row = first_row_L[block.l];
    const int64_t num_rows = num_rows_L[block.l];
    at::Tensor grad_NM =
        grad_LNM.select(0, static_cast<int64_t>(block.l)).narrow(0, block.begin, block.size);
    const at::Tensor expert_x_RM = x_RM.narrow(0, first_row, num_rows);
    const at::Tensor dy_NR =
        dy_RN.narrow(0, first_row, num_rows).narrow(1, block.begin, block.size).t();
    if (is_same_dtype) {
      at::addmm_out(grad_NM, grad_NM, dy_NR, expert_x_RM);
    } else {
      // ATen has no bfloat16 product into float32: one call's product is rounded once to bfloat16,
      // sums over calls stay in float32.
      grad_NM.add_(at::mm(dy_NR, expert_x_RM));
    }
  });
}

}  // namespace hecaton::kernels
