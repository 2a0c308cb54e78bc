# One word for each job; each sets up .venv by itself.
#   make demo   draw the data, train FactorVAE, score it, draw its traversals, export it, load it with TensorFlow
#   make test   run the tests
#   make zoo    train every experiment in zoo/ into runs/, and release each as a new version (days of CPU; resumable)
#   make lint   ruff and mypy
#   make format let ruff format the code
#   make clean  remove .venv and what the demo made

PYTHON ?= python3
BIN := .venv/bin
RUN := demo/run
MODEL := $(RUN)/model.keras
EXPORTED := demo/saved_models/factor_vae/1

ZOO := $(patsubst zoo/%/experiment.json,%,$(wildcard zoo/*/experiment.json))

.PHONY: demo zoo test lint format setup clean
.DELETE_ON_ERROR:

demo: demo/scores.json demo/traversals.png demo/traversals.gif $(EXPORTED)
	@echo "== Load the encoder in a process that has TensorFlow alone"
	@$(BIN)/python tools/load_bare.py $(EXPORTED)
	@echo "== Made"
	@echo "$(RUN)                  the run: experiment, checkpoints, TensorBoard logs, model.keras"
	@echo "demo/scores.json          its scores (a quick estimate; tfvae evaluate without --quick for all)"
	@echo "demo/traversals.png .gif  what each latent draws"
	@echo "$(EXPORTED)  the encoder, for tf.saved_model.load and TensorFlow Serving"

zoo: $(ZOO:%=runs/%.released)

# Released once for each time that the training ended: a run that goes on is released again.
runs/%.released: zoo/%/experiment.json | setup
	@echo "== Train $* (an interrupted training goes on with the same command)"
	@$(BIN)/tfvae train --experiment=$* --workdir=runs/$*
	@$(BIN)/python -m tools.release --workdir=runs/$* --name=$*
	@touch $@

# TensorFlow traces on one core, so the tests are shared out. A worker needs up to 4 GB, hence at most four; one that runs
# out of tests takes half of what another has left, so that neighbours, which share fixtures, stay together.
test: setup
	$(BIN)/python -m pytest --numprocesses=logical --maxprocesses=4 --dist=worksteal

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

setup: .venv/installed

.venv/installed: setup.py pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("tfvae needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable ".[test,lint]"
	@touch $@

$(MODEL): | setup
	@echo "== Train FactorVAE (an interrupted training goes on with the same command)"
	@$(BIN)/tfvae train --experiment=factor_vae_quick-dsprites --workdir=$(RUN)

demo/scores.json: $(MODEL)
	@echo "== Score it"
	@$(BIN)/tfvae evaluate --model=$(RUN) --quick --output=$@

demo/traversals.png demo/traversals.gif: $(MODEL)
	@$(BIN)/tfvae traverse --model=$(RUN) --output=$@

$(EXPORTED): $(MODEL)
	@$(BIN)/tfvae export --model=$(RUN) --output=$@

clean:
	rm -rf .venv demo build *.egg-info
