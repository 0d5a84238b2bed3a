# sayso: everything is set up and run from here. `make help` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
# The dependencies' numerical libraries would start a thread for each core; ours need one.
export OMP_NUM_THREADS := 1

# The targets of one run depend on each other's results: `-j` changes nothing.
.NOTPARALLEL:
.PHONY: help setup try test quick lint types docs-check docs bench bench-fleet eval pins heads train clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name what; do printf '  make %-12s %s\n' "$$name" "$$what"; done

setup: ## virtual environment, system packages, llama.cpp (once per machine; a second run is instant)
	@sh scripts/setup.sh

try: setup ## set everything up, then see sayso do its job: read, change, undo, history
	@$(BIN)/python scripts/try.py

test: setup lint types docs-check ## everything that CI checks: lint, format, types, import rules, docs, all tests
	$(BIN)/pytest

quick: lint types ## the developer's loop on a warm machine: no set-up, no tests that start servers or the model
	$(BIN)/pytest -m "not sshd and not model and not slow"

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types:
	$(BIN)/mypy

docs-check:
	$(BIN)/python scripts/generate_reference.py --check

docs: setup ## write docs/reference from the catalogue
	$(BIN)/python scripts/generate_reference.py

bench: setup ## print the benchmarks, as ratios in one run
	$(BIN)/python scripts/bench.py

bench-fleet: setup ## a read of 10, 50 and 100 hosts, by sayso and by ansible, ssh, asyncssh and others (20 minutes)
	python3 -m venv .venv-bench
	.venv-bench/bin/pip install -q -r scripts/bench_fleet_requirements.txt
	$(BIN)/python scripts/bench_fleet.py

eval: setup ## measure the interpreter on sentences that trained nothing
	$(BIN)/python scripts/evaluate.py

pins: setup ## pin the hashes of the built-in packs after editing one
	$(BIN)/python scripts/pin_packs.py

heads: setup ## fit the model's class head anew, after editing packs or sentences (the encoder stays)
	$(BIN)/python scripts/train.py --only heads --only decision

train: setup ## train the model from the sentences (an environment of its own; torch; under an hour on two cores)
	python3 -m venv .venv-model
	.venv-model/bin/pip install -q -r scripts/build_model_requirements.txt
	$(BIN)/python scripts/train.py

clean: ## remove what was built; the virtual environment stays
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
