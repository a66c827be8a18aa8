# smartport: `make` alone lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
# PYTHON=/path/to/python chooses the Python for .venv; otherwise the first of these that is new enough.
PYTHONS := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python)
SCENARIO ?= scenarios/xinjiang.yaml
# Two workers: more do not pay on the small machines that run the suite, and each loads the whole package.
WORKERS ?= 2

# One version for every supported Python (`--fork-strategy fewest`), because frozen results have to mean the same on each of them.
LOCK := uv pip compile pyproject.toml --group dev --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file requirements.lock

define find_python
python=; \
for candidate in $(PYTHONS); do \
	if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi; \
done; \
if [ -z "$$python" ]; then \
	echo "smartport needs Python 3.11 or newer, and none of these is: $(PYTHONS). Name one with: make $(or $(MAKECMDGOALS),setup) PYTHON=/path/to/python3" >&2; \
	exit 2; \
fi
endef

.PHONY: help setup run test nightly mutation verification bench fingerprints reference lint lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

setup: $(VENV)/project.stamp ## make .venv with the locked dependencies and the command smartport in it

run: setup ## simulate the three ports (scenarios/xinjiang.yaml): tables and report in results/xinjiang
	$(BIN)/smartport run $(SCENARIO)

test: setup ## run the whole test suite
	$(BIN)/python -m pytest -n $(WORKERS)

nightly: setup ## run the long forms of the tests, which need hours; what they show is kept in docs/verification.md
	$(BIN)/python -m pytest -n $(WORKERS) -m nightly -rA

# Beside the other long forms, because it needs hours more. It goes on where it was stopped; mutants/ is what it works on.
mutation: setup ## change the program in one place after the other and see whether a test notices
	nice -n 15 $(BIN)/python -m mutmut run --max-children $(WORKERS)
	$(BIN)/python -m mutmut results

verification: setup ## write what smartport verify finds into docs/verification.md
	$(BIN)/python -m tests.verification

bench: setup ## time the engines beside other simulators (about a quarter of an hour) and write docs/performance.md
	$(BIN)/python -m tests.bench

# Where a number of a shipped scenario moves, this raises the results version and writes the size into the changelog.
fingerprints: setup ## compute the fingerprints of the shipped scenarios anew; WHY="A sentence." says why they change
	$(BIN)/python -m tests.fingerprints "$(WHY)"

reference: setup ## compute the reference run anew, and write the pages and figures that follow from program and scenarios
	$(BIN)/python -m tests.reference
	$(BIN)/python -m tests.documents

lint: setup ## check style, types and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lock: ## choose the newest allowed dependencies anew and write requirements.lock
	@$(find_python); \
	folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	"$$python" -m venv "$$folder/uv"; \
	"$$folder/uv/bin/python" -m pip install --quiet uv; \
	index=$$("$$folder/uv/bin/python" -m pip config get global.index-url 2>/dev/null || true); \
	index=$${PIP_INDEX_URL:-$$index}; \
	if [ -n "$$index" ]; then export UV_DEFAULT_INDEX=$${UV_DEFAULT_INDEX:-$$index}; fi; \
	"$$folder/uv/bin/"$(LOCK) --upgrade
	@echo "requirements.lock is written; make setup installs it."

clean: ## remove .venv, builds and caches; results stay
	rm -rf $(VENV) build dist mutants .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

# A changed lock makes a new .venv, so that nothing stays behind that the lock no longer names.
$(VENV)/dependencies.stamp: requirements.lock
	@$(find_python); \
	echo "Making $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@touch $@

$(VENV)/project.stamp: $(VENV)/dependencies.stamp pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
