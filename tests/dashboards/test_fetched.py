"""Pages of a home that has its snapshot from a store, and no pipeline: every one is drawn, nothing can be entered, and
the age of what is shown is that of the pipeline's last word."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from dashboards import frame
from dashboards.notebook.asked import Asked
from dashboards.notebook.book import Book
from dashboards.wording import LANGUAGES, texts
from resources.home import Home
from resources.ledger import Ledger, LedgerElsewhere
from resources.objects import FolderObjects
from resources.seals import require_unchanged
from resources.shared.fetching import fetch, is_readers
from resources.shared.sharing import Source, share, share_status
from resources.snapshots import require_snapshot
from tests.bookwatch_process import Bookwatch
from tests.dashboards import snapshot
from tests.dashboards.conftest import Shown
from tests.published import PUBLISHED_AT

Show = Callable[..., Shown]

NOW = PUBLISHED_AT.replace(tzinfo=UTC)


@pytest.fixture(scope="module")
def store(publication: Path, tmp_path_factory: pytest.TempPathFactory) -> FolderObjects:
    """What the publication's home would have shared."""
    objects = FolderObjects(tmp_path_factory.mktemp("store"))
    home = Home(publication)
    path = require_snapshot(home)
    seal = require_unchanged(path, in_full=True)
    assert seal is not None
    assert seal.sha256 is not None
    share(objects, Source(path, seal.sha256, None, None), changes_only=False, base=None, now=NOW, cited=set())
    share_status(objects, home.status.read_bytes())
    return objects


@pytest.fixture
def reader(store: FolderObjects, tmp_path: Path) -> Home:
    """A new home that followed that store."""
    home = Home(tmp_path / "reader").create()
    fetch(store, home.published, at=NOW)
    return home


def test_every_page_is_drawn_from_a_fetched_snapshot_and_nothing_can_be_entered(
    reader: Home, show: Show
) -> None:
    for language in LANGUAGES:
        say = texts(language)
        for page in (entry.name for entry in frame.PAGES):
            shown = show(reader.root, page, lang=language)
            assert say[f"{page}.title"] in shown.text, page
            assert "ledger.sqlite" not in shown.text, page
            for broken in ("fresh.unreadable_title", "fresh.absent", "empty.title", "acts.unread"):
                assert say[broken] not in shown.text, (page, broken)
            assert say["app.fetched"].partition("{time}")[2] in shown.text, page
    # Looking on left no trace: no ledger, no file of names.
    assert sorted(path.name for path in reader.root.iterdir() if path.is_file()) == []
    assert not reader.private.exists()


def test_notebooks_read_a_fetched_snapshot(reader: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKWATCH_HOME", str(reader.root))
    monkeypatch.setenv("BOOKWATCH_NOW", (NOW + timedelta(hours=5)).isoformat())
    book = Book.opened("revenue", Asked())
    assert (book.refusal, book.path) == (None, str(reader.current.resolve()))
    assert book.ask("SELECT count(*) AS n FROM core.bookings").one()["n"] > 0
    assert "These figures were fetched from" in str(book.head())


def test_what_stands_in_a_ledger_is_elsewhere_and_not_nothing(reader: Home, show: Show) -> None:
    ledger = Ledger(reader.ledger)
    for call in (ledger.waivers, lambda: ledger.acknowledge("alert", "a", by="Ayu", role="admin", at=NOW)):
        with pytest.raises(LedgerElsewhere):
            call()
    assert not reader.ledger.exists()
    assert is_readers(reader)
    say = texts("en")
    assert say["acts.elsewhere_text"] in show(reader.root, "actions").text


def test_a_command_that_takes_a_pipeline_is_refused_in_one_sentence(reader: Home) -> None:
    bookwatch = Bookwatch(reader.root)
    for words in (
        "run",
        "waive x --reason y --by z",
        "operations list",
        "export table marts.bookings --out x",
    ):
        told = bookwatch(*words.split())
        assert (told.returncode, told.stdout, told.stderr.count("\n")) == (2, "", 1), told.stderr
        assert "Not possible here: this home shows snapshots of the store" in told.stderr
    counted = bookwatch("sql", "SELECT count(*) AS n FROM core.bookings", "--json")
    assert json.loads(counted.stdout)[0]["n"] > 0, counted.stderr


def test_pages_tell_the_state_of_the_pipeline_by_its_last_word(
    reader: Home, store: FolderObjects, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    say = texts("en")
    assert say["fresh.stale"] not in show(reader.root, "health").text
    monkeypatch.setattr(snapshot, "NOW_SETTING", (NOW + timedelta(hours=5)).isoformat())
    later = show(reader.root, "health")
    assert say["fresh.stale"] in later.text
    # The pipeline's word is gone: nothing is called fine by what was said before.
    store.delete("published/status.json")
    fetch(store, reader.published, at=NOW)
    assert not reader.status.exists()
    assert say["fresh.stale"] in show(reader.root, "health").text
