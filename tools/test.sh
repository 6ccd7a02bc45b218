#!/bin/sh
# Every test. Usage: tools/test.sh WORKERS. Exits non-zero when anything failed or could not run.
set -eu
cd "$(dirname "$0")/.."
tools/install_servers.sh
mkdir -p .hallmark
echo "hallmark: running the tests in $1 processes"
exec .venv/bin/python -m pytest -n "$1" --dist loadfile -rs -m "not gpu and not slow" --basetemp .hallmark/tests
