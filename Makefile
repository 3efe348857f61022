# Everything that the project does, one word each. Without make: see README.md.
PYTHON ?= python3
PORT ?= 8000
PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet install
MODEL ?= 1

.PHONY: help book serve lab notebooks check test shake browsers bench requirements clean

help: ## this list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

book: .venv/.site ## build the site into _build/html, if anything changed (MODEL=0: without the live model)
	@$(PY) -m tools.build $(if $(filter 0,$(MODEL)),--no-model)

serve: book ## build the site and serve it at http://127.0.0.1:8000 (PORT=… for another)
	@$(PY) -m tools.serve --port $(PORT)

lab: .venv/.lab ## open the notebooks in JupyterLab, with a live kernel
	@.venv/bin/jupyter trust --log-level=ERROR notebooks/*.ipynb exercises/*.ipynb book/*.ipynb
	$(PY) -m jupyterlab --ip=127.0.0.1 $(if $(filter 0,$(shell id -u)),--allow-root) notebooks/01-introduction.ipynb

notebooks: .venv/.lab ## run all notebooks in place, reproducibly
	$(PY) -m tools.notebooks run

check: .venv/.test ## pass what is quick: style, types, notebooks as they are stored, fast tests
	$(PY) -m ruff check . && $(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m tools.notebooks check
	$(PY) -m tools.javascript check
	$(PY) -m pytest tests/python -m "not slow" -n 2 --dist worksteal

test: check browsers ## pass every test: those of check, then models, pages, notebooks
	$(PY) -m pytest tests/python -m slow -n 2 --dist worksteal --durations=20
	$(PY) -m pytest tests/browser -n 2 --dist loadgroup --durations=20
	$(PY) -m tools.notebooks test

shake: browsers ## run the browser tests 5 times in random order while the cores are hogged
	$(PY) -m tools.shake

browsers: .venv/.test ## find the tests' browser, or install it
	@$(PY) -m tools.browsers

bench: .venv/.test ## measure what the book claims of speed and size
	for script in benchmarks/*.py; do $(PY) $$script || exit 1; done

requirements: .venv/.test ## pin all packages anew
	$(PY) -m tools.requirements

clean: ## remove what was built; the environment in .venv stays
	rm -rf _build .mypy_cache .pytest_cache .ruff_cache

# The environment grows by need: a reader's site wants no torch, a student no test oracles.
.venv/.python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit(f"The book needs Python 3.11 to 3.13; $(PYTHON) is {v[0]}.{v[1]}. Name another: make PYTHON=python3.12")'
	@echo "Making an environment in .venv …"
	@$(PYTHON) -m venv .venv && touch $@

.venv/.site: requirements-site.txt requirements.txt | .venv/.python
	@echo "Installing what building the site needs …"
	@$(PIP) -r requirements-site.txt -c requirements.txt && touch $@

.venv/.lab: requirements.txt pyproject.toml | .venv/.python
	@echo "Installing what the notebooks need, torch among it: this takes a few minutes …"
	@$(PIP) -r requirements.txt && $(PIP) --no-deps -e . && touch $@ .venv/.site

.venv/.test: requirements-test.txt .venv/.lab
	@echo "Installing what the tests need …"
	@$(PIP) -r requirements-test.txt && touch $@
