# make run: the example study.  make test: everything that is tested.  Both make their own environment.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CODE := pipelines tests bench notebooks docs

.PHONY: run test lint wheel-test clean

run: $(VENV)/installed
	$(BIN)/tensionmap run

test: $(VENV)/installed-for-tests
	./tests/find-chromium
	$(BIN)/python -m pytest

lint: $(VENV)/installed-for-tests
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy

# The wheel in an environment of its own, tested from a folder that holds nothing of the project.
wheel-test: $(VENV)/installed-for-tests
	./tests/test-wheel

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/installed-for-tests: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[test,notebooks]"
	touch $@

clean:
	rm -rf $(VENV) data/processed maps/web maps/paper maps/meetings maps/audit maps/index.html
