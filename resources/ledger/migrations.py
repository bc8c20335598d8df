"""The form of ledger.sqlite: its tables, as numbered steps from no file at all to today's. Knows no subject's rows.

A step that was released is never edited; another form is a further step. Older versions of bookwatch that do not know
the number read and write on, for no step takes away what they use.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

from resources.errors import BookwatchError
from resources.instants import instant_of, text_of


class LedgerTooNew(BookwatchError, sqlite3.DatabaseError):
    """A newer bookwatch wrote this ledger. For who can go on without a ledger, one that cannot be read."""


_TABLES = (
    """CREATE TABLE IF NOT EXISTS runs (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        run_id TEXT NOT NULL,
        started_at TEXT NOT NULL,
        finished_at TEXT,
        exit_status INTEGER,
        snapshot_id TEXT,
        message TEXT
    )""",
    """CREATE TABLE IF NOT EXISTS exports (
        export_id INTEGER PRIMARY KEY AUTOINCREMENT,
        made_at TEXT NOT NULL,
        made_by TEXT NOT NULL,
        kind TEXT NOT NULL,
        filters TEXT NOT NULL,
        snapshot_id TEXT NOT NULL,
        folder TEXT NOT NULL,
        manifest_sha256 TEXT NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS waivers (
        finding_id TEXT PRIMARY KEY,
        reason TEXT NOT NULL,
        waived_by TEXT NOT NULL,
        waived_at TEXT NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS waiver_log (
        entry_id INTEGER PRIMARY KEY AUTOINCREMENT,
        finding_id TEXT NOT NULL,
        action TEXT NOT NULL CHECK (action IN ('waived', 'withdrawn')),
        reason TEXT NOT NULL,
        entered_by TEXT NOT NULL,
        entered_at TEXT NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS closed_month_log (
        entry_id INTEGER PRIMARY KEY AUTOINCREMENT,
        finding_id TEXT NOT NULL,
        local_month TEXT NOT NULL,
        figure TEXT NOT NULL,
        previous_value INTEGER NOT NULL,
        current_value INTEGER NOT NULL,
        previous_snapshot_id TEXT NOT NULL,
        seen_at TEXT NOT NULL,
        run_id TEXT NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS closed_month_gaps (
        previous_snapshot_id TEXT NOT NULL,
        reason TEXT NOT NULL,
        snapshot_id TEXT NOT NULL,
        compared_at TEXT NOT NULL,
        PRIMARY KEY (previous_snapshot_id, reason)
    )""",
    """CREATE TABLE IF NOT EXISTS erasures (
        erasure_id INTEGER PRIMARY KEY AUTOINCREMENT,
        customer_id TEXT NOT NULL,
        erased_by TEXT NOT NULL,
        erased_at TEXT NOT NULL,
        rows INTEGER NOT NULL,
        detail TEXT NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS pins (
        pin_id INTEGER PRIMARY KEY AUTOINCREMENT,
        snapshot_id TEXT NOT NULL,
        pinned_at TEXT NOT NULL DEFAULT (datetime('now'))
    )""",
    """CREATE TABLE IF NOT EXISTS snapshots (
        snapshot_id TEXT PRIMARY KEY,
        sha256 TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        sealed_at TEXT NOT NULL DEFAULT (datetime('now')),
        adopted INTEGER NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS health_changes (
        change_id INTEGER PRIMARY KEY AUTOINCREMENT,
        point INTEGER NOT NULL,
        status TEXT NOT NULL,
        since TEXT NOT NULL,
        evaluated_before TEXT,
        message TEXT NOT NULL
    )""",
    "CREATE INDEX IF NOT EXISTS health_changes_of ON health_changes (point, change_id)",
    """CREATE TABLE IF NOT EXISTS health_evaluated (
        point INTEGER PRIMARY KEY,
        evaluated_at TEXT NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS calls (
        call_id INTEGER PRIMARY KEY AUTOINCREMENT,
        run_id TEXT NOT NULL,
        number INTEGER NOT NULL,
        at TEXT NOT NULL,
        operation TEXT NOT NULL,
        collection TEXT NOT NULL,
        seconds REAL NOT NULL,
        outcome TEXT NOT NULL,
        status INTEGER,
        category TEXT NOT NULL,
        severity TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        reason TEXT NOT NULL,
        slow INTEGER NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS alerts (
        alert_id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        labels TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('pending', 'firing', 'resolved')),
        severity TEXT NOT NULL,
        summary TEXT NOT NULL,
        detail TEXT NOT NULL,
        figure REAL,
        limit_value REAL,
        unit TEXT NOT NULL,
        page TEXT NOT NULL,
        active_since TEXT NOT NULL,
        last_active_at TEXT NOT NULL,
        quiet_since TEXT,
        fired_at TEXT,
        resolved_at TEXT,
        silenced_by TEXT,
        inhibited_by TEXT,
        told TEXT NOT NULL,
        trying TEXT NOT NULL,
        last_sent_at TEXT
    )""",
    """CREATE TABLE IF NOT EXISTS alert_turns (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        begun_at TEXT NOT NULL,
        last_at TEXT NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS alert_silences (
        silence_id INTEGER PRIMARY KEY AUTOINCREMENT,
        matcher TEXT NOT NULL,
        author TEXT NOT NULL,
        reason TEXT NOT NULL,
        created_at TEXT NOT NULL,
        ends_at TEXT NOT NULL,
        ended_at TEXT,
        ended_by TEXT
    )""",
    """CREATE TABLE IF NOT EXISTS alert_deliveries (
        delivery_id INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('firing', 'reminder', 'resolved', 'test')),
        alerts INTEGER NOT NULL,
        channel TEXT NOT NULL,
        delivered INTEGER NOT NULL,
        attempts INTEGER NOT NULL
    )""",
)


def _make_tables(db: sqlite3.Connection) -> None:
    """The tables of the versions that kept no number; each of those made the ones it knew, so some may be there."""
    for statement in _TABLES:
        db.execute(statement)


def _say_who_refused(db: sqlite3.Connection) -> None:
    """What a refusal says of itself, and who gave it, beside each call. Some versions without a number had it."""
    there = {column["name"] for column in db.execute("SELECT name FROM pragma_table_info('calls')")}
    for column in ("error_type", "host"):
        if column not in there:
            db.execute(f"ALTER TABLE calls ADD COLUMN {column} TEXT NOT NULL DEFAULT ''")


def _take_over_first_alerts(db: sqlite3.Connection) -> None:
    """What the versions before the alert engine knew, in their table alert_state, becomes alerts; the table goes.

    Its names were ``asset:check``. What people were told of as failing stands as told (to ``*``, whichever channels
    there were), so it is not told again and its return is; what was not delivered is told.
    """
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'alert_state'").fetchone() is None:
        return
    rows = db.execute("SELECT name, firing, since, announced FROM alert_state").fetchall()
    for row in rows:
        firing, announced = bool(row["firing"]), bool(row["announced"])
        believed = firing if announced else not firing
        if not firing and not believed:
            continue
        asset, _, check = str(row["name"]).rpartition(":")
        since = text_of(instant_of(row["since"]))
        db.execute(
            "INSERT OR IGNORE INTO alerts (alert_id, name, labels, state, severity, summary, detail, unit, page,"
            " active_since, last_active_at, fired_at, resolved_at, told, trying, last_sent_at)"
            " VALUES (?, ?, ?, ?, 'high', ?, '', '', '', ?, ?, ?, ?, ?, '[]', ?)",
            (
                f"{check}{{asset={asset}}}" if asset else check,
                check,
                json.dumps({"asset": asset} if asset else {}),
                "firing" if firing else "resolved",
                f"{check} fails",
                since,
                since,
                since,
                None if firing else since,
                json.dumps({"*": since} if believed else {}),
                since if believed else None,
            ),
        )
    if rows:
        begun = text_of(min(instant_of(row["since"]) for row in rows))
        db.execute("INSERT OR IGNORE INTO alert_turns VALUES (1, ?, ?)", (begun, begun))
    db.execute("DROP TABLE alert_state")


def _list_rewrites(db: sqlite3.Connection) -> None:
    """The files that were written anew because a person was forgotten."""
    db.execute(
        """CREATE TABLE IF NOT EXISTS rewrites (
            rewrite_id INTEGER PRIMARY KEY AUTOINCREMENT,
            customer_id TEXT NOT NULL,
            rewritten_by TEXT NOT NULL,
            begun_at TEXT NOT NULL,
            done_at TEXT,
            kind TEXT NOT NULL,
            path TEXT NOT NULL,
            sha256_before TEXT NOT NULL,
            sha256_after TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            mtime_ns INTEGER NOT NULL,
            inode INTEGER NOT NULL
        )"""
    )


def _keep_messages(db: sqlite3.Connection) -> None:
    """The code and arguments of what an alert says, and of the lines below, in a table of its own, as versions without
    a number write every column of alerts; of verdicts on health and of gaps beside their words."""
    db.execute(
        """CREATE TABLE IF NOT EXISTS alert_messages (
            alert_id TEXT PRIMARY KEY,
            summary TEXT NOT NULL,
            detail TEXT NOT NULL,
            code TEXT,
            args TEXT,
            more TEXT NOT NULL
        )"""
    )
    for table in ("health_changes", "closed_month_gaps"):
        for column in ("code", "args"):
            db.execute(f"ALTER TABLE {table} ADD COLUMN {column} TEXT")


def _log_sign_offs(db: sqlite3.Connection) -> None:
    """Who signed a closed month off, and who took that back: nobody changes or deletes an entry. (A forgotten person's
    values go out of its words, and it follows a report that is written anew for that.)"""
    db.execute(
        """CREATE TABLE IF NOT EXISTS sign_off_log (
            entry_id INTEGER PRIMARY KEY AUTOINCREMENT,
            local_month TEXT NOT NULL,
            action TEXT NOT NULL CHECK (action IN ('closed', 'reopened')),
            entered_by TEXT NOT NULL,
            entered_at TEXT NOT NULL,
            reason TEXT NOT NULL,
            snapshot_id TEXT,
            manifest_sha256 TEXT
        )"""
    )
    said = "local_month, action, entered_by, entered_at, snapshot_id"
    for name, change in (("changed", f"UPDATE OF {said}"), ("deleted", "DELETE")):
        db.execute(
            f"CREATE TRIGGER IF NOT EXISTS sign_off_log_not_{name} BEFORE {change} ON sign_off_log"
            " BEGIN SELECT RAISE(ABORT, 'the log of sign-offs is only appended to'); END"
        )


def _take_acts(db: sqlite3.Connection) -> None:
    """What people do in the dashboards: what problems they take care of, what personal values they were shown (a
    log that nobody changes or deletes; a forgotten person's id may go), and what they ordered of the pipeline."""
    db.execute(
        """CREATE TABLE IF NOT EXISTS acknowledgements (
            acknowledgement_id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL CHECK (kind IN ('alert', 'finding')),
            of_id TEXT NOT NULL,
            acknowledged_by TEXT NOT NULL,
            role TEXT NOT NULL,
            acknowledged_at TEXT NOT NULL,
            note TEXT NOT NULL,
            ended_at TEXT,
            ended_by TEXT
        )"""
    )
    db.execute(
        """CREATE TABLE IF NOT EXISTS revealed (
            entry_id INTEGER PRIMARY KEY AUTOINCREMENT,
            revealed_at TEXT NOT NULL,
            viewer TEXT NOT NULL,
            role TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('contact', 'texts', 'search')),
            of_kind TEXT NOT NULL,
            of_id TEXT NOT NULL
        )"""
    )
    said = "revealed_at, viewer, role, kind, of_kind"
    for name, change in (("changed", f"UPDATE OF {said}"), ("deleted", "DELETE")):
        db.execute(
            f"CREATE TRIGGER IF NOT EXISTS revealed_not_{name} BEFORE {change} ON revealed"
            " BEGIN SELECT RAISE(ABORT, 'the log of what was revealed is only appended to'); END"
        )
    db.execute(
        """CREATE TABLE IF NOT EXISTS orders (
            order_id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL CHECK (kind IN ('forget', 'report', 'package', 'sign_off', 'sweep')),
            arguments TEXT NOT NULL,
            ordered_by TEXT NOT NULL,
            role TEXT NOT NULL,
            known INTEGER NOT NULL,
            ordered_at TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
            attempts INTEGER NOT NULL DEFAULT 0,
            started_at TEXT,
            ended_at TEXT,
            progress TEXT,
            progress_at TEXT,
            outcome TEXT
        )"""
    )


def _take_actions(db: sqlite3.Connection) -> None:
    """What operations plan and do to the marketplace: plans, their actions, each call that writes (entered before it is
    made, settled after it), and who stopped all acting."""
    db.execute(
        """CREATE TABLE IF NOT EXISTS plans (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            plan_id TEXT NOT NULL UNIQUE,
            operation TEXT NOT NULL,
            mode TEXT NOT NULL,
            snapshot_id TEXT NOT NULL,
            planned_at TEXT NOT NULL,
            ordered TEXT NOT NULL,
            planned_by TEXT NOT NULL,
            reason TEXT NOT NULL,
            most INTEGER NOT NULL,
            proposed INTEGER NOT NULL,
            left_out INTEGER NOT NULL,
            replaced_by TEXT
        )"""
    )
    db.execute(
        """CREATE TABLE IF NOT EXISTS actions (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            action_id TEXT NOT NULL UNIQUE,
            plan_id TEXT NOT NULL,
            operation TEXT NOT NULL,
            collection TEXT NOT NULL,
            row_id TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('planned', 'done', 'skipped', 'failed', 'undone')),
            before TEXT NOT NULL,
            after TEXT NOT NULL,
            why TEXT NOT NULL,
            rule TEXT NOT NULL,
            arguments TEXT NOT NULL,
            planned_at TEXT NOT NULL,
            acted_by TEXT NOT NULL,
            reason TEXT NOT NULL,
            begun_at TEXT,
            settled_at TEXT,
            said TEXT,
            answer TEXT NOT NULL DEFAULT '',
            duration_s REAL,
            tries INTEGER NOT NULL DEFAULT 0,
            undone_by TEXT,
            undo_reason TEXT,
            undone_at TEXT,
            undo_said TEXT
        )"""
    )
    db.execute(
        """CREATE TABLE IF NOT EXISTS action_calls (
            call_id INTEGER PRIMARY KEY AUTOINCREMENT,
            action_id TEXT NOT NULL,
            purpose TEXT NOT NULL CHECK (purpose IN ('apply', 'undo')),
            begun_at TEXT NOT NULL,
            transaction_id TEXT NOT NULL,
            writes TEXT NOT NULL,
            called_by TEXT NOT NULL,
            reason TEXT NOT NULL,
            settled_at TEXT,
            ended TEXT CHECK (ended IN ('done', 'not_done', 'skipped', 'failed')),
            answer TEXT NOT NULL DEFAULT '',
            duration_s REAL
        )"""
    )
    db.execute(
        """CREATE TABLE IF NOT EXISTS acting_log (
            entry_id INTEGER PRIMARY KEY AUTOINCREMENT,
            action TEXT NOT NULL CHECK (action IN ('stopped', 'resumed')),
            entered_by TEXT NOT NULL,
            entered_at TEXT NOT NULL,
            reason TEXT NOT NULL
        )"""
    )
    for name, columns in (
        ("actions_of_plan", "actions (plan_id, state)"),
        ("actions_of_operation", "actions (operation, settled_at)"),
        ("actions_of_row", "actions (row_id)"),
        ("plans_of_operation", "plans (operation, ordered)"),
        ("calls_open", "action_calls (call_id) WHERE settled_at IS NULL"),
    ):
        db.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {columns}")


def _take_orders_to_act(db: sqlite3.Connection) -> None:
    """Orders of every kind: which there are is said by who enters them, so that a further one takes no further step.
    SQLite takes no condition off a column, so the table is made anew; rows keep their numbers, and the next one
    goes on from them."""
    db.execute("ALTER TABLE orders RENAME TO orders_of_before")
    db.execute(
        """CREATE TABLE orders (
            order_id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            arguments TEXT NOT NULL,
            ordered_by TEXT NOT NULL,
            role TEXT NOT NULL,
            known INTEGER NOT NULL,
            ordered_at TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
            attempts INTEGER NOT NULL DEFAULT 0,
            started_at TEXT,
            ended_at TEXT,
            progress TEXT,
            progress_at TEXT,
            outcome TEXT
        )"""
    )
    db.execute("INSERT INTO orders SELECT * FROM orders_of_before")
    db.execute("DROP TABLE orders_of_before")


def _take_outbox(db: sqlite3.Connection) -> None:
    """Notifications that are sent again, and those that are dead letters: ids and answers."""
    db.execute(
        """CREATE TABLE IF NOT EXISTS outbox (
            notification_id TEXT PRIMARY KEY,
            state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
            entered_at TEXT NOT NULL,
            tries INTEGER NOT NULL,
            begun INTEGER NOT NULL,
            tried_at TEXT,
            taken TEXT NOT NULL,
            answer TEXT NOT NULL,
            ended_at TEXT,
            again_by TEXT,
            again_reason TEXT,
            again_at TEXT
        )"""
    )
    db.execute("CREATE INDEX IF NOT EXISTS outbox_by_state ON outbox (state)")


def _keep_backups(db: sqlite3.Connection) -> None:
    """The backups of the database, restores of them, and the drills in which one is tried out."""
    db.execute(
        """CREATE TABLE IF NOT EXISTS backups (
            number INTEGER PRIMARY KEY,
            backup_id TEXT NOT NULL UNIQUE,
            started_at TEXT NOT NULL,
            finished_at TEXT,
            state TEXT NOT NULL CHECK (state IN ('running', 'whole', 'partial', 'failed', 'expired')),
            rows INTEGER,
            bytes INTEGER,
            verified_at TEXT,
            verified INTEGER,
            store TEXT NOT NULL,
            bucket TEXT,
            manifest_sha256 TEXT,
            code TEXT,
            args TEXT
        )"""
    )
    db.execute(
        """CREATE TABLE IF NOT EXISTS restores (
            restore_id INTEGER PRIMARY KEY AUTOINCREMENT,
            backup_id TEXT NOT NULL,
            target TEXT NOT NULL,
            started_at TEXT NOT NULL,
            finished_at TEXT,
            rows INTEGER,
            differences INTEGER
        )"""
    )
    db.execute(
        """CREATE TABLE IF NOT EXISTS drills (
            drill_id INTEGER PRIMARY KEY AUTOINCREMENT,
            backup_id TEXT NOT NULL,
            started_at TEXT NOT NULL,
            finished_at TEXT,
            state TEXT NOT NULL CHECK (state IN ('running', 'same', 'different', 'failed')),
            seconds REAL,
            rows INTEGER,
            differences INTEGER,
            code TEXT,
            args TEXT
        )"""
    )


def _tell_whole_copies(db: sqlite3.Connection) -> None:
    """Of a backup's copy in a bucket whether it has all that the backup has."""
    if "copied" not in {row["name"] for row in db.execute("PRAGMA table_info(backups)")}:
        db.execute("ALTER TABLE backups ADD COLUMN copied INTEGER")
        db.execute("UPDATE backups SET copied = 1 WHERE bucket IS NOT NULL")


def _tell_sources(db: sqlite3.Connection) -> None:
    """Of a call whose it is and what else is known of it; of the spool's files how far each was read."""
    there = {row["name"] for row in db.execute("PRAGMA table_info(calls)")}
    for column, before in (("source", "appwrite"), ("context", "")):
        if column not in there:
            db.execute(f"ALTER TABLE calls ADD COLUMN {column} TEXT NOT NULL DEFAULT '{before}'")
    db.execute(
        """CREATE TABLE IF NOT EXISTS spooled (
            file TEXT PRIMARY KEY,
            upto INTEGER NOT NULL,
            lines INTEGER NOT NULL
        )"""
    )


def _hash_blocks(db: sqlite3.Connection) -> None:
    """Of a snapshot the hash over the hashes of its blocks, and of the newest ones these."""
    if "root" not in {row["name"] for row in db.execute("PRAGMA table_info(snapshots)")}:
        db.execute("ALTER TABLE snapshots ADD COLUMN root TEXT")
    db.execute(
        """CREATE TABLE IF NOT EXISTS snapshot_blocks (
            snapshot_id TEXT PRIMARY KEY,
            bytes INTEGER NOT NULL,
            mtime_ns INTEGER NOT NULL,
            inode INTEGER NOT NULL,
            hashes BLOB NOT NULL
        )"""
    )


STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _make_tables,
    _say_who_refused,
    _take_over_first_alerts,
    _list_rewrites,
    _keep_messages,
    _log_sign_offs,
    _take_acts,
    _take_actions,
    _take_orders_to_act,
    _take_outbox,
    _keep_backups,
    _tell_whole_copies,
    _tell_sources,
    _hash_blocks,
)
"""The n-th makes form n, the ``user_version`` of the file, of the form before."""


def form(db: sqlite3.Connection) -> int:
    """How many steps a ledger has taken; 0 where its version kept no number. Raises LedgerTooNew for more than there
    are."""
    taken = int(db.execute("PRAGMA user_version").fetchone()[0])
    if taken > len(STEPS):
        raise LedgerTooNew.of("failure.ledger_too_new", taken=taken, known=len(STEPS))
    return taken


def begin(db: sqlite3.Connection) -> None:
    """Begin a write transaction on a ledger of today's form, taking the steps it lacks before.

    A step and its number are one transaction, and the number is read within it: a process that is killed leaves whole
    steps, and of two at the same moment one waits and finds the step taken. Raises LedgerTooNew, sqlite3.Error.
    """
    db.execute("BEGIN IMMEDIATE")
    while (taken := form(db)) < len(STEPS):
        STEPS[taken](db)
        db.execute(f"PRAGMA user_version = {taken + 1}")
        db.execute("COMMIT")
        db.execute("BEGIN IMMEDIATE")
