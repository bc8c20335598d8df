"""The page of one provider on a phone, in both languages: all of it is there, nothing is wider, axe-core finds nothing
serious."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe

from dashboards.wording import texts
from resources.home import Home
from resources.snapshots import open_snapshot, require_snapshot
from tests.browser.conftest import Served, drawn
from tests.browser.test_pages_in_chromium import shoot

pytestmark = pytest.mark.browser

VIEWS = {"en": ("requests", "requests"), "id": ("earnings", "owed")}
"""Language → what is looked at, and a heading of it."""


def test_a_provider_has_all_of_it_on_a_phone_in_both_languages(
    window: Any, served: Served, tmp_path: Path
) -> None:
    with open_snapshot(require_snapshot(Home(served.home))) as con:
        sql = "SELECT provider_id FROM marts.commission_balances ORDER BY records DESC, 1 LIMIT 1"
        ((provider,),) = con.execute(sql).fetchall()
    serious: list[str] = []
    page = window.new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    asked = {"resultTypes": ["violations"], "rules": {"color-contrast": {"enabled": False}}}
    for language, (view, heading) in VIEWS.items():
        say = texts(language)
        page.goto(f"{served.url}/mine?{urlencode({'provider': provider, 'view': view, 'lang': language})}")
        drawn(page, say["mine.title"])
        assert say[f"mine.{heading}"] in page.locator("[data-testid=stMainBlockContainer]").inner_text()
        wide = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wide) <= 0, view
        serious += [
            f"{view}: {rule['id']}"
            for rule in Axe().run(page, options=asked).response["violations"]
            if rule["impact"] in ("serious", "critical")
        ]
        shoot(page, tmp_path, f"mine_{view}_{language}")
    page.close()
    assert serious == []
