#!/bin/sh
# Lint, then every test. Usage: tools/test.sh WORKERS. Exits non-zero when anything failed or could not run.
set -eu
cd "$(dirname "$0")/.."
bin=.venv/bin
tools/install_servers.sh
$bin/ruff check .
$bin/mypy
$bin/lint-imports
exec $bin/python -m pytest -n "${1:-2}" --dist loadfile -rs -m "not gpu and not slow"
