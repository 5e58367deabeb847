#!/usr/bin/env bash
# The installed package works: builds examples/copy against it by find_package and by pkg-config, and runs it;
# compiles the C header.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install build/release --prefix "$work/prefix" >/dev/null
prefix=$work/prefix

cmake -G Ninja -S examples/copy -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
cmake --build "$work/build"

export PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name ring3.pc)")
g++ -std=c++23 $(pkg-config --cflags ring3) examples/copy/main.cpp $(pkg-config --static --libs ring3) \
  -o "$work/copy-by-pkg-config"

# The C header, with liburing and without.
for first in liburing.h linux/io_uring.h; do
  printf '#include <%s>\n#include <ring3/operation.h>\nint main(void) { struct io_uring_sqe sqe = {0}; %s }\n' \
    $first 'io_uring_prep_bpf(&sqe, 1, 0, 0, 0); return sqe.opcode != IORING_OP_BPF;' |
    cc -std=c11 -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags ring3) -x c - -o "$work/prep"
  "$work/prep"
done

head -c 3000001 /dev/urandom >"$work/in"
for copy in "$work/build/copy" "$work/copy-by-pkg-config"; do
  rm -f "$work/out"
  LD_DEBUG=files LD_DEBUG_OUTPUT="$work/loaded" "$copy" "$(pkg-config --variable=programsdir ring3)/cp.bpf.o" \
    "$work/in" "$work/out"
  cmp "$work/in" "$work/out"
  # The program was compiled by the module that was installed, if the build has one.
  [[ ! -f build/release/libring3_jit.so ]] || grep -q "calling init: $prefix/.*libring3_jit.so" "$work"/loaded.*
  rm "$work"/loaded.*
done
"$prefix/bin/ring3" verify "$prefix/share/ring3/programs/cp.bpf.o"
