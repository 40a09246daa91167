# Every target makes .venv first, from uv.lock, with nothing but python3 (3.11 or newer) and make.
# `make` alone lists the targets.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: bench check clean demo docs format help simulate test

demo: $(READY)  ## run the whole network once on this machine and check its books
	$(BIN)/archipelago demo

test: check  ## what must be green before a change lands: the gate, which ends with all tests

check: $(READY)  ## format, lint, types, import rule, then all tests
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest

bench: $(READY)  ## measure, and print the table of docs/benchmarks.md
	$(BIN)/python -m benchmarks

simulate: $(READY)  ## run N simulated worlds (1000), or tell one: SEED=7; both with FAULT=name planted
	$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--worlds $(or $(N),1000)) $(if $(FAULT),--fault $(FAULT))

docs: $(READY)  ## write the reference pages again from the code
	$(BIN)/python -m docs.generate

format: $(READY)  ## format the code and repair what ruff can repair
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean:  ## remove what make and the tools made, .venv included
	rm -rf .venv dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*##  *\(.*\)/  make \1\t\2/p' Makefile | expand -t 20

# The stamp is the last thing written: an interrupted build is done again from the start.
$(READY): pyproject.toml uv.lock bootstrap.py
	$(PYTHON) bootstrap.py
	touch $@
