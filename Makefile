# Each target is a line or two over the tools that a person would type.
PYTHON ?= python3
SNAKEMAKE = .venv/bin/snakemake
.PHONY: run test test-browser test-cluster axe lint bench reference published-table clean
.DELETE_ON_ERROR:

run: .venv/run
	$(SNAKEMAKE) --cores all

test: .venv/test
	.venv/bin/python -m pytest -n 2 --dist worksteal

test-browser: .venv/test
	$(MAKE) axe || echo "without axe-core the tests of accessibility are skipped"
	.venv/bin/python -m pytest tests/browser -rs

axe:
	npm install --prefix tests/browser --no-package-lock --no-audit --no-fund --silent

test-cluster: .venv/test
	.venv/bin/python -m pytest -m cluster -rs tests/cluster

lint: .venv/test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/snakefmt --check Snakefile workflow
	$(SNAKEMAKE) --lint

bench: .venv/run .venv-keras/run
	.venv/bin/python benchmarks/recurrent.py
	.venv/bin/python benchmarks/encoding.py
	.venv/bin/python benchmarks/mutagenesis.py
	.venv/bin/python benchmarks/prediction.py
	.venv/bin/python benchmarks/scale.py

reference: .venv/run
	PYTHONPATH=workflow/scripts .venv/bin/python -m biornn.config_reference config

published-table: .venv/run
	mkdir -p resources
	cp results/published.tsv resources/published.tsv
	PYTHONPATH=workflow/scripts .venv/bin/python -m biornn.catalogue_table resources/published.tsv README.md

clean:
	rm -rf .venv .venv-keras

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "biornn needs Python 3.11 or newer; try: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv

.venv/run: requirements.txt | .venv/bin/python
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/test: requirements-dev.txt requirements.txt | .venv/bin/python
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

.venv-keras/run: requirements-keras.txt
	$(PYTHON) -m venv .venv-keras
	.venv-keras/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-keras.txt
	touch $@
