# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors
#
# Finds every dependency at the version that dependencies.txt states.

file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/dependencies.txt" _lines REGEX "^[A-Za-z]")
foreach(_line ${_lines})
  string(REGEX REPLACE "[ \t]+" ";" _fields "${_line}")
  list(GET _fields 0 _name)
  list(GET _fields 2 HECATON_VERSION_${_name})
endforeach()

if(HECATON_WITH_NCCL AND NOT HECATON_WITH_CUDA)
  message(FATAL_ERROR "HECATON_WITH_NCCL needs HECATON_WITH_CUDA")
endif()
if(HECATON_WITH_CUDA)
  find_package(CUDAToolkit REQUIRED)
endif()
find_package(LibTorch ${HECATON_VERSION_torch} EXACT REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(Threads REQUIRED)
find_package(yaml-cpp ${HECATON_VERSION_yaml-cpp} REQUIRED)
find_package(CLI11 ${HECATON_VERSION_CLI11} REQUIRED)
find_package(nlohmann_json ${HECATON_VERSION_nlohmann_json} REQUIRED)
find_package(spdlog ${HECATON_VERSION_spdlog} REQUIRED)
if(HECATON_WITH_MPI)
  # The C API alone: Open MPI's C++ bindings are gone from the standard.
  set(MPI_CXX_SKIP_MPICXX ON)
  find_package(MPI ${HECATON_VERSION_mpi} REQUIRED COMPONENTS CXX)
endif()
if(HECATON_WITH_NCCL)
  find_package(NCCL REQUIRED)
endif()
if(HECATON_BUILD_TESTS)
  find_package(GTest ${HECATON_VERSION_GTest} REQUIRED)
  include(GoogleTest)
endif()
