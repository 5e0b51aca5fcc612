# The two commands of the README are `make serve` and `make test`; each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CLIENTS := tests/e2e/node_modules/.installed
TESTS ?=
MINUTES ?= 1.5
SEED ?=
REDIS ?= server

.DEFAULT_GOAL := help
.PHONY: help serve test faults lint format javascript locks clean

help: ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

serve: $(VENV)/base.installed ## Start the service for development on port 1337
	SIOWEB_ENV=development $(BIN)/python manage.py serve

test: $(VENV)/dev.installed javascript ## Run the whole test suite; TESTS=path for a part of it
	$(BIN)/python -m pytest -n auto $(TESTS)

faults: $(VENV)/dev.installed javascript ## Break everything for a while: MINUTES=1.5 SEED=... REDIS=sentinel|cluster
	$(BIN)/python -m tests.faults --minutes $(MINUTES) --redis $(REDIS) $(if $(SEED),--seed $(SEED))

lint: $(VENV)/dev.installed ## Check format, style, types and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

format: $(VENV)/dev.installed ## Put the code in its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

javascript: # the official clients; without npm the tests that drive them are skipped
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(CLIENTS); fi

$(CLIENTS): tests/e2e/package-lock.json
	cd tests/e2e && npm ci --silent --no-audit --no-fund
	touch $@

locks: $(VENV)/bin/uv ## Choose versions anew within requirements/*.in
	for name in uv base production dev; do \
	  $(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --universal \
	    --python-version 3.11 requirements/$$name.in --output-file requirements/$$name.txt; \
	done

clean: ## Remove what make has installed; the data in var/ stays
	rm -rf $(VENV) tests/e2e/node_modules

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name it with PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "$(PYTHON) has no venv module; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt

# pytest and linters come on top of the service's own packages, never instead of them.
$(VENV)/base.installed: requirements/base.txt | $(BIN)/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $<
	touch $@

$(VENV)/dev.installed: requirements/dev.txt | $(BIN)/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $<
	touch $@ $(VENV)/base.installed
