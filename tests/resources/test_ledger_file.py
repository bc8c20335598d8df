"""How ledger.sqlite is opened: beside a writer, without making it, from every older form, never from a newer one."""

from __future__ import annotations

import inspect
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from marketplace.operations import Operation
from pipelines.cli import main
from resources.home import Home
from resources.ledger import Ledger, LedgerTooNew, migrations
from resources.ledger.alerts import AlertStore
from resources.ledger.migrations import STEPS

NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)
NAIVE = datetime(2026, 11, 22, 3)
OLD = Path(__file__).with_name("ledger_without_number.sql")
RUN = "20261122T040000Z-000001"

#: Every way of asking, and what an empty ledger answers.
READS: dict[str, tuple[Callable[[Path], Any], Any]] = {
    "rows_written": (lambda path: Ledger(path).rows_written("act_1"), frozenset()),
    "run_ended": (lambda path: Ledger(path).run_ended(RUN), None),
    "newest_runs": (lambda path: Ledger(path).newest_runs(5), []),
    "dead_runs": (lambda path: Ledger(path).dead_runs(before=9), []),
    "waived": (lambda path: Ledger(path).waived(), {}),
    "waivers": (lambda path: Ledger(path).waivers(), []),
    "waiver": (lambda path: Ledger(path).waiver("missing:b1"), None),
    "waiver_log": (lambda path: Ledger(path).waiver_log("missing:b2"), []),
    "closed_changes": (lambda path: Ledger(path).closed_changes(), []),
    "closed_gaps": (lambda path: Ledger(path).closed_gaps(), []),
    "sign_offs": (lambda path: Ledger(path).sign_offs(date(2026, 10, 1)), []),
    "sign_off_log": (lambda path: Ledger(path).sign_off_log(), []),
    "erasures": (lambda path: Ledger(path).erasures(), []),
    "erased_rows": (lambda path: Ledger(path).erased_rows(), {}),
    "last_manifest_sha256": (lambda path: Ledger(path).last_manifest_sha256("commissions"), None),
    "exports": (lambda path: Ledger(path).exports(), []),
    "cited_snapshots": (lambda path: Ledger(path).cited_snapshots(), set()),
    "seal": (lambda path: Ledger(path).seal(RUN), (None, None)),
    "blocks": (lambda path: Ledger(path).blocks(RUN, size=1, mtime_ns=1, inode=1), None),
    "health_changes": (lambda path: Ledger(path).health_changes(ending_after=NAIVE), []),
    "health_since": (lambda path: Ledger(path).health_since(), {}),
    "calls": (lambda path: Ledger(path).calls(), ([], 0)),
    "waiting_calls": (lambda path: Ledger(path).waiting_calls(), 0),
    "spooled_files": (lambda path: Ledger(path).spooled_files(), []),
    "waiting_errors": (lambda path: Ledger(path).waiting_errors(NAIVE), []),
    "acknowledged": (lambda path: Ledger(path).acknowledged("alert"), {}),
    "acknowledgement_log": (lambda path: Ledger(path).acknowledgement_log("finding", "missing:b1"), []),
    "orders": (lambda path: Ledger(path).orders(), []),
    "orders_waiting": (lambda path: Ledger(path).orders_waiting(), 0),
    "plans": (lambda path: Ledger(path).plans(), []),
    "newest_plans": (lambda path: Ledger(path).newest_plans(), {}),
    "plan": (lambda path: Ledger(path).plan("p"), None),
    "actions": (lambda path: Ledger(path).actions(), []),
    "listed": (lambda path: Ledger(path).listed(limit=5), ([], 0)),
    "action": (lambda path: Ledger(path).action("a"), None),
    "counts": (lambda path: Ledger(path).counts(), {}),
    "backlog": (lambda path: Ledger(path).backlog(Operation.MARK_OVERDUE, at=NOW), None),
    "failing": (lambda path: Ledger(path).failing(since=NOW), {}),
    "last_tries": (lambda path: Ledger(path).last_tries(Operation.MARK_OVERDUE), {}),
    "rows_at_work": (lambda path: Ledger(path).rows_at_work(), set()),
    "open_calls": (lambda path: Ledger(path).open_calls(), []),
    "switch_log": (lambda path: Ledger(path).switch_log(), []),
    "letters": (lambda path: Ledger(path).letters(), {}),
    "letter_counts": (lambda path: Ledger(path).letter_counts(), {}),
    "backups": (lambda path: Ledger(path).backups(), []),
    "backup": (lambda path: Ledger(path).backup("b"), None),
    "restore_begun": (lambda path: Ledger(path).restore_begun("b", "d"), False),
    "drills": (lambda path: Ledger(path).drills(), []),
    "alerts": (lambda path: AlertStore(path).alerts(), []),
    "silences": (lambda path: AlertStore(path).silences(), []),
    "deliveries": (lambda path: AlertStore(path).deliveries(), []),
}


#: What that version had no table for.
SINCE = {
    "blocks",
    "spooled_files",
    "sign_offs",
    "sign_off_log",
    "acknowledged",
    "acknowledgement_log",
    "orders",
    "orders_waiting",
    "plans",
    "newest_plans",
    "plan",
    "rows_written",
    "actions",
    "listed",
    "action",
    "counts",
    "backlog",
    "failing",
    "last_tries",
    "rows_at_work",
    "open_calls",
    "switch_log",
    "letters",
    "letter_counts",
    "backups",
    "backup",
    "restore_begun",
    "drills",
}


def old_ledger(path: Path) -> Path:
    """A ledger of the version before forms had numbers."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.executescript(OLD.read_text())
    return path


def first_ledger(path: Path) -> Path:
    """The same as the first versions left it: alerts in alert_state, calls without who refused."""
    with closing(sqlite3.connect(old_ledger(path))) as db:
        for table in ("alerts", "alert_turns", "alert_silences", "alert_deliveries"):
            db.execute(f"DROP TABLE {table}")
        for column in ("error_type", "host"):
            db.execute(f"ALTER TABLE calls DROP COLUMN {column}")
        db.execute("CREATE TABLE alert_state (name, firing, since, announced)")
        db.executemany(
            "INSERT INTO alert_state VALUES (?, ?, ?, ?)",
            [("marts/x:told", 1, NOW.isoformat(), 1), ("marts/x:untold", 1, NOW.isoformat(), 0)],
        )
        db.commit()
    return path


def tables(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every table's rows."""
    with closing(sqlite3.connect(path)) as db:
        names = [
            name
            for (name,) in db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'sqlite_sequence' ORDER BY name"
            )
        ]
        return {name: db.execute(f"SELECT * FROM {name} ORDER BY rowid").fetchall() for name in names}


def form_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("PRAGMA user_version").fetchone()[0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def test_no_way_of_asking_is_left_out_here() -> None:
    reading = {
        name
        for store in (Ledger, AlertStore)
        for name, method in inspect.getmembers(store, inspect.isfunction)
        if "self.reading()" in inspect.getsource(method)
    }
    assert reading == set(READS)


def test_what_a_killed_writer_left_is_read(path: Path) -> None:
    """Its log, with what it had committed, and an empty file, of one that was killed before its first step."""
    child = os.fork()
    if child == 0:
        with Ledger(path).writing() as db:
            db.execute("INSERT INTO runs (run_id, started_at) VALUES ('r', '2026-11-22T05:00:00+00:00')")
            db.execute("COMMIT")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert path.with_name(f"{path.name}-wal").stat().st_size
    path.with_name(f"{path.name}-shm").unlink()
    assert Ledger(path).run_ended("r") == (1, False)
    empty = path.with_name("empty.sqlite")
    empty.touch()
    assert Ledger(empty).exports() == []
    assert empty.stat().st_size == 0


@pytest.mark.parametrize("name", READS)
def test_a_read_where_there_is_no_ledger_makes_no_file(path: Path, name: str) -> None:
    read, empty = READS[name]
    assert read(path) == empty
    assert list(path.parent.iterdir()) == []
    assert read(path.parent / "no home" / "ledger.sqlite") == empty


def test_a_read_goes_on_beside_a_write_and_sees_what_is_committed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resources.ledger.connection.PATIENCE_S", 0.0)
    Ledger(old_ledger(path)).drop_calls(0)
    before = {name: read(path) for name, (read, _) in READS.items()}
    writer = (
        "import sqlite3, sys\n"
        "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "db.execute('BEGIN EXCLUSIVE')\n"
        "for table in ('runs', 'waivers', 'exports', 'health_changes', 'alerts', 'snapshots'):\n"
        "    db.execute(f'DELETE FROM {table}')\n"
        "print('holds', flush=True)\n"
        "sys.stdin.read()\n"
        "db.execute('COMMIT')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", writer, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds\n"
        assert {name: read(path) for name, (read, _) in READS.items()} == before
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            Ledger(path).start_run(NOW)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert Ledger(path).waivers() == AlertStore(path).alerts() == []


def test_what_is_read_cannot_be_written_through(path: Path) -> None:
    ledger = Ledger(old_ledger(path))
    ledger.start_run(NOW)
    with ledger.reading() as db, pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.execute("DELETE FROM runs")


def test_one_state_answers_all_that_is_asked_within_a_reading(path: Path) -> None:
    ledger = Ledger(path)
    ledger.start_run(NOW)
    with ledger.reading() as db:
        count = "SELECT count(*) FROM runs"
        before = db.execute(count).fetchone()[0]
        ledger.start_run(NOW)
        assert db.execute(count).fetchone()[0] == before == 1


def test_a_ledger_of_before_is_read_as_it_is_and_upgraded_by_the_first_that_writes(path: Path) -> None:
    before = tables(old_ledger(path))
    assert all(before.values()), "each table of the version before has a row in the script"
    answers = {name: read(path) for name, (read, _) in READS.items()}
    assert {name for name, (_, empty) in READS.items() if answers[name] == empty} == SINCE
    assert (form_of(path), tables(path)) == (0, before)
    Ledger(path).drop_calls(0)
    longer = {
        table: [(*row, None, None) for row in before[table]]
        for table in ("health_changes", "closed_month_gaps")
    }
    since = (
        *("rewrites", "alert_messages", "sign_off_log", "acknowledgements", "revealed", "orders"),
        *("plans", "actions", "action_calls", "acting_log", "outbox"),
        *("backups", "restores", "drills", "spooled", "snapshot_blocks"),
    )
    longer["snapshots"] = [(*row, None) for row in before["snapshots"]]
    longer["calls"] = [(*row, "appwrite", "") for row in before["calls"]]
    added: dict[str, list[Any]] = {table: [] for table in since}
    assert (form_of(path), tables(path)) == (len(STEPS), before | longer | added)
    assert {name: read(path) for name, (read, _) in READS.items()} == answers
    assert Ledger(path).start_run(NOW) == ("20261122T050000Z-000003", 3)


def test_a_ledger_of_the_first_versions_is_read_as_upgraded_without_being_changed(path: Path) -> None:
    before = tables(first_ledger(path))
    assert [(a.name, a.state, dict(a.told)) for a in AlertStore(path).alerts()] == [
        ("told", "firing", {"*": NOW}),
        ("untold", "firing", {}),
    ]
    assert [call.error_type for call in Ledger(path).calls()[0]] == ["", ""]
    assert (form_of(path), tables(path)) == (0, before)
    assert AlertStore(path).load()[0] == AlertStore(path).alerts()
    assert form_of(path) == len(STEPS)
    assert "alert_state" not in tables(path)


def test_a_ledger_made_anew_has_the_form_of_an_upgraded_one(path: Path, tmp_path: Path) -> None:
    Ledger(first_ledger(path)).drop_calls(0)
    other = tmp_path / "new.sqlite"
    Ledger(other).drop_calls(0)

    def columns(of: Path) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(of)) as db:
            return db.execute(
                "SELECT m.name, c.* FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
                " ORDER BY m.name, c.cid"
            ).fetchall()

    assert columns(other) == columns(path)


_OPENS = """
import sqlite3, sys
from datetime import datetime, timezone
from pathlib import Path
from resources.ledger import Ledger
connect, steps = sqlite3.connect, []
def watched(*arguments, **more):
    db = connect(*arguments, **more)
    db.set_trace_callback(lambda sql: steps.append(sql) if sql.startswith("PRAGMA user_version =") else None)
    return db
sqlite3.connect = watched
print("ready", flush=True)
sys.stdin.readline()
Ledger(Path(sys.argv[1])).start_run(datetime(2026, 11, 22, 5, tzinfo=timezone.utc))
import json
print(json.dumps(steps))
"""


@pytest.mark.parametrize("made", [lambda path: path, old_ledger, first_ledger], ids=["new", "old", "first"])
def test_processes_that_open_it_at_the_same_moment_upgrade_it_once(
    path: Path, made: Callable[[Path], Path]
) -> None:
    made(path)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _OPENS, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    taken = [step for process in processes for step in json.loads(process.communicate(timeout=60)[0])]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sorted(taken) == sorted(f"PRAGMA user_version = {n + 1}" for n in range(len(STEPS)))
    assert form_of(path) == len(STEPS)
    started = [row for row in tables(path)["runs"] if row[2] == NOW.isoformat()]
    assert len({row[0] for row in started}) == 3


def test_killed_amid_an_upgrade_it_holds_whole_steps_and_goes_on(tmp_path: Path) -> None:
    whole = first_ledger(tmp_path / "whole.sqlite")
    before = tables(whole)
    copied = whole.read_bytes()
    Ledger(whole).drop_calls(0)
    after = tables(whole)
    seen: list[int] = []
    for statement in range(1, 200, 5):
        path = tmp_path / f"{statement}.sqlite"
        path.write_bytes(copied)
        child = os.fork()
        if child == 0:
            _killed_at(statement, path)
        if os.WIFEXITED(os.waitpid(child, 0)[1]):
            break  # it came to its end: there is no such statement
        seen.append(form_of(path))
        if not seen[-1]:
            assert tables(path) == before
        Ledger(path).drop_calls(0)
        assert (form_of(path), tables(path)) == (len(STEPS), after)
    else:
        pytest.fail("the upgrade has more statements than were tried")
    assert seen == sorted(seen)
    assert set(seen) == set(range(len(STEPS) + 1))


def _killed_at(statement: int, path: Path) -> None:
    """End this process, a child, by SIGKILL before its ``statement``-th on the ledger; by 0 where there are fewer."""
    connect, left = sqlite3.connect, [statement]

    def count(_sql: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(*arguments: Any, **more: Any) -> sqlite3.Connection:
        db = connect(*arguments, **more)
        db.set_trace_callback(count)
        return db

    sqlite3.connect = watched
    status = 1
    try:
        Ledger(path).drop_calls(0)
        status = 0
    finally:
        os._exit(status)


def test_a_step_that_fails_leaves_the_form_before_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE half (x)")
        raise sqlite3.OperationalError("disk full")

    old_ledger(path)
    with monkeypatch.context() as broken:
        broken.setattr(migrations, "STEPS", (*STEPS[:2], half))
        with pytest.raises(sqlite3.OperationalError, match="disk full"):
            Ledger(path).start_run(NOW)
    assert form_of(path) == 2
    assert "half" not in tables(path)
    assert Ledger(path).start_run(NOW)[1] == 3


def newer(path: Path) -> Path:
    with closing(sqlite3.connect(old_ledger(path))) as db:
        db.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    return path


@pytest.mark.parametrize("name", READS)
def test_a_ledger_of_a_newer_version_is_not_read(path: Path, name: str) -> None:
    with pytest.raises(
        LedgerTooNew,
        match=rf"written by a newer bookwatch \(its form is {len(STEPS) + 1}, this one knows {len(STEPS)}\)",
    ):
        READS[name][0](newer(path))


def test_a_ledger_of_a_newer_version_is_not_written(path: Path) -> None:
    before = tables(newer(path))
    with pytest.raises(LedgerTooNew) as refused:
        Ledger(path).start_run(NOW)
    assert "Run the newer version here" in refused.value.next_step
    assert refused.value.exit_status == 1
    assert (form_of(path), tables(path)) == (len(STEPS) + 1, before)


def test_a_link_in_its_place_is_neither_read_nor_written_through(path: Path, tmp_path: Path) -> None:
    path.symlink_to(old_ledger(tmp_path / "elsewhere.sqlite"))
    for use in (lambda: Ledger(path).waivers(), lambda: Ledger(path).start_run(NOW)):
        with pytest.raises(sqlite3.OperationalError, match="is a link"):
            use()


COMMANDS = [
    ("alerts", "list"),
    ("alerts", "silence", "no_x", "--for", "1h", "--by", "Ayu", "--reason", "a test"),
    ("alerts", "end-silence", "1", "--by", "Ayu"),
    ("errors",),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_says_in_one_sentence_that_the_ledger_is_of_a_newer_version(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
) -> None:
    home = Home(tmp_path / "home").create()
    newer(home.ledger)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOOKWATCH_HOME", str(home.root))
    monkeypatch.setattr(sys, "argv", ["bookwatch", *words])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "ledger.sqlite was written by a newer bookwatch" in said
    assert "Run the newer version here" in said
