# `make run` and `make test` each set up all they need: Python 3.11+ and a package index suffice.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# A Python of the PATH: python3 if it is one that is supported, or else another supported one, or
# else a newer python3. PYTHON=... chooses another.
find_python = $(foreach python,$(2),\
	$(shell $(python) -c 'import sys; sys.exit(not ($(1)))' 2>/dev/null && echo $(python)))
IS_SUPPORTED := (3, 11) <= sys.version_info[:2] <= (3, 14)
PYTHON ?= $(firstword \
	$(call find_python,$(IS_SUPPORTED),python3 python3.14 python3.13 python3.12 python3.11) \
	$(call find_python,sys.version_info >= (3, 15),python3))
VENV := .venv
PEERS := .venv-bench
AUDIT := .venv-audit
BIN := $(VENV)/bin

.PHONY: help run test fuzz check audit lint types format docs bench soak versions mutate clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: $(VENV)/run.stamp .env ## serve on http://localhost:8000
	$(BIN)/python manage.py serve

# Twice as many processes as cores, since some tests wait for servers.
test: $(VENV)/dev.stamp ## run every test; COVERAGE=1 measures branch coverage, too
	$(BIN)/python -m pytest --dist loadfile \
		-n $(or $(JOBS),$$($(BIN)/python -c "import os; print(2 * (os.cpu_count() or 1))")) \
		$(if $(filter-out 0,$(COVERAGE)),--cov --cov-report=term)

fuzz: $(VENV)/dev.stamp ## random requests, for the night; FUZZ_EXAMPLES=500 for each operation
	FUZZ_EXAMPLES=$(or $(FUZZ_EXAMPLES),500) $(BIN)/python -m pytest tests/e2e/fuzz

check: lint types test ## lint, types and tests

# It is not a part of `check`, which must pass without a network, and on the day of an advisory, too.
# One by one: pip-audit follows no `-r` in a file, and two files may have two versions of a package.
PINS := $(wildcard requirements*.txt bench/requirements.txt bench/peers/requirements.txt)
audit: $(AUDIT)/audit.stamp ## look every pin up in the advisories of PyPI, by pip-audit; needs the internet
	@$(AUDIT)/bin/python -c "import requests as r; r.get('https://pypi.org/pypi/pip-audit/2.10.1/json', timeout=20).raise_for_status()" 2>/dev/null \
		|| { echo "No pin was audited: the advisories at https://pypi.org/pypi/ cannot be read from here."; exit 1; }
	@status=0; for file in $(PINS); do echo "== $$file"; \
		$(AUDIT)/bin/python -m pip_audit --strict --disable-pip --no-deps --progress-spinner off -r $$file || status=1; \
	done; exit $$status

lint: $(VENV)/dev.stamp ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp ## mypy, strict
	$(BIN)/mypy

format: $(VENV)/dev.stamp ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/dev.stamp .env ## write generated documents: settings, docs/api.jetbrains.http, docs/openapi.json
	$(BIN)/python -m authproject.environment.generate_docs
	$(BIN)/python manage.py spectacular --format openapi-json --validate --file docs/openapi.json

bench: $(VENV)/bench.stamp $(PEERS)/peers.stamp ## measure beside the peers, under 12 minutes; QUICK=1: under 3
	$(BIN)/python -m bench.run $(if $(filter-out 0,$(QUICK)),--quick)

soak: $(VENV)/bench.stamp ## traffic and faults over each store, 20 minutes; MINUTES=6 publishes nothing
	$(BIN)/python -m bench.soak $(if $(MINUTES),--minutes $(MINUTES))

versions: $(VENV)/dev.stamp ## nox: the tests with other Pythons, Djangos, DRFs and servers
	$(BIN)/nox

# What it has done is in mutants/: another run goes on from there, after a change of the code, too.
mutate: $(VENV)/mutate.stamp ## mutmut: would a test notice a wrong line? Resumes; MODULE=accounts.tokens for a part
	@mkdir -p mutants
	$(BIN)/mutmut run $(if $(MODULE),"$(MODULE)*") 2> mutants/errors.log \
		|| { tail -n 40 mutants/errors.log; exit 1; }
	$(BIN)/mutmut results

clean: ## remove the virtual environments and the caches
	rm -rf $(VENV) $(PEERS) $(AUDIT) mutants .nox .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.*

.env: | $(VENV)/run.stamp
	$(BIN)/python -m authproject.init_env

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python from 3.11 was found; install one, or say PYTHON=/path/to/python3."; exit 1; }
	@$(PYTHON) -c 'import sys; $(IS_SUPPORTED) or print("Warning: Python 3.11 to 3.14 are supported; this is", sys.version)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/dev.stamp: requirements.txt requirements-argon2.txt requirements-dev.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/run.stamp

$(VENV)/bench.stamp: $(VENV)/dev.stamp bench/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r bench/requirements.txt
	@touch $@

$(VENV)/mutate.stamp: $(VENV)/dev.stamp requirements-mutate.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-mutate.txt
	@touch $@

# The peers' versions are their own: passlib needs a bcrypt that the service has outgrown.
$(PEERS)/peers.stamp: bench/peers/requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(AUDIT)/audit.stamp: requirements-audit.txt | $(VENV)/bin/python
	$(BIN)/python -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@
