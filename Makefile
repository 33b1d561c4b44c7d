# Every target makes .venv by itself; none needs a GPU, a service or a login (gpu-test skips without one).
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
PROCESSES ?= 2

# On a machine whose torch and Triton are to be used as they are: `make gpu-test GPU_PYTHON=python3`. What else is needed is
# installed on top of them, in .venv-gpu.
GPU_PYTHON ?=
ifdef GPU_PYTHON
GPU_BIN := .venv-gpu/bin
else
GPU_BIN := $(BIN)
endif
GPU_STAMP := $(GPU_BIN:/bin=/.installed)

DEMO := core/add_relu, core/argmax, core/causal_attention, core/cumulative_sum, core/histogram, core/kl_divergence, \
	core/matmul, core/max_pool, core/rms_norm, core/softmax

.DEFAULT_GOAL := help
.PHONY: help demo train-demo test check bench gpu-test gpu-bench test-broker test-docker test-openenv test-verifiers clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(STAMP) ## play three stories on ten problems: corrected, made faster, caught cheating
	@echo 'A scripted policy plays three episodes of each problem: #0 is wrong at first and corrected, #1 is slow and'
	@echo 'made faster, #2 cheats and is caught. It knows only what the feedback tells it. No GPU, no model is needed.'
	@$(BIN)/kernelgym run --problems '$(DEMO)' --policy demo --samples 3 --turns 2 --workers 2 --out runs/demo --restart
	@echo 'Next: $(BIN)/kernelgym report runs/demo (all of it as a page), $(BIN)/kernelgym demo (more ways to fail),'
	@echo '$(BIN)/kernelgym evaluate (your own kernel), $(BIN)/kernelgym -h.'

train-demo: $(STAMP) ## build a tiny model and train it in the real environment (CPU, no downloads, about ten minutes)
	@$(BIN)/python -m policies.training.demo

test: $(STAMP) ## run the default test lane (no GPU, no services; slow tests run in CI)
	$(BIN)/pytest -n $(PROCESSES) --dist loadscope -m 'not gpu and not docker and not broker and not browser and not slow'

check: $(STAMP) ## format, lint, types, import arrows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP) ## run the benchmarks; prints JSON with machine and versions
	@$(BIN)/python -m benchmarks

gpu-test: $(GPU_STAMP) ## run the tests marked gpu on this machine's GPU, with the torch of GPU_PYTHON if that is given
	$(GPU_BIN)/python -m pytest -m gpu tests/gpu

gpu-bench: $(GPU_STAMP) ## measure this machine's GPU: noise, throughput, agreement; JSON in benchmarks/results
	$(GPU_BIN)/python -m benchmarks.gpu

.venv-gpu/.installed: pyproject.toml
	rm -rf .venv-gpu
	$(GPU_PYTHON) -m venv .venv-gpu
	$(GPU_PYTHON) -c 'import site; print(*site.getsitepackages(), site.getusersitepackages(), sep="\n")' \
		>"$$(.venv-gpu/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/under.pth"
	.venv-gpu/bin/python -c 'import torch, triton; print("torch", torch.__version__, "Triton", triton.__version__)'
	.venv-gpu/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[gpu]' 'pytest>=9,<10' pytest-timeout
	@touch $@

# Packages that do not go together with one another or with .venv get environments of their own. They begin as copies of
# .venv made of hard links, which pip replaces where it installs another version: seconds instead of 2 GB.
.venv-%/.installed: $(STAMP)
	rm -rf .venv-$*
	cp -al .venv .venv-$*
	rm .venv-$*/.installed
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$*]'
	@touch $@

test-broker: $(STAMP) ## run the tests that need redis-server, which they start by themselves
	$(BIN)/pytest -n $(PROCESSES) --dist loadscope -m 'broker and not gpu and not docker'

test-docker: $(STAMP) ## run the tests that need a Docker engine; as root, a private one is started where none runs
	.ci/with-docker $(BIN)/pytest -n $(PROCESSES) --dist loadscope -m 'docker and not gpu'

test-openenv: .venv-openenv/.installed ## test the adapter for OpenEnv in .venv-openenv
	.venv-openenv/bin/python -m pytest -m ecosystem tests/policies/ecosystem/openenv tests/examples

test-verifiers: .venv-verifiers/.installed ## test the adapter for verifiers in .venv-verifiers
	.venv-verifiers/bin/python -m pytest -m ecosystem tests/policies/ecosystem/verifiers tests/examples

clean: ## remove everything the other targets made
	rm -rf .venv .venv-gpu .venv-openenv .venv-verifiers build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
