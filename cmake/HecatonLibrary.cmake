# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors

# hecaton_public_header(NAME TEXT): writes TEXT to the public tree include/hecaton/NAME of the build
# folder. Includes of ours get the prefix there, so nothing of ours can collide with a user's own
# core/ or parallel/. Written only when it changed, so that nothing is rebuilt for nothing.
function(hecaton_public_header name text)
  list(JOIN HECATON_FOLDERS "|" folders)
  string(REGEX REPLACE "#include \"((${folders})/[^\"]+)\"" "#include <hecaton/\\1>" text "${text}")
  set(out "${PROJECT_BINARY_DIR}/include/hecaton/${name}")
  if(EXISTS "${out}")
    file(READ "${out}" old)
  endif()
  if(NOT "${old}" STREQUAL "${text}")
    file(WRITE "${out}" "${text}")
  endif()
endfunction()

# hecaton_library(FOLDER HEADERS ... SOURCES ... [LINK ...] [PRIVATE_LINK ...] [HEADER_ONLY ...])
#
# Defines the target hecaton_FOLDER with the alias hecaton::FOLDER, which links what HecatonFolders.cmake
# says and LINK, and lays its public headers out under include/hecaton/FOLDER/. Project sources include
# from the root ("moe/router.h"), users from the public tree (<hecaton/moe/router.h>). HEADER_ONLY
# targets are compiled in by our sources alone, so users of the package need not have them.
function(hecaton_library folder)
  cmake_parse_arguments(ARG "" "" "HEADERS;SOURCES;LINK;PRIVATE_LINK;HEADER_ONLY" ${ARGN})
  list(TRANSFORM HECATON_LINKS_${folder} PREPEND "hecaton::" OUTPUT_VARIABLE folders)
  add_library(hecaton_${folder} STATIC ${ARG_SOURCES} ${ARG_HEADERS})
  add_library(hecaton::${folder} ALIAS hecaton_${folder})
  set_target_properties(hecaton_${folder} PROPERTIES EXPORT_NAME ${folder})
  target_include_directories(
    hecaton_${folder}
    PRIVATE "${PROJECT_SOURCE_DIR}"
    INTERFACE "$<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>"
              "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  list(TRANSFORM ARG_HEADER_ONLY REPLACE "(.+)" "$<BUILD_INTERFACE:\\1>")
  target_link_libraries(hecaton_${folder} PUBLIC ${folders} ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK}
                                                                               ${ARG_HEADER_ONLY})
  hecaton_compile_options(hecaton_${folder})
  foreach(header ${ARG_HEADERS})
    file(READ "${CMAKE_CURRENT_SOURCE_DIR}/${header}" text)
    # Keep semicolons and brackets of the text out of CMake's list syntax.
    hecaton_public_header("${folder}/${header}" "${text}")
    set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
                                                       "${CMAKE_CURRENT_SOURCE_DIR}/${header}")
    set_property(GLOBAL APPEND PROPERTY HECATON_PUBLIC_HEADERS "${folder}/${header}")
  endforeach()
endfunction()

# Warnings and flags for every target of ours.
function(hecaton_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wconversion -Wshadow)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # GCC bug 105651: false alarms on `"text" + std::string`.
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  if(HECATON_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
