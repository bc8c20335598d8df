"""Hands one notification to the app's receiver: a POST of JSON with a key that tells a second try from another
notification. Decides nothing about when or what.

The address may hold a secret and the body holds a text for a person: neither is ever logged, shown, stored or repeated
in an error.
"""

from __future__ import annotations

from collections.abc import Mapping

import requests

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 10.0
KEY_HEADER = "Idempotency-Key"


def hand_over(url: str, body: Mapping[str, str | None], key: str) -> str:
    """POST a notification; '' when the receiver took it (2xx), else what it answered: a status, or the kind of failure
    where no answer came. Never raises for it. A redirect is no answer: the text would go to another address."""
    try:
        with requests.post(
            url,
            json=dict(body),
            headers={KEY_HEADER: key},
            timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
            allow_redirects=False,
            stream=True,  # what it says is not read
        ) as answer:
            return "" if 200 <= answer.status_code < 300 else str(answer.status_code)
    except (requests.RequestException, ValueError, OSError) as broken:
        # The text of these errors repeats the address.
        return type(broken).__name__
