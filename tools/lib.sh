# Sourced by ./demo and ./test: setting up the machine, and steps that are quiet but show that they live.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=$root/build/logs
mkdir -p "$logs"

# What building and testing need, as Debian packages.
packages=(g++ cmake ninja-build pkg-config clang-19 llvm-19-dev libclang-rt-19-dev libelf-dev libfmt-dev
  nlohmann-json3-dev libcli11-dev liburing-dev libgtest-dev libbpf-dev jq libisal-dev libssl-dev)

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m' clear=$'\r\e[K'
else
  bold='' green='' red='' plain='' clear=''
fi

# step NAME COMMAND…: runs COMMAND with its output in a log; on a terminal the seconds count up meanwhile. Says how long
# it took. If the command fails, shows the end of the log and ends the script.
step() {
  local name=$1 log start=$SECONDS
  shift
  log=$logs/$(tr -cs 'a-zA-Z0-9\n' '-' <<<"$name").log
  "$@" >"$log" 2>&1 &
  local pid=$!
  while [[ -t 1 ]] && kill -0 $pid 2>/dev/null; do
    printf '%s  … %s (%d s)' "$clear" "$name" $((SECONDS - start))
    sleep 0.5
  done
  if wait $pid; then
    printf '%s  %s✓%s %s (%d s)\n' "$clear" "$green" "$plain" "$name" $((SECONDS - start))
  else
    printf '%s  %s✗%s %s failed; the end of %s:\n\n' "$clear" "$red" "$plain" "$name" "${log#"$root"/}"
    tail -n 40 "$log"
    exit 1
  fi
}

# Installs what is missing, and says what that is.
install_packages() {
  local missing=() package sudo=()
  for package in "${packages[@]}" "$@"; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  echo "  installing Debian packages: ${missing[*]}"
  ((EUID == 0)) || sudo=(sudo)
  step "apt-get update" "${sudo[@]}" apt-get update -q
  step "apt-get install" "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
    --no-install-recommends "${missing[@]}"
}

# build PRESET [TARGET…]
build() {
  local preset=$1
  shift
  (cd "$root" && cmake --preset "$preset" && cmake --build --preset "$preset" ${1:+--target "$@"})
}
