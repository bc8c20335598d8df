"""Figures of closed months: compared with the snapshot before, entered once, whatever kills the run in between."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.closed_months import compare_closed_months, newest_complete
from marketplace.closed_months import (
    MONTH_COLLECTIONS,
    closes_at,
    finding_id,
    month_after,
    newest_closed_month,
)
from marketplace.rules import RULES_VERSION
from messages.catalogue import say
from messages.message import message_of
from resources.home import Home
from resources.ledger import ClosedGap, Ledger
from resources.run_report import Run
from resources.settings import load_settings
from resources.snapshots import drop_old_snapshots, point_link, published_snapshots, snapshot_path
from tests.published import add, changing, empty_snapshot, only

BALI = timedelta(hours=8)
Figures = dict[tuple[str, str], int]
#: 15 November 2026, noon in Bali: October is closed, November is not.
NOW = datetime(2026, 11, 15, 4)
#: The product's tables without rows, in the home: what snapshots and warehouses of these tests begin with. Those that
#: comparing reads.
EMPTY = "empty.duckdb"
TABLES = (
    "core.bookings",
    "core.commissions",
    "core.state",
    "marts.month_figures",
    "ops.scans",
    "ops.snapshot",
)
OCTOBER: Figures = {("2026-10-01", "booked_idr"): 1_000_000, ("2026-10-01", "bookings"): 4}


@pytest.mark.parametrize(
    ("at", "month"),
    [
        (datetime(2026, 11, 1, 15, 59, 59), date(2026, 9, 1)),  # 24 hours after October are a second away
        (datetime(2026, 11, 1, 16), date(2026, 10, 1)),
        (datetime(2026, 12, 31, 15), date(2026, 11, 1)),
        (datetime(2027, 1, 1, 16), date(2026, 12, 1)),
    ],
)
def test_a_month_is_closed_24_hours_after_it_ended(at: datetime, month: date) -> None:
    assert newest_closed_month(at, BALI) == month
    assert closes_at(month, BALI) <= at < closes_at(month_after(month), BALI)


@pytest.fixture(scope="module")
def empty(publication: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / EMPTY
    only(path, empty_snapshot(publication), *TABLES)
    return path


@pytest.fixture
def home(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in list(os.environ):
        if name.startswith(("APPWRITE_", "BOOKWATCH_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("BOOKWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    home = Home(tmp_path / "home").create()
    shutil.copy(empty, home.root / EMPTY)
    return home


#: How each collection's scan of a run ended, whether one ever came to its end, and the references it could not read.
Scans = dict[str, tuple[Any, ...]]
WHOLE: Scans = dict.fromkeys(MONTH_COLLECTIONS, ("complete", True))


def figures(
    con: duckdb.DuckDBPyConnection,
    values: Figures,
    zone: str = "Asia/Makassar",
    scans: Scans | None = None,
    unplaced: str | None = None,
    most: int = 20_000_000,
) -> None:
    con.execute(
        "UPDATE core.state SET timezone = ?, amount_min = 20000, amount_max = ?, key_mark = NULL",
        [zone, most],
    )
    for table in ("core.bookings", "core.commissions"):
        add(con, table, "utc_offset_minutes", [(None if table == f"core.{unplaced}" else 480,)])
    add(
        con,
        "ops.scans",
        "collection outcome completed_at unread",
        [
            (collection, outcome, NOW if ended else None, json.dumps(unread) if unread else None)
            for collection, (outcome, ended, *unread) in {**WHOLE, **(scans or {})}.items()
        ],
    )
    add(
        con,
        "marts.month_figures",
        "local_month figure value",
        [(date.fromisoformat(month), figure, value) for (month, figure), value in values.items()],
    )


def publish(
    home: Home,
    snapshot_id: str,
    values: Figures,
    *,
    at: datetime = NOW,
    rules: str = RULES_VERSION,
    zone: str = "Asia/Makassar",
    scans: Scans | None = None,
    unplaced: str | None = None,
    most: int = 20_000_000,
    also: tuple[str, ...] = (),
) -> None:
    with changing(home, of=home.root / EMPTY, snapshot_id=snapshot_id) as con:
        figures(con, values, zone, scans, unplaced, most)
        con.execute("UPDATE ops.snapshot SET published_at = ?, rules_version = ?", [at, rules])
        for statement in also:
            con.execute(statement)


def run(
    values: Figures,
    *,
    run_id: str = "r1",
    at: datetime = NOW,
    zone: str = "Asia/Makassar",
    scans: Scans | None = None,
    unplaced: str | None = None,
) -> ClosedGap | None:
    """What a run whose marts hold these figures finds at an instant."""
    os.environ["BOOKWATCH_NOW"] = f"{at.isoformat()}Z"
    try:
        settings = load_settings()
    finally:
        del os.environ["BOOKWATCH_NOW"]
    context = Run(settings, run_id, 1, settings.clock.now())
    warehouse = shutil.copy(context.home.root / EMPTY, context.home.warehouse)
    with duckdb.connect(str(warehouse)) as con:
        figures(con, values, zone, scans, unplaced)
        return compare_closed_months(con, context)


def found(home: Home) -> list[tuple[str, int, int]]:
    return [
        (change.finding_id, change.previous_value, change.current_value)
        for change in Ledger(home.ledger).closed_changes()
    ]


BOOKED = finding_id("booked_idr", date(2026, 10, 1), "s1")


def test_a_changed_figure_of_a_closed_month_is_found_with_both_values(home: Home) -> None:
    publish(home, "s1", OCTOBER)
    assert run(OCTOBER | {("2026-10-01", "booked_idr"): 900_000}) is None
    assert found(home) == [(BOOKED, 1_000_000, 900_000)]
    (change,) = Ledger(home.ledger).closed_changes()
    assert (change.previous_snapshot_id, change.seen_at, change.figure) == ("s1", NOW, "booked_idr")


def test_a_figure_that_comes_or_goes_was_or_is_zero(home: Home) -> None:
    publish(home, "s1", {("2026-10-01", "bookings"): 4})
    run({("2026-09-01", "collected_idr"): 75_000})
    assert found(home) == [
        (finding_id("collected_idr", date(2026, 9, 1), "s1"), 0, 75_000),
        (finding_id("bookings", date(2026, 10, 1), "s1"), 4, 0),
    ]


def test_the_same_figures_and_an_open_month_are_no_finding(home: Home) -> None:
    publish(home, "s1", OCTOBER | {("2026-11-01", "bookings"): 1})
    assert run(OCTOBER | {("2026-11-01", "bookings"): 2}) is None
    assert found(home) == []


def test_a_month_that_was_open_at_the_snapshot_before_is_not_compared(home: Home) -> None:
    publish(home, "s1", OCTOBER, at=datetime(2026, 11, 1, 15))
    run(OCTOBER | {("2026-10-01", "bookings"): 5})
    assert found(home) == []
    publish(home, "s2", OCTOBER, at=datetime(2026, 11, 1, 16))
    run(OCTOBER | {("2026-10-01", "bookings"): 5})
    assert [entry[1:] for entry in found(home)] == [(4, 5)]


def test_a_run_that_is_repeated_before_anything_is_published_enters_it_once(home: Home) -> None:
    changed = OCTOBER | {("2026-10-01", "bookings"): 3}
    publish(home, "s1", OCTOBER)
    for number in range(3):
        run(changed, run_id=f"r{number}", at=NOW + timedelta(minutes=number))
    assert [entry[1:] for entry in found(home)] == [(4, 3)]
    assert Ledger(home.ledger).closed_changes()[0].seen_at == NOW


def test_a_run_killed_at_any_instruction_neither_loses_nor_doubles_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = OCTOBER | {("2026-10-01", "bookings"): 3, ("2026-10-01", "booked_idr"): 1}
    publish(home, "s1", OCTOBER)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as before:  # compared, not entered
        before.setattr(Ledger, "record_closed_changes", killed)
        with pytest.raises(KeyboardInterrupt):
            run(changed)
    assert found(home) == []
    with monkeypatch.context() as amid:  # one of two entered, not committed
        from resources.ledger import closed_months

        real, calls = closed_months._log_change, [0]

        def once(*values: object) -> None:
            calls[0] += 1
            if calls[0] == 2:
                raise KeyboardInterrupt
            real(*values)  # type: ignore[arg-type]  # the two arguments it was called with

        amid.setattr(closed_months, "_log_change", once)
        with pytest.raises(KeyboardInterrupt):
            run(changed)
    assert found(home) == []
    run(changed)  # entered; killed before publishing: the next compares with s1 again
    run(changed)
    assert [entry[1:] for entry in found(home)] == [(1_000_000, 1), (4, 3)]


def test_before_it_is_published_the_value_may_move_on_or_go_back(home: Home) -> None:
    publish(home, "s1", OCTOBER)
    run(OCTOBER | {("2026-10-01", "bookings"): 3})
    run(OCTOBER | {("2026-10-01", "bookings"): 2})
    assert [entry[1:] for entry in found(home)] == [(4, 2)]
    run(OCTOBER)
    assert found(home) == []
    run(OCTOBER | {("2026-10-01", "bookings"): 2})
    assert [entry[1:] for entry in found(home)] == [(4, 2)]


def test_a_later_change_of_the_same_figure_is_a_new_finding(home: Home) -> None:
    publish(home, "s1", OCTOBER)
    second = OCTOBER | {("2026-10-01", "booked_idr"): 900_000}
    run(second)
    publish(home, "s2", second)
    run(second)
    assert len(found(home)) == 1
    run(OCTOBER)  # and back again: a figure people were given twice
    assert found(home) == [
        (BOOKED, 1_000_000, 900_000),
        (finding_id("booked_idr", date(2026, 10, 1), "s2"), 900_000, 1_000_000),
    ]


def _in_words(gap: ClosedGap | None) -> ClosedGap:
    """The gap without its message, which says the same."""
    assert gap is not None
    message = message_of(gap.code, gap.args)
    assert message is not None
    assert say(message) == gap.reason
    return replace(gap, code=None, args=None)


@pytest.mark.parametrize(
    ("snapshot", "reason"),
    [
        (None, "there was no snapshot before"),
        ({"rules": "0"}, f"the snapshot before was made by rules version 0, this one by {RULES_VERSION}"),
        ({"zone": "Asia/Jakarta"}, "the snapshot before was made in another time zone"),
        (
            {"most": 30_000_000},
            "the snapshot before believed other amounts (BOOKWATCH_AMOUNT_MIN and _MAX)",
        ),
        ("old", "the snapshot before holds no readable figures by month"),
        ("damaged", "the snapshot before holds no readable figures by month"),
    ],
)
def test_where_nothing_can_be_compared_it_says_so(
    home: Home, snapshot: dict[str, Any] | str | None, reason: str
) -> None:
    if isinstance(snapshot, dict):
        publish(home, "s1", {}, **snapshot)
    elif snapshot is not None:
        old = ("DROP TABLE marts.month_figures",) if snapshot == "old" else ()
        publish(home, "s1", {}, also=old)
        if snapshot == "damaged":
            snapshot_path(home, "s1").chmod(0o600)
            snapshot_path(home, "s1").write_bytes(b"no database")
    expected = ClosedGap("r2", None if snapshot is None else "s1", NOW + timedelta(minutes=1), reason)
    run(OCTOBER, run_id="r1")
    assert _in_words(run(OCTOBER, run_id="r2", at=NOW + timedelta(minutes=1))) == expected
    assert list(map(_in_words, Ledger(home.ledger).closed_gaps())) == [expected]
    assert found(home) == []


BROKEN: list[tuple[Scans, str | None, str]] = [
    *(
        ({collection: (outcome, ended)}, None, f"did not read {collection} to its end ({outcome})")
        for collection in MONTH_COLLECTIONS
        for outcome, ended in (("partial", True), ("partial", False), ("failed", True), ("forbidden", True))
    ),
    *(
        ({}, table, "knows bookings or records whose provider was not read yet, and so not their local day")
        for table in ("bookings", "commissions")
    ),
]


@pytest.mark.parametrize(("scans", "unplaced", "why"), BROKEN)
def test_a_run_that_did_not_read_all_reports_no_change(
    home: Home, scans: Scans, unplaced: str | None, why: str
) -> None:
    """Half of the bookings, or of their zones, is no change of the month they are in."""
    publish(home, "s1", OCTOBER)
    less = OCTOBER | {("2026-10-01", "bookings"): 2}
    expected = ClosedGap("r1", "s1", NOW, f"this run {why}")
    assert _in_words(run(less, scans=scans, unplaced=unplaced)) == expected
    assert (found(home), list(map(_in_words, Ledger(home.ledger).closed_gaps()))) == ([], [expected])


@pytest.mark.parametrize(("scans", "unplaced", "why"), BROKEN[::5])
def test_a_snapshot_made_from_less_than_all_is_passed_over(
    home: Home, scans: Scans, unplaced: str | None, why: str
) -> None:
    publish(home, "s1", OCTOBER)
    publish(
        home,
        "s2",
        {("2026-10-01", "bookings"): 2},
        scans=scans,
        unplaced=unplaced,
        at=NOW + timedelta(hours=1),
    )
    assert newest_complete(home) == "s1"
    assert run(OCTOBER) is None
    assert found(home) == []
    assert run(OCTOBER | {("2026-10-01", "bookings"): 5}) is None
    assert [(entry[0][-2:], *entry[1:]) for entry in found(home)] == [("s1", 4, 5)]


def test_where_every_snapshot_before_lacks_something_none_is_compared(home: Home) -> None:
    """A first load that a dead server broke off, published by an earlier version: 20 false alarms."""
    publish(home, "s1", {("2026-10-01", "bookings"): 1}, scans={"bookings": ("partial", False)})
    publish(home, "s2", {("2026-10-01", "bookings"): 2}, scans={"hotel_bookings": ("failed", False)})
    assert newest_complete(home) is None
    expected = ClosedGap("r1", None, NOW, "no snapshot before was made from complete scans")
    assert _in_words(run(OCTOBER)) == expected
    publish(home, "s3", OCTOBER)
    assert run(OCTOBER, run_id="r2") is None
    assert found(home) == []


@pytest.mark.parametrize("outcome", ["missing", "forbidden"])
@pytest.mark.parametrize("collection", ["hotel_bookings", "therapists", "places"])
def test_what_was_never_there_to_be_read_is_missed_by_neither_side(
    home: Home, outcome: str, collection: str
) -> None:
    never: Scans = {collection: (outcome, False)}
    publish(home, "s1", OCTOBER, scans=never)
    assert run(OCTOBER | {("2026-10-01", "bookings"): 5}, scans=never) is None
    assert [entry[1:] for entry in found(home)] == [(4, 5)]
    # It can be read now: its bookings, or its zones, are no change of anything.
    gap = run(OCTOBER | {("2026-10-01", "bookings"): 9}, run_id="r2")
    assert gap is not None
    assert gap.reason == f"only one of this snapshot and the one before was made with {collection}"
    assert [entry[1:] for entry in found(home)] == [(4, 5)]


def test_references_that_are_not_handed_out_are_no_change_and_hide_none(home: Home) -> None:
    """What is expected and owed rests on which booking a record refers to."""
    hidden: Scans = {"commission_records": ("complete", True, "bookingId")}
    publish(home, "s1", OCTOBER)
    gap = run(OCTOBER | {("2026-10-01", "expected_idr"): 5}, scans=hidden)
    assert gap is not None
    assert gap.reason.endswith("was made with commission_records.bookingId")
    publish(home, "s2", {("2026-10-01", "bookings"): 2}, scans=hidden)
    # With references again: what is before that is compared with.
    assert run(OCTOBER | {("2026-10-01", "bookings"): 5}, run_id="r2") is None
    assert [(entry[0][-2:], *entry[1:]) for entry in found(home)] == [("s1", 4, 5)]
    # And while they stay away, snapshots made without them are compared with one another.
    assert run({("2026-10-01", "bookings"): 3}, run_id="r3", scans=hidden) is None
    assert sorted(entry[1:] for entry in found(home)) == [(2, 3), (4, 5)]


def test_runs_that_read_only_part_are_one_gap_and_do_not_take_away_what_others_are_compared_with(
    home: Home,
) -> None:
    broken: Scans = {"hotel_bookings": ("partial", True)}
    names = [f"202611{day:02}T040000Z-{day:06}" for day in range(1, 15)]
    publish(home, names[0], OCTOBER)
    for number, name in enumerate(names[1:], 2):
        at = NOW + timedelta(minutes=number)
        assert run({}, run_id=name, at=at, scans=broken) is not None
        publish(home, name, {}, scans=broken, at=at)
    (gap,) = Ledger(home.ledger).closed_gaps()
    assert (gap.snapshot_id, gap.previous_snapshot_id) == (names[-1], names[0])
    later = datetime(2027, 3, 1, tzinfo=UTC)
    kept = newest_complete(home)
    assert kept == names[0]
    drop_old_snapshots(home, now=later, cited={names[0]})
    assert names[0] in {path.stem for path in published_snapshots(home)}
    assert names[1] not in {path.stem for path in published_snapshots(home)}
    assert run(OCTOBER, run_id="whole") is None
    assert found(home) == []


def test_a_snapshot_that_was_never_linked_is_not_compared(home: Home) -> None:
    publish(home, "s1", OCTOBER)
    publish(home, "s2", {})
    point_link(home.current, snapshot_path(home, "s1"))
    assert run(OCTOBER) is None
    assert found(home) == []


def test_a_gap_stays_told_after_the_next_comparison(home: Home) -> None:
    run(OCTOBER)
    publish(home, "s1", OCTOBER)
    assert run(OCTOBER, run_id="r2") is None
    assert [gap.snapshot_id for gap in Ledger(home.ledger).closed_gaps()] == ["r1"]
