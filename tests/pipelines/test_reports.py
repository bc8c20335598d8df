"""The monitoring report: a file a notebook in the folder of the day, kept 90 days, linked; a failed cell leaves none
and tells. And `bookwatch notebook`, which lists and opens them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, build_schedule_context, materialize
from starlette.applications import Starlette

from dashboards import report_files
from pipelines import reports
from pipelines.cli import main
from pipelines.dagster.reports import monitoring_report
from pipelines.schedules import morning_report
from resources.home import Home
from resources.ledger.alerts import AlertStore
from tests.published import PUBLISHED_AT

NAMES = ["commissions", "data_quality", "demand", "health", "revenue"]
DAY = "2026-11-22"


@pytest.fixture
def home(published_home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("BOOKWATCH_HOME", str(published_home.root))
    monkeypatch.setenv("BOOKWATCH_NOW", f"{PUBLISHED_AT.isoformat()}Z")
    return published_home


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)


def firing(home: Home) -> dict[str, tuple[str, ...]]:
    alerts, _, _ = AlertStore(home.ledger).load()
    return {
        alert.name: tuple(str(line.args) for line in alert.more)
        for alert in alerts
        if alert.state == "firing" and alert.name == "monitoring_report"
    }


def test_every_notebook_becomes_a_file_of_the_day_that_needs_nothing_else(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    for old in ("2026-08-23", "2026-08-24", "2026-08-23-mine"):
        (home.reports / old).mkdir(parents=True)
        (home.reports / old / "revenue.html").write_text("of before")
    assert run("reports", "--json", "--lang", "id") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["day"], [one["name"] for one in told["reports"]]) == (DAY, NAMES)
    for one in told["reports"]:
        path = Path(one["path"])
        assert path.parent == home.reports / DAY
        assert path.stat().st_mode & 0o777 == 0o600
        page = path.read_text(encoding="utf-8")
        assert told["snapshot_id"] in page
        assert '<html lang="id"' in page
        assert "default-src 'none'" in page.replace("&#39;", "'")
        # Nothing is fetched: no element names a place elsewhere.
        assert not re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=", page)
    assert sorted(path.name for path in home.reports.iterdir()) == ["2026-08-23-mine", "2026-08-24", DAY]
    assert firing(home) == {}


BROKEN = """
import marimo
app = marimo.App()

@app.cell
def _():
    given = None
    return (given,)

@app.cell
def _(given):
    secret = "Rp 1 of +62811111111"
    raise ValueError(secret)
"""


def test_a_cell_that_fails_leaves_no_file_and_is_told_until_it_is_well(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = home.reports / DAY
    folder.mkdir(parents=True)
    (folder / "revenue.html").write_text("of this morning")

    def rendered(folder: Path, names: object, asked: object, settings: object) -> dict[str, object]:
        (folder / "revenue.html").unlink()
        return {name: {"seconds": 1, "problem": None} for name in NAMES if name != "revenue"} | {
            "revenue": {"seconds": 1, "problem": "A cell failed (ValueError)."}
        }

    with monkeypatch.context() as patched:
        patched.setattr(reports, "_rendered", rendered)
        assert run("reports") == 1
    err = capsys.readouterr().err
    assert "revenue: A cell failed (ValueError)." in err
    assert not (folder / "revenue.html").exists()
    assert firing(home) == {"monitoring_report": ("{'names': ['revenue']}", "{}")}
    with monkeypatch.context() as patched:
        patched.setattr(
            reports, "_rendered", lambda *_: {name: {"seconds": 1, "problem": None} for name in NAMES}
        )
        assert run("reports") == 0
    assert firing(home) == {}


def test_the_process_that_renders_repeats_no_value_of_what_failed(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboards.notebook import __main__ as process
    from dashboards.notebook import report
    from dashboards.notebook.asked import Asked

    (tmp_path / "revenue.py").write_text(BROKEN)
    monkeypatch.setattr(report, "NOTEBOOKS", tmp_path)
    (tmp_path / "revenue.html").write_text("of before")
    assert process.render("revenue", tmp_path, Asked()) == "A cell failed (ValueError)."
    assert not (tmp_path / "revenue.html").exists()
    assert not list(tmp_path.glob(".*partial"))


def test_without_a_snapshot_it_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BOOKWATCH_HOME", str(tmp_path / "home"))
    assert run("reports") == 1
    assert "bookwatch run" in capsys.readouterr().err


def test_dagster_shows_where_each_report_stands(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKWATCH_DASHBOARDS", "https://bookwatch.example")
    made = {name: {"seconds": 1, "problem": None} for name in NAMES}
    with monkeypatch.context() as patched:
        patched.setattr(reports, "_rendered", lambda *_: made)
        result = materialize([monitoring_report])
    (event,) = result.asset_materializations_for_node("monitoring_report")
    assert event.asset_key == AssetKey(["monitoring_report"])
    assert event.metadata["revenue"].value == f"https://bookwatch.example/reports/{DAY}/revenue.html"
    made["health"] = {"seconds": 1, "problem": "A cell failed (ValueError)."}
    with monkeypatch.context() as patched:
        patched.setattr(reports, "_rendered", lambda *_: made)
        assert not materialize([monitoring_report], raise_on_error=False).success
    assert firing(home) == {"monitoring_report": ("{'names': ['health']}", "{}")}


@pytest.mark.parametrize(
    ("at", "due"), [("2026-11-21T21:34:00+00:00", False), ("2026-11-21T22:04:00+00:00", True)]
)
def test_it_is_due_once_a_local_morning(home: Home, at: str, due: bool) -> None:
    context = build_schedule_context(scheduled_execution_time=datetime.fromisoformat(at))
    asked = morning_report(context)
    assert (getattr(asked, "run_key", None) == "2026-11-22") is due


def get(path: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a request, as an ASGI server makes it."""
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()  # the reader stays to the end
        raise AssertionError

    async def send(message: Any) -> None:
        said.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [],
        "root_path": "",
    }
    asyncio.run(Starlette(routes=list(report_files.ROUTES))(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in said[0]["headers"]}
    return said[0]["status"], headers, b"".join(one.get("body", b"") for one in said)


def test_the_dashboards_hand_out_reports_and_nothing_else(home: Home) -> None:
    assert report_files.newest(home) is None
    folder = home.reports / DAY
    folder.mkdir(parents=True)
    (folder / "revenue.html").write_text("<p>the report</p>")
    (folder / "health.html").symlink_to(home.ledger)
    (folder / "other.html").write_text("not ours")
    status, headers, body = get(f"/reports/{DAY}/revenue.html")
    assert (status, body) == (200, b"<p>the report</p>")
    assert headers["content-security-policy"].startswith("sandbox allow-scripts")
    for place in (
        f"{DAY}/health",
        f"{DAY}/other",
        "2026-11-21/revenue",
        "../revenue",
        f"{DAY}/../../ledger",
    ):
        assert get(f"/reports/{place}.html")[0] == 404


def test_notebook_lists_them_and_refuses_others(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("notebook", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in listed] == NAMES
    assert all(one["about"].endswith(".") and Path(one["path"]).is_file() for one in listed)
    for words, problem in (
        (["nope"], "There is no notebook 'nope'."),
        (["revenue", "--from", "2026-02-30"], "is not a day"),
        (["revenue", "--from", "2026-11-02", "--to", "2026-11-01"], "is after"),
        (["revenue", "--snapshot", "nope"], "There is no snapshot 'nope'."),
    ):
        assert run("notebook", *words) == 2
        assert problem in capsys.readouterr().err


def test_notebook_serves_one_on_this_machine_alone_and_writes_in_the_home(home: Home, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from pipelines.cli import main; main()", "notebook", "health", "--json"]
    process = subprocess.Popen(
        [*command, "--no-browser", "--lang", "id"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["endpoint"].startswith("http://127.0.0.1:")
        with urllib.request.urlopen(told["endpoint"], timeout=30) as answer:
            assert "'self'" in answer.headers["content-security-policy"]
        other = urllib.request.Request(told["endpoint"], headers={"Host": "evil.example"})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(other, timeout=30)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert not list((home.root / "notebooks").glob(".token*"))
    assert {path.name for path in tmp_path.iterdir()} == {"home"}
