#!/usr/bin/env bash
# examples/stripe, built against the installed library: a file written as a stripe set comes back whichever member is
# lost, on both back-ends; what is damaged is found and rebuilt; a write that is killed leaves behind what `stripe check`
# says and no less, and goes on from there.
#   tools/check-stripe.sh [MIB]   with a file of that many MiB (default: 24) in $TMPDIR or /var/tmp
set -eu
cd "$(dirname "$0")/.."
mib=${1:-24} data=4 unit=65536
work=$(mktemp -d "${TMPDIR:-/var/tmp}/ring3-stripe.XXXXXX")
trap 'rm -rf "$work"' EXIT

cmake --install build/release --prefix "$work/prefix" >/dev/null
cmake -G Ninja -S examples/stripe -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
cmake --build "$work/build" >/dev/null
stripe=$work/build/stripe source=$work/source folder=$work/set

backends=(host threads)
[[ $("$work/prefix/bin/ring3" doctor --json | jq -r .io_uring) == true ]] || backends=(threads)

fail() { echo "$*"; exit 1; }
# An odd size, so that the last stripe is no whole one.
head -c $((mib * 1048576 - 12345)) /dev/urandom >"$source"
stripes=$((($(stat -c %s "$source") + data * unit - 1) / (data * unit)))

# timed NAME COMMAND…
timed() {
  local name=$1 start
  shift
  start=$(date +%s.%N)
  "$@"
  awk -v name="$name" -v s="$(date +%s.%N)" -v t="$start" -v mib="$mib" \
    'BEGIN { printf "  %-36s %6.2f s  %7.1f MiB/s\n", name, s - t, mib / (s - t) }'
}
read_and_compare() { # BACKEND
  rm -f "$work/target"
  "$stripe" read "$folder" "$work/target" --backend "$1" >"$work/log" || fail "$(cat "$work/log")"
  cmp "$source" "$work/target"
}
# Stripes that are said to be whole are, by reading members and source without stripe: data where they belong, and the
# XOR of all members is zero.
verify() { # FOLDER RANGES…, as `stripe check` prints them
  perl -e '
    my ($source, $folder, $data, $unit, $stripes, $ranges) = @ARGV;
    open my $in, "<:raw", $source or die; my @member;
    for (0 .. $data) { open $member[$_], "<:raw", "$folder/member-$_" or die }
    my $units = int((4096 + 16 * $stripes + 4095) / 4096) * 4096; my $count = 0;
    for my $range ($ranges eq "none" ? () : split /, /, $ranges) {
      my ($first, $last) = split /-/, $range; $last //= $first;
      for my $s ($first .. $last) {
        seek $in, $s * $data * $unit, 0; read $in, my $bytes, $data * $unit;
        $bytes .= "\0" x ($data * $unit - length $bytes);
        my $sum = "\0" x $unit; my @got;
        for (0 .. $data) {
          seek $member[$_], $units + $s * $unit, 0; read $member[$_], $got[$_], $unit; $sum ^= $got[$_] }
        die "stripe $s: parity" if $sum =~ /[^\0]/;
        my $parity = $data - $s % ($data + 1);
        for (0 .. $data - 1) {
          die "stripe $s: unit $_" if substr($bytes, $_ * $unit, $unit) ne $got[($parity + 1 + $_) % ($data + 1)] }
        $count++;
      }
    }
    print "$count\n"' "$source" "$folder" $data $unit "$stripes" "$1"
}
claimed() { sed -n 's/.*stripes are whole: //p' "$work/log"; }

for backend in "${backends[@]}"; do
  echo "$backend:"
  rm -rf "$folder"
  timed "write" "$stripe" write "$source" "$folder" --data $data --unit $unit --backend "$backend" >"$work/timed"
  tail -n 1 "$work/timed"
  [[ $(verify "0-$((stripes - 1))") == "$stripes" ]] || fail "not what a RAID-5 is"
  timed "read" read_and_compare "$backend"
  for ((member = 0; member <= data; member++)); do
    mv "$folder/member-$member" "$work/lost"
    timed "read without member $member, identical" read_and_compare "$backend"
    mv "$work/lost" "$folder/member-$member"
  done
done

echo "odd shapes:"
for shape in "0 4 65536" "1 1 512" "5120 2 512" "100001 16 1024"; do
  read -r bytes k bytes_unit <<<"$shape"
  rm -rf "$folder-odd"
  head -c "$bytes" "$source" >"$work/odd"
  "$stripe" write "$work/odd" "$folder-odd" --data "$k" --unit "$bytes_unit" >/dev/null
  rm "$folder-odd/member-$((bytes % (k + 1)))"
  "$stripe" read "$folder-odd" "$work/target" >/dev/null
  cmp "$work/odd" "$work/target"
  echo "  $bytes bytes over $k + 1 members, units of $bytes_unit bytes"
done

echo "damage:"
# One byte of member 1, in a unit that starts at a page: found, and rebuilt.
offset=$((($(stat -c %s "$folder/member-1") - unit) / 4096 * 4096 + 7))
perl -e 'open my $f, "+<:raw", $ARGV[0]; seek $f, $ARGV[1], 0; read $f, my $b, 1; seek $f, $ARGV[1], 0;
  print $f chr(ord($b) ^ 16)' "$folder/member-1" $offset
"$stripe" check "$folder" >"$work/log" && fail "damage was not found"
grep -q "^stripe [0-9]*: member 1 is damaged$" "$work/log"
grep -q "^$((stripes - 1)) of $stripes stripes are whole" "$work/log"
read_and_compare "${backends[0]}"
mv "$folder/member-2" "$work/lost"
"$stripe" read "$folder" "$work/target" >"$work/log" && fail "a stripe without two units can't be read"
grep -q "^stripe [0-9]* is lost$" "$work/log"
mv "$work/lost" "$folder/member-2"
echo "  found, rebuilt, and said to be lost with a second member"

echo "SIGKILL:"
partial=0
for attempt in 1 2 3 4; do
  rm -rf "$folder"
  # Killed once the first stripe has a record, or a little later.
  ("$stripe" write "$source" "$folder" --data $data --unit $unit &
    pid=$!
    until (($(od -An -tu4 -j 4096 -N 4 "$folder/member-$data" 2>/dev/null || echo 0) + 0)); do
      kill -0 $pid || break
    done
    sleep "0.0$((RANDOM % 4))"
    kill -KILL $pid
    wait $pid) >/dev/null 2>&1 || true
  "$stripe" check "$folder" >"$work/log" || true
  whole=$(verify "$(claimed)")
  grep -q "^$whole of $stripes stripes are whole" "$work/log" || fail "$(cat "$work/log")"
  echo "  killed: $whole of $stripes stripes are said to be whole, and are"
  if ((whole < stripes)); then
    partial=$((partial + (whole > 0)))
    "$stripe" write "$source" "$folder" --data $data --unit $unit >"$work/log"
    ((whole == 0)) || grep -q "^$whole of $stripes stripes are whole" "$work/log" || fail "the rerun: $(cat "$work/log")"
    grep -q "^$((stripes - whole)) stripes are written" "$work/log" || fail "the rerun: $(cat "$work/log")"
    [[ $(verify "0-$((stripes - 1))") == "$stripes" ]]
    read_and_compare "${backends[0]}"
  fi
done
((partial > 0)) || fail "no write was killed in the middle"
