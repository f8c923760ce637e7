# Thin: each target is one thing a person wants. `make` alone lists them.
PY := .venv/bin/python
ARGS ?=
# Test files run beside each other; WORKERS=0 runs them in this process, one after the other.
WORKERS ?= 2
# What `make bench` measures, one after the other.
BENCHMARKS ?= engine rules latency stop ingest history

.DEFAULT_GOAL := help
.PHONY: help setup services demo lint format test test-full bench mutants wheel clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 12

setup: ## make .venv with everything in it (quick when nothing changed)
	@scripts/setup

services: setup ## find or install the real servers the tests use
	@$(PY) -m scripts.services

demo: setup ## run the greenhouse: make demo ARGS="--headless --for 1h"
	@exec .venv/bin/godkaiser demo $(ARGS)

lint: setup ## style, types, layers
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache

format: setup ## put the style right
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

test: services lint ## everything that must hold before a change lands
	$(PY) -m pytest -n $(WORKERS) --dist loadfile --cov --cov-report=term --durations=40 $(ARGS)
	$(PY) -m scripts.coverage_floor

test-full: services lint ## the same with the slow tests and many more generated cases
	$(PY) -m pytest -n $(WORKERS) --dist loadfile -m "slow or not slow" --hypothesis-profile=full --cov --cov-report=term --durations=40 $(ARGS)
	$(PY) -m scripts.coverage_floor

bench: setup ## measure: prints figures, judges nothing
	@for name in $(BENCHMARKS); do echo "== $$name"; $(PY) -m benchmarks.$$name || exit 1; done

mutants: setup ## plant small mistakes in the safety gate; a test must fail for each: make mutants ARGS="gate stop"
	$(PY) -m scripts.mutate --jobs $(WORKERS) $(ARGS)

wheel: setup ## build dist/*.whl
	@rm -rf dist build/lib build/bdist.*
	$(PY) -m build --wheel

clean: ## remove what the other targets made
	rm -rf .venv build dist *.egg-info .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
