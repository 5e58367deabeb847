# BPF programs are compiled by clang, whatever compiles the rest.
find_program(BPF_CLANG NAMES clang-19 clang-18 clang-17 clang-16 clang-15 clang-14 clang REQUIRED)
find_program(BPF_OBJCOPY NAMES llvm-objcopy-19 llvm-objcopy-18 llvm-objcopy-17 llvm-objcopy-16 llvm-objcopy-15
             llvm-objcopy-14 llvm-objcopy objcopy REQUIRED)
set(BPF_FLAGS -target bpf -mcpu=v3 -O2 -g -Wall -Werror -fno-ident)

# bpf_object(OUTPUT SOURCE [flags…]): compiles SOURCE to the BPF object OUTPUT, with line and type information.
function(bpf_object output source)
  get_filename_component(directory ${output} DIRECTORY)
  file(MAKE_DIRECTORY ${directory})
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${BPF_CLANG} ${BPF_FLAGS} -I${PROJECT_SOURCE_DIR}/include ${ARGN} -MD -MF ${output}.d -c ${source} -o
            ${output}
    DEPENDS ${source}
    DEPFILE ${output}.d
    COMMENT "BPF ${output}"
    VERBATIM)
endfunction()

# bpf_types(TARGET SYMBOL SOURCE): compiles SOURCE, keeps only its .BTF section and links that into TARGET as
# `extern const unsigned char SYMBOL[]` and `SYMBOL_size`. This is how a room of ours declares types and kfunc
# prototypes: in C, as a kernel does.
function(bpf_types target symbol source)
  set(stem ${CMAKE_CURRENT_BINARY_DIR}/${symbol})
  bpf_object(${stem}.bpf.o ${CMAKE_CURRENT_SOURCE_DIR}/${source} -Wno-unused-function)
  add_custom_command(
    OUTPUT ${stem}.btf
    COMMAND ${BPF_OBJCOPY} --dump-section .BTF=${stem}.btf ${stem}.bpf.o ${stem}.discard.o
    DEPENDS ${stem}.bpf.o
    VERBATIM)
  file(WRITE ${stem}.c.in
       "__asm__(\".section .rodata\\n.balign 8\\n.globl ${symbol}\\n${symbol}:\\n.incbin \\\"${stem}.btf\\\"\\n\"\n"
       "        \"1:\\n.balign 8\\n.globl ${symbol}_size\\n${symbol}_size: .quad 1b - ${symbol}\\n.text\\n\");\n")
  configure_file(${stem}.c.in ${stem}.c COPYONLY)
  set_source_files_properties(${stem}.c PROPERTIES OBJECT_DEPENDS ${stem}.btf SKIP_PRECOMPILE_HEADERS ON
                              SKIP_UNITY_BUILD_INCLUSION ON)
  target_sources(${target} PRIVATE ${stem}.c)
endfunction()
