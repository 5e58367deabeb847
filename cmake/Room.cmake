# What most files include is read by the compiler once: a third of what a build takes would go into it.
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/common.cpp CONTENT "")
add_library(ring3_common OBJECT ${PROJECT_BINARY_DIR}/common.cpp)
target_link_libraries(ring3_common PRIVATE ring3_flags fmt::fmt Threads::Threads)
target_precompile_headers(ring3_common PRIVATE <algorithm> <atomic> <cerrno> <cstdint> <cstring> <deque> <expected> <functional>
                          <map> <memory> <mutex> <optional> <span> <string> <string_view> <unordered_map> <vector>
                          <fmt/format.h>)

# ring3_room(FOLDER [DEPENDS folder…] [LINK target…] [MODULE name]): one target per folder of src/. DEPENDS is the only
# list of which folder may include which; tests/structure reads it and fails on an #include that is not in it. The
# rooms together are the library, but for a MODULE, which is loaded at run time and sees nothing of it but headers.
function(ring3_room folder)
  cmake_parse_arguments(ROOM "" "MODULE" "DEPENDS;LINK" ${ARGN})
  string(REPLACE "/" "_" name ${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp
       ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.c)
  list(FILTER sources EXCLUDE REGEX "\\.bpf\\.c$")  # types files: see bpf_types()
  if(NOT sources)
    return()  # a room of headers only
  endif()
  if(ROOM_MODULE)
    add_library(ring3_${name} MODULE ${sources})
    set_target_properties(ring3_${name} PROPERTIES OUTPUT_NAME ${ROOM_MODULE} LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}
                          CXX_VISIBILITY_PRESET hidden)
    if(NOT RING3_SANITIZE)  # their functions are the executable's
      target_link_options(ring3_${name} PRIVATE LINKER:-z,defs)
    endif()
    install(TARGETS ring3_${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  else()
    add_library(ring3_${name} OBJECT ${sources})
    set_property(GLOBAL APPEND PROPERTY RING3_ROOMS ring3_${name})
  endif()
  target_include_directories(ring3_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(ring3_${name} PRIVATE ring3_flags fmt::fmt Threads::Threads ${ROOM_LINK})
  if(NOT ROOM_MODULE AND NOT folder STREQUAL "cli")  # which are compiled in another way
    target_precompile_headers(ring3_${name} REUSE_FROM ring3_common)
  endif()
endfunction()
