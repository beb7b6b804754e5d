// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>

#include "core/error.h"

/// Runs a call of the CUDA runtime; InternalError with the call, the error's name and its text. The
/// launch of a kernel is checked by HECATON_CUDA(cudaGetLastError()) behind it. Needs
/// <cuda_runtime_api.h>, which this header leaves to the few sources that may include it.
#define HECATON_CUDA(call)                                                            \
  do {                                                                                \
    const cudaError_t hecaton_code = (call);                                          \
    if (hecaton_code != cudaSuccess) {                                                \
      throw ::hecaton::InternalError(std::string("CUDA: " #call ": ") +               \
                                     cudaGetErrorName(hecaton_code) + " (code " +     \
                                     std::to_string(static_cast<int>(hecaton_code)) + \
                                     "): " + cudaGetErrorString(hecaton_code));       \
    }                                                                                 \
  } while (false)
