#!/bin/sh
# Sets up everything below the checkout: virtual environment, locked packages, native library.
# Usage: tools/setup.sh run|dev|guest. Quick when nothing changed. A missing system package ends in one line.
set -eu
cd "$(dirname "$0")/.."
mode=${1:-run}
fail() { printf 'hallmark: %s\n' "$1" >&2; exit 1; }

python=${PYTHON:-}
if [ -z "$python" ]; then
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null 2>&1 &&
       "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null; then
      python=$candidate
      break
    fi
  done
fi
missing=""
[ -n "$python" ] || missing="$missing python3 python3-venv"
[ -z "$python" ] || "$python" -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"
command -v g++ >/dev/null 2>&1 || missing="$missing g++"
[ -z "$missing" ] || fail "missing on this machine (Python 3.11 to 3.14, a C++20 compiler); install with: apt-get install$missing"

venv=.venv
lock=requirements.lock
case $mode in
  dev) lock=requirements-dev.lock ;;
  guest) lock=requirements-guest.lock ;;
  run) ;;
  *) fail "unknown set-up mode $mode; use run, dev or guest" ;;
esac
[ -x $venv/bin/python ] || "$python" -m venv $venv
stamp=$venv/.installed-$mode
if ! cmp -s $lock $stamp || ! [ -x $venv/bin/hallmark ]; then
  echo "hallmark: installing the locked packages ($lock)"
  $venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r $lock ||
    fail "the packages of $lock could not be installed; see the message above"
  # An editable install by a .pth file: Hallmark runs from its tree.
  $venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e . ||
    fail "the checkout could not be linked into $venv; see the message above"
  cp $lock $stamp
fi
make --no-print-directory -s -C proving/native -j"$(getconf _NPROCESSORS_ONLN)" ||
  fail "the native library did not build; see the message above"
