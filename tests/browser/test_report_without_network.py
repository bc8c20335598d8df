"""A notebook's report, opened as a file in a browser without network: it draws, in both languages and themes, and asks
nobody for anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dashboards.notebook import report
from dashboards.notebook.asked import Asked
from resources.home import Home
from tests.published import PUBLISHED_AT

pytestmark = pytest.mark.browser


def test_it_draws_from_the_file_alone(
    chromium: Any, published_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOKWATCH_HOME", str(published_home.root))
    monkeypatch.setenv("BOOKWATCH_NOW", f"{PUBLISHED_AT.isoformat()}Z")
    file = tmp_path / "revenue.html"
    file.write_text(report.report("revenue", Asked()), encoding="utf-8")
    context = chromium.new_context(offline=True, color_scheme="dark")
    page = context.new_page()
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(file.as_uri())
    page.locator("main:visible .bw-chart svg.main-svg").first.wait_for()
    assert page.locator("h1:visible").inner_text() == "Revenue"
    assert page.evaluate("document.documentElement.dataset.drawn") == "dark"
    page.locator("main:visible .bw-languages button[lang=id]").click()
    page.locator("main[lang=id] .bw-chart svg.main-svg").first.wait_for()
    assert page.locator("h1:visible").inner_text() == "Pendapatan"
    assert page.title() == "bookwatch · Pendapatan"
    assert page.evaluate("document.documentElement.lang") == "id"
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert wrong == []
    context.close()
