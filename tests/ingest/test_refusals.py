"""A refusal names its cause, with code, type and host of the answer; only what passes by itself is tried again."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from messages.catalogue import english
from resources.appwrite.failures import CallFailure, PermanentFailure, TransientFailure
from resources.appwrite.outcomes import outcome_of
from resources.appwrite.patience import wait_asked
from resources.appwrite.sync import ping
from resources.appwrite.unavailable import source_unavailable
from resources.errors import SourceUnavailable
from resources.raw.store import RawStore
from tests.ingest.mirroring import DATABASE, gateway_for, make_table, run, settings_for
from tests.ingest.scripted import ScriptedServer, http
from tests.ingest.test_gateway import Waits, rows, scripted_gateway
from tests.sandbox_server import SandboxProcess


def error(status: int, error_type: str, message: str = "no", **headers: str) -> bytes:
    return http(status, json.dumps({"message": message, "code": status, "type": error_type}), **headers)


REGION = "Project is not accessible in this region. Please make sure you are using the correct endpoint"
PAGE = "<!DOCTYPE html><html><body>Sign in</body></html>"


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (error(401, "general_access_forbidden", REGION), "region", "region"),
        (error(403, "general_region_access_denied"), "region", "region"),
        (error(401, "general_access_forbidden"), "forbidden", "forbids the project this API"),
        (error(403, "project_paused", "Project is paused"), "paused", "paused"),
        (error(403, "general_resource_blocked"), "paused", "paused or blocked"),
        (error(403, "cloud_word_of_its_own", "The project is paused due to inactivity."), "paused", "paused"),
        (error(403, "", "This project has been paused."), "paused", "paused"),
        (error(404, "project_not_found", "The project lives in another region"), "region", "region"),
        (error(401, "", "The API key you use has expired."), "expired", "expired"),
        (error(400, "general_query_invalid", "Attribute not found: region"), "bad_request", "doctor"),
        (error(404, "database_not_found", "Database 'region' not found"), "not_found", "no such database"),
        (error(402, "limit_databases_reads_exceeded"), "quota", "plan"),
        (error(429, "limit_databases_reads_exceeded"), "quota", "plan"),
        (error(402, "anything"), "quota", "plan"),
        (error(403, "billing_limit_exceeded"), "quota", "plan"),
        (error(503, "general_service_disabled"), "service_off", "switched off"),
        (error(403, "general_api_disabled"), "service_off", "switched off"),
        (error(401, "project_key_expired"), "expired", "expired"),
        (error(401, "api_key_expired"), "expired", "expired"),
        (error(404, "project_not_found"), "no_project", "no such project"),
        (error(400, "project_unknown"), "no_project", "no such project"),
        (error(500, "general_protocol_unsupported"), "https", "https"),
        (http(403, PAGE, "text/html"), "web_page", "web page"),
        (http(407, "<html>proxy</html>", "text/html; charset=utf-8"), "web_page", "proxy"),
        (http(302, "", Location="/console/login"), "web_page", "console"),
        (http(404, PAGE, "text/html"), "unknown_route", "/v1"),
        (error(401, "user_unauthorized"), "unauthorized", "does not accept the API key"),
        (error(404, "database_not_found"), "not_found", "no such database"),
        (error(400, "general_bad_request"), "bad_request", "bookwatch doctor"),
    ],
)
def test_what_does_not_pass_by_itself_is_asked_once_and_named(answer: bytes, reason: str, words: str) -> None:
    with ScriptedServer(answer) as server:
        gateway, recorder = scripted_gateway(server)
        with pytest.raises(SourceUnavailable) as told:
            ping(gateway)
        assert len(server.requests) == 1
    host = server.endpoint.removeprefix("http://").removesuffix("/v1")
    event = recorder.events[-1]
    assert (event.outcome, event.reason, event.host) == ("permanent", reason, host)
    assert words in str(told.value)
    assert "ry again later" not in str(told.value)
    assert f"{event.status}, " in told.value.problem
    assert host in told.value.problem
    if event.error_type:
        assert event.error_type in told.value.problem


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (http(500, "<html>dead</html>", "text/html"), "Try again later"),
        (error(503, "general_unknown"), "Try again later"),
        (http(502, PAGE, "text/html"), "a proxy or balancer before Appwrite answered.*Try again later"),
        (http(200, '{"rows":['), "Try again later"),
        (error(429, "general_rate_limit_exceeded", Retry_After="300"), "asks to wait 300 s"),
        (http(200, PAGE, "text/html"), "web page"),
    ],
)
def test_what_may_pass_is_told_so_and_a_web_page_is_not_among_it(answer: bytes, words: str) -> None:
    with ScriptedServer(answer) as server:
        gateway, _ = scripted_gateway(server)
        with pytest.raises(SourceUnavailable, match=words) as told:
            ping(gateway)
    assert ("Try again later" in str(told.value)) == words.endswith("Try again later")


def test_a_refusal_for_good_makes_a_collection_forbidden_whatever_the_status() -> None:
    for answer in (error(402, "limit_databases_reads_exceeded"), error(503, "general_service_disabled")):
        with ScriptedServer(answer) as server:
            gateway, _ = scripted_gateway(server)
            with pytest.raises(PermanentFailure) as failed:
                rows(gateway)
            outcome, detail = outcome_of(failed.value, True, gateway.settings)
        assert outcome == "forbidden"
        assert failed.value.error_type in english(detail)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"appwrite_database_id": "shop "}, "APPWRITE_DATABASE_ID"),
        ({"appwrite_project_id": "lab\u00a0"}, "APPWRITE_PROJECT_ID"),
        ({"appwrite_api_key": "key\n"}, "APPWRITE_API_KEY"),
    ],
)
def test_a_blank_at_the_end_of_an_id_is_named_as_the_cause(settings: dict[str, Any], named: str) -> None:
    with ScriptedServer(error(404, "database_not_found")) as server:
        gateway, _ = scripted_gateway(server)
        given = gateway.settings.model_dump() | {"appwrite_api_key": "key"} | settings
        changed = type(gateway.settings)(_env_file=None, **given)  # pyright: ignore[reportCallIssue] - pydantic-settings' own argument
        gateway, _ = scripted_gateway(server, endpoint=server.endpoint)
        gateway.settings = changed
        failure = PermanentFailure("ping", "not_found", status=404, error_type="database_not_found")
        told = source_unavailable(failure, gateway)
    assert named in told.problem
    assert "blank" in told.problem
    assert "404, database_not_found" in told.problem


def test_a_server_that_refuses_a_blank_is_told_by_a_run_also_with_a_mirror(
    server: SandboxProcess, home: Path, table: str
) -> None:
    make_table(server, table)
    with RawStore(home / "raw.duckdb") as store:
        gateway, _ = gateway_for(settings_for(server, home, tables={"bookings": table}))
        run(gateway, store, ["bookings"])
        blank, _ = gateway_for(settings_for(server, home, appwrite_database_id=f"{DATABASE} "))
        with pytest.raises(
            SourceUnavailable, match=r"APPWRITE_DATABASE_ID begins or ends with a blank \(400,"
        ):
            run(blank, store, ["bookings"], run_id="run2")


def test_a_blank_at_the_end_of_a_table_id_is_named() -> None:
    with ScriptedServer(error(400, "general_argument_invalid")) as server:
        gateway, _ = scripted_gateway(server, settings={"tables": {"bookings": "b1 "}})
        with pytest.raises(CallFailure) as failed:
            rows(gateway)
        outcome, detail = outcome_of(failed.value, False, gateway.settings)
    assert outcome == "missing"
    assert "bookings in BOOKWATCH_TABLES begins or ends with a blank" in english(detail)


def test_a_limit_told_by_an_instant_alone_is_obeyed_and_said() -> None:
    at = datetime(2026, 11, 22, 11, 0, 0, tzinfo=UTC)
    date = format_datetime(at, usegmt=True)
    limited = error(429, "", Date=date, X_RateLimit_Reset=str(int(at.timestamp()) + 20))
    good = http(200, '{"total":0,"rows":[]}')
    with ScriptedServer(limited, good) as server:
        waits = Waits()
        told: list[str] = []
        gateway, _ = scripted_gateway(server, waits, say=told.append)
        rows(gateway)
        assert waits.slept == [20]
        assert told == ["Appwrite asks to wait 20 s before the next call."]
    limited = error(429, "", Date=date, X_RateLimit_Reset=str(int(at.timestamp()) + 900))
    with ScriptedServer(limited) as server:
        gateway, _ = scripted_gateway(server)
        with pytest.raises(TransientFailure) as failed:
            rows(gateway)
        assert len(server.requests) == 1
        assert "Appwrite asks to wait 900 s (429" in failed.value.sentence


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("1795345220", 20.0),
        ("1795345220000", 20.0),
        ("Sun, 22 Nov 2026 11:00:20 GMT", 20.0),
        ("2026-11-22T11:00:20Z", 20.0),
        ("30", 30.0),
        ("1795345000", 0.0),
        ("soon", None),
        (None, None),
    ],
)
def test_an_instant_is_read_however_a_proxy_writes_it(reset: str | None, seconds: float | None) -> None:
    headers = {"Date": "Sun, 22 Nov 2026 11:00:00 GMT"} | ({"X-RateLimit-Reset": reset} if reset else {})
    assert wait_asked(headers, 429, time.time()) == seconds
    assert wait_asked(headers, 200, time.time()) is None
