"""A recording of a real Appwrite sent again to the sandbox, and what differs. Holds no test.

The form of a case: docs/sandbox.md, "Held to recordings".
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from tests.sandbox_server import SandboxProcess

LISTS = (
    "rows", "documents", "indexes", "columns", "attributes", "tables", "collections", "databases", "buckets",
    "files", "transactions", "users", "sessions", "statuses",
)  # fmt: skip
SCOPES = {
    "ro_key": ("rows.read", "tables.read"),
    "rows_ro_key": ("rows.read",),
    "rows_rw_key": ("rows.read", "rows.write"),
    "files_ro_key": ("buckets.read", "files.read"),
    "users_ro_key": ("users.read",),
}
_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)((?:\.[A-Za-z0-9_$]+)*)\}")
BOUNDARY = "----recorded"


def cases(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@cache
def made_bytes(seed: str, length: int) -> bytes:
    """The first ``length`` bytes of sha256("seed:0") + sha256("seed:1") + …"""
    blocks = [hashlib.sha256(f"{seed}:{n}".encode()).digest() for n in range(-(-length // 32))]
    return b"".join(blocks)[:length]


def content_of(item: Mapping[str, Any]) -> bytes:
    if "text" in item:
        whole = item["text"].encode()
    elif "base64" in item:
        whole = base64.b64decode(item["base64"])
    else:
        whole = made_bytes(item["seed"], item["bytes"])
    first, last = item.get("slice", (0, len(whole)))
    return whole[first:last]


def multipart(item: Mapping[str, Any]) -> bytes:
    """The body, with the file's name as it stands: raw UTF-8, as browsers send it."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in item.get("fields", ())
    ]
    file = item.get("file")
    if file is not None:
        head = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{file["filename"]}"\r\n'
            f"Content-Type: {file['content_type']}\r\n\r\n"
        )
        parts += [head.encode(), content_of(file["content"]), b"\r\n"]
    return b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


def at_path(value: Any, path: str) -> Any:
    """``rows.*.ref``, ``rows.3.$id``: what stands there; None where nothing does."""
    if not path:
        return value
    name, _, rest = path.partition(".")
    if name == "*":
        return [at_path(item, rest) for item in value] if isinstance(value, list) else None
    if isinstance(value, list) and name.isdigit():
        return at_path(value[int(name)], rest) if int(name) < len(value) else None
    return at_path(value.get(name), rest) if isinstance(value, dict) else None


class Replay:
    """One recording against one server; ``differs``: case → what → (recorded, seen)."""

    def __init__(self, server: SandboxProcess, database: str, all_cases: Sequence[Mapping[str, Any]]) -> None:
        self.server = server
        self.session = requests.Session()
        self.session.mount("http://", HTTPAdapter(pool_maxsize=32))
        self.known: dict[str, Any] = {
            "db": database,
            "full_key": server.key,
            **{name: server.new_key(*scopes) for name, scopes in SCOPES.items()},
        }
        self.asked: dict[str, datetime] = {}
        self.differs: dict[str, dict[str, tuple[Any, Any]]] = {}
        self._waited_for = {
            case["request"]["not_before"]["case"] for case in all_cases if "not_before" in case["request"]
        }

    def filled(self, value: Any, number: int | None = None) -> Any:
        """``value`` with each {name} and {name.path} in it replaced."""
        if isinstance(value, Mapping):
            return {self.filled(k, number): self.filled(v, number) for k, v in value.items()}
        if isinstance(value, list):
            return [self.filled(item, number) for item in value]
        if not isinstance(value, str):
            return value

        def meant(found: re.Match[str]) -> str:
            name, path = found[1], found[2][1:]
            if name == "i" and number is not None:
                return str(number)
            if name not in self.known:
                return found[0]
            kept = self.known[name]
            return str(kept if isinstance(kept, str) else at_path(kept, path or "$id"))

        return _PLACE.sub(meant, value)

    def ask(self, request: Mapping[str, Any], number: int | None = None) -> requests.Response:
        item = request.get("multipart")
        request = {k: self.filled(v, number) for k, v in request.items() if k != "multipart"}
        kind = f"multipart/form-data; boundary={BOUNDARY}" if item else "application/json"
        headers: CaseInsensitiveDict[str | None] = CaseInsensitiveDict(
            {
                "X-Appwrite-Project": self.server.project,
                "X-Appwrite-Key": self.server.key,
                "X-Appwrite-Response-Format": "1.9.6",
                "Content-Type": kind,
                "Accept-Encoding": "identity",
            }
        )
        headers.update(request.get("headers", {}))
        params = [(f"queries[{n}]", text) for n, text in enumerate(request.get("queries", []))]
        params += list(request.get("params", {}).items())
        body: Any = request.get("raw_body") or (json.dumps(request["body"]) if "body" in request else None)
        if item:
            body = multipart({**item, "fields": self.filled(item.get("fields", []), number)})
        self.session.cookies.clear()
        return self.session.request(
            request["method"],
            self.server.endpoint + request["path"],
            params=params,
            headers={name: value for name, value in headers.items() if value is not None},
            data=body,
            timeout=30,
        )

    def run(self, case: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """Send a case again; what of its answer differs."""
        request = case["request"]
        self._wait_before(request.get("not_before"))
        if case["name"] in self._waited_for:
            self.asked[case["name"]] = self.server.now()
        expected = self.filled(case["expect"])
        if "parallel" in request:
            seen = self._parallel(request)
        else:
            answer = self.ask(request)
            seen = self._observed(answer, case, expected)
            if answer.status_code < 400:
                seen |= self._processed(request.get("wait_until_processed"))
        differs = {
            name: (value, seen.get(name)) for name, value in expected.items() if seen.get(name) != value
        }
        self.differs[case["name"]] = differs
        return differs

    def _wait_before(self, until: Mapping[str, Any] | None) -> None:
        """Until so long after that case: by moving the server's clock, not by waiting."""
        if until is None or until["case"] not in self.asked:
            return
        left = self.asked[until["case"]] + timedelta(seconds=until["seconds"]) - self.server.now()
        if left > timedelta():
            self.server.control("PUT", "clock", {"by": left.total_seconds()})

    def _parallel(self, request: Mapping[str, Any]) -> dict[str, Any]:
        def once(number: int) -> str:
            answer = self.ask(request, number)
            return f"{answer.status_code} {answer.json()['type']}" if answer.status_code >= 400 else str(
                answer.status_code
            )  # fmt: skip

        with ThreadPoolExecutor(request["parallel"]) as pool:
            return {"answers": dict(Counter(pool.map(once, range(request["parallel"]))))}

    def _processed(self, paths: Any) -> dict[str, Any]:
        """What ``status`` a thing that takes its time comes to."""
        came_to: list[Any] = []
        for path in [paths] if isinstance(paths, str) else paths or ():
            status: Any = None
            for _ in range(100):
                status = self.ask({"method": "GET", "path": path}).json().get("status")
                if status != "processing":
                    break
            came_to.append(status)
        return {"waited": came_to if isinstance(paths, list) else came_to[0]} if paths else {}

    def _observed(
        self, answer: requests.Response, case: Mapping[str, Any], expected: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What an answer shows of the things a recorded case expects."""
        try:
            body = answer.json()
        except ValueError:
            body = None
        is_json = body is not None and not expected.get("body")
        seen: dict[str, Any] = {"status": answer.status_code, "json": is_json}
        if "headers" in expected:
            seen["headers"] = {name: answer.headers.get(name) for name in expected["headers"]}
        if "header_present" in expected:
            seen["header_present"] = {name: name in answer.headers for name in expected["header_present"]}
        if "body" in expected:
            digest = hashlib.sha256(answer.content).hexdigest()
            seen["body"] = {"bytes": len(answer.content), **({"sha256": digest} if answer.content else {})}
        if not isinstance(body, dict):
            return seen | {name: None for name in ("type", "message") if name in expected}
        if answer.status_code >= 400:
            return seen | {"type": body.get("type"), "message": body.get("message")}
        self.known[case["name"]] = body
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
            seen["facts"] = {name: at_path(body, name) for name in case["compare_fields"]}
        if "relations" in expected:
            seen["relations"] = [
                [path, relation if _holds(at_path(body, path), relation, other) else "fails", other]
                for path, relation, other in expected["relations"]
            ]
        return seen


def _holds(left: Any, relation: str, right: str) -> bool:
    left = str(left)
    return {"==": left == right, "<": left < right, ">": left > right}[relation]
