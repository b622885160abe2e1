# Two commands are enough: `make run` and `make test`. PYTHON chooses the interpreter (3.11 or newer).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Compiled files are kept, whatever the machine's habit: else each of the many processes of a run compiles everything anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test test-sqlite test-postgresql lint bench compiled faults dev clean

run: $(VENV)/.runtime
	@exec $(BIN)/python manage.py up

$(VENV)/.runtime: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make run PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what the product needs (once)…"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

dev: $(VENV)/.dev

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "Installing what the checks need (once)…"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

lint: dev
	$(BIN)/ruff check .
	$(BIN)/mypy connectors scrm reports
	$(BIN)/lint-imports
	$(BIN)/python -m tests.repository

test: lint test-sqlite test-postgresql

# Files are handed out whole and in the order of tests/environment.py. What touches no database is run once, on SQLite.
SPREAD := -n 2 --dist loadfile --no-loadscope-reorder

test-sqlite: dev
	$(BIN)/python -m pytest $(SPREAD)

test-postgresql: dev
	$(BIN)/python -m tests.databases run -- $(BIN)/python -m pytest $(SPREAD) --only-database

faults: dev
	$(BIN)/python -m tests.faults

# Not needed for anything: matching compares as quickly as it can where there is a C compiler.
compiled: dev
	$(BIN)/python manage.py compile_matching

bench: dev
	-$(BIN)/python manage.py compile_matching
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) var build
