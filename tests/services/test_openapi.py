"""Whatever is asked of any path by anybody: no failure of ours, and only what the OpenAPI declares. On the sandbox."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS

from tests.services.conftest import Api
from tests.services.known import Known, known_rows

#: Not those that take a run of calls (use_after_free).
CHECKED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
IN_CI, MANY = 2, 150


def asked(
    api: Api, known: Known, examples: int, modes: Sequence[GenerationMode], seed: int = 1
) -> list[tuple[str, int]]:
    """Ask every operation; (operation, status) of each answer."""
    app: Any = api.http.app
    schema = schemathesis.openapi.from_dict(api.get("/openapi.json", None).json())
    checks = CHECKS.get_by_names(list(CHECKED))
    turns = itertools.cycle([*api.ids, None])
    keys = itertools.count()
    seen: list[tuple[str, int]] = []
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in modes:

            @hypothesis.settings(
                max_examples=examples,
                deadline=None,
                database=None,
                derandomize=False,
                phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
                suppress_health_check=list(hypothesis.HealthCheck),
            )
            @hypothesis.seed(seed)
            @hypothesis.given(
                case=operation.as_strategy(generation_mode=mode), real=hypothesis.strategies.booleans()
            )
            def ask(case: Case, real: bool) -> None:
                who = next(turns)
                headers = {"Idempotency-Key": f"s{next(keys)}"} if case.method == "POST" else {}
                if who is not None:
                    headers["Authorization"] = f"Bearer {api.tokens[who]}"  # type: ignore[index] - it was begun
                if real and isinstance(case.path_parameters, dict) and "/events" not in case.path:
                    known.put(case)
                answer = case.call(session=api.http, headers=headers, base_url="http://127.0.0.1", app=app)
                seen.append((f"{case.method} {case.path}", answer.status_code))
                case.validate_response(answer, checks=checks, headers=headers)

            with contextlib.suppress(hypothesis.errors.Unsatisfiable):  # nothing in it could be wrong
                ask()
    return seen


def test_no_request_makes_it_fail(api: Api) -> None:
    seen = asked(api, known_rows(api), IN_CI, [GenerationMode.POSITIVE])
    assert max(status for _, status in seen) < 500
    assert any(status < 300 for _, status in seen)


@pytest.mark.long
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seed", [2, 3])
def test_no_request_of_many_makes_it_fail(api: Api, seed: int) -> None:
    seen = asked(api, known_rows(api), MANY, list(GenerationMode), seed)
    assert max(status for _, status in seen) < 500
