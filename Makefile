# Everything is run from here; `make` alone lists what there is. A target needs only Python 3.11 or newer, git and make:
# the libraries go into .venv, on first use and again when their pins change.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
BIN := .venv/bin
LIBRARIES := .venv/libraries
READY := .venv/ready

.PHONY: help run demo test torture check gen bench lock released clean

help:  # Written from the comments behind the targets.
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' Makefile | awk -F '\t' '{ printf "make %-10s %s\n", $$1, $$2 }'

run: $(READY)  ## start every service, with a PostgreSQL of its own unless a URL is given; Ctrl-C stops them all
	@exec $(BIN)/storekeeper up

demo: $(READY)  ## show oldest-first removal on a worked example, over gRPC and over REST
	@exec $(BIN)/storekeeper demo

test: $(READY)  ## run all tests (ARGS="-k name" for some)
	@$(BIN)/pytest $(ARGS)

torture: $(READY)  ## break every promise in every way for an hour (ARGS="--times 10" for ten)
	@$(BIN)/python -m tests.torture $(ARGS)

check: $(READY)  ## format, lint, types, layers, contract
	@$(BIN)/python -m tests.check

gen: $(READY)  ## regenerate gen/ from protos/
	@$(BIN)/python protos/generate.py

bench: $(READY)  ## measure the ledger against fixed baselines, and which gates it reaches
	@$(BIN)/python -m tests.bench $(ARGS)

lock: $(READY)  ## pin what pyproject.toml asks for in requirements.txt (ARGS=--upgrade for newer versions)
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile pyproject.toml --all-extras --quiet $(ARGS) \
	    --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url --output-file requirements.txt

released: $(READY)  ## record protos/ as the released contract, which later changes must stay compatible with
	@$(BIN)/python protos/generate.py --image protos/released.binpb

clean:  ## remove .venv and what the tools left; data stays
	@rm -rf .venv dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -prune -exec rm -rf {} +

PYTHONS := python3 python3.14 python3.13 python3.12 python3.11 python
IS_FIT := import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input

# Made anew, so that a library whose pin is gone is gone as well.
$(LIBRARIES): requirements.txt
	@for python in $(PYTHONS); do \
	    if $$python -c '$(IS_FIT)' 2> /dev/null; then fit=$$python; break; fi; \
	done; \
	if [ -z "$$fit" ]; then \
	    echo 'This needs Python 3.11 or newer with its venv module (Debian: apt install python3-venv); found none.' >&2; \
	    exit 1; \
	fi; \
	echo 'Installing libraries into .venv (about half a minute) ...' >&2; \
	$$fit -m venv --clear .venv
	@$(PIP) --no-deps --requirement requirements.txt
	@touch $@

$(READY): $(LIBRARIES) pyproject.toml
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@
