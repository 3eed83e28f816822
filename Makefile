# obmen24. `make run` and `make test` work on a machine with Debian and Python 3.11 only; each prepares .venv by itself.
# make hides exit codes: watch over cron with `obmen24 status --max-age 60`, not with make's own code.

PYTHON  ?= python3
PROFILE ?=
MONTH   ?=
HISTORIES ?= 5000
VENV    := .venv
BIN     := $(VENV)/bin
CHOSEN  := $(if $(PROFILE),$(PROFILE),samples/profiles/video.toml)
PERIOD  := $(if $(MONTH),--month $(MONTH),)
OBMEN24 := $(BIN)/obmen24 --profile $(CHOSEN)
# 75 means "try later": cron repeats by itself
LATER   := || { code=$$?; [ $$code -eq 75 ] || exit $$code; }

.DEFAULT_GOAL := help
.PHONY: help run sync bill register watch status test test-compat campaign check lint format golden words bench clean

help:          ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 22

$(VENV)/.run: pyproject.toml
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv $(VENV); } \
	  || { echo "Не удалось создать $(VENV). Установите пакет python3-venv и повторите."; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

run: $(VENV)/.run      ## the whole exchange: on the embedded demo, or on PROFILE=path.toml
	@$(OBMEN24) run --summary

sync: $(VENV)/.run     ## what cron calls: all flows of the profile
	@$(OBMEN24) run $(LATER)

bill: $(VENV)/.run     ## charges of a month: make bill MONTH=2026-11
	@$(OBMEN24) bill $(PERIOD) $(LATER)

register: $(VENV)/.run ## the accountant's register of a month again
	@$(OBMEN24) register $(PERIOD)

watch: $(VENV)/.run    ## watch the exchange folder
	@$(OBMEN24) watch

status: $(VENV)/.run   ## when the last good run was
	@$(OBMEN24) status

test: $(VENV)/.dev     ## the whole test suite
	@$(BIN)/python -m pytest -n 2 --dist loadgroup

test-compat: $(VENV)/.dev  ## other people's clients against the sandbox portal
	@$(BIN)/python -m pytest -m compat tests/compat

campaign: $(VENV)/.dev ## long random campaigns and crash injection: make campaign HISTORIES=20000
	@OBMEN24_HISTORIES=$(HISTORIES) $(BIN)/python -m pytest -n 2 -m slow

check: lint test       ## what to run before a commit: format, lint, types, tests

lint: $(VENV)/.dev     ## format, lint and types, nothing is changed
	@$(BIN)/ruff format --check --quiet . || { echo "Run: make format"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy

format: $(VENV)/.dev   ## write the format of ruff, sort imports
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

golden: $(VENV)/.dev   ## write the golden files of samples/ again; review the difference like code
	@$(BIN)/python -m tests.golden.update

words: $(VENV)/.dev    ## compile the Russian of the command line after a change in its catalogue
	@$(BIN)/pybabel --quiet compile --domain click --directory etl/cli/locale

bench: $(VENV)/.dev    ## performance as ratios measured in one run
	@$(BIN)/python -m benchmarks

clean:         ## remove the environment and the state of the demo
	@rm -rf $(VENV) samples/profiles/.obmen24
	@find exchange_dir -mindepth 1 ! -name .gitkeep -delete
