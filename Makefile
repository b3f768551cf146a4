# make export   artifacts/: convert, quantise and verify everything that ships
# make check    lint, types, import contracts and the fast tests: a minute or so
# make test     every check: the same with all tests
# make coverage   all tests once more, and the lines that none of them reaches
# make setup    only the environment in .venv
# make bench    latency of what make export wrote, on this machine
# make interpreters   every TFLite file in tflite-runtime 2.14 and TensorFlow, in environments of their own (Linux)
# make clean    remove the environments and everything built

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
STAMP := .venv/.installed

INTERPRETERS := tflite-runtime tensorflow
PACKAGES_tflite-runtime := "tflite-runtime==2.14.0" "numpy<2" "pillow>=11.1"
PACKAGES_tensorflow := "tensorflow-cpu==2.21.0" "pillow>=11.1"

.PHONY: setup export verify interpreters check test coverage bench lint format smoke clean
.PRECIOUS: .venv-%/.installed

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

interpreters: $(INTERPRETERS:%=.venv-%/.installed)
	for name in $(INTERPRETERS); do .venv-$$name/bin/python -m runtime.selftest artifacts --backend tflite || exit 1; done

.venv-%/.installed:
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet $(PACKAGES_$*)
	touch $@

PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder -p no:benchmark

check: lint
	$(PYTEST) -m "not slow"

test: lint
	$(PYTEST)

# By itself, since before Python 3.12 counting lines makes the tests half as fast again.
coverage: $(STAMP)
	$(PYTEST) --cov --cov-report=term

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
	rm -rf .venv $(INTERPRETERS:%=.venv-%) artifacts .artifacts.cache build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
