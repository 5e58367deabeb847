#!/usr/bin/env bash
# linux72.sh: runs the programs that ship, unchanged, on a Linux 7.2 that drives the ring itself (in QEMU, emulated: for
# behaviour, not speed). Debian's kernel package and libbpf are downloaded to build/linux72 and only unpacked; the
# machine's own apt set-up stays as it is.
set -eu
cd "$(dirname "$0")/.."
. tools/lib.sh
work=$root/build/linux72
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/image/bin"
install_packages qemu-system-x86 busybox-static cpio zlib1g-dev

key=/usr/share/keyrings/debian-archive-keyring.gpg
printf 'deb [signed-by=%s] http://deb.debian.org/debian %s main\n' "$key" trixie-backports "$key" trixie >"$work/sources"
apt=(-o "Dir::Etc::sourcelist=$work/sources" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$work/lists"
  -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)

fetch() {
  apt-get "${apt[@]}" update -q
  local kernel
  kernel=$(apt-cache "${apt[@]}" depends linux-image-cloud-amd64/trixie-backports | awk '/Depends: linux-image-/ { sub("linux-image-", "", $2); print $2; exit }')
  cd "$work"
  apt-get "${apt[@]}" download "linux-binary-$kernel" libbpf-dev/trixie
  for package in *.deb; do dpkg -x "$package" unpacked; done
}
pack() {
  gcc -O1 -static -I "$work/unpacked/usr/include" tools/linux72/native.c -o "$work/image/bin/native" \
    "$work"/unpacked/usr/lib/x86_64-linux-gnu/libbpf.a -lelf -lz
  cp /bin/busybox "$work/image/bin/"
  cp build/release/programs/*.bpf.o tools/linux72/init "$work/image/"
  chmod +x "$work/image/init"
  mkdir -p "$work"/image/{proc,sys,dev,tmp}
  # Five blocks, each with the offset of the next and a value.
  perl -e 'print pack("q<Q<x4080", $_ == 5 ? -1 : $_ * 4096, $_) for 1 .. 5' >"$work/image/chain"
  (cd "$work/image" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/initrd"
}
boot() {
  timeout 300 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -m 512M -smp 2 -nographic -no-reboot \
    -kernel "$(ls "$work"/unpacked/usr/lib/modules/*/vmlinuz)" -initrd "$work/initrd" -append "console=ttyS0 quiet" |
    tr -d '\r' >"$work/console"
}

[[ -n $(ls "$work"/unpacked/usr/lib/modules/*/vmlinuz 2>/dev/null) ]] || step "download Linux 7.2 and libbpf" fetch
step "build" build release programs
step "pack" pack
step "boot" boot
grep -aoE '(Linux 7[^ ]*|OK [a-z_-]+)$' "$work/console" | sed 's/^/  /'
ok=$(grep -acE 'OK [a-z_-]+$' "$work/console" || true)
if ((ok != 8)); then
  sed -n '/FAILED/,$p' "$work/console"
  echo "the programs do not all run on this kernel: $ok of 8 checks passed"
  exit 1
fi
echo "The programs run unchanged on a kernel that drives the ring itself: 8 checks passed."
