# The first interpreter that the course runs on and that can make an environment; PYTHON=... names another. Asked only where .venv is made.
FITS := import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
NAMES := python3 python3.13 python3.12 python3.11 python3.14 python
PYTHON ?= $(firstword $(foreach name,$(NAMES),$(shell $(name) -c "$(FITS)" 2> /dev/null && echo $(name))))
BIN := .venv/bin

# Two files at a time, whole: tests of a file share what it has made, and a lesson's cells are one session. With more threads they would wait for each other.
BY_TWO := --numprocesses 2 --dist loadfile
run test: export HF_HUB_OFFLINE ?= 1
test: export OMP_NUM_THREADS ?= 1
run: .venv/ready
	$(BIN)/adaptlab run
test: .venv/ready build/exporters build/trackers build/quantizers
	$(BIN)/pytest $(BY_TWO)
	ADAPTLAB_UNATTENDED=1 OMP_NUM_THREADS=1 PYTHONPATH=tests $(BIN)/pytest $(BY_TWO) -p patience --nbval-lax --nbval-cell-timeout=600 notebooks
	@cat build/skipped.txt
setup: .venv/ready
lab: .venv/ready
	$(BIN)/jupyter lab
models: .venv/ready
	$(BIN)/adaptlab models make $(if $(QUICK),--quick)
bench: .venv/ready build/peers build/grading-peers
	$(BIN)/python benchmarks/generation.py
	$(BIN)/python benchmarks/world.py
	$(BIN)/python benchmarks/retrieval.py
	$(BIN)/python benchmarks/updates.py
	$(BIN)/python benchmarks/reranking.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/tuning.py
	$(BIN)/python benchmarks/preferences.py
	PYTHONPATH=build/peers $(BIN)/python benchmarks/frameworks.py
	$(BIN)/python benchmarks/grading.py
	$(BIN)/python benchmarks/kills.py
	$(BIN)/python benchmarks/tell.py
site: .venv/ready
	$(BIN)/adaptlab site
lint: .venv/ready
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
.venv/ready: requirements.lock pyproject.toml
	@python=$(PYTHON); "$${python:-false}" -c "$(FITS)" || \
	  { echo "No Python 3.11 to 3.14 with venv is found$${python:+ as $$python}. Install one (Debian, Ubuntu: apt install python3-venv), or name it: make PYTHON=/path/to/python3.13"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --editable .
	$(BIN)/python -m ipykernel install --sys-prefix --name python3 > .venv/kernel.log
	touch $@
build/peers: benchmarks/peers.txt
build/grading-peers: benchmarks/peers-grading.txt
build/exporters: tests/tune/exporters.txt
build/trackers: tests/tune/trackers.txt
build/quantizers: tests/models/quantizers.txt
build/peers build/grading-peers build/exporters build/trackers build/quantizers: .venv/ready
	$(BIN)/pip install --quiet --no-deps --upgrade --target $@ --requirement $(filter %.txt,$^)
	touch $@
.PHONY: run test setup lab models bench site lint
