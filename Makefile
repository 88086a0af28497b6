# Run the bridge, test it, measure it. `make` alone lists what there is.

PYTHON ?= python3
ARGS   ?=
BASE   ?=
VERSION ?=

VENV    := .venv
BIN     := $(VENV)/bin
PIP     := $(BIN)/python tests/support/pip_install.py
PLUGINS := $(patsubst %/pyproject.toml,%,$(sort $(wildcard plugins/*/pyproject.toml)))

# Each stamp says that a step is done; it is redone when a pyproject.toml is newer.
# The first has the interpreter in its name, so another PYTHON makes the environment anew.
MADE      := $(VENV)/.made-by-$(subst /,_,$(PYTHON))
INSTALLED := $(VENV)/.installed
DEVELOP   := $(VENV)/.develop
DISTRIBUTE := $(VENV)/.distribute
NODE      := tests/js/node_modules/.installed
PAGE      := $(VENV)/.page
WEBTOOLS  := plugins/ui/web/node_modules/.installed
WEB       := $(shell find plugins/ui/web -name node_modules -prune -o -type f -print)

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help run ui dist bundle home-assistant version test test-fresh lint format docs docs-serve docs-pictures bench bench-compare fuzz soak load-ui chaos container test-container clean system-packages

help: ## list these targets
	@echo "Usage: make TARGET [ARGS=\"...\"] [PYTHON=python3.13]"; echo
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | \
	    while IFS='|' read -r target text; do printf '  %-14s %s\n' "$$target" "$$text"; done

run: $(PAGE) ## run the bridge with all plugins; ARGS go to `oscbridge run`
	@exec $(BIN)/oscbridge run $(ARGS)

ui: $(INSTALLED) ## build the page of the control room, which needs the npm registry
	@OSCBRIDGE_UI=required $(BIN)/python -m pip install --quiet --no-deps --editable ./plugins/ui
	@touch $(PAGE)

dist: $(DISTRIBUTE) ## build all distributions twice, check and install them; what is right is in dist/
	@$(BIN)/python tests/distribution/build_twice.py dist
	@$(BIN)/python tests/support/check_dist.py dist $(words . $(PLUGINS))
	@$(BIN)/twine check --strict dist/*.whl dist/*.tar.gz
	@$(BIN)/check-wheel-contents dist/*.whl
	@$(BIN)/python tests/distribution/licences.py
	@$(BIN)/python tests/distribution/install_all.py dist dist/oscbridge.cdx.json
	@$(BIN)/python tests/distribution/page_sbom.py dist/oscbridge-ui-page.cdx.json

bundle: $(PAGE) $(DEVELOP) ## the program without Python, built and tried, in dist/bundle/
	@$(BIN)/python bundle/build.py dist/bundle
	@$(BIN)/python bundle/check.py dist/bundle/oscbridge

home-assistant: $(PAGE) ## the folder of the add-on for Home Assistant, in dist/home-assistant/
	@$(BIN)/python docker/home-assistant/assemble.py dist/home-assistant/oscbridge

version: $(MADE) ## write VERSION into all distributions
	@test -n "$(VERSION)" || { echo "Name the version: VERSION=0.2.0" >&2; exit 1; }
	@$(BIN)/python tests/support/release_version.py $(VERSION)

test: lint $(PAGE) $(WEBTOOLS) system-packages $(NODE) ## lint, then all tests; ARGS go to pytest
	$(BIN)/pytest -n auto -m "not load" --ignore=tests/container $(ARGS)
	$(BIN)/pytest -m load --ignore=tests/container $(ARGS) $(if $(ARGS),|| test $$? -eq 5  # ARGS may pick none)

test-fresh: ## what the README shows, then all tests, in a minimal Debian; as root; ARGS go to pytest
	@ARGS="$(ARGS)" tests/fresh/run run test

lint: $(DEVELOP) $(WEBTOOLS) ## check style, types, layers, sizes and wording
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python tests/lint/import_graph.py
	$(BIN)/python tests/lint/sizes.py
	$(BIN)/python tests/lint/wording.py
	$(BIN)/python plugins/ui/node.py node_modules/eslint/bin/eslint.js .

format: $(DEVELOP) ## put the code in its style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(DEVELOP) ## build the manual into docs/_build; a warning is an error
	@$(BIN)/python -m sphinx -W --keep-going -n -q -j auto -b html docs docs/_build $(ARGS)
	@echo "docs/_build/index.html"

docs-serve: docs ## show the manual at http://127.0.0.1:8000, or ARGS=PORT
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory docs/_build $(ARGS)

docs-pictures: $(PAGE) $(DEVELOP) system-packages ## take the pictures of the manual again: terminal and control room
	@$(BIN)/python tests/docs/pictures.py
	@$(BIN)/python plugins/ui/tests/screenshots.py $(ARGS)

bench: $(DEVELOP) system-packages $(NODE) ## measure; ARGS name sections, or --write docs/explanation/performance.md
	@$(BIN)/python tests/bench $(ARGS)

bench-compare: $(DEVELOP) system-packages ## is it slower than revision BASE? ARGS name sections and --rounds
	@test -n "$(BASE)" || { echo "Name a revision to compare with: BASE=main" >&2; exit 1; }
	@$(BIN)/python tests/bench/compare.py $(BASE) $(ARGS)

fuzz: $(DEVELOP) ## a million mutated packets through all that reads them; ARGS go to tests/fuzz
	@$(BIN)/python tests/fuzz $(ARGS)

soak: $(DEVELOP) ## two minutes of load, faults and reloads; every message is accounted for
	@$(BIN)/python tests/endurance/soak.py $(ARGS)

load-ui: $(PAGE) $(DEVELOP) system-packages ## fourteen minutes of load with open pages; what they cost
	@$(BIN)/python tests/endurance/control_room_load.py $(ARGS)

chaos: $(DEVELOP) system-packages ## eight minutes of random kills and failures; as root
	@$(BIN)/python tests/endurance/chaos.py $(ARGS)

container: ## build the image oscbridge; ARGS go to docker build
	docker build --file docker/Dockerfile --tag oscbridge \
	    --build-arg VERSION="$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)" \
	    --build-arg REVISION="$$(git rev-parse HEAD 2>/dev/null || echo unknown)" $(ARGS) .

test-container: $(PAGE) $(DEVELOP) system-packages ## test it, as root, on a Docker engine of its own; ARGS go to pytest
	@test "$$(id -u)" -eq 0 || \
	    { echo "A Docker engine has to be started by root: run this as root" >&2; exit 1; }
	$(BIN)/pytest tests/container --timeout 600 $(ARGS)

clean: ## remove all that these targets made
	rm -rf $(VENV) docs/_build tests/js/node_modules plugins/ui/web/node_modules plugins/ui/oscbridge_ui/static dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

system-packages:
	@tests/install-system-packages

$(MADE):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	    { echo "$(PYTHON) is not Python 3.11 or newer: name one that is with PYTHON=" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "$(PYTHON) has no venv module: install it (Debian: python3-venv)" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(INSTALLED): $(MADE) pyproject.toml $(PLUGINS:%=%/pyproject.toml)
	@echo "Installing oscbridge and its plugins into $(VENV)"
	@$(PIP) --editable ".[discovery]" $(addprefix --editable ./,$(PLUGINS))
	@touch $@

# The page is built while plugins/ui is installed; again when its sources have changed.
$(PAGE): $(INSTALLED) $(WEB)
	@$(BIN)/python -m pip install --quiet --no-deps --editable ./plugins/ui
	@touch $@

$(DEVELOP): $(INSTALLED)
	@echo "Installing what the tests need into $(VENV)"
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"  # the first that knows --group
	@$(PIP) --group test --group lint --group docs
	@touch $@

$(DISTRIBUTE): $(DEVELOP)
	@echo "Installing what builds and checks distributions into $(VENV)"
	@$(BIN)/python -m pip install --quiet --group dist
	@touch $@

$(WEBTOOLS): plugins/ui/web/package-lock.json | $(DEVELOP)
	@echo "Installing the tools of the control room into plugins/ui/web"
	@$(BIN)/python plugins/ui/node.py npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(NODE): tests/js/package.json tests/js/.npmrc | system-packages
	@echo "Installing the JavaScript peers into tests/js"
	@cd tests/js && npm install --silent
	@touch $@
