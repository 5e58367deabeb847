#!/usr/bin/env bash
# The README is true: its program compiles, is accepted, and does what it says; the copy command copies.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ring3=build/release/ring3

# The indented block that starts with the include.
awk '/^    #include <ring3/ { on = 1 } on && !/^    / && NF { exit } on { print substr($0, 5) }' README.md >"$work/nop.bpf.c"
clang-19 -target bpf -mcpu=v3 -O2 -g -I include -c "$work/nop.bpf.c" -o "$work/nop.bpf.o"
$ring3 verify "$work/nop.bpf.o"
[[ $($ring3 run "$work/nop.bpf.o" --show done --json | jq .variables.done) == 1000000 ]]
$ring3 inspect "$work/nop.bpf.o" | grep -q one_nop_after_another
$ring3 doctor

# The refusal that it shows is the one that its program would get.
sed -i 's/ || !sqe//' "$work/nop.bpf.c"
clang-19 -target bpf -mcpu=v3 -O2 -g -I include -c "$work/nop.bpf.c" -o "$work/refused.bpf.o"
diff <(awk '/^    nop.bpf.c:/ { on = 1 } on && !/^    / { exit } on { print substr($0, 5) }' README.md) \
  <($ring3 verify "$work/refused.bpf.o" | sed "s|^$work/||" | awk '/^nop.bpf.c:/ { on = 1 } on && !NF { exit } on')

head -c 5000001 /dev/urandom >"$work/SOURCE"
command=$(awk '/^    build\/release\/ring3 run build\/release\/programs\/cp/ { on = 1 } on { print } on && !/\\$/ { exit }' README.md)
command=${command//SOURCE/$work/SOURCE}
eval "${command//TARGET/$work/TARGET}"
cmp "$work/SOURCE" "$work/TARGET"
