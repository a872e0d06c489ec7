# Everything that one does with this project. Each target builds .venv by itself on first use.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
PACKAGES := plants mpc yann rl studies
STUDIES := pendulum cstr safety

# Tests run in one process per core, so each process keeps to one thread; PYTEST_ARGS adds options.
TEST := OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses=auto --dist=loadfile

.DEFAULT_GOAL := help
.PHONY: help venv study studies test check lint types imports format bench bench-solver bench-scale bench-plants docs

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

venv: $(READY)  ## the environment .venv, with every version from constraints.txt

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name it with: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv .venv || \
	  { echo "this Python has no venv module; on Debian and Ubuntu: apt-get install python3.11-venv"; exit 1; }
	$(BIN)/pip install --quiet -c constraints.txt pip setuptools
	$(BIN)/pip install --quiet -c constraints.txt --no-build-isolation -e '.[dev]'
	$(BIN)/python -m mpc.warm
	touch $@

study: $(READY)  ## the clipped pendulum, from plant to report, into results/pendulum
	$(BIN)/python -m studies pendulum

studies: $(READY)  ## every study that there is
	set -e; for name in $(STUDIES); do $(BIN)/python -m studies $$name; done

# Checks of shapes cost little in quick tests, and much in slow ones, which have a run of their own. 5: there were none.
test: $(READY)  ## all tests: the quick ones with every jaxtyping annotation checked while they run, then the slow ones
	@quick=0; PYTEST_PLUGINS=tests.shape_checks $(TEST) -m 'not slow' $(PYTEST_ARGS) || quick=$$?; \
	slow=0; $(TEST) -m slow $(PYTEST_ARGS) || slow=$$?; \
	for status in $$quick $$slow; do case $$status in 0|5) ;; *) exit $$status;; esac; done

check: lint types imports  ## ruff, pyright and the direction of imports

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(READY)
	$(BIN)/pyright

imports: $(READY)
	$(BIN)/lint-imports

format: $(READY)  ## mend what ruff can mend by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(READY)  ## the files benchmarks/test_*.py, one after the other
	@test -n "$(wildcard benchmarks/test_*.py)" || { echo "there are no benchmarks yet: none of benchmarks/test_*.py"; exit 1; }
	$(BIN)/python -m pytest benchmarks

# PPOPT lives in an environment of its own, and without the commercial solver that its wheel names as a dependency.
PEERS := .venv-peers/.ready
$(PEERS): constraints.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet -c constraints.txt cvxopt daqp numba pathos plotly quadprog scipy matplotlib
	.venv-peers/bin/pip install --quiet -c constraints.txt --no-deps ppopt
	touch $@

bench-solver: $(READY) $(PEERS)  ## our explicit solver and PPOPT's four side by side, into results/solver
	$(BIN)/python -m benchmarks.solver $(BENCH_ARGS)

bench-scale: $(READY)  ## time and memory per region at 1e3, 1e4 and 1e5 regions, into results/solver
	$(BIN)/python -m benchmarks.solver.scale $(BENCH_ARGS)

# PC-Gym too has an environment of its own; its versions are those that its wheel asks for.
PCGYM := .venv-pcgym/.ready
$(PCGYM):
	$(PYTHON) -m venv .venv-pcgym
	.venv-pcgym/bin/pip install --quiet pcgym==0.1.8
	touch $@

bench-plants: $(READY) $(PCGYM)  ## steps per second of every plant, beside PC-Gym's
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.throughput $(BENCH_ARGS)

# Only the docstrings are rendered, by Python's own pydoc: one page per module.
docs: $(READY)  ## one page per module, from the docstrings, into build/docs
	mkdir -p build/docs
	cd build/docs && ../../$(BIN)/python -m pydoc -w $(MODULES) >/dev/null
	@echo "build/docs: $(words $(MODULES)) pages, starting with plants.html"

SOURCES := $(sort $(foreach package,$(PACKAGES),$(wildcard $(package)/*.py $(package)/*/*.py)))
MODULES = $(subst /,.,$(patsubst %/__init__,%,$(basename $(filter-out %/__main__.py,$(SOURCES)))))
