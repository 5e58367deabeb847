# bpf_compiler_matrix(TARGET SOURCE): compiles SOURCE with every clang that is installed, for every -mcpu that it knows,
# to tests/bpf/object/matrix/STEM.clangN.vN.o. The test skips those that are not there.
function(bpf_compiler_matrix target source)
  get_filename_component(stem ${source} NAME_WE)
  foreach(version 14 15 16 17 18 19)
    find_program(BPF_CLANG_${version} clang-${version})
    if(NOT BPF_CLANG_${version})
      continue()
    endif()
    foreach(cpu v1 v2 v3 v4)
      if(cpu STREQUAL v4 AND version LESS 18)
        continue()
      endif()
      set(output ${CMAKE_CURRENT_BINARY_DIR}/bpf/object/matrix/${stem}.clang${version}.${cpu}.o)
      file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/bpf/object/matrix)
      add_custom_command(
        OUTPUT ${output}
        COMMAND ${BPF_CLANG_${version}} -target bpf -mcpu=${cpu} -O2 -g -fno-ident -c ${source} -o ${output}
        DEPENDS ${source} ${CMAKE_CURRENT_SOURCE_DIR}/bpf/object/everything.h
        COMMENT "BPF ${stem} with clang-${version} -mcpu=${cpu}"
        VERBATIM)
      list(APPEND outputs ${output})
    endforeach()
  endforeach()
  add_custom_target(${target}_${stem}_matrix DEPENDS ${outputs})
  add_dependencies(${target} ${target}_${stem}_matrix)
endfunction()

if(TARGET test_bpf_object)
  bpf_compiler_matrix(test_bpf_object ${CMAKE_CURRENT_SOURCE_DIR}/bpf/object/everything.bpf.c)
endif()
