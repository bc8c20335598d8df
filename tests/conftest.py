"""In which order the tests run, with which umask and profile of hypothesis, and where their files lie; the publication
of tests/published.py as fixtures."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from resources.home import Home
from tests import forked, places
from tests.published import copied_home, left_as_it_is, published_once, shared_folder
from tests.sandbox_server import empty_sandbox as empty_sandbox  # a fixture of every folder

ROOT = Path(__file__).parent

# As bookwatch's own start code does: a home that a test makes by hand is closed to others, or it would be refused.
os.umask(0o077)

# Where an environment keeps Python from writing down what it compiled, every process that a test starts compiled the
# product anew, and every worker the tests.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A session holds millions of objects that stay (modules, tests, simulated worlds), and looking through them for cycles
# after every few hundred new ones took a sixth of the simulator's tests.
gc.set_threshold(100_000, 10, 50)

# No test asserts wall time: on a busy machine an example of a property may take as long as it likes.
settings.register_profile("bookwatch", deadline=None)
settings.load_profile("bookwatch")

places.compile_once()

#: The files that take longest, first: several run at a time, and a test that began last would keep a single core busy
#: while the others have nothing left to do.
LONGEST = (
    "browser/test_pages_in_chromium.py",
    "pipelines/test_bad_input.py",
    "alerting/test_dead_processes.py",
    "pipelines/test_kills_of_a_run.py",
    "pipelines/test_publishing.py",
    "pipelines/test_first_light.py",
    "pipelines/test_nothing_leaks.py",
    "marts/test_planted.py",
    "ingest/test_kill.py",
    "pipelines/test_sweep_command.py",
    "pipelines/test_commission_account.py",
    "health/test_points_from_raw.py",
    "pipelines/test_hazards.py",
    "marts/test_findings.py",
    "marts/test_from_raw.py",
    "dashboards/test_pages.py",
)
_PLACES = {ROOT / name: place for place, name in enumerate(LONGEST)}


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # in the process that starts the others
        places.keep_files_in_memory()
        compiled = places.begin_session()
        config.add_cleanup(lambda: shutil.rmtree(compiled, ignore_errors=True))
        # Not yet by itself: a copy of a process in which a module of tests used Polars while it was imported waits for
        # threads that only the original has.
        if (
            "TESTS_COPY" in os.environ
            and forked.can_copy()
            and "popen" in (config.getoption("tx", None) or ())
        ):
            _copy_workers(config, compiled)


def _copy_workers(config: pytest.Config, folder: Path) -> None:
    """Let the workers be copies of a process that has imported all modules of tests that were asked for."""
    asked = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    captured: Any = config.pluginmanager.getplugin("capturemanager")
    with captured.global_and_fixture_disabled() if captured else contextlib.nullcontext():
        original = forked.Original(folder, lambda: forked.import_modules_of(asked, ROOT.parent))
    config.add_cleanup(original.end)
    config.option.tx = [original.worker if each == "popen" else each for each in config.option.tx]


def pytest_collection_finish() -> None:
    # What was imported and collected stays: nothing that is looked through for cycles again.
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _PLACES.get(item.path, len(LONGEST)))


@pytest.fixture(scope="session")
def publication(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one home of this session that was published the real way. Nobody changes it: take a copy."""
    return published_once(shared_folder(tmp_path_factory))


@pytest.fixture(scope="session")
def _read_by_all(publication: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied_home(publication, tmp_path_factory.mktemp("read") / "home").root


@pytest.fixture
def read_publication(_read_by_all: Path) -> Iterator[Home]:
    """The same as ``published_home`` for a test that only reads: one for all of them, so that its snapshot is opened
    once and what is asked of it is asked once. Ask it as the dashboards do (``reading.ask``): they keep it open, and
    DuckDB opens a file in one way at a time."""
    with left_as_it_is(_read_by_all) as home:
        yield Home(home)


@pytest.fixture
def published_home(publication: Path, tmp_path: Path) -> Home:
    """A copy of it for this test: what was published and the ledger, all that a reader needs."""
    return copied_home(publication, tmp_path / "home")
