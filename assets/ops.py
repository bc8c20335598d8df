"""The ops tables of the warehouse: scans, quarantine, calls, check results, alerts, this snapshot. No figure is made
here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import orjson
import polars as pl

from assets.core.raw_reader import Mirror
from checks.schemas import CORE, MARTS, OPS
from checks.schemas.sql import bring_up, tell
from marketplace.collections import BY_NAME
from marketplace.personal import without_contact
from marketplace.quarantine import reject_reasons
from marketplace.text import coalesce
from messages.catalogue import english, understood
from messages.message import Message
from resources.cleanup import afterwards
from resources.ledger import Ledger, Waiver
from resources.ledger.alerts import AlertStore
from resources.phone_key import read_phone_key
from resources.policy_file import policy_text
from resources.raw.published_ids import RowNames
from resources.run_report import CheckOutcome, CollectionScan, Run
from resources.spooled import take_in
from resources.sql import attach, quoted
from resources.version import bookwatch_version

# A minute rhythm writes eleven rows a run: a month of them explains any figure people still ask about.
KEEP_INGEST_RUNS_DAYS = 30
KEEP_CHECK_RESULTS_DAYS = 30
# A minute rhythm makes some 40,000 calls a day. Single calls are kept for about the last half day (whole hours, so
# that an hour's summary is always made of all its calls), their percentiles by the hour for a month.
KEEP_CALLS_ROWS = 20_000
KEEP_ERRORS_ROWS = 20_000
KEEP_CALLS_DAYS = 30

#: Deleted rows looked at a time, for such as core could not take.
GONE_ROWS = 50_000

# The longest window of uptime is 30 days; a quarter is what people look back on. The ledger keeps all.
KEEP_HEALTH_DAYS = 92

# A full apply of 10,000 rows and a quarter of ordinary days beside it. The ledger keeps all.
KEEP_ACTIONS_ROWS = 20_000

#: What stands in the warehouse and its snapshots alone: raw.duckdb and the ledger cannot tell it again.
HISTORY_OF_RUNS = ("timings", "timing_summary", "errors", "check_results", "ingest_runs")

_CALLS: dict[str, pl.DataType] = {
    "run_id": pl.String(),
    "call_number": pl.Int64(),
    "called_at": pl.Datetime("us"),
    "operation": pl.String(),
    "collection": pl.String(),
    "seconds": pl.Float64(),
    "outcome": pl.String(),
    "status": pl.Int32(),
    "category": pl.String(),
    "severity": pl.String(),
    "attempts": pl.Int64(),
    "reason": pl.String(),
    "slow": pl.Boolean(),
    "error_type": pl.String(),
    "host": pl.String(),
    "source": pl.String(),
    "context": pl.String(),
}
"""A call as the ledger has it, of which ops.timings and ops.errors are made."""

_VIEWS: dict[str, str] = {
    "error_rates": """
SELECT date_trunc('minute', called_at) AS minute, severity, category, operation, count(*) AS events, source
FROM ops.errors GROUP BY ALL
""",
    "slow_operations": """
SELECT called_at, operation, collection, seconds, outcome, status, attempts, run_id, source
FROM ops.timings WHERE slow
""",
    "operation_timings": """
SELECT operation, count(*) AS calls, count(*) FILTER (outcome <> 'ok') AS failed, count(*) FILTER (slow) AS slow,
       quantile_cont(seconds, 0.5) AS p50_s, quantile_cont(seconds, 0.95) AS p95_s,
       quantile_cont(seconds, 0.99) AS p99_s, max(seconds) AS max_s, min(called_at) AS since, source
FROM ops.timings GROUP BY operation, source
""",
}

#: The same as DuckDB writes them, once this process has made them.
_WRITTEN: dict[str, str] = {}


def create_ops(con: duckdb.DuckDBPyConnection) -> None:
    """Make the ops tables that are not there yet, and add what an older home's lack."""
    con.execute("CREATE SCHEMA IF NOT EXISTS ops")
    bring_up(con, OPS.values())
    present = _views(con)
    if _WRITTEN and all(present.get(name) == _WRITTEN[name] for name in _VIEWS):
        return  # made anew they would lose their comments
    for name, query in _VIEWS.items():
        con.execute(f"CREATE OR REPLACE VIEW ops.{name} AS {query}")
    _WRITTEN.update(_views(con))


def _views(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Name → statement, as DuckDB writes it, of the views of ops."""
    return dict(
        con.execute(
            "SELECT view_name, sql FROM duckdb_views()"
            " WHERE database_name = current_database() AND schema_name = 'ops'"
        ).fetchall()
    )


def mirror_bookkeeping(
    con: duckdb.DuckDBPyConnection, run: Run, scans: Sequence[CollectionScan] | None
) -> None:
    """Replace scans and quarantine, and add this run's ingest counts, from raw.duckdb. Without ``scans`` (nothing was
    read in this run) ops.scans stays."""
    raw_path = run.home.raw
    attach(con, raw_path, "mirror", read_only=True)
    with afterwards(lambda: con.execute("DETACH mirror")):
        con.execute("BEGIN")
        con.execute("DELETE FROM ops.ingest_runs WHERE run_id IN (?, ?)", [run.run_id, run.sweep_id])
        con.execute(
            "INSERT INTO ops.ingest_runs SELECT run_id, collection, fetched, inserted, updated, unchanged, deleted,"
            " rejected, started_at, seconds, watermark, outcome FROM mirror._ingest_runs WHERE run_id IN (?, ?)",
            [run.run_id, run.sweep_id],
        )
        con.execute(
            f"DELETE FROM ops.ingest_runs WHERE started_at < ?::TIMESTAMP - INTERVAL {KEEP_INGEST_RUNS_DAYS} DAY",
            [run.clock.naive_now()],
        )
        mirror_quarantine(con, raw_path)
        mirror_rows(con, raw_path, Ledger(run.home.ledger).erased_rows())
        if scans is not None:
            con.execute("DELETE FROM ops.scans")
        marks: dict[str, tuple[object, object, object]] = {
            collection: (watermark, completed_at, read_until)
            for collection, watermark, completed_at, read_until in con.execute(
                "SELECT collection, watermark, completed_at, read_until FROM mirror._watermarks"
            ).fetchall()
        }
        if scans:
            con.executemany(
                "INSERT INTO ops.scans"
                " (collection, watermark, completed_at, read_until, required, outcome, detail, unread)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    [
                        scan.collection,
                        *marks.get(scan.collection, (None, None, None)),
                        scan.required,
                        scan.outcome,
                        scan.detail,
                        orjson.dumps(scan.unread).decode() if scan.unread else None,
                    ]
                    for scan in scans
                ],
            )
        con.execute("COMMIT")
    ledger = Ledger(run.home.ledger)
    mirror_waivers(con, ledger.waivers())
    now = run.clock.naive_now()
    while take_in(run.home.spool, ledger, now):
        mirror_calls(con, ledger, now)  # the ledger lets so many wait, and no more
    mirror_calls(con, ledger, now)
    mirror_alerts(con, AlertStore(ledger.path))
    mirror_actions(con, ledger)
    mirror_backups(con, ledger)


def mirror_quarantine(con: duckdb.DuckDBPyConnection, raw_path: Path) -> None:
    """Replace ops.quarantine with the register of the attached mirror, without what rows hold."""
    held = con.sql("SELECT collection, row_id, reasons, first_seen_at FROM mirror._rejects").pl()
    names = RowNames(con, read_phone_key(raw_path), "mirror")
    told = [
        rows.with_columns(names.published(str(collection), rows["row_id"]).alias("row_id"))
        for (collection,), rows in held.group_by("collection")
    ]
    con.execute("DELETE FROM ops.quarantine")
    con.register("_quarantine", pl.concat([held.clear(), *told]).to_arrow())
    with afterwards(lambda: con.unregister("_quarantine")):
        con.execute("INSERT INTO ops.quarantine FROM _quarantine ORDER BY collection, first_seen_at, row_id")


def mirror_rows(con: duckdb.DuckDBPyConnection, raw_path: Path, forgotten: Mapping[str, int]) -> None:
    """Replace ops.mirror_rows with what the attached mirror holds, and ops.quarantine_gone with the deleted rows that
    core could not take, which the register no longer has. ``forgotten``: collection → rows that erasures changed."""
    mirror = Mirror.describe(con)
    names = RowNames(con, read_phone_key(raw_path), "mirror")
    con.execute("DELETE FROM ops.mirror_rows")
    con.execute("DELETE FROM ops.quarantine_gone")
    for collection in mirror.collections():
        table = f"mirror.main.{quoted(collection)}"
        # What could not be kept as a row stands in the register alone.
        con.execute(
            "INSERT INTO ops.mirror_rows (collection, rows, deleted, quarantined, forgotten)"
            " SELECT $1, kept.rows + apart.rows, kept.deleted, kept.rejected + apart.rows, $2 FROM"
            " (SELECT count(*) AS rows, count(_deleted_at) AS deleted, count(_rejected) AS rejected"
            f" FROM {table}) AS kept,"
            " (SELECT count(*) AS rows FROM mirror.main._rejects AS r WHERE r.collection = $1"
            f" AND NOT EXISTS (FROM {table} AS t WHERE t._id = r.row_id)) AS apart",
            [collection, forgotten.get(collection, 0)],
        )
        for gone in _rejected_and_gone(con, mirror, collection):
            told = names.published(collection, gone["row_id"])
            con.register("_gone", gone.with_columns(told.alias("row_id")).to_arrow())
            with afterwards(lambda: con.unregister("_gone")):
                con.execute("INSERT INTO ops.quarantine_gone FROM _gone")


def _rejected_and_gone(
    con: duckdb.DuckDBPyConnection, mirror: Mirror, collection: str
) -> Iterator[pl.DataFrame]:
    """Deleted rows of the mirror that core could not take: collection, row_id, reasons, deleted_at.

    A deleted row is not judged again when the rules change, so the mirror may take one that core rejects: where core
    has not all of the others, each is judged as core does.
    """
    (deleted, rejected) = con.execute(
        "SELECT count(*), count(_rejected)"
        f" FROM mirror.main.{quoted(collection)} WHERE _deleted_at IS NOT NULL"
    ).fetchall()[0]
    derived = BY_NAME[collection].core
    expected = rejected
    if derived is not None and deleted:
        scope = f" AND {derived.scope[0]} = '{derived.scope[1]}'" if derived.scope else ""
        (taken,) = con.execute(
            f"SELECT count(*) FROM core.{derived.table} WHERE deleted_at IS NOT NULL{scope}"
        ).fetchall()[0]
        expected = deleted - taken
    if not expected:
        return
    reader = con.cursor()
    with afterwards(reader.close):
        for frame in mirror.deleted(reader, collection, rejected=expected == rejected, rows=GONE_ROWS):
            reasons = coalesce(frame["_rejected"].cast(pl.String), reject_reasons(collection, frame))
            yield frame.select(
                pl.lit(collection).alias("collection"),
                pl.col("_id").alias("row_id"),
                reasons.alias("reasons"),
                pl.col("_deleted_at").alias("deleted_at"),
            ).filter(pl.col("reasons").is_not_null())


def mirror_waivers(con: duckdb.DuckDBPyConnection, waivers: Iterable[Waiver]) -> None:
    """Replace ops.waivers with those in force: who acknowledged which finding, when and why.

    The ledger stays here; a snapshot is shared. A phone number that somebody put into the reason stays behind.
    """
    rows = [
        [w.finding_id, without_contact(w.reason), without_contact(w.waived_by), _naive(w.waived_at)]
        for w in waivers
    ]
    _replace(con, "waivers", rows)


def mirror_health(con: duckdb.DuckDBPyConnection, ledger: Ledger, now: datetime) -> None:
    """Replace ops.health_changes with what the ledger knows, entries of failed runs included."""
    changes = ledger.health_changes(ending_after=now - timedelta(days=KEEP_HEALTH_DAYS))
    _replace(con, "health_changes", [list(astuple(change)) for change in changes])


_ERRORS = """
SELECT run_id, call_number, called_at, severity, category, operation, collection,
       CASE WHEN reason <> '' THEN reason WHEN slow THEN 'slow' ELSE 'retried' END AS reason, status, attempts,
       error_type, host, source, nullif(context, '') AS context
FROM _calls ANTI JOIN ops.errors AS known ON known.run_id = _calls.run_id AND known.call_number = _calls.call_number
WHERE severity <> 'info'
"""
_MIRROR_CALLS = f"""
INSERT INTO ops.timings
SELECT run_id, call_number, called_at, operation, collection, seconds, outcome, status, attempts, slow, source
FROM _calls ANTI JOIN ops.timings AS known ON known.run_id = _calls.run_id AND known.call_number = _calls.call_number
-- What failed in the run itself is no call: it has no time of its own.
WHERE _calls.call_number > 0;
INSERT INTO ops.errors BY NAME {_ERRORS};
DELETE FROM ops.timing_summary WHERE hour IN (SELECT date_trunc('hour', called_at) FROM _calls);
INSERT INTO ops.timing_summary
SELECT date_trunc('hour', called_at) AS hour, operation, collection, count(*), count(*) FILTER (outcome <> 'ok'),
       count(*) FILTER (attempts > 1), count(*) FILTER (slow), quantile_cont(seconds, 0.5),
       quantile_cont(seconds, 0.95), quantile_cont(seconds, 0.99), max(seconds), source
FROM ops.timings WHERE date_trunc('hour', called_at) IN (SELECT date_trunc('hour', called_at) FROM _calls)
GROUP BY ALL;
"""


def mirror_errors(con: duckdb.DuckDBPyConnection, ledger: Ledger, since: datetime) -> None:
    """Show the error events since an instant in ops.errors. They go on waiting in the ledger: a run that publishes
    carries them on, and until then that is where people outside the pipeline can read them."""
    waiting = ledger.waiting_errors(since)
    if not waiting:
        return
    con.register("_calls", pl.DataFrame(waiting, schema=_CALLS, orient="row").to_arrow())
    with afterwards(lambda: con.unregister("_calls")):
        con.execute(f"INSERT INTO ops.errors BY NAME {_ERRORS}")


def mirror_calls(con: duckdb.DuckDBPyConnection, ledger: Ledger, now: datetime) -> int:
    """Carry the calls that wait in the ledger, also those of runs that failed, into ops; how many.

    A call is one row however often this is interrupted: it leaves the ledger after ops has it, and what ops has is
    not taken again.
    """
    waiting, upto = ledger.calls()
    con.execute("BEGIN")
    if waiting:
        con.register("_calls", pl.DataFrame(waiting, schema=_CALLS, orient="row").to_arrow())
        with afterwards(lambda: con.unregister("_calls")):
            con.execute(_MIRROR_CALLS)
    for table in ("timings", "errors"):
        con.execute(
            f"DELETE FROM ops.{table} WHERE called_at < ?::TIMESTAMP - INTERVAL {KEEP_CALLS_DAYS} DAY", [now]
        )
    con.execute(
        f"DELETE FROM ops.timing_summary WHERE hour < ?::TIMESTAMP - INTERVAL {KEEP_CALLS_DAYS} DAY", [now]
    )
    for (source,) in con.execute("SELECT DISTINCT source FROM ops.errors").fetchall():
        con.execute(
            "DELETE FROM ops.errors WHERE source = $1 AND called_at < (SELECT called_at FROM ops.errors"
            f" WHERE source = $1 ORDER BY called_at DESC LIMIT 1 OFFSET {KEEP_ERRORS_ROWS})",
            [source],
        )
    for (source,) in con.execute("SELECT DISTINCT source FROM ops.timings").fetchall():
        con.execute(
            "DELETE FROM ops.timings WHERE source = $1 AND called_at < (SELECT date_trunc('hour', called_at)"
            f" FROM ops.timings WHERE source = $1 ORDER BY called_at DESC LIMIT 1 OFFSET {KEEP_CALLS_ROWS})",
            [source],
        )
    con.execute("COMMIT")
    if waiting:
        ledger.drop_calls(upto)
    return len(waiting)


def _naive(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.astimezone(UTC).replace(tzinfo=None)


def mirror_alerts(con: duckdb.DuckDBPyConnection, store: AlertStore) -> None:
    """Replace the alert tables with what the ledger knows: the alerts as of the last turn, every silence, the latest
    deliveries."""
    alerts = store.alerts()
    tables: dict[str, list[list[object]]] = {
        "alerts": [
            [
                alert.alert_id,
                alert.name,
                orjson.dumps(dict(alert.labels)).decode(),
                alert.state,
                alert.severity,
                alert.summary,
                alert.figure,
                alert.limit,
                alert.page,
                _naive(alert.active_since),
                _naive(alert.fired_at),
                _naive(alert.last_sent_at),
                _naive(alert.resolved_at),
                alert.silenced_by,
                alert.inhibited_by,
                alert.detail,
                alert.unit,
                alert.said.code if alert.said else None,
                alert.said.args_json if alert.said else None,
                f"[{','.join(line.json for line in alert.more)}]" if alert.said else None,
            ]
            for alert in alerts
        ],
        "alert_silences": [
            [
                silence.silence_id,
                silence.matcher,
                without_contact(silence.author),
                without_contact(silence.reason),
                _naive(silence.created_at),
                _naive(silence.ends_at),
                _naive(silence.ended_at),
                None if silence.ended_by is None else without_contact(silence.ended_by),
            ]
            for silence in store.silences()
        ],
        "alert_deliveries": [
            [number, _naive(d.at), d.kind, d.alerts, d.channel, d.delivered, d.attempts]
            for number, d in store.deliveries()
        ],
    }
    con.execute("BEGIN")
    for table, rows in tables.items():
        con.execute(f"DELETE FROM ops.{table}")
        con.register(
            "_mirrored", pl.DataFrame(rows, schema=OPS[table].polars_schema, orient="row").to_arrow()
        )
        with afterwards(lambda: con.unregister("_mirrored")):
            con.execute(f"INSERT INTO ops.{table} FROM _mirrored")
    con.execute("COMMIT")


def mirror_actions(con: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
    """Replace ops.actions with the latest actions of the ledger, planned and done."""
    rows = [
        [
            action.action_id,
            action.operation.value,
            action.plan_id,
            action.collection,
            action.row_id,
            action.state.value,
            without_contact(action.by) or None,
            without_contact(action.reason) or None,
            _naive(action.planned_at),
            _naive(action.settled_at),
            action.duration_s,
            orjson.dumps(dict(action.before)).decode(),
            orjson.dumps(dict(action.after)).decode(),
            action.rule,
            *_told(action.why),
            *_told(action.said),
            action.answer or None,
            None if action.undone_by is None else without_contact(action.undone_by),
            _naive(action.undone_at),
        ]
        for action in ledger.actions(limit=KEEP_ACTIONS_ROWS)
    ]
    _replace(con, "actions", rows)


def mirror_backups(con: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
    """Replace ops.backups with every backup of the ledger, without where it lies."""
    rows: list[list[object]] = [
        [
            backup.backup_id,
            _naive(backup.started_at),
            _naive(backup.finished_at),
            backup.state.value,
            backup.rows,
            backup.bytes,
            _naive(backup.verified_at) if backup.verified else None,
        ]
        for backup in ledger.backups()
    ]
    _replace(con, "backups", rows)


def _told(said: Message | None) -> tuple[str | None, str | None, str | None]:
    """A message as a table has it: its sentence in English, its code, its arguments. Of another version, whose words
    are not here, its code stands for the sentence."""
    if said is None:
        return None, None, None
    return english(said) if understood(said) else said.code, said.code, said.args_json


def _replace(con: duckdb.DuckDBPyConnection, table: str, rows: list[list[object]]) -> None:
    """Replace the rows of an ops table."""
    con.execute("BEGIN")
    con.execute(f"DELETE FROM ops.{table}")
    con.register("_mirrored", pl.DataFrame(rows, schema=OPS[table].polars_schema, orient="row").to_arrow())
    with afterwards(lambda: con.unregister("_mirrored")):
        con.execute(f"INSERT INTO ops.{table} FROM _mirrored")
    con.execute("COMMIT")


def record_checks(con: duckdb.DuckDBPyConnection, run: Run, outcomes: Sequence[CheckOutcome]) -> None:
    """Store verdicts of this run, each once, and drop those past their month."""
    now = run.clock.naive_now()
    rows = [
        [run.run_id, o.check_name, o.asset, o.passed, o.severity, o.failed_rows, now, o.detail]
        for o in outcomes
    ]
    con.execute("BEGIN")
    con.register(
        "_verdicts", pl.DataFrame(rows, schema=OPS["check_results"].polars_schema, orient="row").to_arrow()
    )
    with afterwards(lambda: con.unregister("_verdicts")):
        con.execute(
            "DELETE FROM ops.check_results WHERE (run_id, check_name, asset) IN"
            " (SELECT (run_id, check_name, asset) FROM _verdicts)"
        )
        con.execute("INSERT INTO ops.check_results FROM _verdicts")
    con.execute(
        f"DELETE FROM ops.check_results WHERE evaluated_at < ?::TIMESTAMP - INTERVAL {KEEP_CHECK_RESULTS_DAYS} DAY",
        [now],
    )
    con.execute("COMMIT")


def describe_snapshot(
    con: duckdb.DuckDBPyConnection, run: Run, snapshot_id: str, rules_version: str
) -> datetime:
    """Write the one row of ops.snapshot, and beside each table what it holds; returns its instant (naive UTC)."""
    published_at = run.clock.naive_now()
    con.execute("BEGIN")
    con.execute("DELETE FROM ops.snapshot")
    con.execute(
        "INSERT INTO ops.snapshot (snapshot_id, run_id, published_at, rules_version, source, policy,"
        " bookwatch_version) VALUES (?, ?, ?, ?, {'endpoint': ?, 'project': ?, 'database': ?}, ?, ?)",
        [
            snapshot_id,
            run.run_id,
            published_at,
            rules_version,
            run.settings.appwrite_endpoint,
            run.settings.appwrite_project_id,
            run.settings.appwrite_database_id,
            policy_text(),
            bookwatch_version(),
        ],
    )
    con.execute("COMMIT")
    tell(con, (*CORE.values(), *MARTS.values(), *OPS.values()))
    return published_at
