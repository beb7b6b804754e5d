# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors
#
# Finds what the folders of HECATON_COMPONENTS link, and what tests need.
# Variable: HECATON_BUILT_FOLDERS

include(HecatonFolders)

foreach(_component ${HECATON_COMPONENTS})
  if(NOT _component IN_LIST HECATON_FOLDERS)
    message(FATAL_ERROR "HECATON_COMPONENTS has '${_component}': expected some of ${HECATON_FOLDERS}")
  endif()
endforeach()
if(HECATON_COMPONENTS)
  hecaton_closure(HECATON_BUILT_FOLDERS ${HECATON_COMPONENTS})
else()
  set(HECATON_BUILT_FOLDERS ${HECATON_FOLDERS})
endif()
if(HECATON_COMPONENTS AND (HECATON_BUILD_TESTS OR HECATON_BUILD_EXAMPLES OR HECATON_BUILD_BENCHES))
  message(FATAL_ERROR "Tests, examples and benches need every folder: leave HECATON_COMPONENTS empty")
endif()
if(HECATON_WITH_NCCL AND NOT HECATON_WITH_CUDA)
  message(FATAL_ERROR "HECATON_WITH_NCCL needs HECATON_WITH_CUDA")
endif()

hecaton_packages(_packages ${HECATON_BUILT_FOLDERS})
foreach(_package ${_packages})
  find_package(${_package} ${HECATON_FIND_${_package}} REQUIRED)
endforeach()
if(HECATON_WITH_CUDA AND NOT TARGET LibTorch::torch_cuda)
  message(FATAL_ERROR "HECATON_WITH_CUDA needs a LibTorch with CUDA: none in HECATON_TORCH_DIR='${HECATON_TORCH_DIR}'")
endif()
if(HECATON_BUILD_TESTS)
  find_package(GTest ${HECATON_FIND_GTest} REQUIRED)
  include(GoogleTest)
endif()
