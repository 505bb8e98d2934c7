# The front door. `make` prints what there is; everything a target needs is installed on the way.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
VENV := .venv/.ready
MODULES := contracts/node_modules/.ready
WEB_MODULES := web/node_modules/.ready
AUDIT_MODULES := tests/audit/node_modules/.ready
PAGE := web/dist/index.html
SAY := printf '\033[1;36m==>\033[0m %s\n'

CLIENT_MODULES := clients/typescript/node_modules/.ready
CLIENT_SOURCES := src/mercato/services/gateway/schema.graphql $(wildcard clients/documents/*.graphql)
PYTHON_CLIENT := clients/python/mercato_client/.ready
TYPESCRIPT_CLIENT := clients/typescript/dist/.ready

.PHONY: help
help: ## Print this
	@printf 'Mercato, a self-hosted NFT marketplace backend. Start with `make demo`.\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- see it work ---------------------------------------------------------------------------------

.PHONY: demo
demo: setup ## Start everything on this machine and play the whole story: sign in, create, mint, watch
	@$(BIN)/mercato demo

.PHONY: demo-mainnet
demo-mainnet: setup ## Index recorded mainnet blocks and compare with what is known to be in them
	@$(BIN)/mercato demo-mainnet

.PHONY: up
up: setup ## Start the local stack; safe to repeat
	@$(BIN)/mercato up

.PHONY: down
down: ## Stop exactly what was started; the data stays
	@if [ -x $(BIN)/mercato ]; then $(BIN)/mercato down; else echo 'nothing was started from here'; fi

# --- work on it ----------------------------------------------------------------------------------

.PHONY: test
test: setup clients ## Run all tests, on real servers
	@$(BIN)/pytest

.PHONY: check
check: setup clients ## Lint, types, import rules, fresh generated code, contracts, migrations up-down-up
	@$(SAY) 'ruff'; $(BIN)/ruff check .; $(BIN)/ruff format --check .
	@$(SAY) 'mypy'; $(BIN)/mypy
	@$(SAY) 'the clients'; MYPYPATH=clients/python $(BIN)/mypy -p mercato_client
	@MYPYPATH=clients/python:. $(BIN)/mypy tests/system/test_python_client.py tests/system/test_chain_administration.py
	@cd clients/typescript && npm run --silent check
	@$(SAY) 'import rules'; $(BIN)/lint-imports
	@$(SAY) 'generated code'; $(BIN)/python scripts/proto.py --check; $(BIN)/python scripts/reasons.py --check
	@$(SAY) 'the published schema'; $(BIN)/python scripts/schema.py
	@$(SAY) 'contracts'; node contracts/build.mjs --check
	@$(SAY) 'the page'; cd web && npm run --silent check
	@$(SAY) 'lock file'; if grep -Hn '://' requirements/*.txt clients/python/*.txt; then echo 'a lock file names an address; run `make lock`'; exit 1; fi
	@$(SAY) 'migrations'; $(BIN)/mercato migrate --check

.PHONY: bench
bench: setup ## Measure it; the figures and what they mean are in bench/README.md
	@$(BIN)/python -m bench

.PHONY: bench-indexer
bench-indexer: setup ## Back-fill beside Ponder and Envio, in turn, on the same node; prints the ratios (about 8 minutes)
	@$(BIN)/python -m bench.indexer

.PHONY: bench-scale
bench-scale: setup ## Ten times the history: rate and memory beside those of one time (about 4 minutes)
	@$(BIN)/python -m bench.scale

.PHONY: bench-live
bench-live: setup ## From a mined block to the push on a WebSocket: one mint at a time, then 20 blocks/s x 20 logs
	@$(BIN)/python -m bench.live

.PHONY: bench-gateway
bench-gateway: setup ## Reads cold and hot beside Ponder's API, sign-ins, sockets; prints the ratios (about 8 minutes)
	@$(BIN)/python -m bench.gateway
	@$(BIN)/python -m bench.sign_in
	@$(BIN)/python -m bench.sockets

FUZZ_SECONDS ?= 600
FUZZ_SEED ?= 20261122
.PHONY: fuzz
fuzz: setup ## Send a running marketplace what nobody thought of, signed in and not (FUZZ_SECONDS=600 FUZZ_SEED=20261122)
	@$(BIN)/python -m tests.fuzz $(FUZZ_SECONDS) $(FUZZ_SEED)

.PHONY: schema
schema: $(VENV) ## Publish the GraphQL schema as docs/api/schema.graphql, unless it breaks clients
	@$(BIN)/python scripts/schema.py --publish

.PHONY: proto
proto: $(VENV) ## Generate src/mercato/rpc from proto/
	@$(BIN)/python scripts/proto.py

.PHONY: reasons
reasons: $(VENV) ## List every reason code of the code in docs/reasons.md
	@$(BIN)/python scripts/reasons.py

.PHONY: contracts
contracts: $(MODULES) ## Build the contracts' ABI and byte code
	@$(SAY) "contracts: $$(node contracts/build.mjs | tail -n 1)"

.PHONY: clients
clients: ## Make the typed clients of Python and TypeScript from schema.graphql
	@$(MAKE) --silent --no-print-directory -j2 $(PYTHON_CLIENT) $(TYPESCRIPT_CLIENT)

.PHONY: lock
lock: $(VENV) ## Lock the newest allowed versions of the Python packages, with hashes
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    --no-emit-index-url requirements/*.in --output-file requirements/all.txt
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    --no-emit-index-url clients/python/generator.in --output-file clients/python/generator.txt

# --- what it needs -------------------------------------------------------------------------------

.PHONY: setup
setup: ## Install what is missing: Python and Node packages, RabbitMQ, built contracts and page
	@$(MAKE) --silent --no-print-directory -j3 $(VENV) contracts $(PAGE) $(AUDIT_MODULES) broker

$(VENV): requirements/all.txt pyproject.toml scripts/python_packages.sh
	@scripts/python_packages.sh
	@touch $@

$(MODULES): contracts/package.json contracts/package-lock.json scripts/node_packages.sh
	@scripts/node_packages.sh contracts
	@touch $@

$(WEB_MODULES): web/package.json web/package-lock.json scripts/node_packages.sh
	@scripts/node_packages.sh web
	@touch $@

$(AUDIT_MODULES): tests/audit/package.json tests/audit/package-lock.json scripts/node_packages.sh
	@scripts/node_packages.sh tests/audit
	@touch $@

$(PAGE): $(WEB_MODULES) $(wildcard web/src/*) web/build.mjs
	@$(SAY) 'building the page'; cd web && node build.mjs
	@touch $@

$(PYTHON_CLIENT): $(VENV) $(CLIENT_SOURCES) $(wildcard clients/python/parts/*) clients/python/pyproject.toml \
    clients/python/generator.txt scripts/python_client.sh
	@scripts/python_client.sh
	@touch $@

$(CLIENT_MODULES): clients/typescript/package.json clients/typescript/package-lock.json scripts/node_packages.sh
	@scripts/node_packages.sh clients/typescript
	@touch $@

$(TYPESCRIPT_CLIENT): $(CLIENT_MODULES) $(CLIENT_SOURCES) $(wildcard clients/typescript/src/*.ts clients/typescript/test/*.ts) \
    clients/typescript/generate.mjs clients/typescript/tsconfig.json
	@$(SAY) 'making the TypeScript client'; cd clients/typescript && node generate.mjs && rm -rf dist && npm run --silent build
	@touch $@

.PHONY: broker
broker:
	@scripts/broker.sh

# --- and back ------------------------------------------------------------------------------------

.PHONY: clean
clean: down ## Remove what was installed and built here; the data stays
	@rm -rf .venv contracts/node_modules contracts/artifacts web/node_modules web/dist tests/audit/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@rm -rf clients/python/.generator clients/python/mercato_client
	@rm -rf clients/typescript/node_modules clients/typescript/dist clients/typescript/src/generated
	@find src tests bench -name __pycache__ -prune -exec rm -rf {} +

.PHONY: reset
reset: down ## Throw away the local stack's data and logs
	@rm -rf .mercato/data .mercato/logs .mercato/run .mercato/stack.json .mercato/lock
