"""What each role is told, byte by byte: pages, downloads and reports by their addresses, of a server with a login.
Planted in the personal data is a person, who stands in nothing that is said to who may not see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import duckdb
import pytest
import requests

from dashboards import frame
from marketplace.roles import Right, Role, allows
from resources.home import Home
from resources.snapshots import require_snapshot
from tests.login import Login, dashboards
from tests.published import copied_home
from tests.wire import signed_in, tab

PEOPLE = {
    Role.VIEWER: "ayu@example.test",
    Role.OPERATOR: "komang@example.test",
    Role.SUPPORT: "sari@example.test",
    Role.AUDITOR: "made@example.test",
    Role.ADMIN: "wayan@example.test",
}


@pytest.fixture(scope="module")
def login(publication: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Login]:
    home = copied_home(publication, tmp_path_factory.mktemp("wire") / "home").root
    with dashboards(home) as behind:
        for email in PEOPLE.values():
            behind.claim(email)
        yield behind


@pytest.fixture(scope="module")
def as_role(login: Login) -> Callable[[Role], requests.Session]:
    """The cookies of somebody of a role, who signs in once."""
    return cache(lambda role: signed_in(login.url, PEOPLE[role]))


AsRole = Callable[[Role], requests.Session]


@pytest.fixture(scope="module")
def people(login: Login) -> list[bytes]:
    """Names, phones and words of the personal data, but for what providers are called in public."""
    with duckdb.connect(str(Home(login.home).private.resolve()), read_only=True) as con:
        known = [
            value
            for column, table in (
                ("customer_name", "bookings"),
                ("customer_phone", "bookings"),
                ("text", "messages"),
            )
            for (value,) in con.execute(
                f"SELECT DISTINCT {column} FROM {table} WHERE length({column}) > 7"
            ).fetchall()
        ]
    with duckdb.connect(str(require_snapshot(Home(login.home))), read_only=True) as con:
        public = {name for (name,) in con.execute("SELECT provider_name FROM core.providers").fetchall()}
    assert len(known) > 100
    return [value.encode() for value in known if value not in public]


def _names_of(heard: bytes, people: list[bytes]) -> int:
    return sum(value in heard for value in people)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_no_page_says_a_name_a_phone_or_a_word_to_who_may_not_see_it(
    login: Login, as_role: AsRole, people: list[bytes], role: Role
) -> None:
    with tab(login.url, as_role(role)) as page:
        for entry in frame.PAGES:
            page.open(entry.name)
            assert bool(page.downloads()) <= allows(role, Right.DOWNLOAD)
            for button in page.downloads():
                page.download(button.deferred_file_id)
    assert len(page.heard) > 100_000
    assert _names_of(page.heard, people) == 0


def test_nothing_but_the_way_in_is_said_to_who_has_not_signed_in(login: Login, people: list[bytes]) -> None:
    with tab(login.url, requests.Session()) as page:
        for entry in frame.PAGES[:2]:
            page.open(entry.name)
            assert "Sign in to see this page" in page.text
            assert [button.label for button in page.buttons()] == ["Sign in"]
    assert snapshot_id(login).encode() not in page.heard
    for path in ("/_stcore/metrics", "/media/0.csv", "/reports/2026-11-22/overview.html", "/component/x"):
        assert page.get(path).status_code == 401
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
        page.open("revenue")
        button = next(b for b in page.downloads() if b.id.endswith("-download_revenue_daily"))
        where, answer = page.download(button.deferred_file_id)
        assert answer is not None
        assert [other.get(where).status_code for other in tabs] == [403, 403, 401]
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert answer.content.startswith(b"\xef\xbb\xbflocal_date,")
        part = page.session.get(f"{login.url}{where}", headers={"Range": "bytes=0-9"}, timeout=30)
        assert (part.status_code, part.content) == (200, answer.content)
        for other in tabs:  # who knows of the button has a file made, and is not given it
            other.open("overview")
            _, made = other.download(button.deferred_file_id)
            assert made is None or made.status_code in (401, 403)
            assert answer.content not in other.heard


def test_a_page_that_stands_open_after_signing_out_answers_no_part_of_itself(login: Login) -> None:
    session = signed_in(login.url, PEOPLE[Role.OPERATOR])
    with tab(login.url, session) as page:
        page.open("revenue")
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
