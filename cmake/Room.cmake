# ring3_room(FOLDER [DEPENDS folder…] [LINK target…]): one target per folder of src/. DEPENDS is the only list of
# which folder may include which; tests/structure reads it and fails on an #include that is not in it.
function(ring3_room folder)
  cmake_parse_arguments(ROOM "" "" "DEPENDS;LINK" ${ARGN})
  string(REPLACE "/" "_" name ${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp
       ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.c)
  list(FILTER sources EXCLUDE REGEX "\\.bpf\\.c$")  # types files: see bpf_types()
  if(NOT sources)
    return()  # a room of headers only
  endif()
  add_library(ring3_${name} OBJECT ${sources})
  target_include_directories(ring3_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(ring3_${name} PRIVATE ring3_flags fmt::fmt Threads::Threads ${ROOM_LINK})
  set_property(GLOBAL APPEND PROPERTY RING3_ROOMS ring3_${name})
endfunction()
