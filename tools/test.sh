#!/bin/sh
# Every test that ends within minutes. Usage: tools/test.sh WORKERS. Exits non-zero when anything failed or could not run.
set -eu
cd "$(dirname "$0")/.."
tools/install_servers.sh
# No compiler of CUDA for this system must stand between a newcomer and the tests; the tests of kernels say why they are
# left out. CI is to run everything. One architecture shows that they compile and keep their limits; all take minutes more, and
# `make test-long` compiles them.
if ! make --no-print-directory kernels ARCHITECTURE=sm_90; then
  [ "${CI:-}" != true ] || exit 1
  echo "hallmark: the CUDA kernels could not be compiled, see above; the other tests run"
fi
# The same for the build for 64-bit Arm.
if ! tools/install_arm64.sh; then
  [ "${CI:-}" != true ] || exit 1
  echo "hallmark: the tests for 64-bit Arm are left out, see above; the other tests run"
fi
mkdir -p .hallmark
# Hundreds of processes are started; without compiled modules each would compile them anew.
unset PYTHONDONTWRITEBYTECODE
# tests/conftest.py says which files come first; by their number of tests the longest would come last.
echo "hallmark: running the tests in $1 processes"
exec .venv/bin/python -m pytest -n "$1" --dist loadfile --no-loadscope-reorder -rs -m "not gpu and not long" --basetemp .hallmark/tests
