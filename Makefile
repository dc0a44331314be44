# `make demo` and `make test` set up all they need in .venv; the only thing to bring is Python 3.11 or newer.
# PYTHON=python3.13 chooses the interpreter that a new .venv is made with, ARGS="…" is handed to the command.

.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
VENDOR := django_tasks_poc/static/django_tasks_poc/vendor
HTMX ?= 2.0.11

.PHONY: help demo test soak screenshots builder manager migrate bench bench-peers docs lint types modernise coverage htmx clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.ready ## import a table of 100,000 rows and show what became of each
	@$(BIN)/python manage.py demo $(ARGS)

test: $(VENV)/.ready ## run the tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

soak: $(VENV)/.ready ## run trees under kills for 10 minutes (ARGS="--seconds 60 --seed 7") and print what was found
	@$(BIN)/python -m tests.chaos $(ARGS)

builder: migrate ## queue the import of a table, for `make manager` to run
	@mkdir -p demo_data
	@$(BIN)/python manage.py make_table demo_data/orders.csv
	@$(BIN)/python manage.py import_table demo_data/orders.csv $(ARGS)

manager: migrate ## run a task manager until Ctrl-C
	@$(BIN)/python manage.py run_task_manager $(ARGS)

screenshots: $(VENV)/.dev ## take the pictures of the docs anew (needs chromium and axe-core; says how to get them)
	@$(BIN)/python -m tests.browser.gallery $(ARGS)

bench: $(VENV)/.ready ## measure the package on this machine
	@$(BIN)/python -m benchmarks $(ARGS)

bench-peers: $(VENV)/.ready ## measure it beside Celery, rq, DBOS and others, each installed into a .venv of its own
	@$(BIN)/python -m benchmarks.peers $(ARGS)

docs: $(VENV)/.dev ## build the site of the docs into site/; a warning is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict $(ARGS)

lint: $(VENV)/.dev ## check style and formatting (ruff)
	@$(BIN)/python -m ruff check
	@$(BIN)/python -m ruff format --check

types: $(VENV)/.dev ## check the types (mypy, strict)
	@$(BIN)/python -m mypy

modernise: $(VENV)/.dev ## rewrite what newer Django and Python say better, then format
	@git ls-files '*.py' | xargs $(BIN)/django-upgrade --target-version 5.2 --exit-zero-even-if-changed
	@$(BIN)/python -m ruff check --fix
	@$(BIN)/python -m ruff format

coverage: $(VENV)/.dev ## run the tests and print the lines they miss; runs add up (DATABASE_URL=… for one more)
	@$(BIN)/python -m coverage run -m pytest -n 2 --dist loadfile $(ARGS)
	@$(BIN)/python -m coverage combine --quiet --append
	@$(BIN)/python -m coverage report

htmx: ## take up htmx for the admin's pages (HTMX=2.0.11), with npm
	@folder=$$(mktemp -d) && cd "$$folder" && npm pack --silent htmx.org@$(HTMX) >/dev/null && tar xzf htmx.org-*.tgz && \
		cp package/dist/htmx.min.js "$(CURDIR)/$(VENDOR)/htmx.min.js" && cp package/LICENSE "$(CURDIR)/$(VENDOR)/htmx.LICENSE" && \
		rm -r "$$folder"

clean: ## remove all that was made here: .venv, databases, tables, builds, caches
	@rm -rf $(VENV) .tox build dist site demo_data .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache *.sqlite3*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

migrate: $(VENV)/.ready
	@for database in default even odd; do $(BIN)/python manage.py migrate --verbosity 0 --database $$database || exit 1; done

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, and $(PYTHON) is not. Name another one: make $(MAKECMDGOALS) PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.ready: requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing requirements.txt into $(VENV) ..."
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.ready
	@echo "Installing the development tools into $(VENV) ..."
	@$(PIP) --editable '.[dev]'
	@touch $@
