# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors
#
# What each folder of the library links: other folders, and packages from outside. One table for the
# build and for the installed package, which ships this file and dependencies.txt.
#
# Input:     HECATON_WITH_MPI, HECATON_WITH_CUDA, HECATON_WITH_NCCL
# Variables: HECATON_FOLDERS, every folder, each after those it links; HECATON_LINKS_<folder>;
#            HECATON_PACKAGES_<folder>; HECATON_FIND_<package>, what find_package() is told;
#            HECATON_VERSION_<name>, the versions of dependencies.txt

set(HECATON_FOLDERS core kernels moe parallel optim models checkpoint recipes)
set(HECATON_LINKS_core "")
set(HECATON_LINKS_kernels core)
set(HECATON_LINKS_moe core kernels)
set(HECATON_LINKS_parallel core kernels moe)
set(HECATON_LINKS_optim core parallel)
set(HECATON_LINKS_models core kernels moe)
set(HECATON_LINKS_checkpoint core parallel)
set(HECATON_LINKS_recipes core kernels moe parallel optim models checkpoint)

set(HECATON_PACKAGES_core LibTorch OpenMP spdlog)
set(HECATON_PACKAGES_kernels "")
set(HECATON_PACKAGES_moe "")
set(HECATON_PACKAGES_parallel Threads)
set(HECATON_PACKAGES_optim "")
set(HECATON_PACKAGES_models "")
set(HECATON_PACKAGES_checkpoint nlohmann_json xxHash)
set(HECATON_PACKAGES_recipes yaml-cpp nlohmann_json CLI11)
set(HECATON_HEADER_ONLY_PACKAGES nlohmann_json xxHash CLI11) # compiled in: the build needs them, users do not
if(HECATON_WITH_CUDA)
  list(PREPEND HECATON_PACKAGES_core CUDAToolkit) # before LibTorch, whose targets for CUDA need it
endif()
if(HECATON_WITH_MPI)
  list(APPEND HECATON_PACKAGES_parallel MPI)
endif()
if(HECATON_WITH_NCCL)
  list(APPEND HECATON_PACKAGES_parallel NCCL)
endif()

file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/dependencies.txt" _lines REGEX "^[A-Za-z]")
foreach(_line ${_lines})
  string(REGEX REPLACE "[ \t]+" ";" _fields "${_line}")
  list(GET _fields 0 _name)
  list(GET _fields 2 HECATON_VERSION_${_name})
  set(HECATON_FIND_${_name} ${HECATON_VERSION_${_name}})
endforeach()
set(HECATON_FIND_CUDAToolkit ${HECATON_VERSION_cuda})
set(HECATON_FIND_NCCL ${HECATON_VERSION_nccl})
set(HECATON_FIND_LibTorch ${HECATON_VERSION_torch} EXACT)
set(HECATON_FIND_OpenMP COMPONENTS CXX)
set(HECATON_FIND_MPI ${HECATON_VERSION_mpi} COMPONENTS CXX)
set(MPI_CXX_SKIP_MPICXX ON) # the C API alone: the C++ bindings are gone from the standard

# hecaton_closure(OUT FOLDERS...): the folders and all that they link, in the order of HECATON_FOLDERS.
function(hecaton_closure out)
  set(wanted ${ARGN})
  set(closure "")
  set(folders ${HECATON_FOLDERS})
  list(REVERSE folders)
  foreach(folder ${folders})
    if(folder IN_LIST wanted)
      list(PREPEND closure ${folder})
      list(APPEND wanted ${HECATON_LINKS_${folder}})
    endif()
  endforeach()
  set(${out} ${closure} PARENT_SCOPE)
endfunction()

# hecaton_packages(OUT FOLDERS...): the packages that the folders link, without repetition.
function(hecaton_packages out)
  set(packages "")
  foreach(folder ${ARGN})
    list(APPEND packages ${HECATON_PACKAGES_${folder}})
  endforeach()
  list(REMOVE_DUPLICATES packages)
  set(${out} ${packages} PARENT_SCOPE)
endfunction()
