# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors

# hecaton_test(FOLDER SOURCES ... [LINK ...]) builds build/<preset>/bin/hecaton_FOLDER_tests
# and registers each of its cases with the label `cpu`. A case is SKIPPED, with its reason, when it
# calls GTEST_SKIP(). One thread each, because ctest runs several at once; what tests threads sets them.
function(hecaton_test folder)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  set(target hecaton_${folder}_tests)
  add_executable(${target} ${ARG_SOURCES})
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${target} PRIVATE ${ARG_LINK} hecaton_test_paths GTest::gtest_main)
  hecaton_compile_options(${target})
  # Tests wait for the library, not for their own code: a fifth less to compile.
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
  gtest_discover_tests(${target} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS cpu TIMEOUT 120 ENVIRONMENT
                                                                             OMP_NUM_THREADS=1)
endfunction()

# hecaton_cuda_test(FOLDER SOURCES ... [LINK ...]) builds build/<preset>/bin/hecaton_FOLDER_cuda_tests and
# registers its cases as cuda/<case>, label `cuda`; without a GPU each is SKIPPED. What is about threads
# or checks of the CPU alone is left out of cases that both kinds of kernels share.
function(hecaton_cuda_test folder)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  set(target hecaton_${folder}_cuda_tests)
  add_executable(${target} ${ARG_SOURCES} "${PROJECT_SOURCE_DIR}/tests/testing/cuda_main.cpp")
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${target} PRIVATE ${ARG_LINK} GTest::gtest)
  target_compile_definitions(${target} PRIVATE HECATON_TEST_ON_CUDA)
  hecaton_compile_options(${target})
  gtest_discover_tests(
    ${target}
    DISCOVERY_TIMEOUT 60
    TEST_PREFIX cuda/
    TEST_FILTER "-*ThreadCount:*DebugBuilds"
    PROPERTIES LABELS cuda TIMEOUT 120)
endfunction()

# hecaton_mpi_test(FOLDER RANKS FILTER [BACKEND]): runs the cases of hecaton_FOLDER_mpi_tests that match
# FILTER under mpirun, label `mpi`. With the back end nccl those of hecaton_FOLDER_nccl_tests, label
# `cuda`: SKIPPED unless there is a GPU for each rank.
function(hecaton_mpi_test folder ranks filter)
  set(backend ${ARGN})
  set(label mpi)
  if(NOT backend)
    set(backend mpi)
  endif()
  if(backend STREQUAL nccl)
    set(label cuda)
  endif()
  set(name "${backend}/${folder}/np${ranks}")
  add_test(
    NAME "${name}"
    COMMAND ${MPIEXEC_EXECUTABLE} --oversubscribe --bind-to none -np ${ranks}
            $<TARGET_FILE:hecaton_${folder}_${backend}_tests> "--gtest_filter=${filter}")
  set_tests_properties(
    "${name}"
    PROPERTIES LABELS ${label} TIMEOUT 120 PROCESSORS 2 ENVIRONMENT
               "OMP_NUM_THREADS=1;OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
  if(backend STREQUAL nccl)
    set_tests_properties("${name}" PROPERTIES SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
  endif()
endfunction()
