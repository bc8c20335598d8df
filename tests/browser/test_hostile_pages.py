"""Pages of somebody else in this machine's browser: one whose name points to 127.0.0.1, one of another local port."""

from __future__ import annotations

import http.server
import json
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.cli.serve import children_environment, start_dagster
from pipelines.environment import prepare
from pipelines.processes import Child, own_port, stopping
from pipelines.stopped import stopped
from resources.settings import Settings
from tests.browser.conftest import Served

pytestmark = pytest.mark.browser

STATES = "{repositoriesOrError{... on RepositoryConnection{nodes{schedules{name scheduleState{id status}}}}}}"


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """An empty page on another port of this machine."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>elsewhere</title>")

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def dagster() -> Iterator[tuple[str, Settings]]:
    """Dagster's processes as `serve` starts them, with one code server."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="bw") as folder:
        settings = Settings(_env_file=None, home=Path(folder) / "home")  # pyright: ignore[reportCallIssue] - pydantic-settings' own argument
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DAGSTER_HOME", "")
            prepare(settings)
            children: list[Child] = []
            port = own_port(0, "--port")
            with stopping(children):
                start_dagster(settings, port, children_environment(settings), children)
                yield f"http://127.0.0.1:{port}", settings


def refused(page: Any, address: str) -> None:
    """The page got the refusal and nothing else."""
    answer = page.goto(address)
    assert answer.status == 403
    assert "does not answer" in page.content()


def opens(page: Any, address: str) -> bool:
    """Whether a WebSocket to an address opens from the page that is shown."""
    return page.evaluate(
        """address => new Promise(done => {
            const socket = new WebSocket(address, address.includes('graphql') ? 'graphql-ws' : 'streamlit');
            socket.onopen = () => done(true);
            socket.onerror = () => done(false);
        })""",
        address.replace("http", "ws", 1),
    )


def test_a_page_under_a_foreign_name_gets_nothing_of_the_dashboards(
    chromium: Any, served: Served, elsewhere: str
) -> None:
    page = chromium.new_page()
    for path in ("/", "/revenue", "/_stcore/health", "/_stcore/host-config"):
        refused(page, served.url.replace("127.0.0.1", "revenue.evil.test") + path)
    stream = f"{served.url}/_stcore/stream"
    page.goto(elsewhere)
    assert not opens(page, stream)
    page.goto(elsewhere.replace("127.0.0.1", "localhost"))
    assert not opens(page, stream.replace("127.0.0.1", "localhost"))
    page.goto(elsewhere.replace("127.0.0.1", "revenue.evil.test"))
    assert not opens(page, stream.replace("127.0.0.1", "revenue.evil.test"))
    # A link from anywhere opens the page, and its own WebSocket fills it.
    page.set_content(f'<a href="{served.url}/">look</a>')
    page.get_by_text("look").click()
    page.get_by_role("heading", level=1, name="Overview").wait_for()
    assert opens(page, stream)
    page.goto(served.url.replace("127.0.0.1", "own.test"))  # a name of BOOKWATCH_HOSTS
    page.get_by_role("heading", level=1, name="Overview").wait_for()
    page.close()


@pytest.mark.slow
def test_no_page_reads_dagster_or_stops_a_schedule(
    chromium: Any, dagster: tuple[str, Settings], elsewhere: str
) -> None:
    url, settings = dagster
    own = urllib.request.Request(
        f"{url}/graphql",
        data=json.dumps({"query": STATES}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(own, timeout=60) as answer:
        [repository] = json.load(answer)["data"]["repositoriesOrError"]["nodes"]
    states = {one["name"]: one["scheduleState"] for one in repository["schedules"]}
    assert {state["status"] for state in states.values()} == {"RUNNING"}
    stop = f'mutation{{stopRunningSchedule(id:"{states["every_minute"]["id"]}"){{__typename}}}}'

    page = chromium.new_page()
    for path in ("/", "/server_info", "/graphql"):
        refused(page, url.replace("127.0.0.1", "dagster.evil.test") + path)
    for origin in (elsewhere, elsewhere.replace("127.0.0.1", "localhost"), "null"):
        if origin == "null":
            page.set_content('<iframe sandbox="allow-scripts" srcdoc="<p>framed</p>"></iframe>')
        else:
            page.goto(origin)
        asking = page.frames[-1]
        asking.evaluate(
            """async ([url, stop]) => {
                const query = encodeURIComponent(stop);
                const told = [];
                const asks = [
                    fetch(`${url}/graphql?query=${query}`, {mode: 'no-cors'}),
                    fetch(`${url}/graphql?query=${query}`, {mode: 'no-cors', method: 'POST'}),
                    fetch(`${url}/graphql`, {mode: 'no-cors', method: 'POST', body: stop,
                        headers: {'Content-Type': 'text/plain'}}),
                    new Promise(done => {
                        const image = new Image();
                        image.onload = image.onerror = done;
                        image.src = `${url}/graphql?query=${query}`;
                    }),
                ];
                await Promise.allSettled(asks);
            }""",
            [url, stop],
        )
        assert not opens(asking, f"{url}/graphql")
    # The last line of defence: also its own page may only look.
    page.goto(f"{url}/server_info")
    said = page.evaluate(
        """async ([url, stop]) => (await (await fetch(`${url}/graphql`, {method: 'POST',
            headers: {'Content-Type': 'application/json'}, body: JSON.stringify({query: stop})})).json())""",
        [url, stop],
    )
    assert said["data"]["stopRunningSchedule"]["__typename"] == "UnauthorizedError"
    with urllib.request.urlopen(own, timeout=60) as answer:
        assert "STOPPED" not in answer.read().decode()
    assert stopped(settings) == ()
    page.close()
