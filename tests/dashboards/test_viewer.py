"""Who is looking: by the claims of a token, on every page, and what stands there for who is not let in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response

from dashboards import entrance, frame, viewer
from dashboards.handed_out import HandedOut
from dashboards.kit.address import Choice, chosen
from dashboards.kit.page import Page
from dashboards.viewer import LOCAL, Ended, Guarded, Outside, Viewer, of_claims
from marketplace.roles import RIGHTS, Right, Role, RoleRules
from resources.settings import load_settings
from tests.dashboards.conftest import Shown
from tests.login import settings_of

Show = Callable[..., Shown]
NOW = datetime(2026, 11, 22, 6, 5, tzinfo=UTC)
RULES = RoleRules({"sari@example.test": Role.SUPPORT}, (("team", Role.VIEWER),))
SARI = {
    "is_logged_in": True,
    "sub": "1",
    "email": "sari@example.test",
    "email_verified": True,
    "exp": NOW.timestamp() + 1,
}


@pytest.mark.parametrize(
    ("said", "who"),
    [
        (SARI, Viewer("sari@example.test", Role.SUPPORT, known=True)),
        ({}, Outside.SIGNED_OUT),
        (SARI | {"is_logged_in": "yes"}, Outside.SIGNED_OUT),
        (SARI | {"exp": NOW.timestamp()}, Outside.EXPIRED),
        (SARI | {"exp": None}, Outside.EXPIRED),  # a token that does not say when it ends
        (SARI | {"exp": True}, Outside.EXPIRED),
        (SARI | {"exp": "never"}, Outside.EXPIRED),
        (SARI | {"email_verified": False}, Outside.NO_ROLE),
        (SARI | {"email_verified": False, "groups": ["team"]}, Viewer("1", Role.VIEWER, known=True)),
        (SARI | {"email": "x", "sub": "", "groups": ["team"]}, Outside.NO_ROLE),
    ],
)
def test_who_somebody_is_stands_in_a_token_that_has_not_ended(said: dict[str, Any], who: object) -> None:
    if isinstance(who, Viewer) and who.name == "1":
        said = {name: value for name, value in said.items() if name != "email"}
    if who is Outside.NO_ROLE and said["sub"] == "":
        said = {name: value for name, value in said.items() if name != "email"}
    assert of_claims(said, RULES, NOW) == who


def test_who_signed_out_is_not_let_in_by_the_same_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ended, "_until", {})
    later = SARI | {"exp": datetime.now(UTC).timestamp() + 60}
    Ended.enter(later)
    assert of_claims(later, RULES, NOW) is Outside.SIGNED_OUT
    assert isinstance(of_claims(later | {"iat": 2}, RULES, NOW), Viewer)  # signed in anew


@pytest.fixture
def behind_login(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The pages as a server with a login draws them; called with what the token of the person says."""
    for name, value in settings_of("http://127.0.0.1:9", 1, home).items():
        monkeypatch.setenv(name, value)
    for name in ("_login", "_ready"):
        monkeypatch.setattr(Guarded, name, True)

    def claimed(**said: object) -> None:
        token = SARI | {"exp": datetime.now(UTC).timestamp() + 600} | said
        monkeypatch.setattr(viewer, "claims", lambda: token)

    return claimed


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"is_logged_in": False}, "Sign in to see this page"),
        ({"exp": 1}, "Your session has ended"),
        ({"email": "nobody@example.test"}, "You have no role here"),
    ],
)
@pytest.mark.parametrize("page", ["overview", "months"])
def test_who_is_not_let_in_is_told_why_and_sees_nothing_else(
    home: Path, show: Show, behind_login: Callable[..., None], said: dict[str, Any], told: str, page: str
) -> None:
    behind_login(**said)
    shown = show(home, page)
    assert shown.text.startswith(f"bookwatch {told} ")
    assert len(shown.text) < 250
    assert len(shown.app.button) == 1
    assert not shown.app.sidebar.children


def test_where_it_cannot_be_told_who_may_see_what_nobody_is_let_in(
    home: Path, show: Show, behind_login: Callable[..., None]
) -> None:
    behind_login()
    assert "sari@example.test" in show(home).text
    (home / "roles.toml").write_text('[email]\n"sari@example.test" = "boss"\n')
    shown = show(home)
    assert "Nobody can get in" in shown.text
    assert "a role is one of" in shown.text
    assert not shown.app.sidebar.children


def test_a_login_that_was_set_up_while_the_server_ran_lets_nobody_in(
    home: Path, show: Show, behind_login: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    behind_login()
    monkeypatch.setattr(Guarded, "_login", False)
    monkeypatch.setattr(Guarded, "_ready", False)
    assert "until they are started again" in show(home).text
    monkeypatch.setattr(Guarded, "_login", True)  # and one that was taken out of the settings
    monkeypatch.setenv("BOOKWATCH_LOGIN", "")
    assert "BOOKWATCH_LOGIN is not set" in show(home).text


def test_without_a_login_it_is_the_local_user_who_reveals_nothing_and_is_told_so(
    read_home: Path, show: Show
) -> None:
    shown = show(read_home)
    assert "No login is set up, so only this machine is answered" in shown.text
    assert not any(LOCAL.may(right) for right in (Right.CONTACT, Right.READ, Right.FORGET, Right.SIGN_OFF))


@pytest.mark.parametrize("page", frame.PAGES, ids=lambda page: page.name)
def test_a_page_that_is_not_for_a_role_says_so_also_at_its_guessed_address_and_nothing_else(
    read_home: Path,
    show: Show,
    signed_in: Callable[[Role], Viewer],
    monkeypatch: pytest.MonkeyPatch,
    page: Page,
) -> None:
    monkeypatch.setitem(RIGHTS, Role.VIEWER, frozenset[Right](Right) - {page.needs})
    signed_in(Role.VIEWER)
    shown = show(read_home, page.name)
    assert "This page is not for your role" in shown.text
    assert not [*shown.app.dataframe, *shown.app.main.button, *shown.app.text_input]


@pytest.mark.parametrize("role", Role)
def test_a_report_a_sign_off_and_a_sweep_are_ordered_by_who_may(
    read_home: Path, show: Show, signed_in: Callable[[Role], Viewer], role: Role
) -> None:
    who = signed_in(role)
    keys = {
        str(button.key) for button in show(read_home, "months", view="package", month="2026-10").app.button
    }
    assert ("act_order_package" in keys) == who.may(Right.REPORT)
    assert ("act_order_sign_off" in keys) == who.may(Right.SIGN_OFF)
    swept = {str(button.key) for button in show(read_home, "data_quality", show="freshness").app.button}
    assert ("act_order_sweep" in swept) == who.may(Right.SWEEP)


def test_a_parameter_of_the_address_asks_for_its_right(
    signed_in: Callable[[Role], Viewer], monkeypatch: pytest.MonkeyPatch, read_home: Path
) -> None:
    monkeypatch.setenv("BOOKWATCH_HOME", str(read_home))
    monkeypatch.setattr("streamlit.query_params", {"words": "lobi"})
    words = Choice("words", needs=Right.READ)
    for role in Role:
        signed_in(role)
        assert chosen(words) == ("lobi" if role in (Role.SUPPORT, Role.ADMIN) else "")


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("/revenue?period=today&lang=id", "/revenue?period=today&lang=id"),
        ("/", "/"),
        ("//elsewhere.test/x", None),
        ("/\\elsewhere.test", None),
        ("https://elsewhere.test/", None),
        ("/revenue\r\nSet-Cookie: a=b", None),
        ("/auth/logout", None),
        ("/\u20ac", None),
        ("/media/x.csv", None),
        ("", None),
        ("/" + "x" * 3000, None),
    ],
)
def test_who_comes_back_from_signing_in_is_led_to_a_page_of_ours_alone(said: str, path: str | None) -> None:
    assert entrance.own_path(said) == path


def test_where_signing_in_began_is_taken_from_pages_of_ours_alone() -> None:
    ours = Headers({"host": "watch.test", "referer": "https://watch.test/revenue?x=1"})
    theirs = Headers({"host": "watch.test", "referer": "https://elsewhere.test/revenue"})
    assert entrance._place_of(ours) == "/revenue?x=1"  # pyright: ignore[reportPrivateUsage] - what the cookie holds
    assert entrance._place_of(theirs) is None  # pyright: ignore[reportPrivateUsage] - as above


def _answered(path: str, answer: Response, **headers: str) -> Headers:
    """The headers that the entrance lets out of what the app behind it answers."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(entrance.Entrance(answer)(scope, receive, send))
    return Headers(raw=sent[0]["headers"])


def test_where_people_come_by_https_every_cookie_of_the_login_is_sent_over_https_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Guarded, "_login", True)
    monkeypatch.setattr(Guarded, "_https", True)
    to_provider = RedirectResponse("https://login.test/authorize")
    to_provider.set_cookie("_streamlit_user", "signed", httponly=True)
    went = _answered(
        "/auth/login", to_provider, host="watch.test", referer="https://watch.test/months?lang=id"
    )
    cookies = went.getlist("set-cookie")
    assert len(cookies) == 2
    assert all("HttpOnly" in cookie and cookie.endswith("; Secure") for cookie in cookies)
    (kept,) = (cookie.split(";")[0] for cookie in cookies if cookie.startswith(entrance.BACK_TO))
    back = _answered("/oauth2callback", RedirectResponse("/"), cookie=kept)
    assert back["location"] == "/months?lang=id"
    assert "Max-Age=0" in back["set-cookie"]
    forged = f"{entrance.BACK_TO}=%2F%2Felsewhere.test"
    assert _answered("/oauth2callback", RedirectResponse("/"), cookie=forged)["location"] == "/"


def test_a_file_that_is_the_same_for_two_is_given_to_both_while_they_may() -> None:
    ayu, made = (Viewer(name, Role.AUDITOR, known=True) for name in ("ayu", "made"))
    HandedOut.enter(b"the same", ayu, Right.DOWNLOAD)
    assert not HandedOut.may_have(b"the same", made)
    HandedOut.enter(b"the same", made, Right.DOWNLOAD)
    assert HandedOut.may_have(b"the same", ayu)
    assert HandedOut.may_have(b"the same", made)
    assert not HandedOut.may_have(
        b"the same", replace(ayu, role=Role.VIEWER)
    )  # the role was taken away since


def test_what_streamlit_is_told_of_the_login_is_ours_and_its_cookies_are_signed_anew(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings_of("http://127.0.0.1:9", 8501, home).items():
        monkeypatch.setenv(name, value)
    first, second = (entrance.secrets_of(load_settings())["auth"] for _ in range(2))
    assert first["redirect_uri"] == "http://127.0.0.1:8501/oauth2callback"
    assert len(first["cookie_secret"]) == 64
    assert first["cookie_secret"] != second["cookie_secret"]


def test_no_file_is_handed_out_but_by_the_one_button() -> None:
    folder = Path(frame.__file__).parent
    makers = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if ".download_button(" in path.read_text(encoding="utf-8")
    }
    assert makers == {"kit/downloads.py"}
