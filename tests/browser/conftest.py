"""A real server on the fixture snapshot, and Chromium where the machine has one."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dashboards import launch
from tests.dashboards import snapshot
from tests.dashboards.snapshot import Truth

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Every name of .test is this machine: what an attacker's name server would say.
    "--host-resolver-rules=MAP *.test 127.0.0.1",
]


#: How long anything of a page is waited for: on a machine that does much else a page takes its time.
PATIENCE_MS = 90_000


@dataclass
class Served:
    """The address of the dashboards and what their snapshot holds."""

    url: str
    home: Path
    truth: Truth


class Patient:
    """A browser whose windows wait for what is asked of them as long as it may take."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser

    def new_context(self, **options: Any) -> Any:
        context = self._browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        return context

    def new_page(self) -> Any:
        page = self._browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        return page


def drawn(page: Any, title: str) -> None:
    """Wait until a page of that title stands there whole: what is asked of the server is answered, too. A heading alone
    is there at once where one goes from a page to the same with other days."""
    page.get_by_role("heading", level=1, name=title, exact=True).wait_for()
    page.wait_for_timeout(300)  # what was clicked is asked for
    page.wait_for_function(
        "() => !document.querySelector('[data-testid=stSkeleton]')"
        " && document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"
    )
    page.wait_for_timeout(400)  # and what was told of it is drawn


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """A browser, closed at the end. Without one the test is skipped, or fails under
    BOOKWATCH_REQUIRE_BROWSER=1."""
    found = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))),
        None,
    )
    if found is None:
        reason = "No Chromium on this machine: install the package chromium to run the browser tests."
        if os.environ.get("BOOKWATCH_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield Patient(browser)
        browser.close()


@pytest.fixture(scope="session")
def window(chromium: Any) -> Iterator[Any]:
    """One window for all tabs: a person's browser also loads once what all pages share."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    # Streamlit keeps in the browser whether its sidebar is closed: a phone's test would close it in a desk's.
    context.add_init_script(
        "for (const key of Object.keys(localStorage)) if (key.startsWith('stSidebarCollapsed'))"
        " localStorage.removeItem(key)"
    )
    yield context
    context.close()


@pytest.fixture(scope="session")
def served(publication: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The dashboards as other code starts them, from another working directory; stopped by process id. One for all
    tests: who publishes more there points back to what was there."""
    home = tmp_path_factory.mktemp("served") / "home"
    truth = snapshot.build(publication, home)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (home / "server.log").open("wb")
    process = subprocess.Popen(
        launch.command(port),
        env={
            **launch.environment(),
            "BOOKWATCH_HOME": str(home),
            "BOOKWATCH_NOW": snapshot.NOW_SETTING,
            "BOOKWATCH_TIMEZONE": "Asia/Makassar",
            "BOOKWATCH_HOSTS": "own.test",
        },
        cwd=home,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                    break
            except (urllib.error.URLError, OSError):
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"The dashboards did not start: {(home / 'server.log').read_text()[-2000:]}")
                time.sleep(0.05)  # nobody tells when a server listens: it is asked
        yield Served(url, home, truth)
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()
