# make demo     the main job, on the embedded store
# make test     everything, with the real servers that it needs
# make coverage   the same, with the lines that no test runs
# make audit-cases   handlers with a known verdict, and what the audit says of each
# make lint     only the static checks
# make format   what the tools can put right themselves
# make chaos    the long run of processes killed at random; make test has a short one
# make bench    ratios against others, in one run; python -m bench NAME … for some of them, --quick for a look
# make clean    as after a fresh clone
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test coverage audit-cases lint format chaos bench clean

demo: $(VENV)/demo.stamp
	$(BIN)/twicesafe demo

test: lint
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder --durations=20

# Each process that a test starts writes a file of its own, so that this takes its time.
coverage: $(VENV)/dev.stamp
	$(BIN)/python -m pytest --cov

audit-cases: $(VENV)/dev.stamp
	$(BIN)/python -m tests.audit.table

# The cache of lint-imports does not see that a module is new.
lint: $(VENV)/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

chaos: $(VENV)/dev.stamp
	$(BIN)/python -m tests.chaos

bench: $(VENV)/dev.stamp
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) .cache .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

$(VENV)/demo.stamp: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --editable '.[audit]'
	touch $@

$(VENV)/dev.stamp: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/demo.stamp

$(BIN)/pip:
	@test -n '$(PYTHON)' || { echo 'twicesafe needs Python 3.10 or later: make PYTHON=/path/to/python3.12' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo 'This Python cannot make environments; on Debian: apt-get install python3-venv' >&2; exit 1; }
