# What a newcomer and CI type. Every target sets up what it needs, and says so.
.PHONY: help setup demo test lint bench clean
.DEFAULT_GOAL := help

PYTHON := .venv/bin/python

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: ## make .venv with all that is needed to run (GPU=1: torch with CUDA)
	@deploy/setup.sh

demo: ## index a sample library and search it (LIBRARY=~/Pictures: yours; MODEL=fast: with a model)
	@deploy/setup.sh demo
	@deploy/demo.sh

test: ## lint, types, import rules and tests
	@deploy/setup.sh dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(PYTHON) -m pytest -q -rs -n 4 --dist loadscope --durations=10 \
		-p tests.ci_skips

lint: ## put the code in order
	@deploy/setup.sh dev
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: ## list the benchmarks
	@deploy/setup.sh dev
	@for file in benchmarks/*.py; do echo "$(PYTHON) $$file --help"; done

clean: ## remove the virtual environment and the demo
	rm -rf .venv .demo
