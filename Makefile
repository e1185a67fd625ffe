# The two commands a fresh machine needs: `make pretrain` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Whole files to each of two processes, the longest files first (tests/conftest.py).
PYTEST_ARGS ?= -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: pretrain test quick lint docs clean help

help:
	@echo "make pretrain  environment, install, pretraining on the embedded default (about 5 minutes the first time)"
	@echo "make test      environment, test extras, linter and the whole test suite"
	@echo "make quick     the tests that take a moment each, while editing"
	@echo "make docs      the documentation site in build/docs; links checked, its longer commands run"
	@echo "make lint      ruff check and format check only"
	@echo "make clean     remove the environment and build leftovers"

pretrain: $(VENV)/installed
	$(BIN)/python -m clinicalbert_tf.pretrain --strategy mirrored

# Each of the two processes has one core for TensorFlow's operations.
test quick: export TF_NUM_INTRAOP_THREADS = 1

test: $(VENV)/installed-test lint
	$(BIN)/python -m pytest $(PYTEST_ARGS)

quick: $(VENV)/installed-test
	$(BIN)/python -m pytest $(PYTEST_ARGS) -m "not large and not documentation"

docs: $(VENV)/installed-docs $(VENV)/installed-test
	$(BIN)/python docs/write_commands_reference.py
	$(BIN)/mkdocs build --strict --quiet
	$(BIN)/python -m pytest -m documentation tests/documented_commands_test.py

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed; name it with make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/installed: $(VENV)/bin/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

$(VENV)/installed-docs: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
