"""The rest of a snapshot for the tests of the screens: what is owed, the ledger, health's history, the chain, members,
errors, timings, alerts. A few rows by hand each, so that a test can say what must be seen. Holds no personal data.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import duckdb

from messages.message import Message
from tests.published import add

#: The tables of the first version that published: what came later is not in an old snapshot, nor are later columns.
FIRST_VERSION = {
    "core.bookings": (),
    "core.commissions": (),
    "core.providers": (),
    "marts.commission_findings": (),
    "marts.commission_reconciliation": (),
    "marts.commission_summary": ("free",),
    "marts.health_points": ("component", "unit"),
    "marts.member_health": (),
    "marts.revenue_by_source": (),
    "marts.revenue_daily": (),
    "marts.service_figures": (),
    "ops.check_results": ("detail",),
    "ops.errors": ("error_type", "host"),
    "ops.quarantine": (),
    "ops.scans": ("unread", "read_until"),
    "ops.snapshot": (),
    "ops.timing_summary": (),
    "ops.timings": (),
}

# provider, status, owed, fee, hours from NOW to the deadline (None: not known), age
OPEN: tuple[tuple[str, str, int, int | None, float | None, str], ...] = (
    ("prov02", "pending", 75_000, None, 0.66, "0-3 h"),
    ("prov02", "pending", 105_000, None, 2.5, "0-3 h"),
    ("prov06", "pending", 135_000, None, 20.0, "not_ended"),
    ("prov00", "overdue", 60_750, 25_000, -2.0, "3-24 h"),
    ("prov00", "overdue", 82_500, 25_000, -30.0, "1-7 d"),
    ("prov03", "overdue", 75_000, 25_000, -210.0, "over 7 d"),
    ("prov04", "pending", 105_000, None, -0.2, "3-24 h"),
    ("prov06", "pending", 90_000, None, None, "unknown"),
    ("prov07", "pending", 45_000, None, 1.0, "0-3 h"),  # an orphan: not due
)

MONTHS: tuple[date, ...] = (date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1))
# provider → each month's accrued, fees, paid, reversed
MOVES: dict[str, tuple[tuple[int, int, int, int], ...]] = {
    "prov00": (
        (900_000, 0, 700_000, 0),
        (1_200_000, 25_000, 1_100_000, 75_000),
        (600_000, 50_000, 556_750, 0),
    ),
    "prov03": ((400_000, 0, 325_000, 0), (500_000, 25_000, 500_000, 0), (300_000, 0, 300_000, 0)),
}

_DAY = 86_400
#: What the product says of the reasons below.
_REASONS = {
    "4 missed requests in 24 hours": Message("reason.missed_some", {"n": 4, "window": _DAY}),
    "1 missed request in 24 hours": Message("reason.missed_one", {"n": 1, "window": _DAY}),
    "notifications off": Message("reason.notifications_off"),
    "sound off": Message("reason.sound_off"),
    "12 unread messages": Message("reason.unread_messages", {"n": 12}),
    "not seen for 10 minutes": Message("reason.unseen", {"span": 600}),
    "never seen": Message("reason.never_seen"),
}


def _reasons(written: str) -> str:
    return f"[{','.join(_REASONS[one].json for one in written.split('; ') if one)}]"


MEMBERS: tuple[tuple[Any, ...], ...] = (
    ("prov00", "critical", 2, 812, 4, 3, True, True, "4 missed requests in 24 hours", "Chrome 142"),
    ("prov01", "critical", 4, 431, 0, 0, False, True, "notifications off", "Safari 26 iOS"),
    (
        "prov02",
        "warning",
        1,
        377,
        1,
        12,
        True,
        False,
        "1 missed request in 24 hours; sound off; 12 unread messages",
        "",
    ),
    ("prov03", "healthy", 3, 290, 0, 0, True, True, "", "Firefox 145"),
    ("prov04", "healthy", 1, 245, 0, 2, True, None, "", "Chrome 142"),
    ("prov05", "offline", 95, 120, 0, 0, True, True, "not seen for 10 minutes", "Chrome 141"),
    ("prov06", "unknown", None, 0, 0, 0, None, None, "never seen", None),
)

HOPS: tuple[tuple[Any, ...], ...] = (
    (1, "booking", "room", 1_702, 1_702, 0, 0, "working"),
    (2, "room", "message", 1_702, 1_690, 12, 0, "broken"),
    (3, "message", "notification", 1_690, 0, 0, 1_690, "unknown"),
    (4, "notification", "acceptance", 1_320, 1_208, 112, 0, "broken"),
    (5, "acceptance", "commission", 1_208, 1_206, 2, 0, "broken"),
    (6, "commission", "payment", 900, 890, 10, 0, "broken"),
)
HOP_ROWS_KEPT = 100

BUCKETS: tuple[tuple[str, int], ...] = (
    ("under 30 s", 320),
    ("30 to 60 s", 411),
    ("1 to 2 min", 502),
    ("2 to 5 min", 260),
    ("5 to 10 min", 44),
    ("10 to 30 min", 21),
    ("30 to 60 min", 2),
    ("1 h and more", 0),
    ("never answered", 140),
)

DELIVERIES: tuple[tuple[Any, ...], ...] = (
    ("push", "therapist", 500, 420, 60, 20, 0.84),
    ("push", "customer", 400, 240, 150, 10, 0.6),
    ("unknown", "place", 10, 8, 0, 2, 0.8),
)

SPELLS: tuple[
    tuple[int, str, float, float | None, str], ...
] = (  # point, status, hours ago, until hours ago, message
    (1, "working", 170.0, None, "243 bookings in the last 24 h"),
    (3, "unknown", 60.0, None, "No booking of the last 7 days carries a mode (1702 rows)"),
    (6, "working", 90.0, 26.0, "92 % delivered"),
    (6, "unknown", 26.0, 20.0, "No notifications in the last 24 h"),
    (6, "broken", 18.0, None, "Notification delivery rate below 80%"),
)

# minutes before NOW, severity, category, operation, events
RATES: tuple[tuple[int, str, str, str, int], ...] = (
    (30, "error", "booking", "list_rows", 9),
    (30, "warning", "booking", "list_rows", 4),
    (31, "error", "chat", "list_rows", 3),
    (300, "critical", "auth", "ping", 1),
)


def complete(
    con: duckdb.DuckDBPyConnection, now: datetime, providers: list[tuple[str, str]], *, later: bool
) -> None:
    """Fill these tables of a snapshot judged at ``now``; without ``later`` only what its first version published."""
    con.execute(
        "UPDATE core.bookings SET business_id = 'BK-' || booking_id, raw_status = upper(status), ends_at = completed_at"
    )
    con.execute(
        "INSERT INTO core.commissions BY NAME"
        " SELECT commission_id, booking_ref, provider_id, booking_amount_idr, rate, 300000 AS rate_ppm,"
        " actual_idr AS commission_idr, 'rupiah' AS amount_rule, booking_amount_idr::DOUBLE AS written_booking_amount,"
        " actual_idr::DOUBLE AS written_commission, false AS is_implausible, commission_status AS status,"
        " upper(commission_status) AS raw_status, true AS is_live, source, accrued_at AS created_at, deadline_at,"
        " paid_at, 'empty' AS proof_state, 'absent' AS fee_state, 480 AS utc_offset_minutes"
        " FROM marts.commission_reconciliation WHERE commission_id IS NOT NULL"
    )
    restricted = ("prov03", "prov05")
    add(
        con,
        "core.providers",
        "provider_id provider_type provider_name status city",
        [
            (key, "therapist", name, "RESTRICTED" if key in restricted else "AVAILABLE", "Ubud")
            for key, name in providers
        ],
    )
    names = dict(providers)
    add(
        con,
        "marts.member_health",
        "provider_id health last_seen_at bookings missed_requests unread_messages notifications_enabled sound_enabled"
        " reasons provider_name provider_type browser messages",
        [
            (
                key,
                health,
                None if seen is None else now - timedelta(minutes=seen),
                *rest[:6],
                names[key],
                "therapist",
                rest[6],
                _reasons(str(rest[5])),
            )
            for key, health, seen, *rest in MEMBERS
        ],
    )
    _calls(con, now)
    if later:
        _money(con, now, names)
        _health(con, now)
        _alerts(con, now)
    else:
        _of_the_first_version(con)


def _of_the_first_version(con: duckdb.DuckDBPyConnection) -> None:
    views = con.execute("SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE NOT internal")
    for (view,) in views.fetchall():
        con.execute(f"DROP VIEW {view}")
    for (table,) in con.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables()").fetchall():
        if table not in FIRST_VERSION:
            con.execute(f"DROP TABLE {table}")
    for table, columns in FIRST_VERSION.items():
        for column in columns:
            con.execute(f"ALTER TABLE {table} DROP COLUMN {column}")


def _calls(con: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """90 quick calls and a slow one in the last two hours; the errors of RATES one by one."""
    calls = [
        (
            f"run-{n:04d}",
            1,
            now - timedelta(minutes=n + 1),
            "list_rows",
            "bookings",
            0.1 + n / 1000,
            "ok",
            200,
            1,
            False,
        )
        for n in range(90)
    ]
    calls.append(
        ("run-0100", 2, now - timedelta(minutes=40), "sweep_rows", "chat_messages", 4.25, "ok", 200, 2, True)
    )
    add(
        con,
        "ops.timings",
        "run_id call_number called_at operation collection seconds outcome status attempts slow",
        calls,
    )
    top = now.replace(minute=0, second=0)
    add(
        con,
        "ops.timing_summary",
        "hour operation collection calls failed retried slow p50_s p95_s p99_s max_s",
        [
            (
                top - timedelta(hours=n),
                operation,
                "bookings",
                60,
                0,
                0,
                slow,
                0.1,
                p95,
                p95 + 0.1,
                p95 + 0.2,
            )
            for n in range(4)
            for operation, p95, slow in (
                ("list_rows", 0.2 + n / 100, 0),
                ("sweep_rows", 4.25 if n == 0 else 1.0, 1),
            )
        ],
    )
    one_by_one = [rate[:4] for rate in RATES for _ in range(rate[4])]
    add(
        con,
        "ops.errors",
        "run_id call_number called_at severity category operation collection reason status attempts",
        [
            (
                f"run-{minutes:04d}",
                number,
                now - timedelta(minutes=minutes),
                severity,
                category,
                operation,
                "bookings",
                "retried" if severity == "warning" else "server_error",
                200 if severity == "warning" else 503,
                4,
            )
            for number, (minutes, severity, category, operation) in enumerate(one_by_one, start=1)
        ],
    )


def _money(con: duckdb.DuckDBPyConnection, now: datetime, names: dict[str, str]) -> None:
    open_records: list[tuple[Any, ...]] = []
    for n, (provider, status, owed, fee, hours, age) in enumerate(OPEN):
        deadline = None if hours is None else now + timedelta(hours=hours)
        ended = None if deadline is None else deadline - timedelta(hours=3)
        open_records.append(
            (
                f"open{n:02d}",
                f"bkopen{n:02d}",
                f"bkopen{n:02d}",
                provider,
                names[provider],
                status,
                owed,
                fee,
                ended,
                deadline,
                None if deadline is None else deadline < now and provider != "prov07",
                None if deadline is None else deadline + timedelta(minutes=30),
                age,
                provider != "prov07",
                True,
                "completed",
                None if ended is None else (ended + timedelta(hours=8)).date(),
            )
        )
    add(
        con,
        "marts.commission_open",
        "commission_id booking_id booking_ref provider_id provider_name status owed_idr fee_idr service_ended_at"
        " deadline_at is_overdue restriction_at age is_due is_unpaid booking_status local_date",
        open_records,
    )
    due_at = now - timedelta(hours=1, minutes=30)
    balances: list[tuple[Any, ...]] = [
        (
            "prov00",
            143_250,
            50_000,
            143_250,
            2,
            2,
            0,
            0,
            60_750,
            82_500,
            0,
            0,
            True,
            due_at,
            False,
            "AVAILABLE",
        ),
        ("prov02", 180_000, 0, 0, 2, 0, 0, 180_000, 0, 0, 0, 0, False, None, False, "AVAILABLE"),
        ("prov03", 75_000, 25_000, 75_000, 1, 1, 0, 0, 0, 0, 75_000, 0, True, due_at, True, "RESTRICTED"),
        ("prov04", 105_000, 0, 105_000, 1, 1, 0, 0, 105_000, 0, 0, 0, True, due_at, None, None),
        ("prov06", 225_000, 0, 0, 2, 0, 135_000, 0, 0, 0, 0, 90_000, False, None, False, "AVAILABLE"),
    ]
    add(
        con,
        "marts.commission_balances",
        "provider_id provider_name owed_idr fees_idr overdue_idr records overdue_records not_ended_idr age_0_3h_idr"
        " age_3_24h_idr age_1_7d_idr age_over_7d_idr age_unknown_idr oldest_deadline_at restriction_due"
        " restriction_due_at restriction_actual provider_status unknown_amount_records not_due_idr",
        [(row[0], names[row[0]], *row[1:12], now - timedelta(hours=2), *row[12:], 0, 0) for row in balances],
    )
    restrictions = [
        ("prov00", True, False, due_at, 2, 143_250, "not_restricted"),
        ("prov03", True, True, due_at, 1, 75_000, "agrees"),
        ("prov04", True, None, due_at, 1, 105_000, "unknown"),
        ("prov05", False, True, None, 0, 0, "restricted_wrongly"),
    ]
    add(
        con,
        "marts.commission_restrictions",
        "provider_id provider_name due actual restriction_due_at overdue_records overdue_idr verdict",
        [(row[0], names[row[0]], *row[1:]) for row in restrictions],
    )
    ledger: list[tuple[Any, ...]] = []
    for provider, moves in MOVES.items():
        opening = 0
        for month, (accrued, fees, paid, reversed_) in zip(MONTHS, moves, strict=True):
            closing = opening + accrued + fees - paid - reversed_
            moved = (opening, accrued, fees, paid, reversed_, closing, accrued + 75_000, 75_000, 0, True)
            ledger.append((provider, names[provider], month, *moved))
            opening = closing
    add(
        con,
        "marts.commission_ledger",
        "provider_id provider_name local_month opening_idr accrued_idr fees_idr paid_idr reversed_idr closing_idr"
        " expected_idr unrecorded_idr unknown_amount_records holds",
        ledger,
    )
    add(
        con,
        "marts.closed_month_changes",
        "finding_id local_month figure previous_value current_value previous_snapshot_id seen_at detail waived"
        " finding",
        [
            (
                "closed_month_changed:2026-10:collected_idr",
                date(2026, 10, 1),
                "collected_idr",
                41_250_000,
                41_175_000,
                "20261121T060512Z-000009",
                now - timedelta(hours=5),
                "Collected of October 2026 was Rp 41.250.000 and is Rp 41.175.000.",
                False,
                "closed_month_changed",
            ),
            (
                "closed_month_changed:2026-09:bookings",
                date(2026, 9, 1),
                "bookings",
                1_500,
                1_501,
                "20261101T060512Z-000003",
                now - timedelta(days=9),
                "Bookings of September 2026 were 1500 and are 1501.",
                True,
                "closed_month_changed",
            ),
        ],
    )


def _health(con: duckdb.DuckDBPyConnection, now: datetime) -> None:
    spells: list[tuple[Any, ...]] = []
    for point, status, ago, until, message in SPELLS:
        since, end = now - timedelta(hours=ago), None if until is None else now - timedelta(hours=until)
        seconds = ((end or now) - since).total_seconds()
        spells.append((point, f"point {point}", status, since, end, seconds, message))
    add(con, "marts.health_history", "point name status since until seconds message", spells)
    hours = {"24 h": 24.0, "7 d": 168.0, "30 d": 720.0}
    uptime: list[tuple[Any, ...]] = []
    for point, broken, unknown, measured in ((1, 0.0, 0.0, 1.0), (3, 0.0, 1.0, 0.0), (6, 0.25, 0.125, 0.75)):
        for name, length in hours.items():
            whole = length * 3600
            uptime.append(
                (
                    point,
                    f"point {point}",
                    name,
                    None if measured == 0 else (measured - broken) / measured,
                    broken * whole,
                    unknown * whole,
                    measured * whole,
                    now - timedelta(hours=18),
                    (1 - unknown - measured) * whole,
                )
            )
    add(
        con,
        "marts.health_uptime",
        "point name time_window working_share broken_seconds unknown_seconds measured_seconds status_since"
        " unmeasured_seconds",
        uptime,
    )
    add(con, "marts.broken_links", "hop from_step to_step entered passed broken unknown state", HOPS)
    add(
        con,
        "marts.broken_link_rows",
        "hop row_id since origin",
        [
            (hop, f"bk{hop}{n:04d}", now - timedelta(minutes=10 * n + 6), "bookings")
            for hop, _, _, _, _, broken, _, _ in HOPS
            for n in range(min(broken, HOP_ROWS_KEPT))
        ],
    )
    total = sum(bookings for _, bookings in BUCKETS)
    add(
        con,
        "marts.response_distribution",
        "source bucket label from_s bookings share",
        [
            (source, bucket, label, 0.0, bookings // divisor, bookings / total)
            for source, divisor in (("all", 1), ("chatWindow", 10))
            for bucket, (label, bookings) in enumerate(BUCKETS, start=1)
        ],
    )
    add(con, "marts.delivery_rates", "channel recipient_type sent delivered failed pending rate", DELIVERIES)


def _alerts(con: duckdb.DuckDBPyConnection, now: datetime) -> None:
    ago = {hours: now - timedelta(hours=hours) for hours in (1, 2, 5, 18, 30)}
    add(
        con,
        "ops.alerts",
        "alert_id name labels state severity summary figure limit_value page active_since fired_at last_sent_at"
        " resolved_at silenced_by inhibited_by detail unit",
        [
            (
                "zero_missing_commission",
                "zero_missing_commission",
                "{}",
                "firing",
                "critical",
                "12 bookings that earn have no commission record.",
                12.0,
                0.0,
                "/revenue",
                ago[5],
                ago[5],
                ago[1],
                None,
                None,
                None,
                "bk000977, bk001954; record them",
                "missing commissions",
            ),
            (
                "health_point_6",
                "health_point_6",
                "{}",
                "firing",
                "high",
                "Notification delivery rate below 80%",
                0.7314,
                0.8,
                "/health",
                ago[18],
                ago[18],
                None,
                None,
                "7",
                None,
                "",
                "share",
            ),
            (
                "ingest_stale{collection=bookings}",
                "ingest_stale",
                '{"collection": "bookings"}',
                "resolved",
                "critical",
                "bookings was not read completely for 25 minutes",
                25.0,
                10.0,
                "/health",
                ago[30],
                ago[30],
                ago[30],
                ago[18],
                None,
                None,
                "",
                "minutes",
            ),
        ],
    )
    waiver = (
        "closed_month_changed:2026-09:bookings",
        "a double booking was removed",
        "Komang",
        ago[2],
    )
    add(con, "ops.waivers", "finding_id reason waived_by waived_at", [waiver])
    add(
        con,
        "ops.alert_silences",
        "silence_id matcher author reason created_at ends_at ended_at ended_by",
        [
            (
                "7",
                "health_point_6",
                "Komang",
                "push provider is down, known",
                ago[2],
                now + timedelta(hours=4),
                None,
                None,
            ),
            ("5", "error_rate", "Ayu", "maintenance", ago[30], ago[5], ago[18], "Ayu"),
        ],
    )
    add(
        con,
        "ops.alert_deliveries",
        "delivery_id at kind alerts channel delivered attempts",
        [
            (1, ago[30], "firing", 1, "mailto", True, 1),
            (2, ago[18], "resolved", 1, "mailto", True, 1),
            (3, ago[5], "firing", 1, "tgram", False, 4),
            (4, ago[1], "reminder", 1, "mailto", True, 2),
        ],
    )
