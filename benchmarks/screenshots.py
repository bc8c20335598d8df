"""`make screenshots`: a picture of every page in both looks, for docs/dashboards.md.

Serves what is published in BOOKWATCH_HOME (``make demo ARGS=--once`` makes some) and looks at it with Chromium. The
pictures are the top of each page at a desk, small enough to be kept with the text.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from dashboards import launch
from resources.home import Home
from resources.snapshots import open_snapshot, require_snapshot

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "screenshots"
LOOKS = ("light", "dark")
WIDTH, TALLEST, KEPT_WIDTH = 1400, 1500, 1000
LONGEST_START_S = 60


@contextmanager
def served(home: Path) -> Iterator[str]:
    """The dashboards on a free port, stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen(
        launch.command(port),
        env={**launch.environment(), "BOOKWATCH_HOME": str(home)},
        stdout=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        began = time.monotonic()
        while True:
            try:
                with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                    break
            except (urllib.error.URLError, OSError):
                if process.poll() is not None or time.monotonic() - began > LONGEST_START_S:
                    sys.exit("The dashboards did not start.")
                time.sleep(0.2)  # nobody tells when a server listens: it is asked
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def picture(page: Any, url: str) -> bytes:
    """The top of a page, as WebP."""
    page.set_viewport_size({"width": WIDTH, "height": 900})
    page.goto(url)
    page.locator(".bw-head h1").wait_for(timeout=60_000)
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')", timeout=60_000)
    page.wait_for_timeout(1_500)  # charts come with scripts of their own
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')", timeout=60_000)
    height = page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": WIDTH, "height": max(700, min(int(height), TALLEST))})
    page.wait_for_timeout(500)
    whole = Image.open(io.BytesIO(page.screenshot()))
    kept = whole.resize(
        (KEPT_WIDTH, round(whole.height * KEPT_WIDTH / whole.width)), Image.Resampling.LANCZOS
    )
    written = io.BytesIO()
    kept.convert("RGB").save(written, "WEBP", quality=72, method=6)
    return written.getvalue()


def address(name: str, home: Path) -> str:
    """The address of a page; that of one provider is of the one with the most open records."""
    if name != "mine":
        return "" if name == "overview" else name
    with open_snapshot(require_snapshot(Home(home))) as con:
        sql = "SELECT provider_id FROM marts.commission_balances ORDER BY records DESC, provider_id LIMIT 1"
        return f"mine?provider={con.execute(sql).fetchall()[0][0]}"


def main() -> None:
    asked = argparse.ArgumentParser(prog="make screenshots", description=__doc__)
    asked.add_argument("--home", type=Path, default=os.environ.get("BOOKWATCH_HOME", ".bookwatch"))
    asked.add_argument("--out", type=Path, default=FOLDER)
    asked.add_argument("pages", nargs="*", help="only these")
    said = asked.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("No Chromium on this machine: install the package chromium.")
    from playwright.sync_api import sync_playwright

    names = said.pages or sorted(path.stem for path in (ROOT / "dashboards" / "pages").glob("[a-z]*.py"))
    said.out.mkdir(parents=True, exist_ok=True)
    with served(Path(said.home).resolve()) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for look in LOOKS:
            page = browser.new_page(color_scheme=look)
            for name in names:
                path = address(name, Path(said.home))
                (said.out / f"{name}_{look}.webp").write_bytes(picture(page, f"{url}/{path}"))
                print(f"{name} {look}", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
