#!/bin/sh
# Sets up what sayso needs in this checkout: Python >= 3.11, system packages by name, a virtual environment
# with every dependency. A second run with nothing changed ends at once.
set -eu
cd "$(dirname "$0")/.."
VENV=.venv
STAMP=$VENV/.set-up

say() { printf '%s\n' "$*"; }

find_python() {
  for name in python3.13 python3.12 python3.11 python3; do
    if command -v "$name" >/dev/null 2>&1 && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
}

# Programs that must be there, and the Debian package that brings each.
missing_packages() {
  command -v g++ >/dev/null 2>&1 || printf 'build-essential '
  command -v git >/dev/null 2>&1 || printf 'git '
  command -v ssh-keygen >/dev/null 2>&1 || printf 'openssh-client '
  [ -x /usr/sbin/sshd ] || printf 'openssh-server '
  command -v setfacl >/dev/null 2>&1 || printf 'acl '
  command -v ip >/dev/null 2>&1 || printf 'iproute2 '
  command -v ps >/dev/null 2>&1 || printf 'procps '
  [ -n "$PYTHON" ] || printf 'python3 python3-venv '
  if [ -n "$PYTHON" ] && ! command -v uv >/dev/null 2>&1; then
    "$PYTHON" -c 'import ensurepip' 2>/dev/null || printf 'python3-venv '
  fi
}

install_packages() {
  # $1: the packages, by name
  say "System packages are missing: $1"
  if [ "$(id -u)" = 0 ]; then
    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $1
  elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    sudo -n apt-get update -q && sudo -n env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $1
  else
    say "Root is needed to install them. Run this, then run make again:"
    say "  sudo apt-get install --no-install-recommends $1"
    exit 1
  fi
}

# Runs a long command with its last line and the time in view, and its whole output where it fails.
with_progress() {
  log=$(mktemp)
  started=$(date +%s)
  "$@" >"$log" 2>&1 &
  child=$!
  trap 'kill $child 2>/dev/null; exit 130' INT TERM
  ticks=0
  while kill -0 $child 2>/dev/null; do
    sleep 1
    ticks=$((ticks + 1))
    if [ $((ticks % 15)) = 0 ]; then
      seconds=$(($(date +%s) - started))
      say "  $((seconds / 60)):$(printf '%02d' $((seconds % 60)))  $(tail -n 1 "$log" | cut -c1-100)"
    fi
  done
  if ! wait $child; then
    tail -n 40 "$log"
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

install_dependencies() {
  # Embeddings need no multimodal part; without it llama.cpp builds in half the time.
  export CMAKE_ARGS="${CMAKE_ARGS:--DLLAVA_BUILD=OFF}"
  if command -v uv >/dev/null 2>&1; then
    export UV_LINK_MODE=copy
    [ -x $VENV/bin/python ] || uv venv -q --python "$PYTHON" $VENV
    say "Installing (llama.cpp takes 5-10 minutes to build, once per machine; uv keeps the wheel in $(uv cache dir))"
    with_progress uv pip install -v --python $VENV/bin/python --group dev --editable .
  else
    [ -x $VENV/bin/python ] || "$PYTHON" -m venv $VENV
    $VENV/bin/python -m pip install -q --upgrade "pip>=25.1"
    say "Installing (llama.cpp takes 5-10 minutes to build, once per machine; pip keeps the wheel in $($VENV/bin/python -m pip cache dir))"
    with_progress $VENV/bin/python -m pip install --group dev --editable .
  fi
}

PYTHON=$(find_python)
packages=$(missing_packages)
if [ -n "$packages" ]; then
  install_packages "$packages"
  PYTHON=$(find_python)
fi
if [ -z "$PYTHON" ]; then
  say "Python 3.11 or newer is needed and not here. Install it (Debian 12: apt-get install python3), then run make again."
  exit 1
fi
wanted=$(cat pyproject.toml scripts/setup.sh shell/version.py | sha256sum | cut -d' ' -f1)
if [ -f $STAMP ] && [ "$(cat $STAMP)" = "$wanted" ] && [ -x $VENV/bin/sayso ]; then
  exit 0
fi
install_dependencies
printf '%s' "$wanted" >$STAMP
say "Set up: $VENV/bin/sayso $($VENV/bin/sayso --version)"
