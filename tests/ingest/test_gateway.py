"""The gateway against a real server (the sandbox) and against servers that misbehave byte by byte."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import logging
import logging.handlers
import re
import socket
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from appwrite.exception import AppwriteException
from appwrite.services.tables_db import TablesDB

from resources.appwrite import gateway as gateway_module
from resources.appwrite.columns import PageDecoder
from resources.appwrite.failures import CallFailure, CircuitOpen, PermanentFailure, TransientFailure
from resources.appwrite.gateway import Gateway
from resources.clock import Clock
from resources.errors import UsageError
from resources.raw.column_types import Column
from resources.settings import Settings
from tests.ingest.mirroring import DATABASE, KINDS, Recorder, fill, gateway_for, make_table, settings_for
from tests.ingest.scripted import ScriptedServer, http
from tests.sandbox_server import SandboxProcess

KEY = "standard_f00d5ecret"
GOOD = http(200, '{"total":0,"rows":[]}', Date="Sun, 22 Nov 2026 11:00:00 GMT")


class Waits:
    """Stands for time: sleeping is recorded and moves the clock."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.now = 50.0

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


def scripted_gateway(
    server: ScriptedServer, waits: Waits | None = None, **more: Any
) -> tuple[Gateway, Recorder]:
    settings = Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue] - pydantic-settings' own argument
        appwrite_endpoint=more.pop("endpoint", server.endpoint),
        appwrite_project_id="lab",
        appwrite_api_key=KEY,  # pyright: ignore[reportArgumentType] - Pydantic makes it of the text
        appwrite_database_id="db",
        **more.pop("settings", {}),
    )
    waits = waits or Waits()
    recorder = Recorder()
    gateway = Gateway(
        settings, Clock(), recorder, sleep=waits.sleep, monotonic=waits.monotonic, chance=lambda: 0.5, **more
    )
    return gateway, recorder


def rows(gateway: Gateway) -> bytes:
    return gateway.rows("bookings", [], lambda body: body)


def malformed_unless_json(body: bytes) -> bytes:
    PageDecoder(()).decode(body)
    return body


@pytest.mark.parametrize(
    "bad",
    [
        http(429, "{}"), http(500, "{}"), http(502, "<html>"), http(503, "{}"), http(504, ""),
        http(500, "<html>dead database</html>", "text/html"),
        http(200, "<html>welcome</html>", "text/html"),
        http(200, ""), http(200, "", kind=""),
        http(200, '{"total":0,"rows":[', length=500),
        http(200, '{"total":0,"rows":[{"$id":"a"'),
        http(200, '"rows"'),
        b"nonsense\r\n\r\n", b"", None,
    ],
)  # fmt: skip
def test_a_transient_failure_is_tried_again_and_then_succeeds(bad: bytes | None) -> None:
    with ScriptedServer(bad, bad, bad, GOOD) as server:
        waits = Waits()
        gateway, recorder = scripted_gateway(server, waits)
        assert gateway.rows("bookings", [], malformed_unless_json) == b'{"total":0,"rows":[]}'
        assert waits.slept == pytest.approx([0.3, 0.6, 1.2])
        assert len(server.requests) == 4
        (event,) = recorder.events
        assert (event.outcome, event.attempts, event.severity, event.category) == (
            "ok",
            4,
            "warning",
            "booking",
        )


@pytest.mark.parametrize(
    ("bad", "status", "reason"),
    [
        (http(503, "{}"), 503, "server_error"),
        (http(429, '{"type":"general_rate_limit_exceeded"}'), 429, "rate_limited"),
        (http(200, "<html>", "text/html"), 200, "web_page"),
        (http(200, ""), 200, "malformed"),
        (None, None, "connection"),
    ],
)
def test_a_transient_failure_that_stays_ends_after_three_retries(
    bad: bytes | None, status: int | None, reason: str
) -> None:
    with ScriptedServer(bad) as server:
        gateway, recorder = scripted_gateway(server)
        with pytest.raises(TransientFailure) as caught:
            rows(gateway)
        assert len(server.requests) == 4
        assert (caught.value.status, caught.value.reason, caught.value.attempts) == (status, reason, 4)
        (event,) = recorder.events
        assert (event.outcome, event.status, event.severity) == ("transient", status, "error")
        assert event.category == ("network" if status is None else "booking")


@pytest.mark.parametrize(
    ("answer", "reason", "category", "severity"),
    [
        (http(400, '{"type":"general_query_invalid"}'), "bad_request", "booking", "error"),
        (http(401, '{"type":"user_unauthorized"}'), "unauthorized", "auth", "critical"),
        (http(401, '{"type":"general_unauthorized_scope"}'), "scope", "auth", "critical"),
        (http(403, '{"type":"general_access_forbidden"}'), "forbidden", "auth", "error"),
        (http(404, '{"type":"table_not_found"}'), "not_found", "booking", "error"),
        (http(404, "<html>", "text/html"), "unknown_route", "booking", "error"),
        (http(409, "{}"), "bad_request", "booking", "error"),
    ],
)
def test_a_permanent_failure_is_not_tried_again(
    answer: bytes, reason: str, category: str, severity: str
) -> None:
    with ScriptedServer(answer) as server:
        waits = Waits()
        gateway, recorder = scripted_gateway(server, waits)
        with pytest.raises(PermanentFailure) as caught:
            rows(gateway)
        assert caught.value.reason == reason
        assert (len(server.requests), waits.slept) == (1, [])
        (event,) = recorder.events
        assert (event.outcome, event.category, event.severity, event.attempts) == (
            "permanent",
            category,
            severity,
            1,
        )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_the_key_does_not_travel(status: int) -> None:
    with ScriptedServer(GOOD) as elsewhere:
        with ScriptedServer(http(status, "", Location=elsewhere.endpoint + "/stolen")) as server:
            gateway, _ = scripted_gateway(server)
            with pytest.raises(PermanentFailure) as caught:
                rows(gateway)
            assert caught.value.reason == "redirect"
        assert elsewhere.requests == []


def test_a_server_that_says_nothing_is_a_time_out() -> None:
    with ScriptedServer(lambda p, h: server.stall(p, h)) as server:
        gateway, recorder = scripted_gateway(server, timeouts=(0.5, 0.05))
        with pytest.raises(TransientFailure) as caught:
            rows(gateway)
        assert caught.value.reason == "time_out"
        assert recorder.events[0].category == "network"


def test_a_server_that_stops_in_mid_answer_is_a_time_out() -> None:
    with ScriptedServer(lambda p, h: server.stall(p, h)) as server:
        listener = socket.create_server(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.recv(65536)
                connection.sendall(
                    http(200, b'{"rows":[', length=5000).replace(b"Connection: close\r\n", b"")
                )
                kept.append(connection)

        kept: list[Any] = []
        threading.Thread(target=serve, daemon=True).start()
        gateway, _ = scripted_gateway(
            server, timeouts=(0.5, 0.05), endpoint=f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        )
        with pytest.raises(TransientFailure) as caught:
            rows(gateway)
        assert caught.value.reason == "time_out"
        listener.close()
        for connection in kept:
            connection.close()


def test_an_answer_that_trickles_in_is_a_time_out_however_lively(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_module, "WHOLE_ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(gateway_module, "RETRY_BUDGET", 0.5)  # a retry may take what is left of it
    monkeypatch.setattr(gateway_module, "SHORTEST_TRY", 0.1)
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def trickle(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(http(200, b"{", length=500).replace(b"Connection: close\r\n", b""))
            while not ended.wait(0.01):
                connection.sendall(b" ")

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=trickle, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    with ScriptedServer(GOOD) as server, listener:
        gateway, _ = scripted_gateway(
            server, timeouts=(0.5, 5.0), endpoint=f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        )
        with pytest.raises(TransientFailure) as caught:
            rows(gateway)
        assert caught.value.reason == "time_out"  # and not an answer, seconds later
        ended.set()


def test_a_compressed_answer_arrives_whole() -> None:
    body = b'{"total":0,"rows":[' + b" " * 3_000_000 + b"]}"
    packed = http(200, gzip.compress(body), Content_Encoding="gzip")
    with ScriptedServer(packed) as server:
        gateway, _ = scripted_gateway(server)
        assert rows(gateway) == body


def test_a_compressed_answer_that_is_cut_or_garbled_is_transient() -> None:
    packed = gzip.compress(b"x" * 3_000_000)
    for bad in (http(200, packed[:900], length=len(packed), Content_Encoding="gzip"),
                http(200, b"no gzip at all", Content_Encoding="gzip")):  # fmt: skip
        with ScriptedServer(bad) as server:
            gateway, _ = scripted_gateway(server)
            with pytest.raises(TransientFailure) as caught:
                rows(gateway)
            assert caught.value.reason == "connection"


def test_retrying_ends_when_the_failures_themselves_have_taken_four_seconds() -> None:
    waits = Waits()

    def slow(path: str, headers: dict[str, str]) -> bytes:
        waits.now += 5
        return http(503, "{}")

    with ScriptedServer(slow) as server:
        gateway, _ = scripted_gateway(server, waits)
        with pytest.raises(TransientFailure):
            rows(gateway)
        # The first retry comes at once; it takes 5 s as well, and that was enough.
        assert len(server.requests) == 2


def test_a_retry_that_stalls_is_cut_off_where_the_time_for_retrying_ends() -> None:
    waits = Waits()

    def late(path: str, headers: dict[str, str]) -> bytes:
        waits.now += 2.5
        return http(503, "{}")

    def slow(path: str, headers: dict[str, str]) -> bytes:
        time.sleep(0.8)  # the slowness that is tried
        return GOOD

    with ScriptedServer(http(503, "{}"), late, slow, slow) as server:
        gateway, recorder = scripted_gateway(server, waits)
        with pytest.raises(TransientFailure) as caught:
            rows(gateway)
        # 3.4 of the four seconds were spent when the third try began: it had the rest.
        assert (caught.value.reason, recorder.events[-1].attempts) == ("time_out", 3)
        # The same slow answer is waited for where it is the first.
        rows(gateway)
        assert recorder.events[-1].outcome == "ok"


def test_retry_after_is_obeyed_also_beyond_four_seconds() -> None:
    with ScriptedServer(http(429, "{}", Retry_After="9"), http(503, "{}", Retry_After="1"), GOOD) as server:
        waits = Waits()
        gateway, _ = scripted_gateway(server, waits)
        rows(gateway)
        assert waits.slept == pytest.approx([9, 1])


def test_an_exhausted_rate_limit_holds_back_the_next_call_until_its_reset() -> None:
    reset = int(datetime(2026, 11, 22, 11, 0, 20, tzinfo=UTC).timestamp())
    limited = http(
        200,
        '{"rows":[]}',
        Date="Sun, 22 Nov 2026 11:00:00 GMT",
        X_RateLimit_Remaining="0",
        X_RateLimit_Reset=str(reset),
    )
    with ScriptedServer(limited, GOOD) as server:
        waits = Waits()
        gateway, _ = scripted_gateway(server, waits)
        rows(gateway)
        assert waits.slept == []
        rows(gateway)
        assert waits.slept == [20]


def test_a_server_that_wants_an_hour_is_left_alone_instead_of_waited_for() -> None:
    with ScriptedServer(http(429, "{}", Retry_After="3600"), GOOD) as server:
        waits = Waits()
        gateway, recorder = scripted_gateway(server, waits)
        for _ in range(2):
            with pytest.raises(TransientFailure) as caught:
                rows(gateway)
            assert caught.value.reason == "rate_limited"
        assert (len(server.requests), waits.slept) == (1, [])
        waits.now += 3600
        rows(gateway)
        assert [e.outcome for e in recorder.events] == ["transient", "transient", "ok"]


def test_the_breaker_opens_cools_down_and_closes() -> None:
    with ScriptedServer(*[http(503, "{}")] * 20, GOOD) as server:
        waits = Waits()
        gateway, recorder = scripted_gateway(server, waits)
        for _ in range(5):
            with pytest.raises(TransientFailure):
                rows(gateway)
        assert (gateway.breaker.state, len(server.requests)) == ("open", 20)
        with pytest.raises(CircuitOpen):
            rows(gateway)
        assert len(server.requests) == 20
        assert recorder.events[-1].outcome == "open"
        waits.now += 30.001
        assert gateway.breaker.state == "half-open"
        rows(gateway)
        assert gateway.breaker.state == "closed"


def test_a_refusal_is_an_answer_and_opens_no_breaker() -> None:
    with ScriptedServer(http(401, "{}")) as server:
        gateway, _ = scripted_gateway(server)
        for _ in range(7):
            with pytest.raises(PermanentFailure):
                rows(gateway)
        assert gateway.breaker.state == "closed"


@pytest.mark.parametrize(
    "make",
    [
        lambda: http(401, f'{{"message":"bad key {KEY}","type":"user_unauthorized"}}'),
        lambda: http(500, f"<html>{KEY} Siti +62812</html>", "text/html"),
        lambda: http(200, f'{{"rows":"{KEY} Siti"}}'),
        lambda: None,
        lambda: http(400, f'{{"type":"Siti {KEY}"}}'),
    ],
)
def test_no_key_and_no_server_text_in_any_exception_log_or_event(
    make: Callable[[], bytes | None], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with ScriptedServer(make()) as server:
        gateway, recorder = scripted_gateway(server)
        with pytest.raises(CallFailure) as caught:
            gateway.rows("bookings", [], malformed_unless_json)
        told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(recorder.events)
        told += caplog.text + "".join(capsys.readouterr()) + repr(gateway) + repr(gateway.client)
        assert KEY not in told
        assert "Siti" not in told
        assert caught.value.__context__ is None
        assert caught.value.response is None
        assert server.requests[0][1]["x-appwrite-key"] == KEY


def test_a_key_that_cannot_stand_in_a_header_is_one_sentence_without_it() -> None:
    with ScriptedServer(GOOD) as server:
        gateway, _ = scripted_gateway(server, settings={})
        gateway.client.set_key("two\r\nlines")
        with pytest.raises(PermanentFailure) as caught:
            rows(gateway)
        assert caught.value.reason == "bad_setting"
        assert "two" not in str(caught.value)


def test_a_netrc_entry_adds_no_authorization(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with ScriptedServer(GOOD) as server:
        gateway, _ = scripted_gateway(server)
        rows(gateway)
        assert "authorization" not in server.requests[0][1]


def test_the_proxy_of_the_environment_is_used_with_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(GOOD) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.endpoint.removesuffix("/v1").replace("://", "://me:secret@"))
        gateway, _ = scripted_gateway(
            proxy, endpoint="http://appwrite.example/v1", settings={"allow_http": True}
        )
        rows(gateway)
        target, headers = proxy.requests[0]
        assert target.startswith("http://appwrite.example/v1/tablesdb/")
        assert headers["proxy-authorization"] == "Basic " + base64.b64encode(b"me:secret").decode()


def test_a_server_listed_in_no_proxy_is_called_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(GOOD) as server:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        gateway, _ = scripted_gateway(server)
        rows(gateway)
        assert server.requests[0][0].startswith("/v1/tablesdb/")


def test_a_proxy_that_cannot_be_used_is_one_sentence_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "ftp://me:secret@proxy.example")
    with ScriptedServer(GOOD) as server, pytest.raises(UsageError, match="proxy") as caught:
        scripted_gateway(server, endpoint="http://appwrite.example/v1", settings={"allow_http": True})
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None


def test_nobody_listens_is_transient() -> None:
    with socket.socket() as bound, ScriptedServer(GOOD) as server:
        bound.bind(("127.0.0.1", 0))  # taken, and not listening
        gateway, _ = scripted_gateway(server, endpoint=f"http://127.0.0.1:{bound.getsockname()[1]}/v1")
        with pytest.raises(TransientFailure) as caught:
            gateway.ping()
        assert caught.value.reason == "connection"


def test_a_missing_setting_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="APPWRITE_PROJECT_ID"):
        Gateway(Settings(_env_file=None, appwrite_endpoint="http://x/v1"), Clock(), Recorder())  # pyright: ignore[reportCallIssue] - pydantic-settings' own argument


def test_a_server_without_a_date_is_refused_because_no_scan_could_be_bounded() -> None:
    with ScriptedServer(http(200, '{"total":0,"tables":[]}')) as server:
        gateway, _ = scripted_gateway(server)
        with pytest.raises(PermanentFailure) as caught:
            gateway.server_now()
        assert caught.value.reason == "no_date"


# -- the real protocol -------------------------------------------------------------------------------------


def test_ping_and_the_servers_clock_and_format(
    server: SandboxProcess, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_table(server, "pinged")
    gateway, recorder = gateway_for(settings_for(server, home))
    before = datetime.now(UTC)
    at = gateway.ping()
    assert at.tzinfo == UTC
    assert abs((at - before).total_seconds()) < 5
    assert gateway.server_version() == "1.9.6"
    assert gateway.client.get_headers()["x-appwrite-response-format"] == "1.9.6"
    gateway.ping()
    assert [e.operation for e in recorder.events] == ["ping", "version", "ping"]
    assert "Warning" not in capsys.readouterr().err


def test_the_sdks_typed_services_work_on_the_pooled_client(
    server: SandboxProcess, home: Path, table: str
) -> None:
    make_table(server, table)
    gateway, recorder = gateway_for(settings_for(server, home))
    tables = TablesDB(gateway.client)
    made = tables.create_row(
        database_id=DATABASE, table_id=table, row_id="x1", data={"title": "t", "amount": 3}
    )
    assert made.id == "x1"
    assert tables.list_rows(database_id=DATABASE, table_id=table).rows[0].id == "x1"
    with pytest.raises(AppwriteException) as caught:
        tables.get_row(database_id=DATABASE, table_id=table, row_id="none")
    assert (caught.value.code, caught.value.type) == (404, "row_not_found")
    assert [e.outcome for e in recorder.events] == ["ok", "ok", "permanent"]


def test_a_write_is_sent_once(server: SandboxProcess, home: Path, table: str) -> None:
    make_table(server, table)
    gateway, recorder = gateway_for(settings_for(server, home))
    server.faults({"kind": "status", "status": 503, "table": table})
    with pytest.raises(TransientFailure):
        TablesDB(gateway.client).create_row(
            database_id=DATABASE, table_id=table, row_id="x1", data={"title": "t"}
        )
    assert recorder.events[0].attempts == 1


@pytest.mark.parametrize("api", ["tablesdb", "databases"])
def test_columns_of_every_kind_by_their_own_type(
    server: SandboxProcess, home: Path, table: str, api: str
) -> None:
    make_table(server, table, KINDS)
    gateway, _ = gateway_for(settings_for(server, home, appwrite_api=api, tables={"bookings": table}))
    columns = {c.key: c for c in gateway.list_columns("bookings")}
    assert set(columns) == set(KINDS)
    assert columns["tags"] == Column("tags", "varchar", True)
    assert {k: c.storage for k, c in columns.items()} == {
        "title": "text", "note": "text", "amount": "integer", "big": "integer", "ratio": "float",
        "paid": "boolean", "starts_at": "instant", "choice": "text", "contact": "text", "page": "text",
        "address": "text", "middle": "text", "long": "text", "tags": "json", "numbers": "json",
    }  # fmt: skip


def test_more_columns_than_the_servers_default_list(server: SandboxProcess, home: Path, table: str) -> None:
    make_table(server, table, {f"c{n}": {"kind": "integer"} for n in range(40)})
    gateway, _ = gateway_for(settings_for(server, home))
    assert len(gateway.list_columns(table)) == 40


def _two_a_page(total: int | None) -> Callable[[str, dict[str, str]], bytes]:
    """A server that lists two of five columns, however many it is asked for."""

    def answer(path: str, headers: dict[str, str]) -> bytes:
        offset = int((re.search(r'"offset","values":\[(\d+)\]', unquote(path)) or [0, 0])[1])
        page = [{"key": f"c{n}", "type": "integer", "array": False} for n in range(5)][offset : offset + 2]
        told = {"columns": page} | ({} if total is None else {"total": total})
        return http(200, json.dumps(told), Date="Sun, 01 Mar 2026 00:00:00 GMT")

    return answer


@pytest.mark.parametrize(("total", "calls"), [(5, 3), (None, 4), (0, 4)])
def test_a_server_that_caps_the_page_hides_no_column(total: int | None, calls: int) -> None:
    with ScriptedServer(_two_a_page(total)) as server:
        gateway, _ = scripted_gateway(server)
        assert [c.key for c in gateway.list_columns("bookings")] == ["c0", "c1", "c2", "c3", "c4"]
        assert len(server.requests) == calls


def test_a_server_that_gives_the_same_columns_again_is_not_believed() -> None:
    page = json.dumps({"total": 2, "columns": [{"key": "c0", "type": "integer", "array": False}]})
    with ScriptedServer(http(200, page, Date="Sun, 01 Mar 2026 00:00:00 GMT")) as server:
        gateway, _ = scripted_gateway(server)
        # Counted twice it would seem to be all there is.
        with pytest.raises(TransientFailure) as caught:
            gateway.list_columns("bookings")
        assert caught.value.reason == "malformed"


def test_connections_are_kept(server: SandboxProcess, home: Path, table: str) -> None:
    make_table(server, table)
    fill(server, table, 3)
    gateway, _ = gateway_for(settings_for(server, home))
    for _ in range(5):
        gateway.rows(table, [], lambda body: body)
    pool = gateway.client._connections._direct
    assert pool is not None
    assert pool.num_connections == 1


def test_a_table_id_with_a_space_is_one_path_segment(home: Path) -> None:
    with ScriptedServer(GOOD) as server:
        gateway, _ = scripted_gateway(server, settings={"tables": {"bookings": "Commission Records/x?"}})
        rows(gateway)
        assert re.match(r"/v1/tablesdb/db/tables/Commission%20Records%2Fx%3F/rows\?", server.requests[0][0])
        assert "total=0" in server.requests[0][0]
        assert server.requests[0][1]["x-appwrite-project"] == "lab"


def test_what_urllib3_logs_of_addresses_goes_nowhere() -> None:
    """Their queries name rows by `$id`, which may be a phone."""
    logger = logging.getLogger("urllib3.connectionpool")
    taken = logging.handlers.BufferingHandler(100)
    logging.getLogger().addHandler(taken)
    try:
        logger.warning("Failed to parse headers (url=/v1?queries=081234567890)")
    finally:
        logging.getLogger().removeHandler(taken)
    assert not taken.buffer
