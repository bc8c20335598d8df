"""The rows behind every figure add up to it: held for every mart there is, whichever is added, on what was published
and on worlds of chance."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import duckdb
import pytest

from assets.marts.behind import explained, says_what_is_behind
from assets.marts.views import write_views
from checks.schemas import MARTS
from checks.schemas.figures import Figure, Kind
from checks.schemas.table import Declaration
from marketplace.offers import OFFER_STATES
from marketplace.statuses import BOOKING_STATUSES, COMMISSION_STATUSES, NOT_LIVE_STATUSES, SOURCES
from resources.home import Home
from resources.snapshots import open_snapshot, require_snapshot
from tests.marts.warehouse import DEFAULT_POLICY, NOW, Warehouse


def test_every_number_of_a_mart_says_what_kind_of_figure_it_is() -> None:
    numbers = [(one, each) for one in MARTS.values() for each in one.columns if not each.key]
    assert [f"{one.table}.{each.name}" for one, each in numbers if each.figure is None] == []


def test_a_mart_with_figures_made_of_rows_says_what_is_behind_them() -> None:
    silent = [one.table for one in MARTS.values() if _of_rows(one) and not says_what_is_behind(one.name)]
    assert silent == []


def _of_rows(one: Declaration) -> dict[str, Figure]:
    """The figures of a mart that are made of the rows behind it."""
    return {
        each.name: each.figure
        for each in one.columns
        if each.figure is not None and each.figure.kind is not Kind.OTHER
    }


def differing(con: duckdb.DuckDBPyConnection, one: Declaration) -> dict[str, int]:
    """Figure → rows of the mart in which the rows behind it do not make it up."""
    figures = _of_rows(one)
    if not figures:
        return {}
    if explained()[one.name].own:
        return _own(con, one)
    same = " AND ".join(f'm."{key}" IS NOT DISTINCT FROM b."{key}"' for key in one.key) or "true"
    # A column of its own for each, so that a mart and its rows may have columns of one name.
    made = ", ".join(f'{_made(name, figure)} AS "made_{name}"' for name, figure in figures.items())
    parts = ", ".join(
        f'sum(b."{part}") AS "sum_{name}_{number}"'
        for name, figure in figures.items()
        if figure.kind is Kind.RATIO
        for number, part in enumerate(figure.of)
    )
    told = f"""
        SELECT m.*, {made}{", " + parts if parts else ""}
        FROM (SELECT row_number() OVER () AS nth, * FROM marts.{one.name}) AS m
        LEFT JOIN behind.{one.name} AS b ON {same} GROUP BY ALL
    """
    wrong = []
    for name, figure in figures.items():
        value = f'"made_{name}"'
        if figure.kind is Kind.RATIO:
            within = "" if figure.over is None else f"PARTITION BY {', '.join(figure.over)}"
            low = f'"sum_{name}_1"' if figure.over is None else f'sum("sum_{name}_1") OVER ({within})'
            nothing = "NULL" if figure.empty is None else str(figure.empty)
            value = f'CASE WHEN coalesce({low}, 0) = 0 THEN {nothing} ELSE coalesce("sum_{name}_0", 0) / {low} END'
        wrong.append(f'({value}) AS "value_{name}"')
    # A figure that cannot be told is null, whatever its rows say.
    unlike = ", ".join(
        f'count(*) FILTER ("{name}" IS NOT NULL AND abs(coalesce("value_{name}", 1e18) - "{name}") > 1e-6) AS "{name}"'
        for name in figures
    )
    (row,) = con.sql(f"SELECT {unlike} FROM (SELECT *, {', '.join(wrong)} FROM ({told}))").fetchall()
    return {name: count for name, count in zip(figures, row, strict=True) if count}


def _own(con: duckdb.DuckDBPyConnection, one: Declaration) -> dict[str, int]:
    """Of a mart whose rows stand for themselves: they are all there, and as they are."""
    columns = ", ".join(f'"{each.name}"' for each in one.columns)
    parts = [f"SELECT {columns} FROM {schema}.{one.name}" for schema in ("marts", "behind")]
    apart = [con.sql(f"({a}) EXCEPT ALL ({b})").fetchall() for a, b in (parts, parts[::-1])]
    return {"rows": sum(map(len, apart))} if any(apart) else {}


def _made(name: str, figure: Figure) -> str:
    column = f'b."{(figure.of or (name,))[0]}"'
    match figure.kind:
        case Kind.MEAN:
            return f"avg({column})"
        case Kind.QUANTILE:
            return f"quantile_cont({column}, {figure.level})"
        case _:
            return f"coalesce(sum({column}), 0)"


@pytest.fixture(scope="module")
def worlds() -> Iterator[list[duckdb.DuckDBPyConnection]]:
    made = [_world(seed) for seed in (1, 2, 3)]
    yield made
    for con in made:
        con.close()


@pytest.mark.parametrize("name", MARTS)
def test_the_rows_behind_make_up_every_figure_of_a_world_of_chance(
    worlds: list[duckdb.DuckDBPyConnection], name: str
) -> None:
    for con in worlds:
        assert differing(con, MARTS[name]) == {}


@pytest.mark.parametrize("name", MARTS)
def test_the_rows_behind_make_up_every_published_figure(published_home: Home, name: str) -> None:
    with open_snapshot(require_snapshot(published_home)) as con:
        assert differing(con, MARTS[name]) == {}


def test_the_worlds_of_chance_have_something_of_every_mart(worlds: list[duckdb.DuckDBPyConnection]) -> None:
    empty = [
        one.name
        for one in MARTS.values()
        if not any(con.sql(f"FROM {one.table}").limit(1).fetchall() for con in worlds)
    ]
    # Rows of the ledger, which a build is given.
    assert set(empty) <= {"closed_month_changes", "closed_month_gaps"}


def test_of_nothing_there_is_nothing_behind() -> None:
    w = Warehouse()
    w.build()
    write_views(w.con, DEFAULT_POLICY)
    assert [one.name for one in MARTS.values() if differing(w.con, one)] == []


def _world(seed: int) -> duckdb.DuckDBPyConnection:
    """A marketplace of chance: every status, every zone and none, tests, deleted rows, amounts nobody knows, records of
    every kind, fees, refunds, and what fits nothing."""
    chance = random.Random(seed)
    w = Warehouse()
    for collection in (
        "bookings",
        "commission_records",
        "chat_messages",
        "notifications",
        "therapists",
        "places",
    ):
        w.scan(collection)
    offsets = (420, 480, 540, None)
    providers = [f"p{number}" for number in range(6)]
    for number, provider in enumerate(providers):
        w.provider(
            provider,
            provider_type=chance.choice(("therapist", "place")),
            status=chance.choice(("AVAILABLE", "BUSY", "RESTRICTED")),
            last_seen_at=chance.choice((NOW, NOW - timedelta(hours=1), None)),
            utc_offset_minutes=offsets[number % 3],
        )
    w.provider("p0", provider_type="place" if _kind(w, "p0") == "therapist" else "therapist")

    def moment(days: float) -> Any:
        return NOW - timedelta(seconds=chance.randrange(int(days * 86_400)))

    for number in range(400):
        created = moment(45 if number % 3 else 2)
        status = chance.choice(BOOKING_STATUSES)
        answered = chance.choice((None, created + timedelta(seconds=chance.randrange(1, 4_000))))
        w.booking(
            f"b{number}",
            origin=chance.choice(("bookings", "bookings", "hotel_bookings")),
            provider_id=chance.choice((*providers, None)),
            customer_id=(customer := f"{chance.choice('kkkK')}{chance.randrange(30)}"),
            cancelled_by=chance.choice((None, "customer", "therapist", "admin")),
            customer_key=f"c:{customer.lower()}",
            status=status,
            source=chance.choice(SOURCES),
            mode=chance.choice(("immediate", "scheduled")),
            amount_idr=chance.choice((None, 0, 250_000, 333_333, 1_000_001)),
            service_minutes=chance.choice((60, 90, 120, None)),
            created_at=created,
            updated_at=created,
            accepted_at=answered if status in ("accepted", "confirmed", "completed", "cancelled") else None,
            accepted_rule="explicit",
            responded_at=answered,
            response_deadline=chance.choice((None, created + timedelta(minutes=5))),
            starts_at=chance.choice((None, created + timedelta(hours=1))),
            ends_at=created + timedelta(hours=2),
            completed_at=created + timedelta(hours=2) if status == "completed" else None,
            decline_reason=chance.choice((None, "other"))
            if status in ("declined", "cancelled", "expired")
            else None,
            utc_offset_minutes=chance.choice(offsets),
            is_test=chance.random() < 0.05,
            deleted_at=NOW if chance.random() < 0.05 else None,
        )
    for number in range(300):
        created = moment(45)
        status = chance.choice(COMMISSION_STATUSES)
        w.commission(
            f"c{number}",
            chance.choice((f"b{chance.randrange(400)}", f"b{chance.randrange(400)}", "nowhere", None)),
            provider_id=chance.choice((*providers, None)),
            commission_idr=chance.choice((75_000, 100_000, 22_500, None, -75_000)),
            booking_amount_idr=chance.choice((250_000, 333_333, None)),
            status=status,
            is_live=status not in NOT_LIVE_STATUSES,
            created_at=created,
            updated_at=chance.choice((None, created + timedelta(hours=5))),
            paid_at=chance.choice((None, created + timedelta(hours=1))),
            verified_at=chance.choice((None, created + timedelta(days=3))),
            deadline_at=chance.choice((None, created + timedelta(hours=4))),
            fee_idr=chance.choice((None, None, 0, 25_000, 30_000)),
            fee_state="present",
            utc_offset_minutes=chance.choice(offsets),
            is_test=chance.random() < 0.05,
            deleted_at=NOW if chance.random() < 0.1 else None,
        )
    for number in range(200):
        w.message(
            f"m{number}",
            sender_id=f"k{chance.randrange(3)}",
            receiver_id=chance.choice((*providers, None)),
            is_read=chance.choice((True, False, None)),
            booking_ref=chance.choice((None, f"b{chance.randrange(400)}")),
            conversation_id=chance.choice(
                (f"r{number // 3}", f"R{number // 3}", f"r{number}", "nowhere", None)
            ),
            sender_role=chance.choice(("customer", "therapist", "system", None)),
            created_at=(sent := moment(5)),
            sent_at=sent,
            deleted_at=NOW if chance.random() < 0.1 else None,
        )
        w.add(
            "core.chat_rooms",
            room_id=f"r{number}",
            booking_ref=f"b{number % 150}",
            created_at=moment(3),
            utc_offset_minutes=chance.choice(offsets),
            customer_id="k1",
        )
        w.notification(
            f"n{number}",
            age=timedelta(minutes=chance.randrange(2_000)),
            delivered=chance.random() < 0.8,
            failed_at=chance.choice((None, NOW)),
            channel=chance.choice(("push", None)),
            recipient_type=chance.choice(("therapist", "customer", None)),
            booking_ref=f"b{chance.randrange(400)}",
        )
    w.scan("reviews")
    kinds = {row["provider_id"]: row["provider_type"] for row in w.rows("FROM core.providers")}
    for provider, kind in kinds.items():
        statuses = [chance.choice(("AVAILABLE", "BUSY", "OFFLINE", "RESTRICTED", None)) for _ in range(12)]
        seen = sorted(moment(5) for _ in statuses)
        w.states(provider, *zip(seen, statuses, strict=True), provider_type=kind)
    for number in range(60):
        w.review(
            f"v{number}",
            chance.choice((1, 4, 5, None)),
            provider_id=chance.choice((*providers, None)),
            booking_ref=f"b{chance.randrange(400)}",
        )
        holders = [chance.choice((*providers, None)) for _ in range(3)]
        w.held(f"b{number}", *((moment(3), holder) for holder in holders))
        w.add(
            "core.booking_events",
            booking_id=f"b{number}",
            to_status=chance.choice(("declined", "reassigned")),
            observed_at=moment(5),
            change=number,
        )
    w.add(
        "core.data_findings",
        finding="amount_unknown",
        collection="bookings",
        row_id="b1",
        attribute="x",
        detail="x",
    )
    for number, (point, status) in enumerate(((1, "working"), (1, "broken"), (2, "unknown"), (1, "working"))):
        at = NOW - timedelta(hours=9 - 2 * number)
        w.add(
            "ops.health_changes",
            change_id=number,
            point=point,
            status=status,
            since=at,
            evaluated_before=at,
            evaluated_at=at + timedelta(minutes=30),
        )
    for number in range(0, 120, 2):  # half of the first bookings were offered, some to several
        for round_number in range(1, chance.randrange(2, 5)):
            state = chance.choice(OFFER_STATES)
            w.offer(
                f"b{number}",
                chance.choice(providers),
                state,
                at=moment(2),
                answer=chance.choice((None, timedelta(minutes=chance.randrange(9)))),
                round=round_number,
                offer_id=f"o{number}_{round_number}",
                deleted_at=NOW if chance.random() < 0.05 else None,
            )
    # Whatever chance says, in one room somebody waits.
    w.room("waits", None, customer_id="k1")
    w.message("asks", conversation_id="waits", sender_role="customer")
    w.build()
    write_views(w.con, DEFAULT_POLICY)
    return w.con


def _kind(w: Warehouse, provider: str) -> str:
    (row,) = w.rows(
        f"SELECT min(provider_type) AS provider_type FROM core.providers WHERE provider_id = '{provider}'"
    )
    return str(row["provider_type"])
