# The oracles of the verifier: generated programs, and whom to ask about them. A library for tests and fuzzers, and the
# commands. Included by tests/ and, in builds without tests, by fuzz/.
set(oracle ${CMAKE_CURRENT_LIST_DIR})
file(GLOB sources CONFIGURE_DEPENDS ${oracle}/*.cpp)
add_library(oracle STATIC ${sources})
file(RELATIVE_PATH types ${CMAKE_CURRENT_SOURCE_DIR} ${oracle}/types.bpf.c)
bpf_types(oracle oracle_btf ${types})
target_include_directories(oracle PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(oracle PUBLIC ring3::ring3 fmt::fmt PRIVATE ring3_flags)
target_precompile_headers(oracle REUSE_FROM ring3_common)

if(RING3_TESTS)
  foreach(command agreement soundness engines)
    add_executable(${command} ${oracle}/commands/${command}.cpp)
    target_link_libraries(${command} PRIVATE oracle ring3_flags CLI11::CLI11)
    target_compile_options(${command} PRIVATE -O1)
  endforeach()
endif()
