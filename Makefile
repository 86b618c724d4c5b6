# `make book` and then `make test` are all a newcomer needs; `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
NB ?= $(wildcard book/*.ipynb)
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help book test check execute bench tables mutants lab serve zip clean

help: ## list the commands
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

$(READY): requirements.txt constraints.txt pyproject.toml tests/setup.py
	@$(PYTHON) tests/setup.py || { rm -f $(READY); exit 1; }

book: $(READY) ## render the book into _build/html (the first run installs everything into .venv)
	@$(BIN)/jupyter-book build -q -W -n --keep-going .

test: $(READY) ## everything that must hold
	@$(BIN)/python tests/run.py

check: $(READY) ## the quick part: lint, unit tests but the slow ones, changed notebooks
	@$(BIN)/python tests/run.py --check

execute: $(READY) ## run the chapters again, in place (NB=book/concept.ipynb for one)
	@$(BIN)/python tests/execute.py $(NB)

bench: $(READY) ## what a training step costs, against peers (installs them apart, in .venv/peers)
	@[ -d .venv/peers ] || $(BIN)/pip install -q --no-deps --target .venv/peers -r tests/benchmarks/peers.txt
	@$(BIN)/python tests/benchmarks/cost.py 2>/dev/null

tables: $(READY) ## ring and grid over ten fresh seeds, beside the published tables (some 8 minutes)
	@$(BIN)/python tests/benchmarks/tables.py

mutants: $(READY) ## plant faults one at a time; every one of them must be caught
	@$(BIN)/python tests/mutants.py

lab: $(READY) ## open the chapters in JupyterLab
	@$(BIN)/jupyter lab book

serve: book ## render the book and serve it on http://localhost:8000
	@$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory _build/html

zip: book ## the built book as one archive to hand on
	@$(BIN)/python -c "import shutil; print(shutil.make_archive('_build/gans-proved-and-played', 'zip', '_build', 'html'))"

clean: ## remove what was built (.venv stays)
	@rm -rf _build .pytest_cache .ruff_cache .hypothesis .coverage
