"""What each role is told, byte by byte: pages, downloads and reports by their addresses, of a server with a login.
Planted in the personal data is a person, who stands in nothing that is said to who may not see them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import duckdb
import pytest
import requests

from dashboards import frame
from marketplace.operations import ActionState, Operation
from marketplace.roles import Right, Role, allows
from resources.acting import stopped
from resources.home import Home
from resources.ledger import Ledger
from resources.ledger.revealed import Looked, Revealed
from resources.snapshots import require_snapshot
from tests.acted import planned, settled
from tests.login import Login, dashboards
from tests.published import copied_home
from tests.wire import Tab, signed_in, tab

PEOPLE = {
    Role.VIEWER: "ayu@example.test",
    Role.OPERATOR: "komang@example.test",
    Role.SUPPORT: "sari@example.test",
    Role.AUDITOR: "made@example.test",
    Role.ADMIN: "wayan@example.test",
    Role.PROVIDER: "ketut@example.test",
}


@pytest.fixture(scope="module")
def login(publication: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Login]:
    home = copied_home(publication, tmp_path_factory.mktemp("wire") / "home").root
    acted(Home(home))
    with dashboards(home, BOOKWATCH_OPERATIONS='{"expire_bookings": "enforce"}') as behind:
        for email in PEOPLE.values():
            behind.claim(email)
        yield behind


@pytest.fixture(scope="module")
def as_role(login: Login) -> Callable[[Role], requests.Session]:
    """The cookies of somebody of a role, who signs in once."""
    return cache(lambda role: signed_in(login.url, PEOPLE[role]))


def acted(home: Home) -> None:
    """Two expiries, planned of bookings that name a customer; one of them is done."""
    with duckdb.connect(str(home.private.resolve()), read_only=True) as con:
        rows = con.execute(
            "SELECT booking_id FROM bookings WHERE customer_name IS NOT NULL ORDER BY 1 LIMIT 2"
        )
        changes = [(row, {"status": "pending"}, {"status": "expired"}) for (row,) in rows.fetchall()]
    settled(home, planned(home, Operation.EXPIRE_BOOKINGS, changes)[:1])


AsRole = Callable[[Role], requests.Session]


@pytest.fixture(scope="module")
def people(login: Login) -> list[bytes]:
    """Names, phones and words of the personal data, but for what providers are called in public."""
    with duckdb.connect(str(Home(login.home).private.resolve()), read_only=True) as con:
        known = [
            value
            for table, column in PERSONAL
            for (value,) in con.execute(
                f"SELECT DISTINCT {column} FROM {table} WHERE length({column}) >= {LONG_ENOUGH}"
            ).fetchall()
        ]
    public = {row[0] for row in _asked(login, "SELECT provider_name FROM core.providers")}
    assert len(known) > 100
    return [value.encode() for value in known if value not in public]


PERSONAL = (
    ("bookings", "customer_name"),
    ("bookings", "customer_phone"),
    ("customers", "name"),
    ("customers", "phone"),
    ("providers", "phone"),
    ("messages", "text"),
)
LONG_ENOUGH = 8
"""Letters that stand in a page by chance in no order."""


def _asked(login: Login, sql: str) -> list[tuple[str, ...]]:
    with duckdb.connect(str(require_snapshot(Home(login.home))), read_only=True) as con:
        con.execute(f"ATTACH '{Home(login.home).private.resolve()}' AS private (READ_ONLY)")
        return con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def opened(login: Login) -> dict[str, str]:
    """Page → the address of a record on it that has something personal, or that something can be done about."""
    one = {
        "bookings": "SELECT min(booking_id) FROM private.bookings WHERE customer_name IS NOT NULL",
        "customers": "SELECT min(customer_id) FROM private.customers JOIN core.bookings USING (customer_id)",
        "providers": "SELECT min(provider_id) FROM private.providers WHERE phone IS NOT NULL",
        "chat": "SELECT min(room_id) FROM private.messages JOIN core.chat_rooms USING (room_id)",
        "findings": "SELECT min(finding_id) FROM marts.commission_findings WHERE NOT waived",
    }
    ids = {page: str(_asked(login, sql)[0][0]) for page, sql in one.items()}
    assert "None" not in ids.values()
    status = json.loads(Home(login.home).status.read_text())
    ids["todo"] = next(
        alert["alert_id"]
        for alert in status["alerts"]
        if alert["state"] == "firing" and not (alert["silenced_by"] or alert["inhibited_by"])
    )
    names = dict(zip(ids, ("booking", "customer", "provider", "room", "finding", "alert"), strict=True))
    return {page: urlencode({names[page]: record}) for page, record in ids.items()}


def _names_of(heard: bytes, people: list[bytes]) -> list[bytes]:
    return [value for value in people if value in heard]


#: What a button's key begins with → the right it takes. Any other button changes what one looks at alone.
ACTS = {
    "act_acknowledge": Right.ACKNOWLEDGE,
    "act_unacknowledge": Right.ACKNOWLEDGE,
    "act_silence": Right.SILENCE,
    "act_end_silence": Right.SILENCE,
    "act_waive": Right.WAIVE,
    "act_withdraw": Right.WAIVE,
    "act_order_package": Right.REPORT,
    "act_order_report": Right.REPORT,
    "act_order_sign_off": Right.SIGN_OFF,
    "act_order_sweep": Right.SWEEP,
    "act_order_forget": Right.FORGET,
    "act_order_plan": Right.OPERATE,
    "act_order_apply": Right.OPERATE,
    "act_order_act": Right.OPERATE,
    "act_order_undo": Right.UNDO,
    "act_stop": Right.OPERATE,
    "act_letters": Right.OPERATE,
    "act_resume": Right.UNDO,
    "reveal_contact": Right.CONTACT,
    "reveal_texts": Right.READ,
    "download": Right.DOWNLOAD,
}
MET = {"act_acknowledge", "act_silence", "act_waive", "act_order_forget", "reveal_contact", "reveal_texts"}


def _acts(page: Tab) -> set[str]:
    keys = [button.id.rsplit("-", 1)[-1] for button in (*page.buttons(), *page.downloads())]
    strange = [
        key for key in keys if key.startswith(("act_", "order", "reveal")) and not key.startswith((*ACTS,))
    ]
    assert strange == []
    return {begun for begun in ACTS for key in keys if key.startswith(begun)}


@pytest.mark.parametrize("role", Role)
def test_an_opened_record_is_masked_and_offers_what_the_role_may(
    login: Login, as_role: AsRole, people: list[bytes], opened: dict[str, str], role: Role
) -> None:
    offered: set[str] = set()
    with tab(login.url, as_role(role)) as page:
        for name in ("bookings", "customers", "chat", "findings", "todo"):
            page.open(name, opened[name])
            assert "Sign in to see this page" not in page.text
            offered |= _acts(page)
    assert {act for act in offered if not allows(role, ACTS[act])} == set()
    assert {act for act in MET if allows(role, ACTS[act])} <= offered
    assert ("download" in offered) == allows(role, Right.DOWNLOAD)
    assert _names_of(page.heard, people) == []  # masked for everybody, until it is asked for


def test_no_page_says_a_name_a_phone_or_a_word_to_who_may_not_see_it(
    login: Login, as_role: AsRole, people: list[bytes], opened: dict[str, str]
) -> None:
    with tab(login.url, as_role(Role.VIEWER)) as page:
        for entry in frame.PAGES:
            page.open(entry.name, opened.get(entry.name, ""))
            assert page.downloads() == []
        sought = urlencode({"find": "jam", "find_here": "jam"})  # parameters that take a right, guessed
        page.open("chat", f"{opened['chat']}&{sought}")
    assert len(page.heard) > 100_000
    assert _names_of(page.heard, people) == []
    assert [entry for entry in Revealed(Home(login.home).ledger).entries() if entry.role == "viewer"] == []


def test_what_support_asks_to_see_is_said_after_a_line_in_the_ledger(
    login: Login, as_role: AsRole, people: list[bytes], opened: dict[str, str]
) -> None:
    with tab(login.url, as_role(Role.SUPPORT)) as page:
        page.open("bookings", opened["bookings"])
        (key,) = (b.id.split("-", 2)[-1] for b in page.buttons() if "-reveal_contact" in b.id)
        page.click(key, opened["bookings"])
    assert _names_of(page.heard, people)
    (line,) = [line for line in Revealed(Home(login.home).ledger).entries() if line.kind is Looked.CONTACT]
    assert (line.viewer, line.role, line.of_kind) == (PEOPLE[Role.SUPPORT], "support", "booking")
    assert urlencode({"booking": line.of_id}) == opened["bookings"]


def test_a_button_that_a_role_lacks_does_nothing_when_its_id_is_sent_all_the_same(
    login: Login, as_role: AsRole, opened: dict[str, str]
) -> None:
    finding = parse_qs(opened["findings"])["finding"][0]
    with tab(login.url, as_role(Role.ADMIN)) as admin, tab(login.url, as_role(Role.VIEWER)) as viewer:
        admin.open("findings", opened["findings"])
        viewer.open("findings", opened["findings"])
        (act,) = (button.id for button in admin.buttons() if "-act_acknowledge_" in button.id)
        viewer.send(act, opened["findings"])
        assert Ledger(Home(login.home).ledger).acknowledged("finding") == {}
        admin.send(act, opened["findings"])
        assert set(Ledger(Home(login.home).ledger).acknowledged("finding")) == {finding}


ACTING = ("act_order_plan", "act_order_apply", "act_order_undo", "act_stop")


@pytest.mark.parametrize("role", Role)
def test_actions_are_seen_by_all_and_applied_and_taken_back_by_role(
    login: Login, as_role: AsRole, people: list[bytes], role: Role
) -> None:
    done = next(one for one in Ledger(Home(login.home).ledger).actions() if one.state is ActionState.DONE)
    offered: set[str] = set()
    with tab(login.url, as_role(role)) as page:
        for query in ({"operation": "expire_bookings"}, {"action": done.action_id}):
            page.open("actions", urlencode(query))
            assert ("pending" in page.text) == allows(role, Right.SEE)  # what changes
            offered |= _acts(page)
    assert offered - {"download"} == {act for act in ACTING if allows(role, ACTS[act])}
    assert _names_of(page.heard, people) == []


def test_an_order_to_act_is_taken_of_who_may_and_of_nobody_else_by_its_id(
    login: Login, as_role: AsRole
) -> None:
    where, ledger = urlencode({"operation": "expire_bookings"}), Ledger(Home(login.home).ledger)
    with tab(login.url, as_role(Role.OPERATOR)) as operator, ExitStack() as stack:
        operator.open("actions", where)
        ids = {
            act: button.id
            for button in operator.buttons()
            for act in ("act_order_plan", "act_order_apply", "act_stop")
            if f"-{act}_" in button.id
        }
        for role in (Role.VIEWER, Role.SUPPORT, Role.AUDITOR):
            other = stack.enter_context(tab(login.url, as_role(role)))
            other.open("actions", where)
            for button in ids.values():
                other.send(button, where)
        assert ledger.orders() == []
        assert stopped(Home(login.home)) is None
        operator.send(ids["act_order_plan"], where)
    (order,) = ledger.orders()
    assert (order.kind, order.ordered_by, order.role) == ("plan", PEOPLE[Role.OPERATOR], "operator")


def test_a_provider_is_told_their_own_and_not_a_byte_of_anything_else(
    login: Login, as_role: AsRole, people: list[bytes], opened: dict[str, str]
) -> None:
    (provider, booking), *_ = _asked(
        login,
        "SELECT provider_id, min(booking_id) FROM core.bookings WHERE status = 'completed' GROUP BY 1 ORDER BY 1",
    )
    others = _asked(
        login, f"SELECT booking_id FROM core.bookings WHERE provider_id IS DISTINCT FROM '{provider}'"
    )
    roles = login.home / "roles.toml"
    before = roles.read_text()
    with tab(login.url, as_role(Role.PROVIDER)) as page:
        try:
            roles.write_text(before.replace("nobody-of-this-snapshot", provider))
            page.open("")  # where people arrive leads to theirs
            page.open("mine", "list=completed&provider=another")
            assert booking in page.text
            assert page.downloads() == []
            for entry in frame.PAGES:
                if entry.name != "mine":
                    page.open(entry.name, opened.get(entry.name, ""))
                    assert "This page is not for your role" in page.text or entry is frame.PAGES[0]
            for path in (
                "/_stcore/metrics",
                "/reports/2026-11-22/overview.html",
                "/component/x",
                "/app/static/x",
            ):
                assert page.get(path).status_code == 403
        finally:
            roles.write_text(before)
    assert [one for (one,) in others if one.encode() in page.heard] == []
    assert _names_of(page.heard, people) == []
    assert [entry for entry in Revealed(Home(login.home).ledger).entries() if entry.role == "provider"] == []


def test_nothing_but_the_way_in_is_said_to_who_has_not_signed_in(login: Login, people: list[bytes]) -> None:
    with tab(login.url, requests.Session()) as page:
        for entry in frame.PAGES[:2]:
            page.open(entry.name)
            assert "Sign in to see this page" in page.text
            assert [button.label for button in page.buttons()] == ["Sign in"]
    assert snapshot_id(login).encode() not in page.heard
    for path in ("/_stcore/metrics", "/media/0.csv", "/reports/2026-11-22/overview.html", "/component/x"):
        assert page.get(path).status_code == 401
    asked = {"json": {}, "headers": {"x-user": PEOPLE[Role.ADMIN]}, "timeout": 30}
    assert requests.post(f"{login.url}/_stcore/agent/interact", **asked).status_code == 401
    assert page.get("/health").status_code == 200  # the empty page that is filled over the socket


def snapshot_id(login: Login) -> str:
    return require_snapshot(Home(login.home)).stem


def test_a_file_is_given_to_who_had_it_made_and_to_nobody_else_by_its_address(
    login: Login, as_role: AsRole
) -> None:
    others = [
        as_role(role) for role in (Role.VIEWER, Role.AUDITOR)
    ]  # who may download, but this is not theirs
    with tab(login.url, as_role(Role.OPERATOR)) as page, ExitStack() as stack:
        tabs = [stack.enter_context(tab(login.url, other)) for other in (*others, requests.Session())]
        page.open("health")
        (button, *_) = page.downloads()
        where, answer = page.download(button.deferred_file_id)
        assert answer is not None
        assert [other.get(where).status_code for other in tabs] == [403, 403, 401]
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert answer.content.startswith(b"\xef\xbb\xbf")
        part = page.session.get(f"{login.url}{where}", headers={"Range": "bytes=0-9"}, timeout=30)
        assert (part.status_code, part.content) == (200, answer.content)
        for other in tabs:  # who knows of the button has a file made, and is not given it
            other.open("overview")
            _, made = other.download(button.deferred_file_id)
            assert made is None or made.status_code in (401, 403)
            assert answer.content not in other.heard


def test_a_role_that_is_taken_away_is_gone_from_the_page_that_stands_open(login: Login) -> None:
    roles = login.home / "roles.toml"
    before = roles.read_text()
    with tab(login.url, signed_in(login.url, PEOPLE[Role.OPERATOR])) as page:
        page.open("health")
        assert page.downloads()
        try:
            roles.write_text(before.replace('= "operator"', '= "viewer"'))
            page.fragment()
            assert "komang@example.test" in page.text
            assert page.downloads() == []
        finally:
            roles.write_text(before)


def test_a_page_that_stands_open_after_signing_out_answers_no_part_of_itself(login: Login) -> None:
    session = signed_in(login.url, PEOPLE[Role.OPERATOR])
    with tab(login.url, session) as page:
        page.open("health")
        (button, *_) = page.downloads()
        page.fragment()
        assert "Sign in to see this page" not in page.text
        copied = requests.Session()
        copied.cookies.update(session.cookies)
        copied.get(f"{login.url}/auth/logout", allow_redirects=False, timeout=30)
        where, answer = page.download(button.deferred_file_id)
        assert answer is None, where
        page.fragment()
        assert "Sign in to see this page" in page.text
        assert page.downloads() == []
    assert session.get(f"{login.url}/_stcore/metrics", timeout=30).status_code == 401
