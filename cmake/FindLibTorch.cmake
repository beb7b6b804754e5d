# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors
#
# Finds LibTorch and defines imported targets for it, without Torch's own package files: those demand
# a CUDA toolkit and nvcc as soon as the wheel was built with CUDA, and change flags in the caller's
# scope. Works with a CPU wheel, a CUDA wheel without nvcc, and a plain LibTorch folder.
#
# Input:    The folder of the torch package, the one that holds include/ and lib/, is the first of:
#           HECATON_TORCH_DIR (environment, then variable); that of the target `torch`, if the project
#           called find_package(Torch) before; one that Torch_DIR or CMAKE_PREFIX_PATH (variables, then
#           environment) lead to; what the project's .venv, then `python3`, know as torch.
# Targets:  LibTorch::c10, LibTorch::torch_cpu and, where the wheel has CUDA and CUDAToolkit was found
#           before, LibTorch::c10_cuda and LibTorch::torch_cuda.
# Variable: LibTorch_VERSION; LibTorch_DESCRIPTION, what was found where, for messages

include(FindPackageHandleStandardArgs)

# The folder of the LibTorch that find_package(Torch) brought into the project, or nothing.
function(_libtorch_of_target out)
  set(${out} "" PARENT_SCOPE)
  if(TARGET torch)
    get_target_property(_library torch IMPORTED_LOCATION)
    if(_library)
      cmake_path(GET _library PARENT_PATH _lib)
      cmake_path(GET _lib PARENT_PATH _folder)
      set(${out} "${_folder}" PARENT_SCOPE)
    endif()
  endif()
endfunction()

# A prefix may be the package itself, its share/cmake or its share/cmake/Torch.
function(_libtorch_of_prefixes out)
  set(${out} "" PARENT_SCOPE)
  string(REPLACE ":" ";" _environment "$ENV{CMAKE_PREFIX_PATH}")
  foreach(_prefix ${Torch_DIR} ${CMAKE_PREFIX_PATH} $ENV{Torch_DIR} ${_environment})
    foreach(_up "" "/../.." "/../../..")
      if(EXISTS "${_prefix}${_up}/lib/libtorch_cpu.so")
        cmake_path(SET _folder NORMALIZE "${_prefix}${_up}")
        set(${out} "${_folder}" PARENT_SCOPE)
        return()
      endif()
    endforeach()
  endforeach()
endfunction()

# Asks where the package is without importing it: an import takes seconds.
function(_libtorch_of_python out)
  foreach(_python "${PROJECT_SOURCE_DIR}/.venv/bin/python" python3)
    execute_process(
      COMMAND "${_python}" -c
              "import importlib.util as u, os; print(os.path.dirname(u.find_spec('torch').origin))"
      OUTPUT_VARIABLE _folder
      OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(_folder)
      break()
    endif()
  endforeach()
  set(${out} "${_folder}" PARENT_SCOPE)
endfunction()

_libtorch_of_target(_of_target)
if(NOT "$ENV{HECATON_TORCH_DIR}" STREQUAL "")
  set(HECATON_TORCH_DIR "$ENV{HECATON_TORCH_DIR}")
endif()
foreach(_place target prefixes python)
  if(NOT HECATON_TORCH_DIR)
    cmake_language(CALL _libtorch_of_${_place} HECATON_TORCH_DIR)
  endif()
endforeach()
if(HECATON_TORCH_DIR)
  cmake_path(ABSOLUTE_PATH HECATON_TORCH_DIR BASE_DIRECTORY "${CMAKE_SOURCE_DIR}" NORMALIZE)
endif()
set(HECATON_TORCH_DIR "${HECATON_TORCH_DIR}" CACHE PATH "Folder of the torch package (include/, lib/)" FORCE)

# The version moved from the second header to the first in newer releases.
unset(LibTorch_VERSION)
foreach(_header torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
  set(_file "${HECATON_TORCH_DIR}/include/${_header}")
  if(NOT LibTorch_VERSION AND EXISTS "${_file}")
    file(STRINGS "${_file}" _parts REGEX "^#define TORCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+$")
    string(REGEX REPLACE "[^0-9;]" "" _parts "${_parts}")
    string(REPLACE ";" "." LibTorch_VERSION "${_parts}")
  endif()
endforeach()

# Not cached: another HECATON_TORCH_DIR must not leave these behind.
foreach(_library c10 torch_cpu c10_cuda torch_cuda)
  unset(LibTorch_${_library}_LIBRARY)
  find_library(LibTorch_${_library}_LIBRARY ${_library} PATHS "${HECATON_TORCH_DIR}/lib"
               NO_DEFAULT_PATH NO_CACHE)
endforeach()

# Libraries of the old C++ ABI have other names for every function that takes a std::string.
set(LibTorch_HAS_CXX11_ABI FALSE)
if(LibTorch_c10_LIBRARY)
  file(STRINGS "${LibTorch_c10_LIBRARY}" _symbols REGEX "NSt7__cxx1112basic_string" LIMIT_COUNT 1)
  if(_symbols)
    set(LibTorch_HAS_CXX11_ABI TRUE)
  endif()
endif()

file(REAL_PATH "${_of_target}" _real_of_target)
file(REAL_PATH "${HECATON_TORCH_DIR}" _real_folder)
if(NOT LibTorch_torch_cpu_LIBRARY OR NOT LibTorch_c10_LIBRARY)
  set(LibTorch_DESCRIPTION "no LibTorch in HECATON_TORCH_DIR='${HECATON_TORCH_DIR}'")
elseif(_of_target AND NOT _real_of_target STREQUAL _real_folder)
  set(LibTorch_DESCRIPTION
      "that of find_package(Torch) in '${_of_target}' and another in HECATON_TORCH_DIR='${HECATON_TORCH_DIR}'")
  unset(LibTorch_c10_LIBRARY)
elseif(NOT LibTorch_HAS_CXX11_ABI)
  set(LibTorch_DESCRIPTION
      "LibTorch ${LibTorch_VERSION} of the old C++ ABI in HECATON_TORCH_DIR='${HECATON_TORCH_DIR}'")
else()
  set(LibTorch_DESCRIPTION "LibTorch ${LibTorch_VERSION} in HECATON_TORCH_DIR='${HECATON_TORCH_DIR}'")
endif()

find_package_handle_standard_args(
  LibTorch
  REQUIRED_VARS LibTorch_torch_cpu_LIBRARY LibTorch_c10_LIBRARY LibTorch_HAS_CXX11_ABI
  VERSION_VAR LibTorch_VERSION HANDLE_VERSION_RANGE
  REASON_FAILURE_MESSAGE
    "found ${LibTorch_DESCRIPTION}: run scripts/setup, or set HECATON_TORCH_DIR to the torch package's folder"
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
