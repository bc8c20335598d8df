"""The page of one provider: no row of another's by any question, address or button, its figures those of the marts, and
what is unknown or empty said as that."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from dashboards import frame, viewer
from dashboards.pages import mine as page
from dashboards.queries import mine, reading
from dashboards.queries.query import Query
from dashboards.viewer import Viewer
from marketplace.roles import Right, Role, allows
from resources.home import Home
from resources.snapshots import require_snapshot
from tests.dashboards.conftest import Shown
from tests.published import PUBLISHED_AT, changing

Show = Callable[..., Shown]
VIEWS = page.VIEW.allowed


@pytest.fixture
def as_provider(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Be somebody of that role, who is this provider."""

    def be(provider_id: str) -> None:
        who = Viewer("ketut@example.test", Role.PROVIDER, known=True, provider=provider_id)
        monkeypatch.setattr(viewer, "current", lambda settings: who)

    return be


def _asked(home: Home, query: str, *given: Any) -> list[tuple[Any, ...]]:
    return reading.ask(str(require_snapshot(home)), query, list(given)).rows()


def _busiest(home: Home) -> str:
    """The provider with the most of everything."""
    return _asked(
        home,
        """SELECT provider_id FROM core.bookings JOIN marts.commission_balances USING (provider_id)
           GROUP BY 1 ORDER BY count(DISTINCT status) DESC, count(*) DESC, 1 LIMIT 1""",
    )[0][0]


def test_no_question_of_the_page_answers_with_a_row_of_another_provider(read_publication: Home) -> None:
    path = str(require_snapshot(read_publication))
    known = set(mine.QUESTIONS) - set(mine.LISTS) - {"offers"}
    askable = {
        name
        for name, function in inspect.getmembers(mine, inspect.isfunction)
        if function.__module__ == mine.__name__ and inspect.signature(function).return_annotation == "Query"
    }
    assert known | {"bookings"} == askable  # a question that is added is held to this, too
    seen: dict[str, int] = dict.fromkeys(mine.QUESTIONS, 0)
    for (provider,) in _asked(read_publication, "SELECT DISTINCT provider_id FROM core.providers"):
        for name, ask in mine.QUESTIONS.items():
            if name == "offers" and not mine.offers_known(path):
                continue
            for row in ask(provider, PUBLISHED_AT).all(path).iter_rows(named=True):
                assert row["provider_id"] == provider, name
                seen[name] += 1
    of_nobody = [
        name for name, ask in mine.QUESTIONS.items() if not ask("", PUBLISHED_AT).all(path).is_empty()
    ]
    assert of_nobody == []
    assert min(seen[name] for name in ("accounts", "accepted", "completed", "days", "earnings", "owed")) > 10
    assert seen["notifications"] > 10


def test_the_page_asks_nothing_but_these(
    monkeypatch: pytest.MonkeyPatch, read_publication: Home, show: Show, as_provider: Callable[[str], None]
) -> None:
    provider = _busiest(read_publication)
    as_provider(provider)
    asked: list[tuple[str, tuple[Any, ...]]] = []
    all_rows, first = Query.all, Query.first

    def noted(one: Query, *given: Any) -> Any:
        asked.append((one.name, one.parameters))
        return (first if len(given) > 1 else all_rows)(one, *given)

    monkeypatch.setattr(Query, "all", noted)
    monkeypatch.setattr(Query, "first", noted)
    for view in VIEWS:
        show(read_publication.root, "mine", view=view, provider="another", rows="owed", find="x")
    assert {parameters[0] for _, parameters in asked} == {provider}
    assert len({name for name, _ in asked}) > 8


def test_a_provider_sees_their_own_and_no_id_of_anybody_else(
    read_publication: Home, show: Show, as_provider: Callable[[str], None]
) -> None:
    provider = _busiest(read_publication)
    others = {
        str(row[0])
        for query in (
            "SELECT provider_id FROM core.providers WHERE provider_id <> ?",
            "SELECT booking_id FROM core.bookings WHERE provider_id IS DISTINCT FROM ?",
            "SELECT commission_id FROM core.commissions WHERE provider_id <> ?",
            "SELECT customer_id FROM core.bookings WHERE customer_id IS NOT NULL AND ? IS NOT NULL",
        )
        for row in _asked(read_publication, query, provider)
    }
    own = {
        row[0]
        for row in _asked(
            read_publication, "SELECT booking_id FROM core.bookings WHERE provider_id = ?", provider
        )
    }
    (another, *_) = sorted(one for one in others if len(one) == len(provider))
    as_provider(provider)
    told = ""
    for view in VIEWS:
        asked = {"view": view, "list": "completed", "provider": another, "rows": "owed_idr"}
        shown = show(read_publication.root, "mine", **asked)
        told += shown.html + "".join(str(table.value.to_dict()) for table in shown.app.dataframe)
        assert not shown.app.sidebar.selectbox  # no older snapshot to choose
        assert not shown.app.text_input  # no search
        keys = [str(button.key) for button in shown.app.button]
        assert [key for key in keys if key.startswith(("act", "reveal", "download"))] == []
    assert {one for one in others - own if one in told} == set()
    assert len({one for one in own if one in told}) > 5


def test_a_provider_has_one_right_and_who_may_see_any_may_see_theirs() -> None:
    assert [right for right in Right if allows(Role.PROVIDER, right)] == [Right.MINE]
    assert [role for role in Role if allows(role, Right.MINE)] == [
        Role.OPERATOR, Role.SUPPORT, Role.ADMIN, Role.PROVIDER,
    ]  # fmt: skip
    assert [entry.name for entry in frame.PAGES if entry.needs is not Right.SEE] == ["mine"]


def test_an_admin_looks_at_the_page_of_any_provider(
    read_publication: Home, show: Show, signed_in: Callable[[Role], Viewer]
) -> None:
    provider = _busiest(read_publication)
    signed_in(Role.ADMIN)
    assert "Choose whose page it is" in show(read_publication.root, "mine").text
    shown = show(read_publication.root, "mine", provider=provider, view="earnings", month="2026-11")
    ((gross, commission),) = _asked(
        read_publication,
        """SELECT sum(booking_amount_idr), sum(CASE WHEN commission_id IS NULL THEN expected_idr ELSE actual_idr END)
           FROM marts.commission_reconciliation
           WHERE provider_id = ? AND booking_status IN ('accepted', 'confirmed', 'completed')
             AND CASE WHEN commission_id IS NOT NULL THEN actual_idr WHEN state <> 'unknown' THEN expected_idr END
                 IS NOT NULL AND booking_amount_idr IS NOT NULL AND local_date BETWEEN ? AND ?""",
        provider, date(2026, 11, 1), date(2026, 11, 30),
    )  # fmt: skip
    ((owed, fees),) = _asked(
        read_publication,
        "SELECT sum(coalesce(owed_idr, 0)), sum(fee_idr) FROM marts.commission_open WHERE provider_id = ?",
        provider,
    )
    assert (
        f"Paid by customers Rp {gross:,} Commission Rp {commission:,} Yours Rp {gross - commission:,}"
        in shown.text
    )
    assert f"Rp {owed + fees:,}" in shown.text
    assert f"Rp {fees:,}" in shown.text


def test_what_is_unknown_or_not_there_is_said_as_that(
    published_home: Home, show: Show, as_provider: Callable[[str], None]
) -> None:
    as_provider("nobody-of-this-snapshot")
    assert "There is no such provider" in show(published_home.root, "mine").text
    provider = _busiest(published_home)
    as_provider(provider)
    with changing(published_home) as con:
        con.execute(
            "UPDATE core.providers SET status = NULL, notifications_enabled = NULL, sound_enabled = false"
        )
        con.execute("DELETE FROM core.bookings WHERE provider_id = ?", [provider])
        con.execute("DELETE FROM marts.commission_balances WHERE provider_id = ?", [provider])
        con.execute("DELETE FROM marts.commission_reconciliation WHERE provider_id = ?", [provider])
    shown = show(published_home.root, "mine").text
    assert "In the app unknown" in shown or "unknown In the app" in shown
    assert "off" in shown
    assert "No request is open" in shown
    assert "Nothing is under way" in shown
    earnings = show(published_home.root, "mine", view="earnings").text
    assert "Nothing was earned in this month" in earnings
    assert "Nothing is owed" in earnings


def test_a_request_counts_down_by_the_clock_and_leads_to_the_services_where_they_are(
    published_home: Home, show: Show, as_provider: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = _busiest(published_home)
    as_provider(provider)
    with changing(published_home) as con:
        rows = con.execute(
            "SELECT booking_id FROM core.bookings WHERE provider_id = ? LIMIT 3", [provider]
        ).fetchall()
        for (booking,), deadline in zip(
            rows, ("2026-11-22 06:06:30", "2026-11-22 06:00:00", None), strict=True
        ):
            con.execute(
                """UPDATE core.bookings SET status = 'pending', response_deadline = ?::TIMESTAMP, is_test = false,
                          deleted_at = NULL WHERE booking_id = ?""",
                [deadline, booking],
            )
    monkeypatch.setenv("BOOKWATCH_SERVICES_URL", "https://services.example")
    shown = show(published_home.root, "mine")
    for said in ("past its deadline", "no deadline is known", "left until"):
        assert said in shown.text, said
    assert 'href="https://services.example/docs"' in shown.html


def test_where_bookings_were_offered_the_open_offers_are_the_requests(
    published_home: Home, show: Show, as_provider: Callable[[str], None]
) -> None:
    provider = _busiest(published_home)
    as_provider(provider)
    with changing(published_home) as con:
        con.execute("UPDATE core.bookings SET status = 'expired' WHERE status = 'pending'")
        theirs = "provider_id = ? AND NOT is_test AND deleted_at IS NULL"
        sql = f"SELECT booking_id FROM core.bookings WHERE {theirs} LIMIT 2"
        own = [row for (row,) in con.execute(sql, [provider]).fetchall()]
        sql = f"SELECT booking_id FROM core.bookings WHERE {theirs.replace('= ?', '<> ?')} LIMIT 2"
        others = [row for (row,) in con.execute(sql, [provider]).fetchall()]
        for booking in (*own, *others):
            con.execute("UPDATE core.bookings SET status = 'pending' WHERE booking_id = ?", [booking])
        # The first of their own went to somebody else; of two of others one is offered to them now.
        for number, (booking, whom, state) in enumerate(
            ((own[0], provider, "declined"), (own[0], "another", "offered"), (others[0], provider, "offered"))
        ):
            con.execute(
                """INSERT INTO core.booking_offers BY NAME
                   SELECT ? AS offer_id, ? AS booking_id, ? AS provider_id, ? AS state, 1 AS round,
                          TIMESTAMP '2026-11-22 06:04:00' AS offered_at, TIMESTAMP '2026-11-22 06:09:00' AS deadline,
                          TIMESTAMP '2026-11-22 06:04:00' AS created_at, 1 AS change""",
                [f"of_{number}", booking, whom, state],
            )
    text = show(published_home.root, "mine").text
    assert {one: one in text for one in (*own, *others)} == {
        own[0]: False, own[1]: True, others[0]: True, others[1]: False,
    }  # fmt: skip
