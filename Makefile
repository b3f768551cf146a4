# make export   artifacts/: convert, quantise and verify everything that ships
# make test     every check: ruff, mypy, import-linter, pytest
# make setup    only the environment in .venv
# make bench    latency of what make export wrote, on this machine
# make clean    remove the environment and everything built

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: setup export verify test bench lint format smoke clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	@echo "installing the environment into .venv (a few minutes, about 8 GB with the CUDA build of torch)"
	$(BIN)/python -m pip install -c constraints.txt -e ".[dev]"
	touch $@

export: $(STAMP)
	$(BIN)/python -m export.all --out artifacts --overwrite

verify: $(STAMP)
	$(BIN)/python -m export.verify artifacts

test: lint
	$(BIN)/python -m pytest

bench: $(STAMP)
	$(BIN)/python -m pytest benchmarks/latency.py --benchmark-columns=min,median,rounds

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

smoke: $(STAMP)
	$(BIN)/python -m train.fit --preset smoke

clean:
	rm -rf .venv artifacts build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
