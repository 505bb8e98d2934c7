# The front door. `make` prints what there is; everything a target needs is installed on the way.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
VENV := .venv/.ready
MODULES := contracts/node_modules/.ready
WEB_MODULES := web/node_modules/.ready
PAGE := web/dist/index.html
SAY := printf '\033[1;36m==>\033[0m %s\n'

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
test: setup ## Run all tests, on real servers
	@$(BIN)/pytest

.PHONY: check
check: setup ## Lint, types, import rules, fresh generated code, contracts, migrations up-down-up
	@$(SAY) 'ruff'; $(BIN)/ruff check .; $(BIN)/ruff format --check .
	@$(SAY) 'mypy'; $(BIN)/mypy
	@$(SAY) 'import rules'; $(BIN)/lint-imports
	@$(SAY) 'generated code'; $(BIN)/python scripts/proto.py --check; $(BIN)/python scripts/reasons.py --check
	@$(SAY) 'contracts'; node contracts/build.mjs --check
	@$(SAY) 'the page'; cd web && npm run --silent check
	@$(SAY) 'lock file'; if grep -Hn '://' requirements/*.txt; then echo 'a lock file names an address; run `make lock`'; exit 1; fi
	@$(SAY) 'migrations'; $(BIN)/mercato migrate --check

.PHONY: bench
bench: setup ## Measure it; the figures and what they mean are in bench/README.md
	@$(BIN)/python -m bench

.PHONY: bench-indexer
bench-indexer: setup ## Back-fill beside Ponder, in turn, on the same node; prints the ratios (about 5 minutes)
	@$(BIN)/python -m bench.indexer

.PHONY: bench-live
bench-live: setup ## From a mined block to the push on a WebSocket
	@$(BIN)/python -m bench.live

.PHONY: bench-gateway
bench-gateway: setup ## Reads cold and hot beside Ponder's API, sign-ins, sockets; prints the ratios (about 8 minutes)
	@$(BIN)/python -m bench.gateway
	@$(BIN)/python -m bench.sign_in
	@if [ -f bench/sockets.py ]; then $(BIN)/python -m bench.sockets; fi

.PHONY: proto
proto: $(VENV) ## Generate src/mercato/rpc from proto/
	@$(BIN)/python scripts/proto.py

.PHONY: reasons
reasons: $(VENV) ## List every reason code of the code in docs/reasons.md
	@$(BIN)/python scripts/reasons.py

.PHONY: contracts
contracts: $(MODULES) ## Build the contracts' ABI and byte code
	@$(SAY) "contracts: $$(node contracts/build.mjs | tail -n 1)"

.PHONY: lock
lock: $(VENV) ## Lock the newest allowed versions of the Python packages, with hashes
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    --no-emit-index-url requirements/*.in --output-file requirements/all.txt

# --- what it needs -------------------------------------------------------------------------------

.PHONY: setup
setup: ## Install what is missing: Python and Node packages, RabbitMQ, built contracts and page
	@$(MAKE) --silent --no-print-directory -j3 $(VENV) contracts $(PAGE) broker

$(VENV): requirements/all.txt pyproject.toml scripts/python_packages.sh
	@scripts/python_packages.sh
	@touch $@

$(MODULES): contracts/package.json contracts/package-lock.json scripts/node_packages.sh
	@scripts/node_packages.sh contracts
	@touch $@

$(WEB_MODULES): web/package.json web/package-lock.json scripts/node_packages.sh
	@scripts/node_packages.sh web
	@touch $@

$(PAGE): $(WEB_MODULES) $(wildcard web/src/*) web/build.mjs
	@$(SAY) 'building the page'; cd web && node build.mjs
	@touch $@

.PHONY: broker
broker:
	@scripts/broker.sh

# --- and back ------------------------------------------------------------------------------------

.PHONY: clean
clean: down ## Remove what was installed and built here; the data stays
	@rm -rf .venv contracts/node_modules contracts/artifacts web/node_modules web/dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find src tests bench -name __pycache__ -prune -exec rm -rf {} +

.PHONY: reset
reset: down ## Throw away the local stack's data and logs
	@rm -rf .mercato/data .mercato/logs .mercato/run .mercato/stack.json .mercato/lock
