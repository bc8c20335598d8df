"""Signing in with a real provider of this machine, in a browser: back to the page that was asked for, out again, and
out when the token ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.login import Login, dashboards
from tests.published import copied_home

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def login(publication: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Login]:
    home = copied_home(publication, tmp_path_factory.mktemp("login") / "home").root
    with dashboards(home) as behind:
        yield behind


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 1400, "height": 900}, color_scheme="dark")
    yield context.new_page()
    context.close()


def _sign_in(page: Any, email: str, button: str = "Sign in") -> None:
    page.get_by_role("button", name=button, exact=True).click()
    page.locator("input[name=sub]").fill(email)
    page.get_by_role("button", name="Authorize").click()


def test_who_signs_in_comes_back_to_the_page_that_was_asked_for_and_out_again(
    login: Login, page: Any
) -> None:
    login.claim("wayan@example.test")
    asked = f"{login.url}/months?lang=id&period=custom&from=2026-11-01&to=2026-11-22"
    page.goto(asked)
    page.get_by_text("Masuk untuk melihat halaman ini").wait_for()
    assert page.locator("[data-testid=stSidebarNavLink]").count() == 0
    assert Axe().run(page).response["violations"] == []
    _sign_in(page, "wayan@example.test", "Masuk")
    page.get_by_text("wayan@example.test · administrator").wait_for()
    assert page.url == asked
    assert page.locator("h1").first.inner_text() == "Bulan"

    # A second tab of the same person, and the cookie that somebody could have kept.
    other, kept = page.context.new_page(), page.context.cookies()
    other.goto(f"{login.url}/health")
    other.get_by_text("wayan@example.test").wait_for()
    page.get_by_role("button", name="Keluar", exact=True).click()
    other.get_by_text("Sign in to see this page").wait_for()
    page.context.add_cookies(kept)
    page.goto(f"{login.url}/health")
    page.get_by_text("Sign in to see this page").wait_for()
    assert page.locator("[data-testid=stSidebarNavLink]").count() == 0


def test_an_expired_token_ends_the_session_where_it_is_and_signing_in_leads_back_there(
    login: Login, page: Any
) -> None:
    login.claim("komang@example.test", exp=int(time.time()) + 20)
    page.goto(f"{login.url}/health")
    _sign_in(page, "komang@example.test")
    page.get_by_text("komang@example.test").wait_for()
    page.locator("[data-testid=stSidebarNavLink]", has_text="Changes").click()
    page.locator("h1", has_text="Changes").wait_for()
    page.get_by_text("Your session has ended").wait_for()  # by itself: nothing is clicked
    assert page.locator("[data-testid=stSidebarNavLink]").count() == 0
    assert page.locator("[data-testid=stDataFrame]").count() == 0
    login.claim("komang@example.test")
    _sign_in(page, "komang@example.test")
    page.locator("h1", has_text="Changes").wait_for()
    assert page.url == f"{login.url}/changes"
