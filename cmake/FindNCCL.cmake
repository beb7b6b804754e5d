# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors
#
# Finds NCCL and defines NCCL::nccl. A process can hold only one NCCL (every copy has the same
# SONAME), so the copy that LibTorch was built with, beside the torch package, comes first.
#
# Input:    HECATON_TORCH_DIR, set by FindLibTorch.cmake.
# Variable: NCCL_VERSION

include(FindPackageHandleStandardArgs)

set(_wheel "${HECATON_TORCH_DIR}/../nvidia/nccl")
find_path(NCCL_INCLUDE_DIR nccl.h HINTS "${_wheel}/include" PATH_SUFFIXES include)
find_library(NCCL_LIBRARY NAMES libnccl.so.2 nccl HINTS "${_wheel}/lib")
mark_as_advanced(NCCL_INCLUDE_DIR NCCL_LIBRARY)
if(NCCL_INCLUDE_DIR)
  file(STRINGS "${NCCL_INCLUDE_DIR}/nccl.h" _parts REGEX "^#define NCCL_(MAJOR|MINOR|PATCH) [0-9]+$")
  string(REGEX REPLACE "[^0-9;]" "" _parts "${_parts}")
  string(REPLACE ";" "." NCCL_VERSION "${_parts}")
endif()
find_package_handle_standard_args(NCCL REQUIRED_VARS NCCL_LIBRARY NCCL_INCLUDE_DIR
                                  VERSION_VAR NCCL_VERSION)
if(NCCL_FOUND AND NOT TARGET NCCL::nccl)
  add_library(NCCL::nccl SHARED IMPORTED)
  set_target_properties(NCCL::nccl PROPERTIES IMPORTED_LOCATION "${NCCL_LIBRARY}"
                                              INTERFACE_INCLUDE_DIRECTORIES "${NCCL_INCLUDE_DIR}")
endif()
