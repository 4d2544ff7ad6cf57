# Every target does the set-up it needs: a virtual environment in .venv, maflab and its tools in it.
# The set-up is repeated only when setup.cfg or constraints.txt changes.
#
#   make train ARGS="trainer.max_steps=200"     ARGS goes to the command
#   make test PYTHON=python3.12                 another interpreter for a new environment
#   make test JOBS=4                            that many test processes

.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

ARGS ?=
VENV ?= .venv
# The first interpreter that is new enough; without one, `python3`, so that the check below can say what is missing.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; exit; }; done; echo python3)
JOBS ?= 2

PY := $(VENV)/bin/python
READY := $(VENV)/.maflab-installed
SCRIPTS := $(wildcard train.py evaluate.py demo.py prepare.py)
SOURCES := src tests $(SCRIPTS) $(wildcard benchmarks experiments)
# One thread a test process: the processes share the cores, and results do not depend on the machine.
PYTEST := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(PY) -m pytest

.PHONY: help setup train prepare test test-slow lint format clean distclean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | awk -F '\t' '{ printf "  make %-10s %s\n", $$1, $$2 }'

setup: $(READY)  ## Make the environment and install maflab (the other targets do this by themselves)

train: $(READY)  ## Train the default experiment: body, data, training, table and pictures
	$(PY) train.py +experiment=maf_3iter $(ARGS)

prepare: $(READY)  ## Make the body and the data of the default experiment, and stop there
	$(PY) prepare.py $(ARGS)

test: $(READY)  ## Run the tests (all but the slow ones)
	$(PYTEST) -n $(JOBS) --dist loadfile $(ARGS)

# pytest ends with 5 when it finds no test to run; having no slow test is no failure.
test-slow: $(READY)  ## Run the slow tests only
	$(PYTEST) -m slow $(ARGS) || [ $$? -eq 5 ]

lint: $(READY)  ## Check style, formatting and types
	$(PY) -m ruff check $(SOURCES)
	$(PY) -m ruff format --check $(SOURCES)
	$(PY) -m mypy

format: $(READY)  ## Put the code into ruff's format and mend what ruff can
	$(PY) -m ruff check --fix $(SOURCES)
	$(PY) -m ruff format $(SOURCES)

clean:  ## Remove caches and build files (keeps the environment, data and outputs)
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .coverage htmlcov
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## Remove the environment too
	rm -rf $(VENV)

$(READY): setup.cfg constraints.txt
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "maflab needs Python 3.11 or newer, and found no $(PYTHON); install it, or name yours: make PYTHON=/path/to/python"; exit 1; }
	@"$(PYTHON)" -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v >= (3, 11) else "maflab needs Python 3.11 or newer, \
	and $(PYTHON) is %d.%d; name another: make PYTHON=/path/to/python" % v)'
	@[ -x $(PY) ] || { echo "Making the virtual environment $(VENV)"; "$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "$(PYTHON) could not make a virtual environment; on Debian and Ubuntu: apt install python3-venv"; exit 1; }; }
	@echo "Installing maflab and what it needs into $(VENV): minutes, and up to 7 GB where torch brings CUDA"
	PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt $(PY) -m pip install --disable-pip-version-check -e '.[dev]'
	@touch $@
