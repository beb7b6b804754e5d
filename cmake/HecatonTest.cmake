# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors

# hecaton_test(FOLDER SOURCES ... [LINK ...] [MPI_RANKS ...]) builds build/<preset>/bin/hecaton_FOLDER_tests
# and registers each of its cases with the label `cpu`. A case is SKIPPED, with its reason, when it
# calls GTEST_SKIP(). One thread each, because ctest runs several at once; what tests threads sets them.
function(hecaton_test folder)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  set(target hecaton_${folder}_tests)
  add_executable(${target} ${ARG_SOURCES})
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${target} PRIVATE ${ARG_LINK} hecaton_test_paths GTest::gtest_main)
  hecaton_compile_options(${target})
  gtest_discover_tests(${target} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS cpu TIMEOUT 120 ENVIRONMENT
                                                                             OMP_NUM_THREADS=1)
endfunction()

# hecaton_mpi_test(FOLDER RANKS FILTER): runs the cases of hecaton_FOLDER_mpi_tests that match FILTER
# under mpirun, label `mpi`.
function(hecaton_mpi_test folder ranks filter)
  set(target hecaton_${folder}_mpi_tests)
  add_test(
    NAME "mpi/${folder}/np${ranks}"
    COMMAND ${MPIEXEC_EXECUTABLE} --oversubscribe --bind-to none -np ${ranks} $<TARGET_FILE:${target}>
            "--gtest_filter=${filter}")
  set_tests_properties(
    "mpi/${folder}/np${ranks}"
    PROPERTIES LABELS mpi TIMEOUT 120 PROCESSORS 2 ENVIRONMENT
               "OMP_NUM_THREADS=1;OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
endfunction()
