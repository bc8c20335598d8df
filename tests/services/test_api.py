"""What every request goes through: who calls, problems, bounds, notes, the OpenAPI, health. Routes of a subject are
tried beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from marketplace.events import CallOutcome
from resources.appwrite.failures import CircuitOpen, PermanentFailure, TransientFailure
from resources.appwrite.writing import Create
from resources.errors import UsageError
from resources.settings import load_settings
from services import api as services_api
from services.context import Asked, AskedOnce, language_asked
from services.noting import NoNotes
from services.patience import seconds_left
from services.problems import Problem, Wrong
from services.store import Contended, Decision, Doubtful
from services.tables import COUNTERS
from tests.services.memory import Memory
from tests.services.told import CALLERS, Client, MemoryServices, Told, on_memory, settings_for_memory

ROUTER = APIRouter(tags=["tried"])


class Person(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(max_length=5)]


class Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid")
    minutes: Annotated[int, Field(ge=60)]
    person: Person


class Made(BaseModel):
    made: str


@ROUTER.post("/tried", status_code=201)
def make(wanted: Wanted, asked: AskedOnce) -> Made:
    return asked.command(  # type: ignore[return-value] - FastAPI hands on a response
        "make", lambda view: Decision(Made(made="it"), (Create(COUNTERS, "it", {"userId": "u"}),)), status=201
    )


@ROUTER.get("/tried/{what}")
def fail(what: str, asked: Asked) -> JSONResponse:
    failures: dict[str, Exception] = {
        "gone": Problem(404, "not_found"),
        "state": Problem(409, "not_allowed", [Wrong("missing", "/a")], state="accepted"),
        "wait": Problem(429, "busy", retry_after=7),
        "refused": PermanentFailure("list_rows", "forbidden", status=403),
        "away": TransientFailure("list_rows", "time_out"),
        "open": CircuitOpen("list_rows", "circuit_open"),
        "contended": Contended(),
        "doubtful": Doubtful(),
        "broken": ValueError("+62811 Ann secret"),
    }
    if what in failures:
        raise failures[what]
    return JSONResponse({"user": asked.caller.user_id, "left": seconds_left() < 9})


class Kept(NoNotes):
    """Notes, in a list."""

    def __init__(self) -> None:
        self.notes: list[dict[str, Any]] = []

    def note(
        self,
        at: Any,
        operation: str,
        seconds: float,
        outcome: Any = CallOutcome.OK,
        status: Any = None,
        **more: Any,
    ) -> None:
        self.notes.append({"operation": operation, "outcome": outcome, "status": status, **more})


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    every = list(services_api.routers())
    monkeypatch.setattr(services_api, "routers", lambda: [*every, ROUTER])
    client = on_memory(Memory())
    client.services.notes = Kept()
    yield client
    client.services.close()


def notes_of(client: Client) -> list[dict[str, Any]]:
    assert isinstance(client.services.notes, Kept)
    return client.services.notes.notes


@pytest.mark.parametrize(
    ("what", "status", "code", "more"),
    [
        ("gone", 404, "not_found", {}),
        ("state", 409, "not_allowed", {"state": "accepted"}),
        ("wait", 429, "busy", {}),
        ("refused", 502, "marketplace_refused", {}),
        ("away", 503, "marketplace_unavailable", {}),
        ("open", 503, "marketplace_unavailable", {}),
        ("contended", 503, "busy", {}),
        ("doubtful", 503, "outcome_unknown", {}),
        ("broken", 500, "unforeseen", {}),
    ],
)
def test_every_failure_is_a_problem_without_a_value(
    client: Client, what: str, status: int, code: str, more: dict[str, Any]
) -> None:
    answer = client.get(f"/tried/{what}", "customer")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert {name: told[name] for name in ("status", "code", *more)} == {
        "status": status,
        "code": code,
        **more,
    }
    assert told["type"] == f"urn:bookwatch:problem:{code}"
    assert told["instance"] == answer.headers["x-request-id"]
    assert "secret" not in answer.text
    assert ("retry-after" in answer.headers) == (status in (429, 503))
    noted = notes_of(client)[-1]
    assert noted["operation"] == "GET /tried/{what}"
    assert noted["status"] == status
    assert noted["context"] == {"code": code}
    assert (noted["outcome"] is CallOutcome.OK) == (status < 500)
    assert "secret" not in str(notes_of(client))


def test_all_that_is_wrong_is_told_at_once_in_the_callers_language_and_nothing_is_repeated(
    client: Client,
) -> None:
    wrong = {"minutes": "Ketut", "person": {"name": "Ni Luh Ketut", "Wayan": 1}}
    answer = client.post("/tried", "customer", wrong)
    assert answer.status_code == 422
    told = answer.json()
    assert [(one["code"], one["at"]) for one in told["errors"]] == [
        ("not_whole", "/minutes"),
        ("too_long", "/person/name"),
        ("unknown_field", "/person"),
    ]
    assert not any(word in answer.text for word in ("Ketut", "Wayan", "Luh"))
    assert "At most 5" in told["errors"][1]["message"]
    assert told["errors"][2]["message"].endswith("these are: name.")
    in_indonesian = client.post("/tried", "therapist", wrong).json()
    assert "Paling banyak 5" in in_indonesian["errors"][1]["message"]
    asked_for = client.post("/tried", "therapist", wrong, headers={"Accept-Language": "fr, en;q=0.5"}).json()
    assert "At most 5" in asked_for["errors"][1]["message"]
    broken = client.ask(
        "POST", "/tried", "customer", content=b"{", headers={"content-type": "application/json"}
    )
    assert [(one["code"], one["at"]) for one in broken.json()["errors"]] == [("not_json", "")]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, None),
        ("", None),
        ("id-ID, en;q=0.8", "id"),
        ("en;q=0.2, id;q=0.9", "id"),
        ("in", "id"),
        ("fr-FR, *;q=0.1", None),
        ("en;q=0, id;q=x", None),
    ],
)
def test_the_language_that_is_liked_best(header: str | None, language: str | None) -> None:
    assert language_asked(header) == language


def test_a_post_takes_a_key_and_is_done_once(client: Client) -> None:
    wanted = {"minutes": 60, "person": {"name": "Ann"}}
    assert client.post("/tried", "customer", wanted, key="").json()["code"] == "idempotency_key_missing"
    assert client.post("/tried", "customer", wanted, key="a b").json()["code"] == "idempotency_key_unusable"
    first = client.post("/tried", "customer", wanted, key="k")
    assert (first.status_code, first.json()) == (201, {"made": "it"})
    again = client.post("/tried", "customer", wanted, key="k")
    assert (again.status_code, again.json()) == (201, {"made": "it"})
    other = client.post("/tried", "customer", {**wanted, "minutes": 90}, key="k")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_nobody_is_told_nothing(client: Client) -> None:
    for method, path in (("GET", "/tried/x"), ("POST", "/tried")):
        answer = client.ask(method, path, None, json={"minutes": 1})
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_bounds_paths_methods_and_hosts(client: Client) -> None:
    assert client.get("/tried/x", "customer").json() == {"user": "ann", "left": True}
    assert client.get("/nowhere/+62811", None).json()["code"] == "no_such_path"
    deleted = client.ask("DELETE", "/tried/x", "customer")
    assert (deleted.json()["code"], deleted.headers["allow"]) == ("no_such_method", "GET")
    large = client.post("/tried", "customer", {"minutes": 60, "person": {"name": "x" * 70_000}})
    assert (large.status_code, large.json()["code"]) == (413, "too_large")

    def parts() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 8_000

    trickled = client.ask(
        "POST", "/tried", "customer", content=parts(), headers={"content-type": "application/json"}
    )
    assert (trickled.status_code, trickled.json()["code"]) == (413, "too_large")
    assert client.get("/tried/x", "customer", headers={"Host": "evil.example"}).status_code == 403
    named = client.get("/tried/x", "customer", headers={"X-Request-Id": "mine-1"})
    assert named.headers["x-request-id"] == "mine-1"
    assert (
        client.get("/tried/x", "customer", headers={"X-Request-Id": "a b"}).headers["x-request-id"] != "a b"
    )
    assert not any("+62811" in note["operation"] for note in notes_of(client))


def test_the_openapi_has_every_problem_and_the_page_has_no_file_from_elsewhere(client: Client) -> None:
    told = client.get("/openapi.json", None).json()
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            assert {"400", "413", "422", "500"} <= operation["responses"].keys(), (path, method)
            if path != "/healthz":
                assert operation["security"] == [{"AppwriteJWT": []}], (path, method)
                assert {"401", "403", "409", "429", "503"} <= operation["responses"].keys(), (path, method)
    assert "HTTPValidationError" not in json.dumps(told)
    answer = client.get("/docs", None)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    page = answer.text
    assert "/tried/{what}" in page
    assert "src=" not in page
    assert "http" not in page.replace("httpx", "").split("<body", 1)[0].split("<h1>")[0]


def test_healthz_never_shows_unknown_as_fine(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/healthz", None).json()["state"] == "ok"
    monkeypatch.setattr("services.health.KEPT_S", -1)
    server = client.services.gateway
    assert isinstance(server, Memory)
    for failure, state in (
        (TransientFailure("list_rows", "time_out"), "unknown"),
        (PermanentFailure("list_rows", "unauthorized", status=401), "broken"),
    ):

        def refuse(wanted: Any, failure: Exception = failure) -> Any:
            raise failure

        monkeypatch.setattr(server, "fresh", refuse)
        answer = client.get("/healthz", None)
        assert (answer.status_code, answer.json()["state"]) == (503, state)
    monkeypatch.undo()
    monkeypatch.setattr("services.health.KEPT_S", -1)
    # The spool counts this itself, and lets nobody set it.
    client.services.notes.lost = 3  # pyright: ignore[reportAttributeAccessIssue]
    seen = [client.get("/healthz", None).json() for _ in range(2)]
    # A disk that was full once breaks nothing for good.
    assert [told["state"] for told in seen] == ["broken", "ok"]
    assert "lost 3" in [point["detail"] for point in seen[1]["points"]]
    server.columns["service_guards"] = frozenset()
    assert client.get("/healthz", None).json()["state"] == "broken"


def test_every_path_stands_in_the_contract(client: Client) -> None:
    contract = (Path(__file__).parents[2] / "docs" / "contract.md").read_text(encoding="utf-8")
    paths = {
        path for path in client.get("/openapi.json", None).json()["paths"] if not path.startswith("/tried")
    }
    shortened = {path for path in paths if f"`…/{path.rpartition('/')[2]}`" in contract}
    assert {path for path in paths - shortened if path not in contract} == set()


def test_browsers_of_the_apps_own_pages_may_ask_and_no_others(tmp_path: Path) -> None:
    app = "https://app.example"
    asked = {
        "Origin": app,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,idempotency-key",
    }
    closed = on_memory(Memory())
    assert (
        "access-control-allow-origin" not in closed.ask("OPTIONS", "/bookings", None, headers=asked).headers
    )
    settings = settings_for_memory(tmp_path).model_copy(update={"services_origins": (app,)})
    opened = Client(MemoryServices(settings, Memory(), Told(CALLERS)))
    told = opened.ask("OPTIONS", "/bookings", None, headers=asked)
    assert (told.status_code, told.headers["access-control-allow-origin"]) == (200, app)
    other = opened.ask("OPTIONS", "/bookings", None, headers={**asked, "Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers
    refused = opened.get("/bookings/none", None, headers={"Origin": app})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, app)


@pytest.mark.parametrize(
    "written", ["*", "https://app.example/x", "app.example", "https://a.example https://*.b.example"]
)
def test_an_origin_is_one(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKWATCH_SERVICES_ORIGINS", written)
    with pytest.raises(UsageError, match="origins alone"):
        load_settings()
