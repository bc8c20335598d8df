"""Who calls is asked of the server; install makes what is missing: on the sandbox."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from marketplace.transitions import Actor
from resources.settings import Settings
from services.accounts import Accounts, Kept
from services.callers import Caller
from services.context import Services, open_services
from services.examining import examine_services
from services.installing import State, install, lacking, look
from services.problems import Problem
from services.tables import BUCKETS, TABLES
from tests.sandbox_server import SandboxProcess
from tests.services.conftest import Api
from tests.services.memory import Memory
from tests.services.told import CALLERS, Told


def test_who_calls_is_what_the_server_says_for_a_minute(api: Api) -> None:
    proving = api.services.accounts
    assert isinstance(proving, Accounts)
    found = {who: proving.caller(token) for who, token in api.tokens.items()}  # type: ignore[union-attr] - begun
    assert found["customer"] == Caller(api.ids["customer"], Actor.CUSTOMER, "en")
    assert found["admin"].actor is Actor.ADMIN
    therapist = api.ids["therapist"]
    assert found["therapist"] == Caller(therapist, Actor.PROVIDER, "id", therapist, "therapists")
    assert found["place"].provider_collection == "places"
    # Preferences are the user's own to write: they make nobody anything.
    jwt = api.tokens["customer"]  # type: ignore[index] - it was begun
    assert api.get("/openapi.json", "customer").status_code == 200
    # Kept for a minute: a session that ends is seen then.
    api.appwrite("DELETE", f"/users/{api.ids['customer']}")
    assert proving.caller(jwt).user_id == api.ids["customer"]
    fresh = open_services(api.settings)
    with pytest.raises(Problem) as guest:
        fresh.accounts.caller(jwt)
    assert guest.value.status == 401
    api.appwrite("PATCH", f"/users/{api.ids['other_customer']}/status", {"status": False})
    with pytest.raises(Problem) as blocked:
        fresh.accounts.caller(api.tokens["other_customer"])  # type: ignore[index] - it was begun
    assert (blocked.value.status, blocked.value.code) == (403, "account_blocked")
    for wrong in ("", "x", "abc.def.ghi", "a.b.c.d", "x" * 5000, f"{jwt}x"):
        with pytest.raises(Problem) as refused:
            fresh.accounts.caller(wrong)
        assert refused.value.status == 401
    fresh.close()


def test_a_providers_row_that_names_another_account_is_none_of_ones_own() -> None:
    server = Memory()
    server.put("therapists", "t1", userId="owner")
    server.put("therapists", "t2")

    class Asked(Accounts):
        def __init__(self) -> None:
            self._gateway = server

    find: Any = Asked()._provider  # pyright: ignore[reportPrivateUsage] - without a server around it
    assert find("owner") == ("therapists", "t1")
    assert find("t1") is None
    assert find("t2") == ("therapists", "t2")
    assert find("nobody") is None


def test_a_row_with_the_id_of_a_provider_of_the_other_collection_is_not_them() -> None:
    server = Memory()
    server.put("therapists", "t1", userId="owner")
    server.put("places", "t1", userId="thief")
    server.put("places", "p1")
    server.put("therapists", "p1", userId="thief")
    server.put("therapists", "both", userId="one")
    server.put("places", "both", userId="one")

    class Asked(Accounts):
        def __init__(self) -> None:
            self._gateway = server

    find: Any = Asked()._provider  # pyright: ignore[reportPrivateUsage] - without a server around it
    assert find("owner") == ("therapists", "t1")
    assert find("thief") is None
    assert find("p1") == ("places", "p1")
    assert find("one") == ("therapists", "both")


@pytest.mark.parametrize(
    ("user_id", "labels", "is_somebody"),
    [
        ("guest", [], False),
        ("Admin", [], False),
        ("6281234567890", [], False),
        ("62012345678901234567", [], True),
        ("ann", [], True),
        ("admin", ["admin"], True),
    ],
)
def test_an_account_with_a_word_for_an_id_is_nobody(
    user_id: str, labels: list[str], is_somebody: bool
) -> None:
    class Asked(Accounts):
        def __init__(self) -> None:
            self._gateway = Memory()
            account = {"$id": user_id, "labels": labels, "status": True}
            self._client: Any = SimpleNamespace(request=lambda *told, **named: SimpleNamespace(value=account))

    found: Any = Asked()._asked("a.b.c")  # pyright: ignore[reportPrivateUsage] - without a server around it
    assert isinstance(found, Caller) is is_somebody


def test_what_is_kept_is_bounded_and_ends() -> None:
    now = [0.0]
    kept: Kept[int] = Kept(2, monotonic=lambda: now[0])
    kept.put("a", 1, 10)
    kept.put("b", 2, 10)
    assert kept.get("a") == 1
    kept.put("c", 3, 10)
    assert (kept.get("a"), kept.get("b"), kept.get("c"), len(kept)) == (1, None, 3, 2)
    now[0] = 10.0
    assert kept.get("a") is None


@pytest.mark.parametrize("language", ["tablesdb", "databases"])
def test_install_makes_what_is_missing_once(
    marketplace: tuple[SandboxProcess, Settings], language: str
) -> None:
    server, settings = marketplace
    settings = settings.model_copy(update={"appwrite_api": language})
    before = look(settings)
    assert {part.name for part in lacking(before)} == {table.name for table in TABLES}
    made = install(settings)
    assert [part for part in made if not part.well] == []
    assert {part.state for part in made if part.kind == "collection"} == {State.MADE}
    assert {part.name for part in made if part.kind == "bucket"} == {bucket.id for bucket in BUCKETS}
    server.forget_writes()
    again = install(settings)
    assert {part.state for part in again} == {State.THERE}
    assert server.writes()["calls"] == 0
    assert {part.state for part in look(settings)} == {State.THERE}


def test_install_adds_columns_that_a_collection_lacks_and_says_what_a_key_may_not(
    marketplace: tuple[SandboxProcess, Settings],
) -> None:
    server, settings = marketplace
    columns = [{"key": "kind", "kind": "varchar", "size": 32, "required": True}]
    server.control(
        "POST", "tables", {"database": server.database, "table": "service_guards", "columns": columns}
    )
    weak = settings.model_copy(
        update={
            "appwrite_write_key": type(settings.appwrite_write_key)(
                server.new_key("rows.read", "rows.write", "tables.read")
            )
        }
    )
    refused = install(weak)
    assert {part.state for part in lacking(refused)} == {State.REFUSED}
    assert {part.name for part in lacking(refused)} >= {"booking_offers", "service_guards.version"}
    made = install(settings)
    assert lacking(made) == []
    assert lacking(look(settings)) == []


@pytest.mark.parametrize(
    ("ahead", "frozen", "expected"), [(90, False, 90), (30, False, 0), (-90, False, 0), (90, True, 0)]
)
def test_the_later_clock_judges_where_they_are_apart(ahead: int, frozen: bool, expected: int) -> None:
    at = datetime(2026, 3, 15, 12)
    settings: Any = SimpleNamespace(now=at if frozen else None, clock=SimpleNamespace(naive_now=lambda: at))
    services = Services(settings, Memory(), Told(CALLERS), server_now=lambda: at + timedelta(seconds=ahead))
    assert services.now() == at + timedelta(seconds=expected)


def test_doctor_says_whether_the_collections_are_there(marketplace: tuple[SandboxProcess, Settings]) -> None:
    server, settings = marketplace
    assert examine_services(settings) == []
    install(settings)
    assert [(line.topic, line.verdict) for line in examine_services(settings)] == [("services", "ok")]
    path = f"/tablesdb/{server.database}/tables/service_guards"
    server.client().call("delete", path, {"x-appwrite-project": server.project})
    found = examine_services(settings)
    assert [line.verdict for line in found] == ["problem"]
    assert "service_guards" in found[0].sentence
    away = settings.model_copy(update={"appwrite_endpoint": f"{server.origin}/nowhere"})
    assert [line.verdict for line in examine_services(away)] == ["could not tell"]


def test_a_server_that_takes_no_columns_with_a_collection_and_knows_strings_alone(
    marketplace: tuple[SandboxProcess, Settings],
) -> None:
    server, settings = marketplace
    server.faults(
        {"kind": "status", "status": 404, "method": "POST", "path": "/tables", "count": 1},
        {"kind": "status", "status": 404, "path": "/columns/varchar"},
        {"kind": "status", "status": 404, "path": "/columns/text"},
        {"kind": "after", "status": 503, "death": "status", "path": "/columns/integer", "count": 1},
    )
    made = install(settings)
    server.faults()
    assert lacking(made) == []
    # Its strings are of the sizes that are asked for, and an answer that was lost made nothing twice.
    assert {part.state for part in look(settings)} == {State.THERE}
