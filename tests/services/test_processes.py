"""Two processes on one marketplace, and processes that are killed amid it: the same key again gives one booking, whole;
a double click at two processes gives one, too."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

from tests.services.conftest import Api
from tests.services.known import assert_whole, people, wanted
from tests.services.process import Serving


def book(endpoint: str, jwt: str, provider: str, key: str, n: int) -> dict[str, Any] | None:
    """Ask a process; None where it gave no answer, or none yet."""
    request = urllib.request.Request(
        f"{endpoint}/bookings",
        json.dumps(wanted(provider, customer={"name": f"Ann {n}", "whatsapp": f"+6141234{n:04}"})).encode(),
        {"Authorization": f"Bearer {jwt}", "Idempotency-Key": key, "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        if refused.code != 503:
            raise AssertionError(refused.read().decode()) from None
        return None
    except (OSError, ValueError):
        return None


def test_a_process_that_is_killed_leaves_one_whole_booking_a_key(api: Api) -> None:
    asked = [(f"key-{n}", jwt, provider, n) for n, (jwt, provider) in enumerate(people(api, 6))]
    with Serving(api.settings) as serving, ThreadPoolExecutor(3) as pool:
        first = [
            pool.submit(book, serving.endpoint, jwt, provider, key, n) for key, jwt, provider, n in asked
        ]
        first[0].result()  # by then others are under way
        serving.kill()
        told = {key: future.result() for (key, *_), future in zip(asked, first, strict=True)}
    assert None in told.values()
    answers: dict[str, dict[str, Any]] = {}
    api.tokens = {key: jwt for key, jwt, *_ in asked}
    for key, _, provider, n in asked:
        body = wanted(provider, customer={"name": f"Ann {n}", "whatsapp": f"+6141234{n:04}"})
        answer = api.post("/bookings", key, body, key=key)
        assert answer.status_code == 201, answer.text
        answers[key] = answer.json()
        assert told[key] in (None, answers[key])
    assert_whole(api, answers, len(asked))


@pytest.mark.long
def test_two_processes_double_clicks_and_kills(api: Api) -> None:
    """Every customer asks twice at once, with two keys, at two processes, which are killed again and again."""
    folk = people(api, 40)
    asked = [
        (f"key-{n}-{click}", jwt, provider, n) for n, (jwt, provider) in enumerate(folk) for click in "ab"
    ]
    answers: dict[str, dict[str, Any]] = {}
    turns = count()
    for _ in range(12):
        left = [one for one in asked if one[0] not in answers]
        if not left:
            break
        with Serving(api.settings) as one, Serving(api.settings) as other, ThreadPoolExecutor(8) as pool:
            asking = {
                key: pool.submit(book, (one, other)[next(turns) % 2].endpoint, jwt, provider, key, n)
                for key, jwt, provider, n in left[:24]
            }
            for future in list(asking.values())[:8]:
                future.result()
            (one, other)[len(answers) % 2].kill()
            for key, future in asking.items():
                told = future.result()
                if told is not None:
                    answers[key] = told
    assert len(answers) == len(asked)
    assert_whole(api, answers, len(folk))
