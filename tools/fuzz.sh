#!/usr/bin/env bash
# fuzz.sh FUZZER [SECONDS] [PRESET]: runs build/PRESET/fuzz/FUZZER (default: fuzz) from a corpus of the objects that the
# build made. Inputs that crash it stay in build/PRESET/findings/; give one to the fuzzer as its argument to replay it.
set -eu
cd "$(dirname "$0")/.."
fuzzer=$1 seconds=${2:-600} build=build/${3:-fuzz}
corpus=$build/corpus/$fuzzer
mkdir -p "$corpus" "$build/findings"
find "$build" -name '*.o' -path "*corpus_${fuzzer#fuzz_}*" -size -200k -exec cp -n {} "$corpus/" \;
exec "$build/fuzz/$fuzzer" -max_total_time="$seconds" -max_len=200000 -timeout=10 -rss_limit_mb=2048 \
  -print_final_stats=1 -artifact_prefix="$build/findings/" "$corpus"
