"""A published snapshot for the tests of the screens: the publication's own tables, with plain rows from a seed, marts
counted here in Python, apart from the code under test. Holds no table definition, and no personal data: there is
none in a snapshot."""

from __future__ import annotations

import json
import pickle
import random
import shutil
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock

from marketplace.health import HEALTH_POINTS
from messages.catalogue import english, say
from messages.figures import counted_in
from messages.rules import broken, component
from resources.home import Home
from tests.dashboards import watch_tables
from tests.published import add, changing, copied_home, empty_snapshot

NOW = datetime(2026, 11, 22, 6, 5, 30)  # naive UTC; 14:05:30 WITA
NOW_SETTING = "2026-11-22T06:05:30Z"
WITA = timedelta(hours=8)
DAYS = 60
SNAPSHOT_ID = "20261122T060512Z-000003"
RUN_ID = "run-0042"
SOURCES = ("bookingButton", "chatWindow", "menuSlider", "priceSlider", "scheduled", "direct", "unknown")
WEIGHTS = (34, 18, 12, 9, 14, 10, 3)
PROVIDERS = [
    (f"prov{n:02d}", name)
    for n, name in enumerate(
        (
            "Sari Wellness",
            "Made Massage",
            "Ubud Touch",
            "Kadek Therapy",
            "Nusa Spa House",
            "Wayan Bodywork",
            "Lotus Room",
            "Seminyak Hands",
        )
    )
]

#: The commission of the one record of which nobody knows what should be.
UNKNOWN_IDR = 90_000

#: The columns of the tables that are filled here, in the order of the rows.
BOOKING = (
    "booking_id origin provider_id provider_type provider_name status source mode service_minutes amount_idr"
    " amount_rule created_at starts_at accepted_at completed_at utc_offset_minutes is_test earns deleted_at change"
)
RECONCILED = (
    "booking_id commission_id booking_ref provider_id source booking_status booking_amount_idr rate expected_idr"
    " actual_idr variance_idr state local_date accrued_at utc_offset_minutes policy_version policy_rate_ppm"
    " deadline_at commission_status paid_at records origin"
)
FINDING = (
    "finding_id finding severity booking_id booking_ref commission_id provider_id expected_idr actual_idr"
    " variance_idr detail origin waived"
)
SUMMARY = (
    "eligible tracked missing awaiting unknown tracking_rate state expected_idr actual_idr variance_idr"
    " unknown_rows unknown_expected_idr unknown_actual_idr as_of"
)
POINT = "point name status figure limit_value message severity evidence_at component unit code args"


def _coded(point: tuple[Any, ...]) -> tuple[str | None, str | None]:
    """Code and arguments of a point that is broken; the others say something else than the product would."""
    message = broken(point[0]) if point[2] == "broken" else None
    return (message.code, message.args_json) if message else (None, None)


POINTS: list[tuple[Any, ...]] = [
    (
        1,
        "user-to-member connection",
        "working",
        243.0,
        1.0,
        "243 bookings in the last 24 h",
        None,
        timedelta(minutes=3),
    ),
    (
        2,
        "chat window booking",
        "working",
        301.0,
        1.0,
        "301 chat window bookings in the last 7 days",
        None,
        timedelta(minutes=11),
    ),
    (
        3,
        "scheduled booking",
        "unknown",
        None,
        1.0,
        "No booking of the last 7 days carries a mode (1702 rows)",
        None,
        None,
    ),
    (
        4,
        "book now",
        "working",
        131.0,
        1.0,
        "131 immediate bookings in the last 24 h",
        None,
        timedelta(minutes=3),
    ),
    (
        5,
        "data flow to admin",
        "working",
        3.0,
        60.0,
        "The newest booking is 3 minutes old",
        None,
        timedelta(minutes=3),
    ),
    (
        6,
        "notification delivery",
        "broken",
        0.7314,
        0.8,
        "Notification delivery rate below 80%",
        "high",
        timedelta(minutes=2),
    ),
    (
        7,
        "payment tracking",
        "broken",
        12.0,
        0.0,
        "Payment tracking system not recording commissions",
        "critical",
        timedelta(minutes=1),
    ),
]

COLLECTIONS: list[tuple[str, bool, str, str | None]] = [
    ("bookings", True, "complete", None),
    ("chat_messages", True, "complete", None),
    ("commission_records", True, "complete", None),
    ("chat_rooms", False, "complete", None),
    ("hotel_bookings", False, "complete", None),
    ("notifications", False, "complete", None),
    ("places", False, "complete", None),
    ("reviews", False, "forbidden", "The key may not read this collection"),
    ("therapists", False, "complete", None),
    ("users", False, "complete", None),
]


_COUNTED = partial(defaultdict[str, int], int)


@dataclass
class Truth:
    """What the snapshot holds, counted by the loop that made it."""

    days: dict[date, dict[str, int]] = field(default_factory=partial(defaultdict, _COUNTED))
    sources: dict[tuple[date, str], dict[str, int]] = field(default_factory=partial(defaultdict, _COUNTED))
    missing: list[tuple[str, int]] = field(default_factory=list)
    tracked: int = 0
    expected_idr: int = 0
    actual_idr: int = 0
    variance_idr: int = 0

    def total(self, name: str, first: date, last: date) -> int:
        return sum(row[name] for day, row in self.days.items() if first <= day <= last)


def build(
    publication: Path,
    home: Path,
    *,
    missing: int = 12,
    read_ago: timedelta = timedelta(seconds=18),
    later: bool = True,
) -> Truth:
    """Publish a snapshot of 60 days under ``home`` and return what is in it. ``read_ago``: the age of every
    scan at NOW; ``later``: with the tables that later versions publish. Made once in a session of pytest, by whichever
    process asks first; every home is a copy."""
    kept = publication.parent / f"screens-{missing}-{read_ago.total_seconds():.0f}-{later}"
    with FileLock(f"{kept}.lock"):
        if not kept.exists():
            # As in tests/published.py: what broke off must not pass for a world.
            making = kept.with_suffix(".partial")
            shutil.rmtree(making, ignore_errors=True)
            truth = _build(publication, making / "home", missing=missing, read_ago=read_ago, later=later)
            (making / "truth").write_bytes(pickle.dumps(truth))
            making.rename(kept)
    copied_home(kept / "home", home)
    return pickle.loads((kept / "truth").read_bytes())


def _build(publication: Path, home: Path, *, missing: int, read_ago: timedelta, later: bool) -> Truth:
    Home(home).create()
    truth = Truth()
    rng = random.Random(7)
    bookings: list[tuple[Any, ...]] = []
    reconciled: list[tuple[Any, ...]] = []
    findings: list[tuple[Any, ...]] = []
    today = (NOW + WITA).date()
    number = 0
    for back in range(DAYS - 1, -1, -1):
        day = today - timedelta(days=back)
        midnight = datetime.combine(day, datetime.min.time()) - WITA
        volume = int((205 + 60 * (day.weekday() >= 4) + (DAYS - back) * 0.7) * rng.uniform(0.88, 1.12))
        for _ in range(volume if back else volume // 2):
            number += 1
            booking_id = f"bk{number:06d}"
            created = midnight + timedelta(
                seconds=rng.randrange(int(((NOW + WITA).hour if back == 0 else 24) * 3600) or 1)
            )
            source = rng.choices(SOURCES, WEIGHTS)[0]
            status_ = rng.choices(
                ("completed", "accepted", "declined", "expired", "cancelled"), (62, 9, 11, 10, 8)
            )[0]
            amount = rng.choice((250_000, 350_000, 450_000, 202_500, 275_000))
            provider_id, provider_name = rng.choice(PROVIDERS)
            earns = status_ in ("completed", "accepted")
            bookings.append(
                (
                    booking_id,
                    "bookings",
                    provider_id,
                    "therapist",
                    provider_name,
                    status_,
                    source,
                    "immediate",
                    60,
                    amount,
                    "totalCost",
                    created,
                    created,
                    created if earns else None,
                    created + timedelta(hours=1) if status_ == "completed" else None,
                    480,
                    False,
                    earns,
                    None,
                    number,
                )
            )
            truth.days[day]["bookings"] += 1
            truth.sources[day, source]["bookings"] += 1
            if not earns:
                continue
            commission = (amount * 3 + 5) // 10
            for group in (truth.days[day], truth.sources[day, source]):
                group["booked_idr"] += amount
                group["completed_idr"] += amount if status_ == "completed" else 0
            truth.expected_idr += commission
            gone = len(truth.missing) < missing and number % 977 == 0
            wrong = not gone and number % 641 == 0
            actual = 0 if gone else commission + (-25_000 if wrong else 0)
            truth.actual_idr += actual
            truth.variance_idr += actual - commission
            if gone:
                truth.missing.append((booking_id, commission))
                findings.append(
                    (
                        f"missing:{booking_id}",
                        "missing",
                        "critical",
                        booking_id,
                        None,
                        None,
                        provider_id,
                        commission,
                        0,
                        -commission,
                        "This booking earns and has no commission record.",
                        "bookings",
                        False,
                    )
                )
            else:
                truth.tracked += 1
            if wrong:
                findings.append(
                    (
                        f"wrong_amount:cm{number:06d}",
                        "wrong_amount",
                        "high",
                        booking_id,
                        booking_id,
                        f"cm{number:06d}",
                        provider_id,
                        commission,
                        actual,
                        actual - commission,
                        "The commission is Rp 25.000 below 30 % of the booking.",
                        "bookings",
                        number % 3 == 0,
                    )
                )
            paid = (rng.random() < 0.71) and not gone
            if paid:
                truth.days[day]["collected_idr"] += actual
            state = "missing" if gone else "mismatched" if wrong else "matched"
            reconciled.append(
                (
                    booking_id,
                    None if gone else f"cm{number:06d}",
                    None if gone else booking_id,
                    provider_id,
                    source,
                    status_,
                    amount,
                    None if gone else 0.3,
                    commission,
                    actual,
                    actual - commission,
                    state,
                    day,
                    created,
                    480,
                    "default-1",
                    300_000,
                    created + timedelta(hours=4),
                    None if gone else "paid" if paid else "pending",
                    created if paid else None,
                    0 if gone else 1,
                    "bookings",
                )
            )
    for n in range(3):
        findings.append(
            (
                f"orphan:cmx{n}",
                "orphan",
                "high",
                None,
                f"gone{n}",
                f"cmx{n}",
                "prov01",
                0,
                75_000,
                75_000,
                "The record refers to a booking that does not exist.",
                None,
                False,
            )
        )
        reconciled.append(
            (
                None,
                f"cmx{n}",
                f"gone{n}",
                "prov01",
                None,
                None,
                None,
                0.3,
                0,
                75_000,
                75_000,
                "orphan",
                today,
                NOW,
                480,
                "default-1",
                300_000,
                None,
                "pending",
                None,
                1,
                None,
            )
        )
        truth.actual_idr += 75_000
        truth.variance_idr += 75_000
    # A record of a booking that is pending: what is due is not known, so it is in no difference.
    reconciled.append(
        (
            "bkpending",
            "cmpending",
            "bkpending",
            "prov01",
            "direct",
            "pending",
            300_000,
            0.3,
            None,
            UNKNOWN_IDR,
            None,
            "unknown",
            today,
            NOW,
            480,
            "default-1",
            300_000,
            None,
            "pending",
            None,
            1,
            "bookings",
        )
    )
    truth.actual_idr += UNKNOWN_IDR
    count_missing = len(truth.missing)
    tracking = truth.tracked / (truth.tracked + count_missing)
    state = "perfect" if count_missing == 0 else "warning" if count_missing == 1 else "critical"
    read = NOW - read_ago

    with changing(home, of=empty_snapshot(publication), snapshot_id=SNAPSHOT_ID) as con:
        add(con, "core.bookings", BOOKING, bookings)
        add(con, "marts.commission_reconciliation", RECONCILED, reconciled)
        add(con, "marts.commission_findings", FINDING, findings)
        add(
            con,
            "marts.revenue_daily",
            "local_date bookings booked_idr completed_idr collected_idr",
            [
                (day, row["bookings"], row["booked_idr"], row["completed_idr"], row["collected_idr"])
                for day, row in truth.days.items()
            ],
        )
        add(
            con,
            "marts.revenue_by_source",
            "local_date source bookings booked_idr completed_idr",
            [
                (day, source, row["bookings"], row["booked_idr"], row["completed_idr"])
                for (day, source), row in truth.sources.items()
            ],
        )
        add(
            con,
            "marts.commission_summary",
            SUMMARY,
            [
                (
                    truth.tracked + count_missing,
                    truth.tracked,
                    count_missing,
                    0,
                    0,
                    tracking,
                    state,
                    truth.expected_idr,
                    truth.actual_idr,
                    truth.variance_idr,
                    1,
                    0,
                    UNKNOWN_IDR,
                    read,
                )
            ],
        )
        add(
            con,
            "marts.health_points",
            POINT,
            [
                (
                    *row[:7],
                    None if row[7] is None else NOW - row[7],
                    english(component(row[0])),
                    counted_in(HEALTH_POINTS[row[0]].metric),
                    *_coded(row),
                )
                for row in POINTS
            ],
        )
        add(
            con,
            "marts.service_figures",
            "avg_response_s p95_response_s success_rate delivery_rate newest_booking_at bookings_24h",
            [(71.0, 260.0, 0.71, 0.7314, NOW - timedelta(minutes=3), 243)],
        )
        add(
            con,
            "ops.scans",
            "collection watermark completed_at required outcome detail",
            [
                (
                    name,
                    read - timedelta(seconds=2),
                    None if outcome == "forbidden" else read,
                    required,
                    outcome,
                    detail,
                )
                for name, required, outcome, detail in COLLECTIONS
            ],
        )
        add(
            con,
            "ops.quarantine",
            "collection row_id reasons first_seen_at",
            [
                (
                    "bookings",
                    f"q{n}",
                    '["creation_unreadable"]' if n else '["creation_unreadable", "id_missing"]',
                    NOW - timedelta(days=4, hours=n),
                )
                for n in range(5)
            ],
        )
        add(
            con,
            "ops.check_results",
            "run_id check_name asset passed severity failed_rows evaluated_at",
            [(RUN_ID, f"check_{n:02d}", "marts/revenue_daily", True, "ERROR", 0, NOW) for n in range(38)]
            + [
                (
                    RUN_ID,
                    "zero_missing_commission",
                    "marts/commission_summary",
                    False,
                    "WARN",
                    count_missing,
                    NOW,
                ),
                (RUN_ID, "health_point_6", "marts/health_points", False, "WARN", 1, NOW),
            ],
        )
        con.execute(
            "UPDATE ops.snapshot SET run_id = ?, published_at = ?, rules_version = '3', source ="
            " {'endpoint': 'http://127.0.0.1/v1', 'project': 'demo', 'database': 'main'}",
            [RUN_ID, read],
        )
        watch_tables.complete(con, NOW, PROVIDERS, later=later)
    write_status(home, status_of(truth, read_ago=read_ago))
    return truth


def status_of(truth: Truth, *, read_ago: timedelta = timedelta(seconds=18)) -> dict[str, Any]:
    """The status.json of the run that published the snapshot."""
    read = NOW - read_ago

    def said(moment: datetime | None) -> str | None:
        return None if moment is None else moment.isoformat() + "Z"

    return {
        "version": 1,
        "written_at": said(read),
        "run_id": RUN_ID,
        "run": {
            "outcome": "published",
            "exit_status": 10,
            "message": "",
            "started_at": said(read),
            "finished_at": said(read),
        },
        "snapshot": {"snapshot_id": SNAPSHOT_ID, "published_at": said(read), "age_s": 0},
        "freshness": {
            "newest_booking_at": said(NOW - timedelta(minutes=3)),
            "collections": [
                {
                    "collection": name,
                    "required": required,
                    "outcome": outcome,
                    "watermark": said(read - timedelta(seconds=2)),
                    "completed_at": None if outcome == "forbidden" else said(read),
                    "detail": detail,
                }
                for name, required, outcome, detail in COLLECTIONS
            ],
        },
        "health": {
            "system": "degraded",
            "points": [
                dict(
                    zip(
                        (
                            "point",
                            "name",
                            "status",
                            "figure",
                            "limit_value",
                            "message",
                            "severity",
                            "evidence_at",
                            "code",
                            "args",
                        ),
                        (*row[:7], None if row[7] is None else said(NOW - row[7]), *_coded(row)),
                        strict=True,
                    )
                )
                | ({"code": worded.code, "args": worded.args_json} if say(worded) == row[5] else {})
                for row in POINTS
                for worded in (broken(row[0]),)
            ],
        },
        "checks": {
            "passed": 38,
            "failed": 2,
            "failing": [
                {
                    "check_name": "zero_missing_commission",
                    "asset": "marts/commission_summary",
                    "severity": "WARN",
                    "failed_rows": len(truth.missing),
                },
                {
                    "check_name": "health_point_6",
                    "asset": "marts/health_points",
                    "severity": "WARN",
                    "failed_rows": 1,
                },
            ],
        },
        "alerts": [
            {
                "alert_id": "zero_missing_commission",
                "name": "zero_missing_commission",
                "labels": {},
                "state": "firing",
                "severity": "critical",
                "summary": "12 bookings that earn have no commission record.",
                "detail": "bk000977, bk001954; record them",
                "figure": 12.0,
                "limit_value": 0.0,
                "unit": "missing commissions",
                "page": "/revenue",
                "since": said(NOW - timedelta(hours=5)),
                "fired_at": said(NOW - timedelta(hours=5)),
                "last_sent_at": said(NOW - timedelta(hours=1)),
                "announced": True,
                "silenced_by": None,
                "inhibited_by": None,
            },
            {
                "alert_id": "health_point_6",
                "name": "health_point_6",
                "labels": {},
                "state": "firing",
                "severity": "high",
                "summary": "Notification delivery rate below 80%",
                "detail": "",
                "figure": 0.7314,
                "limit_value": 0.8,
                "unit": "share",
                "page": "/health",
                "since": said(NOW - timedelta(hours=18)),
                "fired_at": said(NOW - timedelta(hours=18)),
                "last_sent_at": None,
                "announced": False,
                "silenced_by": "7",
                "inhibited_by": None,
            },
        ],
        "alerts_pending": [
            {
                "alert_id": "error_rate",
                "name": "error_rate",
                "labels": {},
                "state": "pending",
                "severity": "medium",
                "summary": "13 errors in a minute",
                "detail": "",
                "figure": 13.0,
                "limit_value": 10.0,
                "unit": "",
                "page": "/errors",
                "since": said(NOW - timedelta(minutes=1)),
                "fired_at": None,
                "last_sent_at": None,
                "announced": False,
                "silenced_by": None,
                "inhibited_by": None,
            }
        ],
        "silences": [
            {
                "silence_id": "7",
                "matcher": "health_point_6",
                "author": "Komang",
                "reason": "push provider is down, known",
                "created_at": said(NOW - timedelta(hours=2)),
                "ends_at": said(NOW + timedelta(hours=4)),
            }
        ],
        "quarantine": {
            "count": 5,
            "oldest_first_seen_at": said(NOW - timedelta(days=4, hours=4)),
            "reasons": {"creation_unreadable": 5, "id_missing": 1},
        },
        "rules_version": "3",
    }


def failed(status: dict[str, Any], message: str) -> dict[str, Any]:
    """The status of a later run that failed before it published."""
    run = {
        "outcome": "failed",
        "exit_status": 11,
        "message": message,
        "started_at": "2026-11-22T06:04:00Z",
        "finished_at": "2026-11-22T06:04:10Z",
    }
    return {**status, "written_at": "2026-11-22T06:04:10Z", "run_id": "run-0043", "run": run}


def write_status(home: Path, status: dict[str, Any]) -> None:
    """Replace status.json by rename, as every run does."""
    fresh = home / "published" / "status.json.new"
    fresh.write_text(json.dumps(status), encoding="utf-8")
    fresh.replace(home / "published" / "status.json")


def edit(home: Path, change: Callable[[dict[str, Any]], None]) -> None:
    status = json.loads((home / "published" / "status.json").read_text())
    change(status)
    write_status(home, status)
