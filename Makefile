# Everything runs in .venv, which the first target that needs it creates; the second time nothing is installed.
# A target installs what it needs and no more: `make demo` the package, `make test` also pytest and ruff, and so on.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
DEMO ?= results/demo

# One numerical thread per process: results repeat bit for bit, and parallel tests do not fight for cores.
export OMP_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

# Real data beside the checkout serve where they exist; elsewhere they are downloaded or their tests skip.
ifeq ($(LANDSCAPE_DATA_DIR),)
ifneq ($(wildcard ../shared/data),)
export LANDSCAPE_DATA_DIR := $(abspath ../shared/data)
endif
endif

PYTEST := $(BIN)/python -m pytest -n logical --maxprocesses 8 --dist loadfile

# What computes, and the kernels of OpenBLAS that this processor can run: another processor takes another one, and adds in
# another order. On other families than x86: make test-kernels KERNELS="..."
NUMERICAL := $(addprefix tests/,circuits directions dynamics latent markov network perturbation tl topography test_systems.py)
has = $(shell grep -sqw $(1) /proc/cpuinfo && echo yes)
KERNELS ?= $(if $(call has,avx),Sandybridge) $(if $(call has,avx2),Haswell Zen) $(if $(call has,avx512f),SkylakeX)

.DEFAULT_GOAL := help
.PHONY: help demo test test-kernels test-slow mutate lint format docs clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.package ## Simulate blood formation, infer its landscape, write a report (DEMO=results/demo)
	$(BIN)/landscape demo --out $(DEMO)

test: $(VENV)/.test ## Lint and test everything that is quick (20 minutes on 2 cores at most)
	$(BIN)/ruff check
	$(PYTEST) -m "not slow"

# PyTorch, MKL and NumPy take the instructions of the processor that the kernel is named after. Threads that wait let others
# run: with OpenMP's usual busy waiting, one file took 178 s on two busy cores instead of 8 s.
test-kernels: $(VENV)/.test ## Test the numerics with the kernels of other processors, on one thread and on two
	@test -n "$(strip $(KERNELS))" || { echo "Expected kernels of OpenBLAS: make test-kernels KERNELS=..."; exit 1; }
	@failed=; for kernel in $(KERNELS); do \
	  case $$kernel in \
	    Sandybridge) torch=default; mkl=COMPATIBLE; not="X86_V3 X86_V4 AVX512_ICL AVX512_SPR";; \
	    SkylakeX) torch=avx512; mkl=AUTO; not=;; \
	    *) torch=avx2; mkl=AVX2; not="X86_V4 AVX512_ICL AVX512_SPR";; \
	  esac; \
	  for threads in 1 2; do \
	    echo "== kernel $$kernel, threads: $$threads"; \
	    OPENBLAS_CORETYPE=$$kernel ATEN_CPU_CAPABILITY=$$torch MKL_CBWR=$$mkl NPY_DISABLE_CPU_FEATURES="$$not" \
	    OMP_NUM_THREADS=$$threads MKL_NUM_THREADS=$$threads OPENBLAS_NUM_THREADS=$$threads OMP_WAIT_POLICY=PASSIVE \
	    $(PYTEST) -m "not slow" $(NUMERICAL) || failed="$$failed $$kernel/$$threads"; \
	  done; \
	done; \
	test -z "$$failed" || { echo "failed (kernel/threads):$$failed"; exit 1; }

test-slow: $(VENV)/.test-slow ## Test what is slow: kill and resume, several processes, browser, tutorials
	$(PYTEST) -m slow

# Which faults: MUTATE="landscape/markov landscape/dynamics/drift.py", how many: MUTANTS=60, others of them: SEED=1.
MUTATE ?= $(addprefix landscape/,markov dynamics topography network latent/likelihood.py)
mutate: $(VENV)/.mutate ## Put small faults into modules: a test must fail of each (half a minute for one)
	$(BIN)/python tests/mutate.py $(MUTATE) --mutants $(or $(MUTANTS),20) --seed $(or $(SEED),0)

lint: $(VENV)/.lint ## Check style, format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/.test ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.docs ## Build the documentation into docs/_build/html; a warning is an error
	rm -rf docs/generated
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

clean: ## Remove the environment, caches and build outputs (results/ stays)
	rm -rf $(VENV) build dist docs/_build docs/generated .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Expected Python >= 3.11, found $$($(PYTHON) --version 2>&1); say which one to use: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"  # knows --group

# A stamp is newer than what it was made from, so an unchanged checkout installs once.
$(VENV)/.package: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable ".[interactive]"
	@touch $@

$(VENV)/.test: $(VENV)/.package
	$(PIP) --group test --group lint
	@touch $@

$(VENV)/.test-slow: $(VENV)/.test
	$(PIP) --editable ".[dask,interactive,lightgbm]" --group doc  # not cellrank: it brings an old jinja2, and sphinx with it
	@touch $@

$(VENV)/.mutate: $(VENV)/.test
	$(PIP) --group mutate
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	$(PIP) --group typecheck
	@touch $@

$(VENV)/.docs: $(VENV)/.package
	$(PIP) --group doc
	@touch $@
