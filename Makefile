# Each target sets up what it needs and is quick when that is already there.

PYTHON := .venv/bin/python
CASE ?= sample_captures/mixed_call
NOTEBOOK ?= notebooks/01_first_look.ipynb
CASES ?= $(sort $(patsubst %/scenario.toml,%,$(wildcard sample_captures/*/scenario.toml)))
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup report test lab samples lint clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

setup: .venv/.ready ## make .venv with the package and its dependencies

report: .venv/.ready ## diagnose a bundled call (CASE=folder) and write its HTML report
	@$(PYTHON) -m forensics report $(CASE) --out reports/$(notdir $(CASE)).html

test: .venv/.ready-test ## run the tests (ARGS="-k name" for some of them)
	@scripts/system_tools.sh tshark chromium libatomic1 espeak-ng
	@$(PYTHON) -m pytest $(ARGS)

lab: .venv/.ready ## open JupyterLab on the first notebook
	@$(PYTHON) -m jupyter lab --ServerApp.root_dir=$(CURDIR) $(shell [ "$$(id -u)" = 0 ] && echo --allow-root) $(ARGS) $(NOTEBOOK)

samples: .venv/.ready-lab ## record the sample captures again, in real time (CASES="folder …" for some)
	@scripts/system_tools.sh chromium libatomic1 espeak-ng pulseaudio
	@$(PYTHON) -m forensics lab again $(CASES)

lint: .venv/.ready-dev ## check format, style and types
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy

clean: ## remove .venv, reports and caches
	rm -rf .venv reports build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.ready: pyproject.toml scripts/setup.sh
	@scripts/setup.sh

.venv/.ready-%: pyproject.toml scripts/setup.sh
	@scripts/setup.sh $*
