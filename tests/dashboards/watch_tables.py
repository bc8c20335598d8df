"""The rest of a snapshot for the tests of the screens: what is owed, the ledger, health's history, the chain, members,
errors, timings, alerts. A few rows by hand each, so that a test can say what must be seen. Holds no personal data.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import duckdb

# What bookwatch always published, beyond snapshot.SCHEMA.
ALWAYS = """
ALTER TABLE core.bookings ADD COLUMN business_id VARCHAR;
ALTER TABLE core.bookings ADD COLUMN raw_status VARCHAR;
ALTER TABLE core.bookings ADD COLUMN ends_at TIMESTAMP;
UPDATE core.bookings SET business_id = 'BK-' || booking_id, raw_status = upper(status), ends_at = completed_at;
CREATE TABLE core.providers (provider_id VARCHAR, provider_type VARCHAR, provider_name VARCHAR, status VARCHAR,
  city VARCHAR, commission_plan VARCHAR, deleted_at TIMESTAMP);
CREATE TABLE core.commissions AS
  SELECT commission_id, booking_ref, NULL::VARCHAR AS booking_doc_ref, provider_id, NULL::VARCHAR AS provider_name,
         booking_amount_idr, 300000::BIGINT AS rate_ppm, actual_idr AS commission_idr, 'rupiah' AS amount_rule,
         booking_amount_idr::DOUBLE AS written_booking_amount, actual_idr::DOUBLE AS written_commission,
         false AS is_implausible,
         commission_status AS status, upper(commission_status) AS raw_status, true AS is_live, source,
         accrued_at AS created_at, deadline_at, paid_at, NULL::TIMESTAMP AS verified_at, NULL::TIMESTAMP AS proof_at,
         'empty' AS proof_state, NULL::BIGINT AS fee_idr, 'absent' AS fee_state, 480::BIGINT AS utc_offset_minutes,
         NULL::BOOLEAN AS is_test, NULL::TIMESTAMP AS deleted_at
  FROM marts.commission_reconciliation WHERE commission_id IS NOT NULL;
CREATE TABLE marts.member_health (provider_id VARCHAR, health VARCHAR, last_seen_at TIMESTAMP, bookings BIGINT,
  missed_requests BIGINT, unread_messages BIGINT, notifications_enabled BOOLEAN, sound_enabled BOOLEAN,
  reasons VARCHAR, provider_name VARCHAR, provider_type VARCHAR, browser VARCHAR);
CREATE TABLE ops.timings (run_id VARCHAR, call_number BIGINT, called_at TIMESTAMP, operation VARCHAR,
  collection VARCHAR, seconds DOUBLE, outcome VARCHAR, status INTEGER, attempts BIGINT, slow BOOLEAN);
CREATE TABLE ops.timing_summary (hour TIMESTAMP, operation VARCHAR, collection VARCHAR, calls BIGINT, failed BIGINT,
  retried BIGINT, slow BIGINT, p50_s DOUBLE, p95_s DOUBLE, p99_s DOUBLE, max_s DOUBLE);
CREATE TABLE ops.errors (run_id VARCHAR, call_number BIGINT, called_at TIMESTAMP, severity VARCHAR, category VARCHAR,
  operation VARCHAR, collection VARCHAR, reason VARCHAR, status INTEGER, attempts BIGINT);
"""

# What later versions publish as well.
LATER = """
CREATE TABLE marts.commission_open (commission_id VARCHAR, booking_id VARCHAR, booking_ref VARCHAR, provider_id VARCHAR,
  provider_name VARCHAR, status VARCHAR, owed_idr BIGINT, fee_idr BIGINT, service_ended_at TIMESTAMP,
  deadline_at TIMESTAMP, is_overdue BOOLEAN, restriction_at TIMESTAMP, age VARCHAR,
  is_due BOOLEAN, is_unpaid BOOLEAN);
CREATE TABLE marts.commission_balances (provider_id VARCHAR, provider_name VARCHAR, owed_idr BIGINT, fees_idr BIGINT,
  overdue_idr BIGINT, records BIGINT, overdue_records BIGINT, not_ended_idr BIGINT, age_0_3h_idr BIGINT,
  age_3_24h_idr BIGINT, age_1_7d_idr BIGINT, age_over_7d_idr BIGINT, age_unknown_idr BIGINT,
  oldest_deadline_at TIMESTAMP, restriction_due BOOLEAN, restriction_due_at TIMESTAMP, restriction_actual BOOLEAN,
  provider_status VARCHAR,
  unknown_amount_records BIGINT, not_due_idr BIGINT);
CREATE TABLE marts.commission_ledger (provider_id VARCHAR, provider_name VARCHAR, local_month DATE, opening_idr BIGINT,
  accrued_idr BIGINT, fees_idr BIGINT, paid_idr BIGINT, reversed_idr BIGINT, closing_idr BIGINT, expected_idr BIGINT,
  unrecorded_idr BIGINT, unknown_amount_records BIGINT);
CREATE TABLE marts.closed_month_changes (finding_id VARCHAR, finding VARCHAR, local_month DATE, figure VARCHAR,
  previous_value BIGINT, current_value BIGINT, previous_snapshot_id VARCHAR, seen_at TIMESTAMP, detail VARCHAR,
  waived BOOLEAN);
CREATE TABLE marts.closed_month_gaps (snapshot_id VARCHAR, previous_snapshot_id VARCHAR, compared_at TIMESTAMP,
  reason VARCHAR, is_newest BOOLEAN);
CREATE TABLE marts.health_history (point INTEGER, name VARCHAR, status VARCHAR, since TIMESTAMP, until TIMESTAMP,
  seconds DOUBLE, message VARCHAR);
CREATE TABLE marts.health_uptime (point INTEGER, name VARCHAR, time_window VARCHAR, working_share DOUBLE,
  broken_seconds DOUBLE, unknown_seconds DOUBLE, measured_seconds DOUBLE, status_since TIMESTAMP,
  unmeasured_seconds DOUBLE);
CREATE TABLE marts.broken_links (hop INTEGER, from_step VARCHAR, to_step VARCHAR, entered BIGINT, passed BIGINT,
  broken BIGINT, "unknown" BIGINT, state VARCHAR);
CREATE TABLE marts.broken_link_rows (hop INTEGER, row_id VARCHAR, since TIMESTAMP, origin VARCHAR);
CREATE TABLE marts.response_distribution (source VARCHAR, bucket INTEGER, label VARCHAR, from_s DOUBLE, to_s DOUBLE,
  bookings BIGINT, share DOUBLE);
CREATE TABLE marts.delivery_rates (channel VARCHAR, recipient_type VARCHAR, sent BIGINT, delivered BIGINT,
  failed BIGINT, pending BIGINT, rate DOUBLE);
CREATE TABLE ops.error_rates (minute TIMESTAMP, severity VARCHAR, category VARCHAR, operation VARCHAR, events BIGINT);
CREATE TABLE ops.alerts (alert_id VARCHAR, name VARCHAR, labels VARCHAR, state VARCHAR, severity VARCHAR,
  summary VARCHAR, figure DOUBLE, limit_value DOUBLE, page VARCHAR, active_since TIMESTAMP, fired_at TIMESTAMP,
  last_sent_at TIMESTAMP, resolved_at TIMESTAMP, silenced_by VARCHAR, inhibited_by VARCHAR, detail VARCHAR,
  unit VARCHAR);
CREATE TABLE ops.alert_silences (silence_id VARCHAR, matcher VARCHAR, author VARCHAR, reason VARCHAR,
  created_at TIMESTAMP, ends_at TIMESTAMP, ended_at TIMESTAMP, ended_by VARCHAR);
CREATE TABLE ops.waivers (finding_id VARCHAR, reason VARCHAR, waived_by VARCHAR, waived_at TIMESTAMP);
CREATE TABLE ops.alert_deliveries (delivery_id BIGINT, "at" TIMESTAMP, kind VARCHAR, alerts BIGINT, channel VARCHAR,
  delivered BOOLEAN, attempts BIGINT);
"""

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
    """Add these tables to a snapshot judged at ``now``; without ``later`` only what its first version published."""
    con.execute(ALWAYS)
    restricted = ("prov03", "prov05")
    con.executemany(
        "INSERT INTO core.providers VALUES (?, 'therapist', ?, ?, 'Ubud', NULL, NULL)",
        [(key, name, "RESTRICTED" if key in restricted else "AVAILABLE") for key, name in providers],
    )
    names = dict(providers)
    con.executemany(
        "INSERT INTO marts.member_health VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'therapist', ?)",
        [
            (
                key,
                health,
                None if seen is None else now - timedelta(minutes=seen),
                *rest[:3],
                *rest[3:5],
                rest[5],
                names[key],
                rest[6],
            )
            for key, health, seen, *rest in MEMBERS
        ],
    )
    _calls(con, now)
    if later:
        con.execute(LATER)
        _money(con, now, names)
        _health(con, now)
        _alerts(con, now)


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
    con.executemany("INSERT INTO ops.timings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", calls)
    top = now.replace(minute=0, second=0)
    con.executemany(
        "INSERT INTO ops.timing_summary VALUES (?, ?, 'bookings', 60, 0, 0, ?, 0.1, ?, ?, ?)",
        [
            (top - timedelta(hours=n), operation, slow, p95, p95 + 0.1, p95 + 0.2)
            for n in range(4)
            for operation, p95, slow in (
                ("list_rows", 0.2 + n / 100, 0),
                ("sweep_rows", 4.25 if n == 0 else 1.0, 1),
            )
        ],
    )
    number = 0
    for minutes, severity, category, operation, events in RATES:
        for _ in range(events):
            number += 1
            con.execute(
                "INSERT INTO ops.errors VALUES (?, ?, ?, ?, ?, ?, 'bookings', ?, ?, 4)",
                [
                    f"run-{minutes:04d}",
                    number,
                    now - timedelta(minutes=minutes),
                    severity,
                    category,
                    operation,
                    "retried" if severity == "warning" else "server_error",
                    200 if severity == "warning" else 503,
                ],
            )


def _money(con: duckdb.DuckDBPyConnection, now: datetime, names: dict[str, str]) -> None:
    for n, (provider, status, owed, fee, hours, age) in enumerate(OPEN):
        deadline = None if hours is None else now + timedelta(hours=hours)
        overdue = None if deadline is None else deadline < now and provider != "prov07"
        con.execute(
            "INSERT INTO marts.commission_open VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                f"open{n:02d}",
                f"bkopen{n:02d}",
                f"bkopen{n:02d}",
                provider,
                names[provider],
                status,
                owed,
                fee,
                None if deadline is None else deadline - timedelta(hours=3),
                deadline,
                overdue,
                None if deadline is None else deadline + timedelta(minutes=30),
                age,
                provider != "prov07",
                True,
            ],
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
    con.executemany(
        "INSERT INTO marts.commission_balances VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)",
        [(row[0], names[row[0]], *row[1:12], now - timedelta(hours=2), *row[12:]) for row in balances],
    )
    for provider, moves in MOVES.items():
        opening = 0
        for month, (accrued, fees, paid, reversed_) in zip(MONTHS, moves, strict=True):
            closing = opening + accrued + fees - paid - reversed_
            con.execute(
                "INSERT INTO marts.commission_ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                [
                    provider,
                    names[provider],
                    month,
                    opening,
                    accrued,
                    fees,
                    paid,
                    reversed_,
                    closing,
                    accrued + 75_000,
                    75_000,
                ],
            )
            opening = closing
    con.executemany(
        "INSERT INTO marts.closed_month_changes VALUES (?, 'closed_month_changed', ?, ?, ?, ?, ?, ?, ?, ?)",
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
            ),
        ],
    )


def _health(con: duckdb.DuckDBPyConnection, now: datetime) -> None:
    for point, status, ago, until, message in SPELLS:
        since, end = now - timedelta(hours=ago), None if until is None else now - timedelta(hours=until)
        con.execute(
            "INSERT INTO marts.health_history VALUES (?, ?, ?, ?, ?, ?, ?)",
            [point, f"point {point}", status, since, end, ((end or now) - since).total_seconds(), message],
        )
    hours = {"24 h": 24.0, "7 d": 168.0, "30 d": 720.0}
    for point, broken, unknown, measured in ((1, 0.0, 0.0, 1.0), (3, 0.0, 1.0, 0.0), (6, 0.25, 0.125, 0.75)):
        for name, length in hours.items():
            whole = length * 3600
            con.execute(
                "INSERT INTO marts.health_uptime VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    point,
                    f"point {point}",
                    name,
                    None if measured == 0 else (measured - broken) / measured,
                    broken * whole,
                    unknown * whole,
                    measured * whole,
                    now - timedelta(hours=18),
                    (1 - unknown - measured) * whole,
                ],
            )
    con.executemany("INSERT INTO marts.broken_links VALUES (?, ?, ?, ?, ?, ?, ?, ?)", HOPS)
    con.executemany(
        "INSERT INTO marts.broken_link_rows VALUES (?, ?, ?, 'bookings')",
        [
            (hop, f"bk{hop}{n:04d}", now - timedelta(minutes=10 * n + 6))
            for hop, _, _, _, _, broken, _, _ in HOPS
            for n in range(min(broken, HOP_ROWS_KEPT))
        ],
    )
    total = sum(bookings for _, bookings in BUCKETS)
    for source, divisor in (("all", 1), ("chatWindow", 10)):
        for bucket, (label, bookings) in enumerate(BUCKETS, start=1):
            con.execute(
                "INSERT INTO marts.response_distribution VALUES (?, ?, ?, 0, NULL, ?, ?)",
                [source, bucket, label, bookings // divisor, bookings / total],
            )
    con.executemany("INSERT INTO marts.delivery_rates VALUES (?, ?, ?, ?, ?, ?, ?)", DELIVERIES)
    con.executemany(
        "INSERT INTO ops.error_rates VALUES (?, ?, ?, ?, ?)",
        [
            ((now - timedelta(minutes=minutes)).replace(second=0), severity, category, operation, events)
            for minutes, severity, category, operation, events in RATES
        ],
    )


def _alerts(con: duckdb.DuckDBPyConnection, now: datetime) -> None:
    ago = {hours: now - timedelta(hours=hours) for hours in (1, 2, 5, 18, 30)}
    con.executemany(
        "INSERT INTO ops.alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
    con.execute(
        "INSERT INTO ops.waivers VALUES ('closed_month_changed:2026-09:bookings', 'a double booking was removed',"
        " 'Komang', ?)",
        [ago[2]],
    )
    con.executemany(
        "INSERT INTO ops.alert_silences VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
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
    con.executemany(
        "INSERT INTO ops.alert_deliveries VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (1, ago[30], "firing", 1, "mailto", True, 1),
            (2, ago[18], "resolved", 1, "mailto", True, 1),
            (3, ago[5], "firing", 1, "tgram", False, 4),
            (4, ago[1], "reminder", 1, "mailto", True, 2),
        ],
    )
