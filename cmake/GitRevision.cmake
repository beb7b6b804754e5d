# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors
#
# cmake -DSOURCE=... -DOUTPUT=... -P GitRevision.cmake: writes a header with the revision of the working
# tree; only when it changed.
cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND git -C "${SOURCE}" describe --always --dirty --abbrev=12
                OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT revision)
  set(revision "unknown")
endif()
file(CONFIGURE OUTPUT "${OUTPUT}" @ONLY CONTENT
"#pragma once
inline constexpr char kGitRevision[] = \"@revision@\";
")
