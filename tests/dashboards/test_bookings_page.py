"""The pages Bookings and Customers, drawn by Streamlit itself: the answer first, every choice in the address, and one
record in full."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboards.queries import bookings, customers, private, reading
from dashboards.viewer import Viewer
from marketplace.roles import Role
from resources.home import Home
from resources.snapshots import require_snapshot
from tests.dashboards import snapshot
from tests.dashboards.conftest import Shown
from tests.published import add, changed, changing

Show = Callable[..., Shown]


def asked(home: Home, sql: str) -> list[dict[str, Any]]:
    return reading.ask(str(require_snapshot(home)), sql).to_dicts()


def plain(shown: Shown) -> str:
    return shown.text.replace("\u00a0", " ")


def links(shown: Shown) -> str:
    return shown.html.replace("&amp;", "&")


# Bookings -----------------------------------------------------------------------------------------


def test_who_waits_is_said_first_with_the_longest(read_publication: Home, show: Show) -> None:
    path = str(require_snapshot(read_publication))
    found = bookings.waiting(path, snapshot.NOW)
    assert found.past
    assert found.longest is not None
    shown = show(read_publication.root, "bookings")
    text = plain(shown)
    assert f"Waiting for an answer now {found.waiting} " in text
    assert f"Past their deadline for an answer {found.past} The longest, by " in text
    assert text.index("Waiting for an answer now") < text.index("All bookings")
    assert f"bookings?booking={found.longest['booking_id']}" in links(shown)
    assert "bookings?show=unanswered" in links(shown)
    assert shown.table("All bookings").shape[0] == bookings.PAGE_ROWS


def test_what_waits_is_counted_to_when_it_was_read_while_the_data_is_stale(
    read_publication: Home, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = bookings.waiting(str(require_snapshot(read_publication)), snapshot.NOW)
    monkeypatch.setattr(snapshot, "NOW_SETTING", "2026-11-22T09:05:30Z")
    text = plain(show(read_publication.root, "bookings"))
    assert f"Past their deadline for an answer {found.past} " in text
    assert "As of 14:05 WITA, when Appwrite was last read: who answered since is not known yet." in text


def test_every_choice_of_the_address_is_shown_kept_and_asked_for(read_publication: Home, show: Show) -> None:
    (row,) = asked(
        read_publication,
        """SELECT b.*, p.city FROM core.bookings b JOIN core.providers p USING (provider_id)
           WHERE b.status = 'completed' AND b.source <> 'unknown' AND p.city IS NOT NULL AND NOT b.is_test
             AND b.deleted_at IS NULL ORDER BY booking_id LIMIT 1""",
    )
    local = row["created_at"] + timedelta(minutes=row["utc_offset_minutes"])
    said = {
        "search": row["booking_id"][:10],
        "status": "completed",
        "source": row["source"],
        "city": row["city"],
        "provider": row["provider_id"],
        "made_from": local.date().isoformat(),
        "made_to": local.date().isoformat(),
        "sort": "amount",
    }
    shown = show(read_publication.root, "bookings", **said)
    assert shown.table("All bookings")["booking_id"].to_list() == [row["booking_id"]]
    # A switch of page in AppTest drops the address: what a browser keeps is tried there.
    values = {widget.key: widget.value for widget in (*shown.app.selectbox, *shown.app.text_input)}
    for name in ("search", "status", "source", "city", "sort"):
        assert values[f"choice_{name}"] == said[name]
    assert {widget.value for widget in shown.app.date_input} == {local.date()}
    assert "Part of this address says nothing here" not in shown.text


@pytest.mark.parametrize(
    "said",
    [
        {"status": "asleep"},
        {"made_from": "2026-02-30"},
        {"made_from": "yesterday"},
        {"page_": "0"},
        {"sort": "x"},
    ],
)
def test_a_choice_that_is_none_is_said(read_publication: Home, show: Show, said: dict[str, str]) -> None:
    ((name, value),) = said.items()
    shown = show(read_publication.root, "bookings", **said)
    assert f"{name.rstrip('_')}={value}: this page has no such choice" in shown.text
    assert shown.table("All bookings").shape[0] == bookings.PAGE_ROWS


def test_a_search_begins_at_the_first_page_again(read_publication: Home, show: Show) -> None:
    shown = show(read_publication.root, "bookings", page_="3")
    assert any("101–150 of " in caption.value for caption in shown.app.caption)
    shown.app.text_input(key="choice_search").set_value("no such thing").run()
    assert shown.app.query_params["search"] == "no such thing"
    assert "page" not in shown.app.query_params
    assert "No booking fits" in shown.text


def test_a_page_behind_the_last_is_the_last_and_said(read_publication: Home, show: Show) -> None:
    shown = show(read_publication.root, "bookings", page_="999")
    assert any("There is no page 999; this is the last." in caption.value for caption in shown.app.caption)
    assert shown.table("All bookings").shape[0]


def test_why_a_commission_is_missing_and_what_to_do_stand_on_the_booking(
    read_publication: Home, show: Show
) -> None:
    (row,) = asked(
        read_publication,
        """SELECT f.booking_id, f.finding_id, f.expected_idr, b.provider_id, b.customer_id
           FROM marts.commission_findings f JOIN core.bookings b USING (booking_id, origin)
           WHERE finding = 'missing' AND expected_idr > 0 AND customer_id IS NOT NULL ORDER BY 1 LIMIT 1""",
    )
    shown = show(read_publication.root, "bookings", booking=row["booking_id"])
    text = plain(shown)
    money = f"Rp {row['expected_idr']:,}"
    assert f"Is its commission in order? Missing · {money} The booking earns, there is no record" in text
    assert "What to do: Record the commission in the app, then find out why the app did not." in text
    assert "Policy line standard-30, 30 %" in text
    assert "Recorded – No commission record stands for it." in text
    for address in (
        f"findings?finding={row['finding_id'].replace(':', '%3A')}",
        f"providers?provider={row['provider_id']}",
        f"customers?customer={row['customer_id']}",
        "chat?room=",
    ):
        assert address in links(shown), address
    assert "Name •••••• Phone ••••••" in text
    assert "All bookings" not in text
    steps = plain(show(read_publication.root, "bookings", booking=row["booking_id"], why="steps"))
    assert "state = missing" in steps
    assert "A record may come 2 minutes after acceptance, else creation." in steps


def test_a_booking_that_was_handed_over_says_from_whom_to_whom(read_publication: Home, show: Show) -> None:
    (over,) = asked(
        read_publication,
        "FROM marts.reassignments WHERE to_booking_id IS NOT NULL ORDER BY booking_id LIMIT 1",
    )
    names = {
        row["provider_id"]: row["provider_name"] for row in asked(read_publication, "FROM core.providers")
    }
    shown = show(read_publication.root, "bookings", booking=over["booking_id"])
    text = plain(shown)
    before, after = names[over["from_provider_id"]], names[over["to_provider_id"]]
    assert f"WITA {before} {after} the status alone {over['to_booking_id']} Completed" in text
    assert f"bookings?booking={over['to_booking_id']}" in links(shown)
    listed = show(read_publication.root, "bookings", show="reassigned").table("All bookings")
    row = dict(
        zip(listed["booking_id"], zip(listed["handed_from"], listed["handed_to"], strict=True), strict=True)
    )
    assert row[over["booking_id"]] == (before, after)


def test_a_booking_that_is_not_there_is_said_and_the_list_stands_below(
    read_publication: Home, show: Show
) -> None:
    shown = show(read_publication.root, "bookings", booking="<b>nobody</b>")
    assert "There is no booking <b>nobody</b> in this snapshot" in shown.text
    assert "All bookings" in shown.text


def test_two_bookings_of_one_id_are_told_apart(published_home: Home, show: Show) -> None:
    (row,) = asked(
        published_home,
        "FROM core.bookings WHERE origin = 'bookings' AND NOT is_test AND deleted_at IS NULL ORDER BY 1 LIMIT 1",
    )
    changed(
        published_home,
        "INSERT INTO core.bookings BY NAME SELECT * REPLACE ('hotel_bookings' AS origin, 77777 AS amount_idr)"
        f" FROM core.bookings WHERE booking_id = '{row['booking_id']}'",
    )
    first = show(published_home.root, "bookings", booking=row["booking_id"])
    assert "2 bookings are called so." in first.text
    assert f"booking={row['booking_id']}&origin=hotel_bookings" in links(first)
    other = plain(show(published_home.root, "bookings", booking=row["booking_id"], origin="hotel_bookings"))
    assert "hotel booking" in other
    assert "Amount Rp 77,777" in other


def test_what_is_left_of_a_deadline_is_counted_by_the_clock(
    read_publication: Home, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(require_snapshot(read_publication))
    at = bookings.waiting(path, snapshot.NOW).next_at
    assert at is not None
    (row,) = asked(
        read_publication,
        f"FROM core.bookings WHERE status = 'pending' AND response_deadline = '{at}' LIMIT 1",
    )
    left = (at - snapshot.NOW).total_seconds()
    text = plain(show(read_publication.root, "bookings", booking=row["booking_id"]))
    assert f"Has it been answered? {int(left // 60)} min left" in text
    # Two minutes on, with nothing read since: still fresh, and two minutes less.
    later = (snapshot.NOW + timedelta(minutes=2)).replace(tzinfo=UTC)
    monkeypatch.setattr(snapshot, "NOW_SETTING", later.isoformat())
    text = plain(show(read_publication.root, "bookings", booking=row["booking_id"]))
    assert f"Has it been answered? {int(left // 60) - 2} min left" in text


# Customers ----------------------------------------------------------------------------------------


def test_customers_are_counted_and_listed_by_what_they_spent(read_publication: Home, show: Show) -> None:
    path = str(require_snapshot(read_publication))
    row = customers.summary(path)
    assert row["customers"] > row["again"] > 0
    shown = show(read_publication.root, "customers")
    text = plain(shown)
    assert f"Customers who have an account {row['customers']} Came back {row['again']} " in text
    table = shown.table("All customers")
    most = asked(read_publication, "SELECT max(spent_idr) AS most FROM marts.customers")[0]["most"]
    assert table["spent_idr"].to_list()[0] == most
    again = show(read_publication.root, "customers", who="again").table("All customers")
    assert min(again["bookings"]) > 1


def test_a_customer_is_found_by_the_beginning_of_an_id(read_publication: Home) -> None:
    path = str(require_snapshot(read_publication))
    (row,) = asked(read_publication, "FROM marts.customers ORDER BY customer_id DESC LIMIT 1")
    for said in (row["customer_id"], row["customer_id"][:9]):
        found = customers.Listing("customers", customers.Asked(search=said), 1).all(path)
        assert found["customer_id"].to_list() == [row["customer_id"]]


def test_a_customer_has_all_bookings_of_theirs_whatever_their_id_is_spelled_like(
    published_home: Home, show: Show
) -> None:
    (row,) = asked(published_home, "FROM marts.customers ORDER BY bookings DESC, customer_id LIMIT 1")
    customer, theirs = row["customer_id"], row["bookings"]
    assert theirs > 2
    changed(
        published_home,
        f"""UPDATE core.bookings SET customer_id = upper(customer_id) WHERE booking_id =
            (SELECT min(booking_id) FROM core.bookings WHERE customer_id = '{customer}')""",
        f"UPDATE marts.customers SET customer_id = upper(customer_id) WHERE customer_id = '{customer}'",
    )
    for spelled in (customer, customer.upper()):
        shown = show(published_home.root, "customers", customer=spelled)
        assert shown.table("All bookings").shape[0] == theirs
        assert f"Bookings {theirs} " in plain(shown)
        assert "Name •••••• Phone ••••••" in plain(shown)
        assert "All customers" not in shown.text


def test_a_customer_who_is_not_there_is_said(read_publication: Home, show: Show) -> None:
    assert "There is no customer nobody" in show(read_publication.root, "customers", customer="nobody").text


def test_cohorts_that_are_too_young_are_marked(published_home: Home, show: Show) -> None:
    may, june = datetime(2026, 5, 1).date(), datetime(2026, 6, 1).date()
    with changing(published_home) as con:
        con.execute("DELETE FROM marts.customer_retention")
        add(
            con,
            "marts.customer_retention",
            "cohort_month months_after customers returned share is_complete",
            [
                (may, 1, 200, 50, 0.25, True),
                (may, 2, 200, 20, 0.1, None),
                (may, 3, 200, 5, 0.025, False),
                (may, 6, 200, None, None, False),
                *((june, n, 80, None, None, False) for n in (1, 2, 3, 6)),
            ],
        )
    shown = show(published_home.root, "customers")
    text = plain(shown)
    assert (
        "May 2026 200 25 % 50 of 200 10 % 20 of 200, not all read 2.5 % 5 of 200, still running not begun"
        in text
    )
    assert text.index("June 2026 80 not begun") < text.index("May 2026 200")
    assert shown.html.count("<mark") == 2
    assert "rows=returned_2026_05_1" in links(shown)


# Contact ------------------------------------------------------------------------------------------


def test_a_booking_shows_its_contact_to_who_may_and_it_is_written_down(
    published_home: Home, show: Show, signed_in: Callable[[Role], Viewer]
) -> None:
    with private.opened(published_home.private) as con:
        booking, name, phone = con.execute(
            "SELECT booking_id, customer_name, customer_phone FROM bookings"
            " WHERE customer_name IS NOT NULL AND customer_phone IS NOT NULL ORDER BY booking_id LIMIT 1"
        ).fetchall()[0]
    for role in (Role.VIEWER, Role.OPERATOR, Role.AUDITOR):
        signed_in(role)
        shown = show(published_home.root, "bookings", booking=booking)
        assert not [button for button in shown.app.button if str(button.key).startswith("reveal_")]
        assert name not in shown.html
    signed_in(Role.SUPPORT)
    shown = show(published_home.root, "bookings", booking=booking)
    assert name not in shown.html
    shown.app.button(key=f"reveal_contact_booking_{booking}").click().run()
    assert f"Name {name} Phone {phone}" in shown.text
    assert f"https://wa.me/{phone.removeprefix('+')}" in shown.html
    with sqlite3.connect(published_home.ledger) as ledger:
        told = ledger.execute("SELECT viewer, kind, of_kind, of_id FROM revealed").fetchall()
    assert told == [("support@example.test", "contact", "booking", booking)]


def test_a_list_is_handed_out_to_who_may(
    read_publication: Home, show: Show, signed_in: Callable[[Role], Viewer]
) -> None:
    for role, may in ((Role.VIEWER, False), (Role.SUPPORT, False), (Role.OPERATOR, True)):
        signed_in(role)
        for page in ("bookings", "customers"):
            shown = show(read_publication.root, page)
            assert bool(shown.app.get("download_button")) == may, (role, page)
