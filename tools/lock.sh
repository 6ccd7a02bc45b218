#!/bin/sh
# Writes the lock files from pyproject.toml (for whoever changes a dependency). Needs uv in the virtual environment.
set -eu
cd "$(dirname "$0")/.."
compile() { .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml "$@"; }
compile --extra build -o requirements.lock
compile --extra build --extra dev --extra guest -o requirements-dev.lock
compile --extra build --extra guest -o requirements-guest.lock
.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements-cuda.in -o requirements-cuda.lock
.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --constraints requirements-dev.lock requirements-gpu.in -o requirements-gpu.lock
