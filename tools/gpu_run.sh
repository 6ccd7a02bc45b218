#!/bin/sh
# Build, self-test, tests and benchmark on a machine with a GPU, in one run without network.
# Usage: tools/gpu_run.sh [all|tests|benchmark]
#
# Needs nvcc (or kernels that `make cuda` compiled), a C++ compiler, Python with NumPy. The packages of requirements-gpu.lock are
# taken from the folder HALLMARK_PACKAGES, as wheels or source archives, where that is set;
# `python3 -m pip download --no-deps -d FOLDER -r requirements-gpu.lock` fills it elsewhere, for the same Python version.
# PyCUDA has no wheels: it is compiled here, with the nvcc on the path. PYTHON names the interpreter.
# The whole run is to take less than 8 minutes; results go to benchmarks/latest-gpu.json and to the terminal.
set -eu
cd "$(dirname "$0")/.."
part=${1:-all}
case $part in
  all | tests | benchmark) ;;
  *) echo "hallmark: unknown part $part; use all, tests or benchmark" >&2; exit 2 ;;
esac
python=${PYTHON:-python3}
export PYTHONUNBUFFERED=1
say() { printf 'hallmark: %s (%s s)\n' "$1" "$(($(date +%s) - begin))"; }
begin=$(date +%s)

if [ -n "${HALLMARK_PACKAGES:-}" ]; then
  site=cuda/build/packages
  export PYTHONPATH="$PWD/$site${PYTHONPATH:+:$PYTHONPATH}"
  if ! cmp -s requirements-gpu.lock "$site/installed.lock"; then
    say "installing the packages of requirements-gpu.lock from $HALLMARK_PACKAGES"
    "$python" -m pip install -q --disable-pip-version-check --no-index --no-build-isolation --upgrade \
      --find-links "$HALLMARK_PACKAGES" --target "$site" --require-hashes -r requirements-gpu.lock ||
      { echo "hallmark: $HALLMARK_PACKAGES does not have all packages of requirements-gpu.lock" >&2; exit 1; }
    cp requirements-gpu.lock "$site/installed.lock"
  fi
fi

say "building the native library and the kernels"
make --no-print-directory -s -C proving/native -j"$(getconf _NPROCESSORS_ONLN)"
architecture=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d .)
case $architecture in
  80 | 86 | 89 | 90)
    "$python" -m cuda.build --architecture "sm_$architecture"
    "$python" -m cli.kernels --architecture "sm_$architecture" --circuit main_vm ;;
  *) "$python" -m cuda.build ;;
esac

say "self-test"
"$python" -m cuda.devices

if [ "$part" != benchmark ]; then
  say "tests"
  timeout 200 "$python" -m pytest -c tools/gpu_pytest.ini --rootdir . tests/cuda
  if command -v compute-sanitizer >/dev/null 2>&1; then
    for tool in memcheck racecheck; do
      say "tests under compute-sanitizer $tool"
      timeout 90 compute-sanitizer --tool "$tool" --error-exitcode 9 --target-processes all \
        "$python" -m pytest -c tools/gpu_pytest.ini --rootdir . tests/cuda/test_backend.py tests/cuda/test_operations.py \
        -k "transforms or openings or trees or folds or deep or prefix_sums or inversion" -x
    done
  else
    say "compute-sanitizer is not here and was left out"
  fi
fi

if [ "$part" != tests ]; then
  say "benchmark"
  "$python" -m benchmarks.gpu
fi
say "done"
