# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors
#
# What `cmake --install` puts where: headers, one static library per folder, the program, its recipes,
# and the package that find_package(Hecaton) reads. Nothing in the package names a folder of this
# machine, so it may be moved.

include(CMakePackageConfigHelpers)
set(_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/Hecaton")

get_property(_headers GLOBAL PROPERTY HECATON_PUBLIC_HEADERS)
foreach(_header version.h ${_headers})
  cmake_path(GET _header PARENT_PATH _folder)
  install(FILES "${PROJECT_BINARY_DIR}/include/hecaton/${_header}"
          DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/hecaton/${_folder}")
endforeach()

# An export of its own for each folder, so that a user needs the packages of the chosen ones alone.
foreach(_folder ${HECATON_BUILT_FOLDERS})
  install(TARGETS hecaton_${_folder} EXPORT hecaton-${_folder} ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
  install(EXPORT hecaton-${_folder} NAMESPACE hecaton:: DESTINATION "${_package_dir}")
endforeach()
if(TARGET hecaton)
  # LibTorch is not installed with it.
  set_target_properties(hecaton PROPERTIES INSTALL_RPATH "${HECATON_TORCH_DIR}/lib")
  install(TARGETS hecaton RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
  install(DIRECTORY configs/ DESTINATION "${CMAKE_INSTALL_DATADIR}/hecaton/configs")
endif()
install(FILES LICENSE THIRD_PARTY.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")

configure_package_config_file(cmake/HecatonConfig.cmake.in "${PROJECT_BINARY_DIR}/HecatonConfig.cmake"
                              INSTALL_DESTINATION "${_package_dir}" NO_SET_AND_CHECK_MACRO
                              NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/HecatonConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(
  FILES "${PROJECT_BINARY_DIR}/HecatonConfig.cmake"
        "${PROJECT_BINARY_DIR}/HecatonConfigVersion.cmake"
        cmake/HecatonFolders.cmake
        cmake/dependencies.txt
        cmake/FindLibTorch.cmake
        cmake/FindNCCL.cmake
  DESTINATION "${_package_dir}")
