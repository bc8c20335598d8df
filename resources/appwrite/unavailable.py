"""The sentence for a source that cannot be read at all: the cause as Appwrite named it, and what to do next.

What an answer means is in refusals.py; which failures end a run is decided in sync.py and assets/raw.py.
"""

from __future__ import annotations

from typing import Final

from marketplace.text import BLANK
from messages.message import Arg, Message
from resources.appwrite.failures import CallFailure
from resources.appwrite.gateway import Gateway
from resources.appwrite.refusals import PASSES_BY_ITSELF
from resources.errors import SourceUnavailable
from resources.settings import Settings

NO_CALL = frozenset({"connection", "time_out", "circuit_open"})


def outer_blanks(settings: Settings) -> tuple[str, ...]:
    """The settings whose value begins or ends with a blank (also one that is not seen), which no id and no key does."""
    written = {
        "APPWRITE_PROJECT_ID": settings.appwrite_project_id,
        "APPWRITE_DATABASE_ID": settings.appwrite_database_id,
        "APPWRITE_API_KEY": settings.appwrite_api_key.get_secret_value(),
    }
    named = [name for name, value in written.items() if value != value.strip(BLANK)]
    tables = [f"{name} in BOOKWATCH_TABLES" for name, value in settings.tables.items() if _blank(value)]
    return (*named, *tables)


def _blank(value: str) -> bool:
    return value != value.strip(BLANK)


def blank_id(failure: CallFailure, settings: Settings) -> str:
    """Which setting with a blank at its end can be the cause of a refusal; '' where none can."""
    if failure.status is None and failure.reason != "bad_setting":
        return ""
    if failure.collection:
        table = settings.table_id(failure.collection)
        if _blank(table):
            return f"{failure.collection} in BOOKWATCH_TABLES"
    return ", ".join(name for name in outer_blanks(settings) if "BOOKWATCH_TABLES" not in name)


def source_unavailable(failure: CallFailure, gateway: Gateway) -> SourceUnavailable:
    """The sentence for a source that cannot be used at all, with what to do next."""
    problem, next_step = _cause(failure, gateway)
    if failure.told:
        return SourceUnavailable(
            Message("failure.with_answer", {"problem": problem, "answer": failure.told}), next_step
        )
    return SourceUnavailable(Message("failure.sentence", {"problem": problem}), next_step)


def _cause(failure: CallFailure, gateway: Gateway) -> tuple[Message, Message]:
    """(what is wrong, without a full stop; what to do)."""
    reason = failure.reason
    blank = blank_id(failure, gateway.settings) if reason not in PASSES_BY_ITSELF else ""
    if blank:
        some = "some" if ", " in blank else "one"
        named: dict[str, Arg] = {"endpoint": gateway.endpoint, "names": blank}
        return Message(f"failure.blank_{some}", named), Message("failure.blank_do")
    code, args = _named(failure, gateway)
    todo = _TO_DO.get(code, f"{code}_do")
    if code == "failure.unlike" and reason in PASSES_BY_ITSELF:
        todo = "failure.later_do"
    return Message(code, {"endpoint": gateway.endpoint, **args}), Message(todo)


#: What to do where the sentence has none of its own.
_TO_DO: Final = {"failure.no_order_unnamed": "failure.no_order_do"}


def _named(failure: CallFailure, gateway: Gateway) -> tuple[str, dict[str, Arg]]:
    """The code of what is wrong, and what it names beside the endpoint."""
    reason = failure.reason
    if reason in NO_CALL and failure.status is None:
        return "failure.unreached", {}
    match reason:
        case "forbidden" if failure.error_type == "general_access_forbidden":
            return "failure.access_forbidden", {}
        case "unauthorized" | "forbidden":
            return "failure.unauthorized", {}
        case "no_project" if failure.error_type == "project_id_missing":
            return "failure.project_missing", {}
        case "not_found" if failure.collection:
            return "failure.no_table", {"collection": failure.collection}
        case "not_found":
            return "failure.no_database", {}
        case "service_off" | "unknown_route":
            return f"failure.{reason}", {"api": gateway.settings.appwrite_api}
        case "no_order" | "no_sequence":
            version = gateway.server_version()
            return ("failure.no_order", {"version": version}) if version else ("failure.no_order_unnamed", {})
        case "rate_limited" if failure.retry_after:
            return "failure.asks_to_wait", {"seconds": round(failure.retry_after)}
        case _ if reason in _OWN_SENTENCE:
            return f"failure.{reason}", {}
        case _:
            return "failure.unlike", {"cause": failure.cause_said}


#: Reasons whose sentence names nothing but the endpoint.
_OWN_SENTENCE: Final = frozenset(
    (
        "scope",
        "expired",
        "region",
        "paused",
        "quota",
        "https",
        "web_page",
        "no_project",
        "redirect",
        "certificate",
        "bad_setting",
    )
)
