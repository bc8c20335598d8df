"""A new snapshot is read before it is shown: what was asked of the one before finds its answers there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboards import lookback, warmth
from dashboards.queries import reading
from dashboards.warmth import HELD_S, Warmth
from resources.home import Home

AT = datetime(2026, 11, 20, 12)
OLD, NEW, NEWER = "/p/old.duckdb", "/p/new.duckdb", "/p/newer.duckdb"
MADE = {OLD: AT, NEW: AT + timedelta(minutes=3), NEWER: AT + timedelta(minutes=4)}


class Shop:
    """A home of three snapshots, of which one is the newest; questions that say what they were asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.newest, self.now, self.damaged = OLD, 100.0, set[str]()
        self.asked: list[tuple[str, Any]] = []
        self.last: str | None = None
        monkeypatch.setattr(reading, "newest", lambda current: self.newest)
        monkeypatch.setattr(reading, "readable", lambda path: path not in self.damaged)
        monkeypatch.setattr(reading, "snapshot", self._snapshot)
        monkeypatch.setattr(reading, "_require_unchanged", lambda path: (1, 1))
        self.home = Home(folder)
        self.warmth = Warmth(self.home, "Asia/Makassar", monotonic=lambda: self.now)
        warmth.keep_warm(self.warmth)
        self.question = reading.cached(lambda *asked: self._question(*asked))

    def _snapshot(self, path: str) -> Any:
        if path in self.damaged:
            raise reading.SnapshotUnreadable("damaged")
        return reading.Snapshot(path, None, MADE[path], None)

    def _question(self, path: str, since: object = None) -> str:
        self.asked.append((path, since))
        return path

    def looked(self) -> lookback.Looked:
        """What one viewer is shown, again and again."""
        looked = lookback.look(self.home, None, self.last)
        self.last = looked.path
        return looked


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Shop]:
    yield Shop(monkeypatch, tmp_path)
    warmth.keep_warm(None)


def test_what_was_asked_is_asked_of_the_new_one_before_it_is_shown(shop: Shop) -> None:
    assert shop.looked().path == OLD
    midnight = datetime(2026, 11, 19, 16)  # of Makassar
    for since in (None, AT - timedelta(hours=1), midnight, AT.date()):
        shop.question(OLD, since)
    shop.newest = NEW
    held = shop.looked()
    assert (held.path, held.held, held.newest) == (OLD, True, "old")
    assert lookback.look(shop.home, None).path == NEW, "who comes anew is not held back"
    assert lookback.look(shop.home, "new", OLD).path == NEW, "nor who asks for it"
    shop.asked.clear()
    shop.warmth.look()
    # An instant told from when the snapshot was made moves with it; a day and its beginning stay.
    assert set(shop.asked) == {
        (NEW, since) for since in (None, AT - timedelta(hours=1) + timedelta(minutes=3), midnight, AT.date())
    }
    assert (shop.looked().path, shop.looked().held) == (NEW, False)
    shop.asked.clear()
    shop.question(NEW, AT - timedelta(minutes=57))
    assert shop.asked == []
    # And so on to the next one, also where nobody looked in between.
    shop.newest = NEWER
    shop.warmth.look()
    assert len(shop.asked) == 4
    assert shop.looked().path == NEWER


def test_the_one_before_is_shown_no_longer_than_the_bound(shop: Shop) -> None:
    shop.looked()
    shop.newest = NEW
    assert shop.looked().path == OLD
    shop.now += HELD_S / 2
    shop.newest = NEWER  # published meanwhile: the bound is that of the first
    assert shop.looked().path == OLD
    shop.now += HELD_S / 2
    assert shop.looked().path == NEWER


def test_what_takes_longer_than_the_bound_is_asked_all_the_same(shop: Shop) -> None:
    shop.looked()
    for number in range(3):
        shop.question(OLD, number)
    slow = shop._question

    def asked(path: str, since: object = None) -> str:
        shop.now += HELD_S
        return slow(path, since)

    shop._question = asked  # type: ignore[method-assign] - of this shop alone
    shop.newest = NEW
    shop.asked.clear()
    shop.warmth.look()
    assert {since for path, since in shop.asked if path == NEW} == {0, 1, 2}
    assert shop.looked().path == NEW


def test_a_damaged_newest_one_is_left_to_who_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookback, "published_snapshots", lambda home: [Path(NEW), Path(OLD)])
    shop.looked()
    shop.question(OLD)
    shop.newest = NEW
    shop.damaged = {NEW}
    shop.warmth.look()
    looked = shop.looked()
    assert (looked.path, looked.damaged, looked.held) == (OLD, ("new",), False)


def test_where_the_one_before_is_gone_the_new_one_is_shown_at_once(shop: Shop) -> None:
    shop.looked()
    shop.newest, shop.damaged = NEW, {OLD}
    assert shop.looked().path == NEW


def test_what_a_run_said_is_shown_with_its_snapshot(shop: Shop) -> None:
    shop.home.create()
    shop.home.status.parent.mkdir(exist_ok=True)
    shop.home.status.write_text('{"run": 1}')
    shop.looked()
    assert warmth.status(shop.home, held=False) == {"run": 1}
    shop.newest = NEW
    shop.home.status.write_text('{"run": 2}')
    assert shop.looked().held
    assert warmth.status(shop.home, held=False) == {"run": 2}, "of who comes anew"
    assert warmth.status(shop.home, held=True) == {"run": 1}
    shop.warmth.look()
    assert warmth.status(shop.home, held=False) == {"run": 2}


def test_without_a_server_nothing_is_held(shop: Shop) -> None:
    warmth.keep_warm(None)
    shop.newest = NEW
    assert shop.looked().path == NEW
