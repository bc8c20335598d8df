# Everything a person needs is set up on the way: `make demo` and `make test` need git, make and Python 3.11 with venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SPARK_VENV := .venv-spark
SPARK_STAMP := $(SPARK_VENV)/.installed
ARGS ?=
JOBS ?= $(shell $(PYTHON) -c 'import os; print(2 * (os.cpu_count() or 1))')

export DO_NOT_TRACK := 1
export DAGSTER_DISABLE_TELEMETRY := yes

.PHONY: setup demo test run serve lint reference screenshots bench bench-ingest bench-reconcile bench-health bench-marts bench-freshness bench-dashboards bench-operations bench-services bench-scale soak lock clean reports bench-backup test-spark bench-spark bench-slopes

setup: $(STAMP)

# pip compiles what it installs on one core, the packages' own tests included: half of all that is there. What cannot be
# compiled (templates of programs) is none of ours.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("bookwatch needs Python 3.11 or newer; set PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	-$(BIN)/python -m compileall -q -j 0 -x '/tests/' $(VENV)/lib >/dev/null
	touch $(STAMP)

# Exit status 10 means: published, and checks found problems, which the demo plants on purpose.
demo: $(STAMP)
	@$(BIN)/bookwatch demo $(ARGS); status=$$?; test $$status -eq 10 || exit $$status

run: $(STAMP)
	$(BIN)/bookwatch run $(ARGS)

serve: $(STAMP)
	$(BIN)/bookwatch serve $(ARGS)

# Every notebook as an HTML file in BOOKWATCH_HOME/reports/<local day>.
reports: $(STAMP)
	$(BIN)/bookwatch reports $(ARGS)

# Several tests at a time, two for each core (at most four), as many wait for a process or a page rather than work; one
# that has done its share takes over half of another's rest. JOBS=0: one after the other, in this process.
test: $(STAMP)
	$(BIN)/python -m pytest -n $(JOBS) --maxprocesses 4 --dist worksteal $(ARGS)

# A Spark cluster of this machine (a master, two workers of a core and 1 GB each, on loopback) makes every mart, and each
# is compared with DuckDB's: some twenty minutes. It is not part of .ci/run; docs/spark.md says when it last passed. What
# runs is in an environment of its own, and Java 17 comes from Debian where none is there (as root).
test-spark: $(SPARK_STAMP)
	$(SPARK_VENV)/bin/python -m pytest -v --durations=0 -m spark tests/spark $(ARGS)

# One worker and two, on the marts of a million bookings; ARGS="--bookings 100000" for a quick look.
bench-spark: $(SPARK_STAMP)
	$(SPARK_VENV)/bin/python -m benchmarks.spark $(ARGS)

$(SPARK_STAMP): requirements-spark.lock pyproject.toml
	@java -version >/dev/null 2>&1 || { test "$$(id -u)" = 0 && apt-get update -q && apt-get install -qy openjdk-17-jre-headless; } \
	  || { echo "Spark needs Java 17: install it (on Debian: openjdk-17-jre-headless)." >&2; exit 1; }
	test -x $(SPARK_VENV)/bin/python || $(PYTHON) -m venv $(SPARK_VENV)
	$(SPARK_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements-spark.lock
	$(SPARK_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(SPARK_STAMP)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

# docs/screenshots/: every page in both looks, of what is published in BOOKWATCH_HOME (make demo ARGS=--once).
screenshots: $(STAMP)
	$(BIN)/python -m benchmarks.screenshots $(ARGS)

# docs/reference/, of what the code declares; a test compares it.
reference: $(STAMP)
	$(BIN)/python -m pipelines.reference

bench: $(STAMP)
	$(BIN)/python -m benchmarks $(ARGS)

# About ten minutes; ARGS="--scale 0.1 --rounds 1" for a quick look.
bench-ingest: $(STAMP)
	$(BIN)/python -m benchmarks.ingest $(ARGS)

# 10 million bookings, in a folder under /tmp that takes some 8 GB; ARGS="--scale 0.1" for a quick look, ARGS="--data DIR"
# to keep the data for the next time (also for bench-health).
bench-reconcile: $(STAMP)
	$(BIN)/python -m benchmarks.reconcile $(ARGS)

bench-health: $(STAMP)
	$(BIN)/python -m benchmarks.health $(ARGS)

# 1 million bookings and 5 million messages, in a folder under /tmp that takes some 4 GB; prints ratios and peak memory.
# ARGS="--scale 0.1" for a quick look, "--scale 10" for ten times as much, "--json FILE" for all that was measured.
bench-marts: $(STAMP)
	$(BIN)/python -m benchmarks.marts $(ARGS)

# About ten minutes, most of them waiting for the schedule; ARGS="--scheduled-writes 0" for the watch alone.
bench-freshness: $(STAMP)
	$(BIN)/python -m benchmarks.freshness $(ARGS)

# 1 million bookings and 10 million messages, published, in a folder under /tmp that takes some 12 GB; about fifteen
# minutes. ARGS="--scale 0.02 --minutes 1" for a quick look, ARGS="--data DIR" to keep the home for the next time.
bench-dashboards: $(STAMP)
	$(BIN)/python -m benchmarks.dashboards $(ARGS)

bench-backup: $(STAMP)
	$(BIN)/python -m benchmarks.backup $(ARGS)

# Two minutes, most of them for the snapshot; ARGS="--bookings 1000" for a quick look.
bench-operations: $(STAMP)
	$(BIN)/python -m benchmarks.operations $(ARGS)

# About fifteen minutes, most of them to fill a sandbox with 10 million messages in a folder under /tmp that takes some
# 10 GB; ARGS="--data DIR" keeps it for the next time, "--messages 100000 --seconds 10" for a quick look.
bench-services: $(STAMP)
	$(BIN)/python -m benchmarks.services $(ARGS)

# What a run costs at two sizes, and what the line through them says of others (docs/scale-out.md).
bench-slopes: $(STAMP)
	$(BIN)/python -m benchmarks.slopes $(ARGS)

# 100,000, 1 million and 10 million bookings, in a folder under /tmp that takes some 25 GB; an hour.
# ARGS="--scales 0.001,0.01" for a quick look, "--data DIR" keeps the homes for the next time.
bench-scale: $(STAMP)
	$(BIN)/python -m benchmarks.scale $(ARGS)

# Twenty minutes; ARGS="--minutes 2" for a short one.
soak: $(STAMP)
	$(BIN)/python -m benchmarks.soak $(ARGS)

# uv is used for this one thing: a lock with hashes for every platform and Python from 3.11 on, without index addresses.
lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-strip-extras --no-emit-index-url --no-emit-find-links --quiet -o requirements.lock
	uv pip compile pyproject.toml --extra dev --extra spark --constraint requirements.lock --universal \
	  --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-emit-find-links \
	  --quiet -o requirements-spark.lock

clean:
	rm -rf $(VENV) $(SPARK_VENV) build *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
