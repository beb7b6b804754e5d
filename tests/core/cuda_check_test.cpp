// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/cuda_check.h"

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include "tests/testing/expect_error.h"

namespace hecaton {
namespace {

cudaError_t answer(cudaError_t code) {
  return code;
}

TEST(CudaCheckTest, AFailedCallNamesItselfAndTheError) {
  testing::expect_error<InternalError>(
      [] { HECATON_CUDA(answer(cudaErrorInvalidValue)); },
      "CUDA: answer(cudaErrorInvalidValue): cudaErrorInvalidValue (code 1): invalid argument");
}

TEST(CudaCheckTest, ACallThatWorksIsSilent) {
  EXPECT_NO_THROW(HECATON_CUDA(answer(cudaSuccess)));
}

}  // namespace
}  // namespace hecaton
