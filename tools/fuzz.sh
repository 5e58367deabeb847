#!/usr/bin/env bash
# fuzz.sh FUZZER [SECONDS]: runs build/fuzz/fuzz/FUZZER from a corpus of the objects that this build made. Crashing
# inputs stay in build/fuzz/findings/; give one to the fuzzer as its only argument to replay it.
set -eu
cd "$(dirname "$0")/.."
fuzzer=$1 seconds=${2:-600}
corpus=build/fuzz/corpus/$fuzzer
mkdir -p "$corpus" build/fuzz/findings
find build/release build/fuzz -name '*.bpf.o' -size -200k -exec cp -n {} "$corpus/" \; 2>/dev/null || true
exec "build/fuzz/fuzz/$fuzzer" -max_total_time="$seconds" -max_len=200000 -timeout=10 -rss_limit_mb=2048 \
  -print_final_stats=1 -artifact_prefix=build/fuzz/findings/ "$corpus"
