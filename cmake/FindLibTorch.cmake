# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors
#
# Finds LibTorch and defines imported targets for it, without Torch's own package files: those demand
# a CUDA toolkit and nvcc as soon as the wheel was built with CUDA, and change flags in the caller's
# scope. Works with a CPU wheel, a CUDA wheel without nvcc, and a plain LibTorch folder.
#
# Input:    HECATON_TORCH_DIR (variable or environment): the folder of the torch package, the one that
#           holds include/ and lib/. Otherwise the project's .venv, then `python3`, are asked for it.
# Targets:  LibTorch::c10, LibTorch::torch_cpu and, where the wheel has CUDA and CUDAToolkit was found
#           before, LibTorch::c10_cuda and LibTorch::torch_cuda.
# Variable: LibTorch_VERSION

include(FindPackageHandleStandardArgs)

if(NOT HECATON_TORCH_DIR AND DEFINED ENV{HECATON_TORCH_DIR})
  set(HECATON_TORCH_DIR "$ENV{HECATON_TORCH_DIR}")
endif()
if(NOT HECATON_TORCH_DIR)
  # Ask where the package is without importing it: an import takes seconds.
  foreach(_python "${PROJECT_SOURCE_DIR}/.venv/bin/python" python3)
    execute_process(
      COMMAND "${_python}" -c
              "import importlib.util as u, os; print(os.path.dirname(u.find_spec('torch').origin))"
      OUTPUT_VARIABLE HECATON_TORCH_DIR
      OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(HECATON_TORCH_DIR)
      break()
    endif()
  endforeach()
endif()
set(HECATON_TORCH_DIR "${HECATON_TORCH_DIR}" CACHE PATH "Folder of the torch package (include/, lib/)")

# The version moved from the second header to the first in newer releases.
foreach(_header torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
  set(_file "${HECATON_TORCH_DIR}/include/${_header}")
  if(NOT LibTorch_VERSION AND EXISTS "${_file}")
    file(STRINGS "${_file}" _parts REGEX "^#define TORCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+$")
    string(REGEX REPLACE "[^0-9;]" "" _parts "${_parts}")
    string(REPLACE ";" "." LibTorch_VERSION "${_parts}")
  endif()
endforeach()

foreach(_library c10 torch_cpu c10_cuda torch_cuda)
  find_library(LibTorch_${_library}_LIBRARY ${_library} PATHS "${HECATON_TORCH_DIR}/lib"
               NO_DEFAULT_PATH)
  mark_as_advanced(LibTorch_${_library}_LIBRARY)
endforeach()

find_package_handle_standard_args(
  LibTorch
  REQUIRED_VARS LibTorch_torch_cpu_LIBRARY LibTorch_c10_LIBRARY
  VERSION_VAR LibTorch_VERSION HANDLE_VERSION_RANGE
  REASON_FAILURE_MESSAGE
    "looked in HECATON_TORCH_DIR='${HECATON_TORCH_DIR}': run scripts/setup, or set HECATON_TORCH_DIR to the torch package's folder"
)

if(LibTorch_FOUND AND NOT TARGET LibTorch::torch_cpu)
  foreach(_library c10 torch_cpu)
    add_library(LibTorch::${_library} SHARED IMPORTED)
    set_target_properties(
      LibTorch::${_library}
      PROPERTIES
        IMPORTED_LOCATION "${LibTorch_${_library}_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES
        "${HECATON_TORCH_DIR}/include;${HECATON_TORCH_DIR}/include/torch/csrc/api/include")
  endforeach()
  target_link_libraries(LibTorch::torch_cpu INTERFACE LibTorch::c10)
  target_compile_features(LibTorch::c10 INTERFACE cxx_std_20)
  if(LibTorch_torch_cuda_LIBRARY AND TARGET CUDA::cudart)
    foreach(_library c10_cuda torch_cuda)
      add_library(LibTorch::${_library} SHARED IMPORTED)
      set_target_properties(LibTorch::${_library} PROPERTIES IMPORTED_LOCATION
                                                             "${LibTorch_${_library}_LIBRARY}")
    endforeach()
    target_link_libraries(LibTorch::c10_cuda INTERFACE LibTorch::c10 CUDA::cudart)
    target_link_libraries(LibTorch::torch_cuda INTERFACE LibTorch::c10_cuda LibTorch::torch_cpu)
    # No symbol of libtorch_cuda is referenced; a linker that drops it leaves no CUDA kernels.
    target_link_options(LibTorch::torch_cuda INTERFACE "LINKER:--no-as-needed")
  endif()
endif()
