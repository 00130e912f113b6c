# make app    environment, dependencies, dashboard      make test   all tests
# make api    the same network over HTTP                make site   both in one process
# make check  format, lint, types, architecture          make train  DATA=path/to/ESC-50
# make speed  what a visitor waits, in Chromium        make memory what the server weighs
# make mutants  whether the tests notice faults: SAMPLE=200 SEED=0 UNDER=resona_core
# The newest Python there is of those that the pinned packages have wheels for.
PYTHON ?= $(firstword $(foreach v,3.14 3.13 3.12 3.11,$(shell python$(v) --version >/dev/null 2>&1 && echo python$(v))))
BIN := .venv/bin
DATA ?= data/ESC-50
SAMPLE ?= 200
SEED ?= 0
UNDER ?= resona_core

.PHONY: install install-dev app api site test check format speed memory mutants train

install: .venv/.installed
install-dev: .venv/.installed-dev

.venv/.installed: requirements.txt
	@test -n "$(PYTHON)" || { echo "Resona needs Python 3.11, 3.12, 3.13 or 3.14; none was found. \
	Install one, or name yours: make app PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

app: install
	$(BIN)/streamlit run app.py

api: install
	$(BIN)/uvicorn --factory resona_core.serve.api:create_app

site: install
	$(BIN)/streamlit run hosting.py

test: install-dev
	$(BIN)/python -m pytest

check: install-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py

format: install-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

speed: install-dev
	$(BIN)/python -m tests.browser.page_speed

memory: install-dev
	$(BIN)/python -m tests.browser.page_memory

mutants: install-dev
	$(BIN)/python -m tests.mutants --sample $(SAMPLE) --seed $(SEED) --under $(UNDER)

train: install
	$(BIN)/python -m resona_core train --data $(DATA)
