# `cmake --install`: the library with its headers, the command, the programs; for find_package(ring3) and pkg-config.
include(CMakePackageConfigHelpers)
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/ring3)

install(TARGETS ring3_library EXPORT ring3Targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS ring3 RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY include/ring3 DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${CMAKE_BINARY_DIR}/programs/ DESTINATION ${CMAKE_INSTALL_DATADIR}/ring3/programs
        FILES_MATCHING PATTERN "*.bpf.o")
install(EXPORT ring3Targets NAMESPACE ring3:: DESTINATION ${config_dir})

configure_package_config_file(cmake/ring3Config.cmake.in ring3Config.cmake INSTALL_DESTINATION ${config_dir}
                              PATH_VARS CMAKE_INSTALL_DATADIR)
write_basic_package_version_file(ring3ConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ring3Config.cmake ${CMAKE_CURRENT_BINARY_DIR}/ring3ConfigVersion.cmake
        DESTINATION ${config_dir})

file(RELATIVE_PATH pc_to_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/ring3.pc.in ring3.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ring3.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
