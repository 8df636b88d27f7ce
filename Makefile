include setup.mk

# Two files at a time, whole: tests of a file share what it has made, and a lesson's cells are one session. With more threads they would wait for each other.
BY_TWO := --numprocesses 2 --dist loadfile
test: export HF_HUB_OFFLINE ?= 1
test: export OMP_NUM_THREADS ?= 1
test: .venv/ready build/exporters build/trackers build/quantizers
	$(BIN)/pytest $(BY_TWO)
	$(BIN)/python tests/solved_lessons.py build/solved
	ADAPTLAB_UNATTENDED=1 OMP_NUM_THREADS=1 PYTHONPATH=tests $(BIN)/pytest $(BY_TWO) -p nbval_timeout --nbval-lax --nbval-cell-timeout=600 build/solved
	@cat build/skipped.txt
models: .venv/ready
	$(BIN)/adaptlab models make $(if $(QUICK),--quick)
bench: .venv/ready build/peers build/grading-peers
	$(BIN)/python benchmarks/generation.py
	$(BIN)/python benchmarks/suite.py
	$(BIN)/python benchmarks/world.py
	$(BIN)/python benchmarks/retrieval.py
	$(BIN)/python benchmarks/stores.py
	$(BIN)/python benchmarks/updates.py
	$(BIN)/python benchmarks/reranking.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/tuning.py
	$(BIN)/python benchmarks/preferences.py
	PYTHONPATH=build/peers $(BIN)/python benchmarks/frameworks.py
	$(BIN)/python benchmarks/grading.py
	$(BIN)/python benchmarks/kills.py
	$(BIN)/python benchmarks/growth.py
	$(BIN)/python benchmarks/render_report.py
# The lessons on a genuine model, on a processor: hours; a lesson that is done is kept.
real: .venv/ready
	$(BIN)/adaptlab run --profile real --workers 1
site: .venv/ready
	$(BIN)/adaptlab site
lint: .venv/ready
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
# Before every commit: what is quick. CI runs `make test`, which is everything.
check: export HF_HUB_OFFLINE ?= 1
check: export OMP_NUM_THREADS ?= 1
check: lint
	$(BIN)/pytest $(BY_TWO) -m "not slow and not sandbox"
build/peers: benchmarks/peers.txt
build/grading-peers: benchmarks/peers-grading.txt
build/exporters: tests/tune/exporters.txt
build/trackers: tests/tune/trackers.txt
build/quantizers: tests/models/quantizers.txt
build/peers build/grading-peers build/exporters build/trackers build/quantizers: .venv/ready
	$(BIN)/pip install --quiet --no-deps --upgrade --target $@ --requirement $(filter %.txt,$^)
	touch $@
.PHONY: test check real models bench site lint
