# make app    environment, dependencies, dashboard      make test   all tests
# make check  format, lint, types, architecture          make train  DATA=path/to/ESC-50
# make speed  what a visitor waits, in Chromium
PYTHON ?= python3.11
BIN := .venv/bin
DATA ?= data/ESC-50

.PHONY: install install-dev app test check format speed train

install: .venv/.installed
install-dev: .venv/.installed-dev

.venv/.installed: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

app: install
	$(BIN)/streamlit run app.py

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

train: install
	$(BIN)/python -m resona_core train --data $(DATA)
