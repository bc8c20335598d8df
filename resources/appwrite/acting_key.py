"""Examines the key that operations act with, for `bookwatch doctor`: what it may, what it lacks, what is too much.
Writes nothing: whether it may is asked by requests that name nothing, in a place that cannot be.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import Any, Final

from appwrite.query import Query

from marketplace.collections import COLLECTIONS
from marketplace.operations import Mode
from resources.appwrite.examination import NOWHERE, WRITE_PROBES, Line, Verdict
from resources.appwrite.failures import CallFailure
from resources.appwrite.gateway import Gateway, json_object
from resources.clock import Clock
from resources.settings import Settings

TOPIC: Final = "acting key"
NEEDED: Final = "rows.write"
_READ: Final = "rows.read"
_SOME: Final = next(collection.name for collection in COLLECTIONS if collection.required)
"""Whose rows are asked for to see whether it may."""


def examine_acting_key(settings: Settings, clock: Clock) -> list[Line]:
    """What is to be said of the acting key; nothing where there is none and none is needed. Never raises a
    CallFailure."""
    if not settings.appwrite_write_key.get_secret_value().strip():
        enforced = [o.value for o, mode in settings.operations.items() if mode is Mode.ENFORCE]
        if not enforced:
            return []
        return [
            Line(
                TOPIC,
                "problem",
                f"APPWRITE_WRITE_KEY is not set, and operations are enforced ({', '.join(sorted(enforced))}).",
                "Make a key with rows.read, rows.write and tables.read and set it, or set them to observe.",
            )
        ]
    with Gateway(settings.acting(), clock, lambda event: None) as gateway:
        return _examined(gateway)


def _examined(gateway: Gateway) -> list[Line]:
    lines: list[Line] = []

    def say(verdict: Verdict, sentence: str, what_to_do: str = "") -> None:
        lines.append(Line(TOPIC, verdict, sentence, what_to_do))

    tables = gateway.api.tables.format(database=gateway.database)
    rows = gateway.api.rows.format(database=gateway.database, table=gateway.settings.table_id(_SOME))
    for scope, path in (("tables.read", tables), (_READ, rows)):
        failure = _asked(gateway, path)
        if failure is None or failure.reason == "not_found":
            continue
        if failure.reason == "scope":
            say(
                "problem",
                f"The acting key lacks the scope {scope}.",
                "Add it to the key in Appwrite's console.",
            )
        elif failure.reason == "unauthorized":
            # A key the server does not know is none: it took us for a guest, who has no scope to tell of.
            say(
                "problem",
                "The server does not know the acting key and treats us as a guest.",
                "Check APPWRITE_WRITE_KEY: it may be deleted, expired or of another project.",
            )
            return lines
        else:
            say(
                "could not tell",
                f"Whether the acting key has {scope} could not be seen ({failure.sentence}).",
            )
    paths = {
        "rows": gateway.api.rows.format(database=NOWHERE, table=NOWHERE),
        "tables": gateway.api.tables.format(database=NOWHERE),
        "databases": "/" + gateway.api.tables.strip("/").split("/")[0],
    }
    may: list[str] = []
    for scope, place in WRITE_PROBES:
        failure = _asked(gateway, paths[place], method="post")
        if failure is None or failure.reason in ("bad_request", "not_found"):
            may.append(scope)
        elif scope == NEEDED and failure.reason == "scope":
            say(
                "problem",
                f"The acting key lacks the scope {NEEDED} (documents.write): nothing can be written with it.",
                "Add it to the key in Appwrite's console.",
            )
        elif failure.reason != "scope":
            say(
                "could not tell",
                f"Whether the acting key has {scope} could not be seen ({failure.sentence}).",
            )
    more = [scope for scope in may if scope != NEEDED]
    if more:
        say(
            "warning",
            f"The acting key may more than operations need ({', '.join(more)}).",
            "Making indexes and restoring a backup need it; where neither is done with it, make a key with rows.read,"
            " rows.write and tables.read only.",
        )
    if not lines:
        say("ok", "The acting key may read and write rows, and no more.")
    return lines


def _asked(gateway: Gateway, path: str, *, method: str = "get") -> CallFailure | None:
    params: dict[str, Any] = {"queries": [Query.limit(1)], "total": "0"} if method == "get" else {}
    try:
        gateway.client.request("acting_key", "", method, path, params, json_object, expected=True, retries=1)
    except CallFailure as failure:
        return failure
    return None
