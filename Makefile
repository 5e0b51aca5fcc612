# The two commands of the README are `make serve` and `make test`; each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MODULES := tests/e2e/node_modules/.installed tests/bench/node_modules/.installed
TESTS ?=
# Tests wait for processes that start, drain or break: two more than there are cores.
JOBS ?= $(shell echo $$(( 2 + $$(getconf _NPROCESSORS_ONLN) )))
MINUTES ?= 1
SEED ?=
CLIENTS ?= 500
REDIS ?= server
BENCH ?=
ATTACKS ?=
BASE ?= main
INPUTS ?= 100000
SERVER ?= daphne
# The tests start some hundred processes: none shall compile what the one before has compiled.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help serve test faults fuzz storm slow-readers attacks deploy-test production-guide bench bench-compare sizing docs release-check lint format javascript locks audit clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

serve: $(VENV)/base.installed ## Start the service for development on port 1337
	SIOWEB_ENV=development $(BIN)/python manage.py serve

test: $(VENV)/dev.installed javascript ## Run the whole test suite; TESTS=path for a part of it
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(TESTS)

faults: $(VENV)/dev.installed javascript ## Break everything for a while: MINUTES=1 SEED=... REDIS=sentinel|cluster
	$(BIN)/python -m tests.faults --minutes $(MINUTES) --redis $(REDIS) $(if $(SEED),--seed $(SEED))

fuzz: $(VENV)/dev.installed ## Try inputs that nobody means well by: INPUTS=1000000 SEED=... SERVER=uvicorn
	$(BIN)/python -m tests.fuzz --inputs $(INPUTS) --server $(SERVER) $(if $(SEED),--seed $(SEED))

bench: $(VENV)/dev.installed javascript ## Measure against a peer in Node; BENCH="--only fan-out"
	@mkdir -p var
	$(BIN)/python -m tests.bench --json var/bench.json --svg var/bench.svg $(BENCH)

bench-compare: $(VENV)/dev.installed javascript ## Measure against another commit: BASE=main
	@mkdir -p var
	git worktree add --quiet --force --detach var/bench-base $(BASE)
	trap 'git worktree remove --force var/bench-base' EXIT; \
	  $(BIN)/python -m tests.bench --against var/bench-base --json var/bench-compare.json $(BENCH)

storm: $(VENV)/dev.installed ## Let 5,000 clients connect at once, twice, and time /send meanwhile
	$(BIN)/python -m tests.faults.storm

slow-readers: $(VENV)/dev.installed ## Send to 2,000 clients that read nothing
	$(BIN)/python -m tests.faults.slow_readers

attacks: $(VENV)/dev.installed ## Attack a service, and write docs/security.md; ATTACKS="name name" for some
	$(BIN)/python -m tests.attacks $(or $(ATTACKS),--markdown docs/security.md)

production-guide: $(VENV)/dev.installed ## Follow docs/production.md on a bare Debian 12; needs root, debootstrap, some minutes
	$(BIN)/python -m tests.production

sizing: $(VENV)/dev.installed ## Measure what users and messages take of Redis and of a process
	$(BIN)/python -m tests.bench.sizing

docs: $(VENV)/dev.installed ## Build docs/ as a site in var/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --config-file docs/site/mkdocs.yml
	@echo "To read it, with its search: $(BIN)/python -m http.server --bind 127.0.0.1 --directory var/docs"

release-check: $(VENV)/dev.installed ## Tell whether this commit may be released
	$(BIN)/python -m tests.release

deploy-test: $(VENV)/dev.installed ## Deploy and roll back under CLIENTS=500 clients and steady sends
	$(BIN)/python -m tests.deploy --clients $(CLIENTS)

lint: $(VENV)/dev.installed ## Check format, style, types and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

format: $(VENV)/dev.installed ## Put the code in its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

javascript: # the official clients and the peer; without npm the tests that need them are skipped
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(MODULES); fi

tests/%/node_modules/.installed: tests/%/package-lock.json
	cd tests/$* && npm ci --silent --no-audit --no-fund
	touch $@

locks: $(VENV)/bin/uv ## Choose versions anew within requirements/*.in
	for name in uv base production dev; do \
	  $(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --universal \
	    --python-version 3.11 requirements/$$name.in --output-file requirements/$$name.txt; \
	done

audit: $(VENV)/bin/uv ## Ask advisory databases about all locked packages: 1 = a fault, 3 = not reached
	@$(BIN)/python requirements/audit.py $(BIN)/uv

clean: ## Remove what make has installed; the data in var/ stays
	rm -rf $(VENV) tests/*/node_modules

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
