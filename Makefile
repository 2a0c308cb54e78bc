# One word for each job; each sets up .venv first.
#   make demo   draw the data, train FactorVAE, score it, draw its traversals, export it, load it with TensorFlow
#   make test   run the tests
#   make test-all  run the slow tests too, of which make test has a small variant (CONTRIBUTING.md, "Tests")
#   make zoo    train every experiment in zoo/ into runs/, and release each as a new version (days of CPU; resumable)
#   make lint   ruff and mypy
#   make docs   build the site of docs/ into build/docs, without the network; any warning is an error
#   make format format the code with ruff
#   make floors run some tests with the oldest versions that setup.py allows (two minutes and a download)
#   make lock   write the newest versions into constraints.txt, with which the other jobs then run
#   make clean  remove .venv and the output of the demo

PYTHON ?= python3
BIN := .venv/bin
RUN := demo/run
MODEL := $(RUN)/model.keras
EXPORTED := demo/saved_models/factor_vae/1

ZOO := $(patsubst zoo/%/experiment.json,%,$(wildcard zoo/*/experiment.json))

.PHONY: demo zoo test test-all lint docs format floors lock setup clean
.DELETE_ON_ERROR:

demo: demo/scores.json demo/traversals.png demo/traversals.gif $(EXPORTED)
	@echo "== Load the encoder in a process with TensorFlow alone"
	@$(BIN)/python -m tools.load_bare $(EXPORTED)
	@echo "== Made"
	@echo "$(RUN)                  the run: experiment, checkpoints, TensorBoard logs, model.keras"
	@echo "demo/scores.json          its scores (a quick estimate; tfvae evaluate without --quick for all)"
	@echo "demo/traversals.png .gif  what each latent draws"
	@echo "$(EXPORTED)  the encoder, for tf.saved_model.load and TensorFlow Serving"

zoo: $(ZOO:%=runs/%.released)

# A run is released when its training ends, and again when it was resumed for more steps and ends again.
runs/%.released: zoo/%/experiment.json | setup
	@echo "== Train $* (the same command resumes an interrupted training)"
	@$(BIN)/tfvae train --experiment=$* --workdir=runs/$*
	@$(BIN)/python -m tools.release --workdir=runs/$* --name=$*
	@touch $@

# TensorFlow traces on one core, so several workers share the tests. A worker needs up to 4 GB, hence at most four. One
# that has no tests left takes half of another's, so that neighbours, which share fixtures, stay together.
PYTEST := $(BIN)/python -m pytest --numprocesses=logical --maxprocesses=4 --dist=worksteal

test: setup
	$(PYTEST) -m "not slow"

test-all: setup
	$(PYTEST)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The variable silences an announcement of the theme's authors.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# What computes, what is exported and what is served; the rest depends less on versions.
floors: setup
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-floors
	$(BIN)/uv pip install --quiet --python .venv-floors/bin/python --resolution lowest-direct --editable ".[serving]" "pytest>=8.2" "pyyaml>=6.0" "kubernetes-validate>=1.32"
	.venv-floors/bin/python -m pytest -q tests/objectives tests/models/test_factor_vae.py tests/export/test_damage.py tests/serving/local tests/serving/test_proto_tensors.py tests/metrics/test_mig.py tests/test_experiment.py

lock: setup
	$(BIN)/uv pip compile --quiet --upgrade --python-version 3.11 setup.py --extra test --extra lint --no-annotate --no-header --output-file constraints.txt

setup: .venv/installed

.venv/installed: setup.py pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Expected Python 3.11 or newer. Received: $(PYTHON), which is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[test,lint]"
	@touch $@

$(MODEL): | setup
	@echo "== Train FactorVAE (the same command resumes an interrupted training)"
	@$(BIN)/tfvae train --experiment=factor_vae_quick-dsprites --workdir=$(RUN)

demo/scores.json: $(MODEL)
	@echo "== Score it"
	@$(BIN)/tfvae evaluate --model=$(RUN) --quick --output=$@

demo/traversals.png demo/traversals.gif: $(MODEL)
	@$(BIN)/tfvae traverse --model=$(RUN) --output=$@

$(EXPORTED): $(MODEL)
	@$(BIN)/tfvae export --model=$(RUN) --output=$@

clean:
	rm -rf .venv .venv-floors demo build *.egg-info
