"""The sentence for a source that cannot be read at all: the cause as Appwrite named it, and what to do next.

What an answer means is in refusals.py; which failures end a run is decided in sync.py and assets/raw.py.
"""

from __future__ import annotations

from marketplace.text import BLANK
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
    told = f" ({failure.told})" if failure.told else ""
    return SourceUnavailable(f"{problem}{told}.", next_step)


def _cause(failure: CallFailure, gateway: Gateway) -> tuple[str, str]:
    """(what is wrong, without a full stop; what to do)."""
    where, reason = f"Appwrite at {gateway.endpoint}", failure.reason
    blank = blank_id(failure, gateway.settings) if reason not in PASSES_BY_ITSELF else ""
    if blank:
        ends = "begin or end" if ", " in blank else "begins or ends"
        return f"{where} refuses the call: {blank} {ends} with a blank", "Remove the blank from the setting."
    if reason in NO_CALL and failure.status is None:
        return (
            f"{where} cannot be reached",
            "Check APPWRITE_ENDPOINT and that the server runs, then run again.",
        )
    match reason:
        case "scope":
            return (
                "The API key lacks a scope",
                "Give it rows.read and tables.read (documents.read and collections.read).",
            )
        case "expired":
            return "The API key has expired", "Make a new one in Appwrite's console and set APPWRITE_API_KEY."
        case "region":
            return (
                f"{where} does not serve the project in its region",
                "Set APPWRITE_ENDPOINT to the one of the project's region (Appwrite's console, project settings).",
            )
        case "paused":
            return (
                "The project is paused or blocked",
                "Restore it in Appwrite's console (projects are paused for inactivity, blocked for open bills).",
            )
        case "quota":
            return (
                "A limit of the organisation's plan is used up",
                "See the usage in Appwrite's console: it ends with the billing period, a larger plan or budget.",
            )
        case "service_off":
            return (
                f"{where} has the {gateway.settings.appwrite_api} service switched off for the project",
                "Switch it on in Appwrite's console (project settings, services).",
            )
        case "https":
            return f"{where} wants to be called over https", "Let APPWRITE_ENDPOINT begin with https://."
        case "web_page":
            return (
                f"At {gateway.endpoint} a web page answers (a proxy's, a login's or the console's), not Appwrite's API",
                "Check that APPWRITE_ENDPOINT ends in /v1 and that no proxy stands before it (NO_PROXY).",
            )
        case "forbidden" if failure.error_type == "general_access_forbidden":
            return (
                f"{where} forbids the project this API",
                "On Appwrite Cloud: set APPWRITE_ENDPOINT to the one of the project's region.",
            )
        case "unauthorized" | "forbidden":
            return (
                f"{where} does not accept the API key",
                "Check APPWRITE_API_KEY and APPWRITE_PROJECT_ID; the key needs rows.read and tables.read.",
            )
        case "no_project" if failure.error_type == "project_id_missing":
            return "Appwrite misses the project", "Set APPWRITE_PROJECT_ID."
        case "no_project":
            return f"{where} has no such project", "Check APPWRITE_PROJECT_ID."
        case "not_found" if failure.collection:
            return f"{where} has no table for {failure.collection}", "Check BOOKWATCH_TABLES."
        case "not_found":
            return f"{where} has no such database", "Check APPWRITE_DATABASE_ID."
        case "unknown_route":
            return (
                f"{where} does not know the {gateway.settings.appwrite_api} API",
                "Check that APPWRITE_ENDPOINT ends in /v1; for an older server set APPWRITE_API=databases.",
            )
        case "redirect":
            return (
                f"{where} answers with a redirect, which is refused because the key would travel with it",
                "Set APPWRITE_ENDPOINT to the final address.",
            )
        case "certificate":
            return (
                f"The certificate of {gateway.endpoint} is not trusted",
                "Have it renewed, or name the authority that signed it in REQUESTS_CA_BUNDLE.",
            )
        case "bad_setting":
            return (
                f"{where} cannot be called as it is written",
                "Check APPWRITE_ENDPOINT, APPWRITE_PROJECT_ID and APPWRITE_API_KEY.",
            )
        case "no_order" | "no_sequence":
            version = gateway.server_version()
            server = f"Appwrite {version}" if version else "The server, which does not tell its version,"
            lacks = "gives rows no numeric $sequence and does not order and compare them by $id"
            return (
                f"{server} at {gateway.endpoint} {lacks}, so that rows would be lost in reading",
                "Update Appwrite to 1.8 or later.",
            )
        case "rate_limited" if failure.retry_after:
            return f"{where} asks to wait {failure.retry_after:,.0f} s", "Run again after that."
        case _ if reason in PASSES_BY_ITSELF:
            return f"{where} does not answer as Appwrite does: {failure.cause}", "Try again later."
        case _:
            return (
                f"{where} does not answer as Appwrite does: {failure.cause}",
                "Check APPWRITE_ENDPOINT, APPWRITE_API and the ids (`bookwatch doctor`).",
            )
