# Compiles refused.c once for each of its cases, to tests/bpf/link/refused/CASE.o.
file(STRINGS ${CMAKE_CURRENT_SOURCE_DIR}/bpf/link/refused.c lines REGEX "defined\\(CASE_|ifdef CASE_")
set(outputs)
foreach(line accepted no_types host_file ${lines})
  string(REGEX REPLACE ".*CASE_([a-z_]*).*" "\\1" case ${line})
  set(flags -target bpf -mcpu=v3)
  if(case STREQUAL "common")
    list(APPEND flags -fcommon)
  elseif(case STREQUAL "host_file")
    set(flags)
  endif()
  if(NOT case STREQUAL "no_types")
    list(APPEND flags -g)
  endif()
  set(output ${CMAKE_CURRENT_BINARY_DIR}/bpf/link/refused/${case}.o)
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/bpf/link/refused)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${BPF_CLANG} ${flags} -DCASE_${case} -O2 -w -fno-ident -c ${CMAKE_CURRENT_SOURCE_DIR}/bpf/link/refused.c -o
            ${output}
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/bpf/link/refused.c
    VERBATIM)
  list(APPEND outputs ${output})
endforeach()
# programs.bpf.c without debugging information: nearly every bit of it matters.
set(stripped ${CMAKE_CURRENT_BINARY_DIR}/bpf/link/stripped.bpf.o)
add_custom_command(
  OUTPUT ${stripped}
  COMMAND ${BPF_OBJCOPY} --strip-debug ${CMAKE_CURRENT_BINARY_DIR}/bpf/link/programs.bpf.o ${stripped}
  DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/bpf/link/programs.bpf.o
  VERBATIM)
list(APPEND outputs ${stripped})
add_custom_target(test_bpf_link_refused DEPENDS ${outputs})
if(TARGET test_bpf_link)
  add_dependencies(test_bpf_link test_bpf_link_refused)
endif()
