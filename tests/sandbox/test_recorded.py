"""The sandbox against a recorded Appwrite 1.9.6: every request again, in order, and what it answered."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.sandbox.differences import DIFFERENCES
from tests.sandbox_server import SandboxProcess

CASES = [
    json.loads(line) for line in Path(__file__).with_name("recorded-1.9.6.jsonl").read_text().splitlines()
]
DATABASE = "contract"
LISTS = ("rows", "documents", "columns", "attributes", "indexes", "tables", "collections", "databases")


def observed(answer: requests.Response, case: dict[str, Any]) -> dict[str, Any]:
    """What an answer shows of the things a recorded case expects."""
    expected = case["expect"]
    try:
        body = answer.json()
    except ValueError:
        body = None
    seen: dict[str, Any] = {"status": answer.status_code, "json": body is not None}
    if not isinstance(body, dict):
        return seen | {name: None for name in ("type", "message") if name in expected}
    if answer.status_code >= 400:
        return seen | {"type": body.get("type"), "message": body.get("message")}
    seen["keys"] = sorted(body)
    items = next((body[name] for name in LISTS if isinstance(body.get(name), list)), None)
    if items is not None:
        seen["n"] = len(items)
        if items and isinstance(items[0], dict):
            seen["item_keys"] = sorted(items[0])
            seen["ids"] = [item["$id"] for item in items[:5] if "$id" in item]
    if "total" in body:
        seen["total"] = body["total"]
    if case.get("compare_fields"):
        seen["facts"] = {name: body.get(name) for name in case["compare_fields"]}
    return seen


def filled(value: Any, names: dict[str, str]) -> Any:
    """``value`` with each {name} in it replaced."""
    text = json.dumps(value)
    for name, meant in names.items():
        text = text.replace("{" + name + "}", meant)
    return json.loads(text)


def ask(server: SandboxProcess, request: dict[str, Any]) -> requests.Response:
    headers: dict[str, str | None] = {
        "X-Appwrite-Project": server.project,
        "X-Appwrite-Key": server.key,
        "X-Appwrite-Response-Format": "1.9.6",
        "Content-Type": "application/json",
        **request.get("headers", {}),
    }
    params = [(f"queries[{n}]", text) for n, text in enumerate(request.get("queries", []))]
    params += list(request.get("params", {}).items())
    body = request.get("raw_body") or (json.dumps(request["body"]) if "body" in request else None)
    return requests.request(
        request["method"],
        server.endpoint + request["path"],
        params=params,
        headers={name: value for name, value in headers.items() if value is not None},
        data=body,
        timeout=30,
    )


@pytest.fixture(scope="module")
def replayed() -> dict[str, dict[str, tuple[Any, Any]]]:
    """Case name → what differs: field → (expected, seen)."""
    result: dict[str, dict[str, tuple[Any, Any]]] = {}
    with SandboxProcess("--empty") as server:
        names = {"db": DATABASE, "read_only_key": server.new_key("rows.read", "documents.read")}
        for case in CASES:
            request = filled(case["request"], names)
            answer = ask(server, request)
            seen = observed(answer, case)
            if answer.ok and seen["json"] and "$id" in answer.json():
                names[case["name"]] = answer.json()["$id"]
            expected = filled(case["expect"], names)
            path = request.get("wait_until_processed")
            if path:
                deadline = time.monotonic() + 5
                status = "processing"
                while status == "processing" and time.monotonic() < deadline:
                    status = ask(server, {"method": "GET", "path": path}).json()["status"]
                seen["waited"] = status
            result[case["name"]] = {
                name: (value, seen.get(name)) for name, value in expected.items() if seen.get(name) != value
            }
    return result


@pytest.mark.parametrize("name", [case["name"] for case in CASES])
def test_answers_as_the_recorded_server(name: str, replayed: dict[str, dict[str, tuple[Any, Any]]]) -> None:
    differs = replayed[name]
    if name in DIFFERENCES:
        assert differs, f"{name} no longer differs: take it out of differences.py"
    else:
        assert not differs


def test_every_listed_difference_is_a_recorded_case() -> None:
    assert set(DIFFERENCES) <= {case["name"] for case in CASES}
