# What a newcomer needs: `make demo` and `make test`. Both set everything up by themselves.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
PYTEST_WORKERS ?= 2

.PHONY: help setup setup-dev native demo test lint test-long bench bench-record bench-demo guest docs screenshots kernels cuda test-gpu bench-gpu soak clean distclean

help:
	@echo "make demo        set up, prove a batch of signed transfers, verify it"
	@echo "make test        set up, run every test that ends within minutes"
	@echo "make test-long   run the tests that make test leaves out because they take long"
	@echo "make lint        set up, check style, types, imports, risky calls and packages with published faults"
	@echo "make bench       measure (FIGURE=name for one), name what became worse; make bench-demo measures the demo"
	@echo "make bench-record  record what was measured on this commit, for make bench to compare with"
	@echo "make soak        fifty batches while processes and servers are killed; proofs are stand-ins"
	@echo "make docs        make a site of the pages in docs/ (docs/build/index.html); every warning is an error"
	@echo "make screenshots  take the pictures of the console in docs/images again (proofs are stand-ins)"
	@echo "make guest       rebuild the proven programs and compare them with the committed ones"
	@echo "make cuda        compile the CUDA kernels ahead of time; make test-gpu and make bench-gpu need a device"
	@echo "make clean       remove build outputs; make distclean also the virtual environment and the state"

setup:
	@tools/setup.sh run

setup-dev:
	@tools/setup.sh dev

native:
	@$(MAKE) --no-print-directory -s -C proving/native
	@$(MAKE) --no-print-directory -s -C core/program/native

demo: setup
	@$(BIN)/hallmark demo

test: setup-dev
	@tools/test.sh $(PYTEST_WORKERS)

test-long: setup-dev kernels
	@tools/install_servers.sh
	@tools/install_arm64.sh
	@$(BIN)/python -m pytest -n 0 -m long tests

lint: setup-dev
	@$(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports
	@XDG_CACHE_HOME="$(CURDIR)/.hallmark/cache" $(BIN)/bandit -q -ll -ii -c pyproject.toml -r .
	@$(BIN)/python tools/audit.py

bench: setup-dev
	@$(BIN)/python -m benchmarks $(if $(FIGURE),--figure $(FIGURE))

bench-record: setup-dev
	@$(BIN)/python -m benchmarks.record

bench-demo: setup
	@$(BIN)/python -m benchmarks.demo

docs: setup-dev
	@$(BIN)/python -m sphinx -q -W --keep-going docs docs/build
	@echo "docs/build/index.html"

soak: setup-dev
	@tools/install_servers.sh
	@$(BIN)/python -m benchmarks.soak

screenshots: setup-dev
	@tools/install_servers.sh
	@$(BIN)/python -m tests.housekeeper.screenshots

guest:
	@tools/setup.sh guest
	@$(BIN)/python -m guest.build

# The compiler comes from PyPI where the machine has none; compiling needs no GPU. ARCHITECTURE=sm_90 compiles for that one.
kernels: setup-dev
	@$(BIN)/python -c 'import sys; from cuda.build import find_compiler; sys.exit(find_compiler() is None)' || \
	  tools/setup.sh cuda
	@$(BIN)/python -m cuda.build $(if $(ARCHITECTURE),--architecture $(ARCHITECTURE))

# The straight-line kernels of the circuits take many minutes for all architectures, and no test without a device needs them.
cuda: kernels
	@$(BIN)/python -m cli.kernels

test-gpu: setup-dev cuda
	@PYTHON=$(BIN)/python tools/gpu_run.sh tests

bench-gpu: setup-dev cuda
	@PYTHON=$(BIN)/python tools/gpu_run.sh benchmark

clean:
	@rm -rf proving/native/build core/program/native/build cuda/build docs/build

distclean: clean
	@tools/install_servers.sh remove
	@tools/install_arm64.sh remove
	@rm -rf $(VENV) .hallmark contracts/node_modules tests/core/wallets/node_modules guest/runtime/build guest/runtime/compiler/build .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache *.egg-info
	@rm -f benchmarks/latest.json benchmarks/latest-gpu.json
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
