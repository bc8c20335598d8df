"""`bookwatch services serve` as a process, and what it says where it cannot work."""

from __future__ import annotations

import json
import urllib.request

import pytest

from pipelines.cli import main
from resources.settings import Settings
from tests.sandbox_server import SandboxProcess
from tests.services.process import Serving, environment_of

HEAVY = {"duckdb", "dagster", "ibis", "streamlit", "pandera", "pandas"}


def test_it_installs_says_where_serves_and_ends_in_good_order(
    marketplace: tuple[SandboxProcess, Settings],
) -> None:
    _, settings = marketplace
    with Serving(settings) as serving:
        for path in ("/healthz", "/openapi.json", "/docs"):
            with urllib.request.urlopen(serving.endpoint + path, timeout=20) as answer:
                content = answer.read()
            if path == "/healthz":
                assert json.loads(content)["state"] == "ok"
        assert serving.end() == 0
    assert serving.errors == ""
    # What it did waits for the next run, and says nothing of anybody.
    lines = [
        json.loads(line)
        for file in (settings.home.root / "spool").iterdir()
        for line in file.read_text().splitlines()
    ]
    assert {"GET /healthz", "list_rows"} <= {str(line.get("operation")) for line in lines}
    assert {"fastapi", "uvicorn", "services.api"} <= set(serving.modules)
    assert HEAVY & {module.partition(".")[0] for module in serving.modules} == set()


def _refused(
    settings: Settings,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> tuple[int, str]:
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main(["services", *arguments])
    return int(str(ended.value.code)), capsys.readouterr().err


def test_without_a_key_that_may_it_is_one_sentence(
    marketplace: tuple[SandboxProcess, Settings],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server, settings = marketplace
    secret = type(settings.appwrite_write_key)
    keyless = settings.model_copy(update={"appwrite_write_key": secret("")})
    weak = settings.model_copy(
        update={"appwrite_write_key": secret(server.new_key("rows.read", "rows.write", "tables.read"))}
    )
    away = settings.model_copy(update={"appwrite_endpoint": "http://127.0.0.1:9/v1"})
    for arguments in (["serve", "--port", "0"], ["install"]):
        status, said = _refused(keyless, arguments, monkeypatch, capsys)
        assert status == 2
        assert "APPWRITE_WRITE_KEY" in said
        assert said.count("\n") == 1
    status, said = _refused(weak, ["serve", "--port", "0"], monkeypatch, capsys)
    assert status == 2
    assert "booking_offers" in said
    assert "tables.write" in said
    assert said.count("\n") == 1
    monkeypatch.setattr("resources.appwrite.gateway.RETRIES", 0)
    status, said = _refused(away, ["serve", "--port", "0"], monkeypatch, capsys)
    assert status == 11
    assert "failed. Try again" in said
    wrong = settings.model_copy(update={"appwrite_write_key": secret("none")})
    status, said = _refused(wrong, ["install"], monkeypatch, capsys)
    assert (status, "Correct APPWRITE_WRITE_KEY" in said) == (11, True)  # it would be refused again, too
    status, said = _refused(settings, ["serve", "--port", "99999"], monkeypatch, capsys)
    assert (status, said.count("\n")) == (2, 1)
