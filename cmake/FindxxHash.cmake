# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors
#
# Finds the headers of xxHash as the target xxHash::headers. They are compiled in (XXH_INLINE_ALL), so
# there is nothing to link, here or in a project that uses Hecaton.

find_path(xxHash_INCLUDE_DIR xxhash.h)
mark_as_advanced(xxHash_INCLUDE_DIR)
if(xxHash_INCLUDE_DIR)
  set(xxHash_VERSION "")
  foreach(_part MAJOR MINOR RELEASE)
    file(STRINGS "${xxHash_INCLUDE_DIR}/xxhash.h" _line REGEX "#define XXH_VERSION_${_part} ")
    string(REGEX MATCH "[0-9]+" _number "${_line}")
    list(APPEND xxHash_VERSION "${_number}")
  endforeach()
  list(JOIN xxHash_VERSION "." xxHash_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(xxHash REQUIRED_VARS xxHash_INCLUDE_DIR VERSION_VAR xxHash_VERSION)
if(xxHash_FOUND AND NOT TARGET xxHash::headers)
  add_library(xxHash::headers INTERFACE IMPORTED)
  target_include_directories(xxHash::headers INTERFACE "${xxHash_INCLUDE_DIR}")
endif()
