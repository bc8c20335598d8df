"""Bookings found, filtered and leafed through: what the pages ask of a snapshot, against what core itself says."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dashboards.queries import bookings, reading
from dashboards.queries.bookings import PAGE_ROWS, SORTS, Asked, Listing
from marketplace.answers import AWAITED, Answer, answer_of
from resources.home import Home
from resources.policy_file import load_policy
from resources.snapshots import require_snapshot
from tests.published import PUBLISHED_AT, changed

AT = PUBLISHED_AT
FOUND = """FROM marts.commission_findings f
           WHERE f.booking_id = b.booking_id AND f.origin = b.origin AND NOT waived"""
COUNTED = "deleted_at IS NULL AND NOT coalesce(is_test, false)"


@pytest.fixture(scope="module")
def path(publication: Path) -> str:
    return str(require_snapshot(Home(publication)))


def core(path: str, sql: str, *parameters: Any) -> list[dict[str, Any]]:
    return reading.ask(path, sql, list(parameters)).to_dicts()


def listed(path: str, asked: Asked) -> pl.DataFrame:
    return Listing("bookings", asked, 1, AT).all(path)


def ids(rows: pl.DataFrame | list[dict[str, Any]]) -> list[str]:
    return sorted(rows["booking_id"] if isinstance(rows, pl.DataFrame) else [r["booking_id"] for r in rows])


def one(path: str, condition: str) -> dict[str, Any]:
    return core(path, f"FROM core.bookings WHERE {condition} ORDER BY booking_id LIMIT 1")[0]


# Who waits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("later", [timedelta(), timedelta(minutes=20), timedelta(days=-2)])
def test_who_waits_is_counted_by_the_clock_and_listed_as_counted(path: str, later: timedelta) -> None:
    at = AT + later
    rows = core(path, f"FROM core.bookings WHERE {COUNTED}")
    answers = {row["booking_id"]: answer_of(row, at) for row in rows}
    awaited = sorted(key for key, answer in answers.items() if answer in AWAITED)
    past = sorted(key for key, answer in answers.items() if answer is Answer.PAST)
    assert awaited
    found = bookings.waiting(path, at)
    assert (found.waiting, found.past) == (len(awaited), len(past))
    assert ids(listed(path, Asked(show="waiting"))) == awaited
    assert ids(listed(path, Asked(show="unanswered", at=at))) == past
    if past:
        assert found.longest is not None
        first = min((row for row in rows if row["booking_id"] in past), key=lambda r: r["response_deadline"])
        assert found.longest["response_deadline"] == first["response_deadline"]


def test_those_that_wait_stand_by_their_deadline_and_all_others_the_newest_first(path: str) -> None:
    assert listed(path, Asked(show="waiting"))["response_deadline"].drop_nulls().is_sorted()
    assert listed(path, Asked())["created_at"].is_sorted(descending=True)


# Filters ------------------------------------------------------------------------------------------


def test_each_filter_finds_what_core_says(path: str) -> None:
    provider = one(path, f"provider_id IS NOT NULL AND {COUNTED}")["provider_id"]
    city = core(path, "SELECT min(city) AS city FROM core.providers")[0]["city"]
    day = "(created_at + to_minutes(utc_offset_minutes))::DATE"
    for asked, condition in (
        (Asked(), "true"),
        (Asked(status="declined"), "status = 'declined'"),
        (Asked(source="chatWindow"), "source = 'chatWindow'"),
        (Asked(provider=provider), f"provider_id = '{provider}'"),
        (Asked(city=city), f"provider_id IN (SELECT provider_id FROM core.providers WHERE city = '{city}')"),
        (Asked(first=date(2026, 11, 20)), f"{day} >= DATE '2026-11-20'"),
        (Asked(last=date(2026, 11, 20)), f"{day} <= DATE '2026-11-20'"),
        (
            Asked(first=date(2026, 11, 20), last=date(2026, 11, 20), status="completed"),
            f"{day} = DATE '2026-11-20' AND status = 'completed'",
        ),
        (
            Asked(show="reassigned"),
            "EXISTS (FROM marts.reassignments r WHERE r.booking_id = b.booking_id AND r.origin = b.origin)",
        ),
        *(
            (
                Asked(show=anomaly),
                f"""EXISTS (FROM marts.booking_anomalies a WHERE anomaly = '{anomaly}'
                            AND b.booking_id IN (a.booking_id, a.other_booking_id))""",
            )
            for anomaly in bookings.SHOWN[-3:]
        ),
        (
            Asked(show="anomalies"),
            "EXISTS (FROM marts.booking_anomalies a WHERE b.booking_id IN (a.booking_id, a.other_booking_id))",
        ),
        (
            Asked(show="missing"),
            f"EXISTS ({FOUND} AND finding = 'missing')",
        ),
        (
            Asked(show="finding"),
            f"EXISTS ({FOUND})",
        ),
    ):
        expected = core(path, f"SELECT booking_id FROM core.bookings b WHERE {COUNTED} AND {condition}")
        assert ids(listed(path, asked)) == ids(expected), asked
        assert bookings.total(path, asked) == len(expected), asked


def test_a_list_is_leafed_through_without_a_gap_in_every_order(path: str) -> None:
    whole = listed(path, Asked())
    for sort in SORTS:
        asked = Asked(sort=sort)
        whole = listed(path, asked)
        assert whole.height == bookings.total(path, asked) > 3 * PAGE_ROWS
        pages = [Listing("bookings", asked, page, AT).first(path, 500) for page in (1, 2, 3)]
        assert [page.height for page in pages] == [PAGE_ROWS] * 3
        # What is downloaded is what is shown, and more of it.
        assert pl.concat(pages).equals(whole.head(3 * PAGE_ROWS)), sort
    last = -(-whole.height // PAGE_ROWS)
    assert Listing("bookings", Asked(), last, AT).first(path, 500).height == whole.height % PAGE_ROWS
    assert Listing("bookings", Asked(), last + 1, AT).first(path, 500).is_empty()


# Search -------------------------------------------------------------------------------------------


def test_a_booking_is_found_by_its_id_its_number_its_customer_and_its_provider(path: str) -> None:
    row = one(
        path,
        f"business_id IS NOT NULL AND customer_id IS NOT NULL AND provider_name IS NOT NULL AND {COUNTED}",
    )
    for said in (
        row["booking_id"],
        row["booking_id"].upper(),
        row["business_id"],
        row["business_id"].lower(),
        row["booking_id"][:12],
    ):
        assert ids(listed(path, Asked(search=said))) == [row["booking_id"]], said
    for column in ("customer_id", "provider_id"):
        expected = core(path, f"SELECT booking_id FROM core.bookings WHERE {column} = ?", row[column])
        assert ids(listed(path, Asked(search=row[column]))) == ids(expected)
    (named,) = core(
        path, "SELECT provider_name FROM core.providers WHERE provider_id = ?", row["provider_id"]
    )
    assert row["booking_id"] in ids(listed(path, Asked(search=named["provider_name"].upper()[:8])))


@pytest.mark.parametrize("said", ["%", "_", "%%%%", "' OR 1=1 --", "\\", "\0", "x" * 128, "nobody at all"])
def test_a_search_is_text_and_no_pattern(path: str, said: str) -> None:
    assert listed(path, Asked(search=said)).is_empty()
    assert bookings.total(path, Asked(search=said)) == 0


def test_tests_and_deleted_bookings_are_found_by_a_search_alone(path: str) -> None:
    hidden = one(path, "is_test")["booking_id"]
    assert hidden not in ids(listed(path, Asked()))
    assert ids(listed(path, Asked(search=hidden))) == [hidden]


def test_the_beginning_of_many_ids_is_cut_and_says_so(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bookings, "MOST_FOUND", 3)
    prefix = one(path, "business_id IS NOT NULL")["business_id"][:4]
    found = bookings.sought.__wrapped__(path, prefix)  # type: ignore[attr-defined]  # what is asked, not what is kept
    assert found.cut
    assert len(found.condition[1][0]) == 3


# Chat ---------------------------------------------------------------------------------------------


def test_whether_the_chat_is_open_is_unknown_where_a_room_is_not_surely_the_bookings(
    published_home: Home,
) -> None:
    path = str(require_snapshot(published_home))
    rooms = core(
        path,
        f"""SELECT b.booking_id, b.business_id, r.room_id FROM core.bookings b
            JOIN core.chat_rooms r ON r.booking_ref = b.booking_id
            WHERE b.{COUNTED} AND b.business_id IS NOT NULL AND r.status = 'active' AND r.expires_at > '2026-11-23'
            ORDER BY b.booking_id LIMIT 5""",
    )
    kept, by_case, shared, strange, gone = (row["booking_id"] for row in rows_of(rooms))
    number = next(row["business_id"] for row in rooms if row["booking_id"] == shared)

    def room(booking_id: str) -> str:
        return f"UPDATE core.chat_rooms SET {{}} WHERE booking_ref = '{booking_id}'"

    changed(
        published_home,
        room(by_case).format(f"booking_ref = '{by_case.swapcase()}'"),
        room(shared).format(f"booking_ref = '{number}'"),
        f"INSERT INTO core.bookings BY NAME SELECT * REPLACE ('another' AS booking_id) FROM core.bookings"
        f" WHERE booking_id = '{shared}'",
        room(strange).format("status = 'unknown'"),
        room(gone).format("deleted_at = created_at"),
    )
    path = str(require_snapshot(published_home))
    said = {row["booking_id"]: row["chat"] for row in listed(path, Asked()).to_dicts()}
    assert [said[key] for key in (kept, by_case, shared, strange, gone)] == [
        "open",
        "open",
        "unknown",
        "unknown",
        "none",
    ]
    changed(published_home, "UPDATE ops.scans SET completed_at = NULL WHERE collection = 'chat_rooms'")
    path = str(require_snapshot(published_home))
    said = {row["booking_id"]: row["chat"] for row in listed(path, Asked()).to_dicts()}
    assert [said[key] for key in (kept, gone)] == ["open", "unknown"]
    assert "closed" not in said.values()


def rows_of(rooms: list[dict[str, Any]]) -> list[dict[str, Any]]:
    assert len(rooms) == 5
    return rooms


# One booking --------------------------------------------------------------------------------------


def test_a_booking_is_opened_by_its_id_or_its_number(path: str) -> None:
    row = one(path, f"business_id IS NOT NULL AND {COUNTED}")
    for said in (row["booking_id"], row["business_id"]):
        assert [found["booking_id"] for found in bookings.named(path, said)] == [row["booking_id"]]
    assert bookings.named(path, "nobody") == []


def test_a_hand_over_is_told_from_both_bookings_with_the_names(path: str) -> None:
    over = core(path, "FROM marts.reassignments WHERE to_booking_id IS NOT NULL ORDER BY booking_id LIMIT 1")[
        0
    ]
    for booking_id in (over["booking_id"], over["to_booking_id"]):
        found = bookings.hand_overs(path, booking_id, over["origin"])
        assert [row["from_provider_id"] for row in found] == [over["from_provider_id"]]
        assert found[0]["from_name"]
        assert found[0]["to_name"]


def test_how_a_commission_came_about_is_told_for_every_booking(path: str) -> None:
    policy = load_policy()
    missing = core(path, "FROM marts.commission_findings WHERE finding = 'missing' ORDER BY 1 LIMIT 1")[0]
    steps = bookings.chain(path, missing["booking_id"], missing["origin"], policy)
    assert "state = missing" in [step.fact for step in steps]
    assert any(step.fact.startswith("records that name ") for step in steps)
    pending = one(path, "status = 'pending'")
    steps = bookings.chain(path, pending["booking_id"], pending["origin"], policy)
    assert steps[0].fact.startswith("status = pending")
    assert bookings.chain(path, "nobody", "bookings", policy) == ()


def test_nothing_that_goes_by_the_clock_is_kept(path: str) -> None:
    asked = Asked(show="waiting")
    early, late = (Listing("bookings", asked, 1, AT + timedelta(days=n)).first(path, 500) for n in (-30, 30))
    assert set(early["answer"]) == {"waiting"}
    assert set(late["answer"]) == {"past"}


def test_what_is_kept_is_of_this_snapshot(published_home: Home) -> None:
    before = str(require_snapshot(published_home))
    total = bookings.total(before, Asked())
    changed(published_home, "DELETE FROM core.bookings WHERE status = 'declined'")
    after = str(require_snapshot(published_home))
    assert bookings.total(after, Asked()) < total == bookings.total(before, Asked())
    assert reading.newest(published_home.current) == after
