"""Orders of the dashboards, done by the pipeline: each kind, refusals in words, one worker at a time, and workers that
are killed before and after their work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from marketplace.roles import Role
from messages.catalogue import english, sentences
from pipelines import forget, orders, run
from pipelines.forget import Forgetting
from pipelines.kept import Kept
from pipelines.orders import DOES, MOST_ATTEMPTS, OrderTaker, work
from resources.home import Home
from resources.ledger import Ledger
from resources.ledger.orders import NEEDS, ORDER_KINDS, OrderKind
from resources.lock import file_lock, run_lock
from resources.run_report import CollectionSweep, Ingested, Run, RunOrder, RunReport
from resources.settings import Settings, load_settings
from resources.snapshots import require_snapshot
from tests.bookwatch_process import ROOT, Bookwatch

NOW = datetime(2026, 11, 22, 6, 10, tzinfo=UTC)
AT = "2026-11-22T06:10:00Z"
MONTH = "2026-10"


@pytest.fixture
def settings(published_home: Home, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return settings_of(published_home, monkeypatch)


def settings_of(home: Home, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("BOOKWATCH_HOME", str(home.root))
    monkeypatch.setenv("BOOKWATCH_NOW", AT)
    monkeypatch.setattr(orders, "LOOK_AGAIN_S", 0.01)
    return load_settings()


def order(
    settings: Settings,
    kind: OrderKind,
    arguments: Mapping[str, str] | None = None,
    *,
    by: str = "Ayu",
    role: str = Role.ADMIN.value,
    known: bool = True,
) -> int:
    return (
        Ledger(settings.home.ledger)
        .enter_order(kind, arguments or {}, by=by, role=role, known=known, at=NOW)
        .order_id
    )


def worked(settings: Settings) -> tuple[str, str]:
    """The one order that waits, done: its state and what is said of it."""
    (done,) = work(settings)
    return done.state, " ".join(english(said) for said in done.outcome)


def snapshot(settings: Settings) -> str:
    return require_snapshot(settings.home).stem


def of_month(settings: Settings) -> dict[str, str]:
    return {"month": MONTH, "snapshot": snapshot(settings)}


# Each kind ------------------------------------------------------------------------------------------


def test_every_kind_can_be_done_and_has_its_right() -> None:
    assert set(DOES) == set(NEEDS) == set(ORDER_KINDS)


def test_a_package_is_made_under_the_name_that_was_signed_in_with(settings: Settings) -> None:
    order(settings, "package", {**of_month(settings), "by": "somebody else"})
    state, said = worked(settings)
    (entry,) = Ledger(settings.home.ledger).exports()
    assert (state, said) == ("done", f"Made in exports/{Path(entry.folder).name}.")
    manifest = json.loads((Path(entry.folder) / "manifest.json").read_bytes())
    assert (entry.made_by, manifest["made_by"]) == ("Ayu", "Ayu")
    assert "signed-in" in json.dumps(manifest)
    order(settings, "package", {**of_month(settings), "by": "again"})
    assert worked(settings) == ("done", f"It was made before and is in exports/{Path(entry.folder).name}.")
    assert len(Ledger(settings.home.ledger).exports()) == 1


def test_a_report_of_who_is_not_signed_in_has_the_name_that_was_told(settings: Settings) -> None:
    days = {"first": "2026-11-16", "until": "2026-11-23", "format": "json", "snapshot": snapshot(settings)}
    order(settings, "report", {**days, "by": "Komang"}, by="local user", known=False)
    assert worked(settings)[0] == "done"
    (entry,) = Ledger(settings.home.ledger).exports()
    assert (entry.kind, entry.made_by, entry.snapshot_id) == ("commissions", "Komang", snapshot(settings))


def test_a_month_is_signed_off_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    order(settings, "sign_off", of_month(settings))
    assert worked(settings) == (
        "done",
        f"{MONTH} is signed off by Ayu, as snapshot {snapshot(settings)} shows it.",
    )
    order(settings, "sign_off", {**of_month(settings), "reason": "again"})
    monkeypatch.setenv("BOOKWATCH_NOW", "2026-11-22T07:10:00Z")
    assert worked(load_settings()) == ("done", f"{MONTH} was signed off so already; nothing was entered.")
    assert len(Ledger(settings.home.ledger).sign_off_log()) == 1
    order(settings, "sign_off", {"month": "2026-11", "snapshot": snapshot(settings)})
    state, said = worked(settings)
    assert state == "failed"
    assert "2026-11 is not closed yet" in said


def test_a_person_is_forgotten_once_the_run_has_ended(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That what forgets leaves nothing is tests/pipelines/test_forget.py's."""
    ledger, told = Ledger(settings.home.ledger), list[str]()
    held = run_lock(settings.home)
    held.__enter__()

    def forgotten(of: Settings, customer: str, *, by: str, anew: bool) -> Forgetting:
        with run_lock(of.home):
            ledger.record_erasure(customer, by=by, at=NOW, rows={"bookings": 1_200})
        return Forgetting(customer, by, {}, 0, 0, False, (), kept=(Kept("snapshot", "x"),))

    def wait(seconds: float) -> None:
        (waiting,) = ledger.orders()
        told.append(english(waiting.progress) if waiting.progress else "")
        held.__exit__(None, None, None)

    monkeypatch.setattr(forget, "forget_customer", forgotten)
    monkeypatch.setattr(orders.time, "sleep", wait)
    order(settings, "forget", {"customer": "c1", "rewrite": "no"})
    assert worked(settings) == (
        "done",
        (
            "Forgot the customer c1: 1,200 rows lost their personal values."
            " Kept files that hold a trace still: 1. Order it with writing them anew."
        ),
    )
    assert told == ["Waits for the run that is active to end."]
    assert [by for _, by, _, _ in ledger.erasures()] == ["Ayu"]


def test_a_sweep_says_what_it_found(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[RunOrder] = []

    def swept(of: Settings, wanted: RunOrder) -> RunReport:
        asked.append(wanted)
        wanted.say("Deriving core …")
        found = (
            CollectionSweep("bookings", "complete", server_rows=1_200, deleted=2, repaired=3),
            CollectionSweep("reviews", "forbidden"),
            CollectionSweep("users", "complete", server_rows=10, held=True),
        )
        return RunReport(Run(of, "r", 1, NOW), ingested=Ingested((), found))

    monkeypatch.setattr(run, "run", swept)
    order(settings, "sweep")
    assert worked(settings) == (
        "done",
        (
            "1,210 rows compared: 2 deleted in Appwrite, 3 repaired."
            " Collections that could not be compared: reviews, users."
        ),
    )
    assert asked[0].sweep is not None


# What cannot be done --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ORDER_KINDS)
def test_an_order_of_a_role_that_may_not_is_refused_by_the_worker_as_well(
    settings: Settings, kind: OrderKind
) -> None:
    order(settings, kind, of_month(settings), role=Role.VIEWER.value)
    assert worked(settings) == (
        "failed",
        "The role viewer may not order this. Ask somebody whose role may.",
    )
    order(settings, kind, {}, role="king")
    assert worked(settings)[0] == "failed"


@pytest.mark.parametrize(
    ("kind", "arguments", "named"),
    [
        ("package", {"month": "../../etc", "snapshot": "x"}, "month"),
        ("package", {"month": MONTH, "snapshot": "../private"}, "snapshot"),
        ("report", {"first": "2026-02-30", "until": "2026-11-23"}, "first"),
        ("report", {"first": "2026-11-01", "until": "2026-11-23", "format": "sh"}, "format"),
        ("forget", {}, "customer"),
    ],
)
def test_what_an_order_does_not_say_well_is_said(
    settings: Settings, kind: OrderKind, arguments: dict[str, str], named: str
) -> None:
    order(settings, kind, arguments)
    state, said = worked(settings)
    assert (state, said.startswith(f"The order does not say {named} in a form")) == ("failed", True)


def test_an_error_nobody_expected_ends_in_words_without_its_values(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(job: orders.Job) -> orders.Said:
        raise RuntimeError("+62 812 3456 7890")

    monkeypatch.setattr(orders, "DOES", {**DOES, "sweep": broken})
    order(settings, "sweep")
    second = order(settings, "sign_off", of_month(settings))
    first, other = work(settings)
    assert (first.state, other.order_id, other.state) == ("failed", second, "done")
    assert "RuntimeError" in english(first.outcome[0])
    assert "812" not in " ".join(map(english, first.outcome))


def test_an_order_that_waits_in_vain_for_the_run_is_failed_in_words(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "BUSY_PATIENCE", timedelta(0))
    settings.home.raw.touch()
    order(settings, "forget", {"customer": "c1"})
    with run_lock(settings.home):
        state, said = worked(settings)
    assert (state, "this has to wait for its end" in said) == ("failed", True)


# One at a time, and workers that are killed -----------------------------------------------------------


def test_while_one_worker_is_at_it_no_other_takes_an_order(settings: Settings) -> None:
    order(settings, "sweep")
    with file_lock(settings.home.root / "orders.lock"):
        assert work(settings) == []
    assert [one.state for one in Ledger(settings.home.ledger).orders()] == ["queued"]


_KILLED = """
import os, signal, sys
from pipelines import orders
from resources.ledger import Ledger
def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[1] == "before":
    orders.DOES = dict.fromkeys(orders.DOES, killed)
else:
    Ledger.end_order = killed
from pipelines.cli import main
main(["orders", "--work"])
"""


def killed_worker(settings: Settings, when: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "BOOKWATCH_HOME": str(settings.home.root)}
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, when], env=environment, capture_output=True, timeout=120, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def _exports(ledger: Ledger) -> int:
    return len(ledger.exports())


def _sign_offs(ledger: Ledger) -> int:
    return len(ledger.sign_off_log())


@pytest.mark.parametrize(
    ("when", "kind", "effects"),
    [("before", "sign_off", _sign_offs), ("after", "sign_off", _sign_offs), ("after", "report", _exports)],
)
def test_an_order_whose_worker_was_killed_is_taken_up_again_and_never_done_twice(
    settings: Settings, when: str, kind: OrderKind, effects: Callable[[Ledger], int]
) -> None:
    ledger = Ledger(settings.home.ledger)
    days = {"first": "2026-11-16", "until": "2026-11-23", "format": "json"}
    order(settings, kind, {**of_month(settings), **days})
    killed_worker(settings, when)
    (left,) = ledger.orders()
    assert (left.state, effects(ledger)) == ("running", 0 if when == "before" else 1)
    (again,) = work(settings)
    assert (again.state, again.attempts, effects(ledger)) == ("done", 2, 1)
    assert again.outcome[0].code == ("order.signed_off" if kind == "sign_off" else "order.reported")
    assert work(settings) == []


def test_an_order_that_kills_its_worker_each_time_is_failed_in_words(settings: Settings) -> None:
    ledger = Ledger(settings.home.ledger)
    order(settings, "sign_off", of_month(settings))
    for _ in range(MOST_ATTEMPTS):
        ledger.take_order(at=NOW)
    assert worked(settings)[1].startswith(f"The process that was at it ended amid it, {MOST_ATTEMPTS} times.")
    assert ledger.sign_off_log() == []


# Who takes them ---------------------------------------------------------------------------------------


def test_a_worker_is_started_where_an_order_waits_and_the_command_shows_it(
    settings: Settings, published_home: Home
) -> None:
    taker = OrderTaker(settings, {"PYTHONPATH": str(ROOT)})
    taker.look()
    taker.finish()
    order(settings, "sign_off", of_month(settings))
    taker.look()
    taker.finish()
    bookwatch = Bookwatch(published_home.root, {"BOOKWATCH_NOW": AT})
    (listed,) = json.loads(bookwatch("orders", "--json").stdout)
    assert (listed["state"], listed["ordered_by"], listed["kind"]) == ("done", "Ayu", "sign_off")
    assert "1 · sign_off month=2026-10" in bookwatch("orders").stdout
    assert bookwatch("orders", "--work").stdout == "No order waits.\n"


def test_what_no_run_may_go_on_beside_is_given_a_pause(settings: Settings) -> None:
    taker = OrderTaker(settings)
    order(settings, "package", of_month(settings))
    assert not taker.needs_quiet()
    order(settings, "forget", {"customer": "c1"})
    assert taker.needs_quiet()


def test_every_sentence_of_an_order_is_said_somewhere() -> None:
    source = Path(orders.__file__).read_text(encoding="utf-8")
    said = {code for code in sentences("en") if code.startswith("order.")}
    assert {code for code in said if f'"{code.removesuffix("_do")}"' not in source} == set()
