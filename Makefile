# make export   artifacts/: convert, quantise and verify everything that ships
# make check    lint, types, import contracts and the fast tests: a minute or so
# make test     every check: the same with all tests
# make coverage   all tests once more, and the lines that none of them reaches
# make setup    only the environment in .venv
# make bench    a short benchmark of what make export wrote, and a page: .benchmarks/report.html
# make arm64    the saved files on emulated ARM kernels, at a small size (Debian)
# make studio   serve the page that refocuses in the browser (Node builds it; studio-build: a static one for any host)
# make interpreters   every TFLite file in tflite-runtime 2.14 and TensorFlow, in environments of their own (Linux)
# make android  the Android demo: compile, test, lint, screens, APK; a JDK 17 and Maven are enough
# make clean    remove the environments and everything built

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
STAMP := .venv/.installed

INTERPRETERS := tflite-runtime tensorflow
PACKAGES_tflite-runtime := "tflite-runtime==2.14.0" "numpy<2" "pillow>=11.1"
PACKAGES_tensorflow := "tensorflow-cpu==2.21.0" "pillow>=11.1"

.PHONY: setup export verify interpreters check test coverage bench arm64 lint format smoke clean studio studio-page studio-build studio-test studio-tests build/studio-artifacts android
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

test: lint studio-test
	$(PYTEST)

# The studio: Node and npm build its page; its tests need Chromium, too. make says where either is not there.
STUDIO := runtime/studio
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
STUDIO_ARTIFACTS ?= build/studio-artifacts
export CHROMIUM STUDIO_ARTIFACTS

studio: studio-page
	$(BIN)/python -m runtime.studio --artifacts artifacts

studio-build: studio-page
	$(BIN)/python -m runtime.studio --artifacts artifacts --write build/studio-site

studio-page: $(STAMP) $(STUDIO)/node_modules/.package-lock.json
	cd $(STUDIO) && npm run --silent build -- --logLevel warn

$(STUDIO)/node_modules/.package-lock.json: $(STUDIO)/package-lock.json
	cd $(STUDIO) && npm ci --no-audit --no-fund
	touch $@

studio-test: $(STAMP)
	@if ! command -v npm >/dev/null || [ -z "$(CHROMIUM)" ]; then \
	  echo "not run: the studio's tests, since npm or Chromium is not there: apt-get install nodejs npm chromium"; \
	else $(MAKE) --no-print-directory studio-tests; fi

studio-tests: studio-page build/studio-artifacts
	$(BIN)/python -m tests.runtime.studio.vectors
	$(BIN)/python -m tests.runtime.studio.photographs $(STUDIO_ARTIFACTS)
	cd $(STUDIO) && npm run --silent lint && npm run --silent test && npm run --silent e2e

# A small export, made again where anything that it is made of has changed.
build/studio-artifacts: $(STAMP)
	$(BIN)/python -m export.all --recipes "defocus-tflite-fp32,deblur-tflite-fp32,refocus-tflite-fp32,preview-tflite-fp32" --size 384x512 --no-controls --out $@ --overwrite

# By itself, since before Python 3.12 counting lines makes the tests half as fast again.
coverage: $(STAMP)
	$(PYTEST) --cov --cov-report=term

bench: $(STAMP)
	rm -f .benchmarks/quick.jsonl
	$(BIN)/python -m benchmarks.latency artifacts --quick --threads all --only stages,taps,kernels,memory,sustained \
	    --backends tflite --megapixels 0.25,1 --out .benchmarks/quick.jsonl
	$(BIN)/python -m benchmarks.limits artifacts --quick --threads all --out .benchmarks/quick.jsonl
	$(BIN)/python -m benchmarks.quality artifacts --quick --scenes 3 --out .benchmarks/quick.jsonl
	$(BIN)/python -m benchmarks.report .benchmarks/quick.jsonl

arm64: $(STAMP)
	rm -f .benchmarks/arm64.jsonl
	$(BIN)/python -m export.all --out .benchmarks/small --size 128x128 --formats tflite,onnx --no-controls --overwrite
	$(BIN)/python -m benchmarks.arm64 .benchmarks/small --out .benchmarks/arm64.jsonl

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

android: artifacts/manifest.json
	$(BIN)/python android_demo/tools/build.py all

artifacts/manifest.json:
	$(MAKE) export

clean:
	rm -rf .venv $(INTERPRETERS:%=.venv-%) artifacts .artifacts.cache build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache android_demo/build
