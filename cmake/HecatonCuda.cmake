# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors
#
# Switches the language CUDA on. nvcc is CUDACXX's, the one on PATH, or that of /usr/local/cuda, in this
# order; CMAKE_CUDA_COMPILER and CMAKE_CUDA_ARCHITECTURES overrule everything here.

# Machine code for A100 and H100/H200; newer devices compile the PTX of the last one when they load it.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80-real 90)
endif()
# LibTorch brings the shared runtime, and a process must not have two.
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  find_program(HECATON_NVCC nvcc HINTS /usr/local/cuda/bin)
  mark_as_advanced(HECATON_NVCC)
  if(NOT HECATON_NVCC)
    message(FATAL_ERROR "HECATON_WITH_CUDA needs nvcc: put it on PATH, name it in CUDACXX, or run scripts/setup-cuda")
  endif()
  set(CMAKE_CUDA_COMPILER "${HECATON_NVCC}")
endif()
enable_language(CUDA)
if(HECATON_CCACHE AND NOT CMAKE_CUDA_COMPILER_LAUNCHER)
  set(CMAKE_CUDA_COMPILER_LAUNCHER "${HECATON_CCACHE}")
endif()

# CMake 3.25 does not know that nvcc can do C++20, and would silently compile as C++17.
if(CMAKE_VERSION VERSION_LESS 3.26)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
  list(APPEND CMAKE_CUDA_COMPILE_FEATURES cuda_std_20)
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
