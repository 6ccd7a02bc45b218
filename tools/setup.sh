#!/bin/sh
# Sets up everything below the checkout: virtual environment, locked packages, native library.
# Usage: tools/setup.sh run|dev|guest|cuda. Quick when nothing changed. A missing system package ends in one line.
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
  cuda) lock=requirements-cuda.lock ;;
  run) ;;
  *) fail "unknown set-up mode $mode; use run, dev, guest or cuda" ;;
esac
# What pip downloads is not kept outside the checkout, unless the caller has chosen a folder for it.
[ -n "${PIP_CACHE_DIR:-}" ] || export PIP_NO_CACHE_DIR=1
if ! [ -x $venv/bin/pip ]; then
  echo "hallmark: making the virtual environment $venv with $("$python" --version) ($(command -v "$python"))"
  "$python" -m venv $venv
fi
stamp=$venv/.installed-$mode
if ! cmp -s $lock $stamp || ! [ -x $venv/bin/hallmark ]; then
  $venv/bin/python tools/steps.py packages $lock ||
    fail "the packages of $lock could not be installed; see the message above"
  # An editable install by a .pth file: Hallmark runs from its tree.
  $venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e . ||
    fail "the checkout could not be linked into $venv; see the message above"
  cp $lock $stamp
fi
$venv/bin/python tools/steps.py native "$(getconf _NPROCESSORS_ONLN)" ||
  fail "a native library did not build; see the message above"
