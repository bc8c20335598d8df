"""Examines a deployment for `bookwatch doctor`: what is missing and what to do. Changes nothing, also where it asks
whether a key may write.

What should be there: marketplace/expected.py. How it is shown: pipelines/cli/doctor.py.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, cast
from urllib.parse import quote

import orjson
from appwrite.query import Query

from marketplace.collection import WantedIndex
from marketplace.collections import BY_NAME, INGESTED, OF_SERVICES, REQUIRED
from marketplace.expected import CLOCK_SKEW_SECONDS, NAMED
from messages.catalogue import english
from resources.appwrite.bounds import MOST_COLUMNS, MOST_LISTED, chosen, is_plain_name, is_usable_name
from resources.appwrite.failures import CallFailure, PermanentFailure
from resources.appwrite.gateway import API, COLUMNS_A_CALL, TABLE_MISSING, Answer, Gateway, json_object
from resources.appwrite.order import prove_order_by_id
from resources.appwrite.patience import http_date
from resources.appwrite.refusals import is_refusal
from resources.appwrite.relations import select_related
from resources.appwrite.unavailable import blank_id, source_unavailable
from resources.errors import DONE, PROBLEMS, UNREACHABLE
from resources.raw.column_types import Column
from resources.told import a_few, told_name

Verdict = Literal["ok", "warning", "problem", "could not tell"]

TOPICS = (
    "endpoint", "API", "version", "project", "key", "database", "scopes", "clock", "collections", "order", "attributes",
    "relationships", "indexes",
)  # fmt: skip
"""In the order a person would mend them."""
COUNT_CAP = 5000
"""Appwrite counts no further."""
LISTED_AT_ONCE = 100
LONGEST_INDEXED_TEXT = 255
"""An index of two texts must stay under Appwrite's 768 characters."""

WRITING = "writing"
"""What the lines are about that say whether the reading key may write."""

NOWHERE = "_"
"""An id Appwrite never accepts (it may not begin with a special character), so nothing can ever be there."""

TOPIC_OF_CAUSE: Mapping[str, str] = MappingProxyType(
    {"region": "endpoint", "paused": "project", "quota": "project", "service_off": "project"}
)
"""What a refusal that names its cause is about; any other is about the key."""

WRITE_PROBES: tuple[tuple[str, str], ...] = (
    ("rows.write", "rows"),
    ("tables.write", "tables"),
    ("databases.write", "databases"),
)


@dataclass(frozen=True)
class Line:
    """One thing examined. ``blocking``: a run cannot work like this. ``call``: the request that would mend it.
    ``about``: a word for a line that others look for."""

    topic: str
    verdict: Verdict
    sentence: str
    what_to_do: str = ""
    collection: str = ""
    blocking: bool = False
    call: Mapping[str, Any] | None = None
    about: str = ""


def exit_status(lines: Sequence[Line]) -> int:
    """0: nothing wrong. 10: something is, or could not be told. 11: a run cannot work."""
    if any(line.blocking for line in lines):
        return UNREACHABLE
    return DONE if all(line.verdict == "ok" for line in lines) else PROBLEMS


@dataclass
class _Asked:
    """The answer to one question, or why there is none."""

    answer: Answer[dict[str, Any]] | None = None
    failure: CallFailure | None = None

    @property
    def lacks_scope(self) -> bool:
        return self.failure is not None and self.failure.reason == "scope"

    @property
    def known_route(self) -> bool:
        return self.failure is None or self.failure.reason not in _NO_ANSWER | {"unknown_route"}


_NO_ANSWER = frozenset(
    {
        "connection",
        "time_out",
        "circuit_open",
        "certificate",
        "bad_setting",
        "redirect",
        "server_error",
        "proxy_error",
        "web_page",
        "https",
        "malformed",
    }
    | {"rate_limited"}
)


@dataclass
class _Examination:
    gateway: Gateway
    wall_clock: Callable[[], float]
    lines: list[Line] = field(default_factory=list[Line])
    may_list: bool = False
    rows_scope: bool | None = None
    by_id: list[str] = field(default_factory=list[str])

    # -- asking --------------------------------------------------------------------------------------------

    def ask(
        self,
        operation: str,
        path: str,
        queries: Sequence[str] = (),
        *,
        method: str = "get",
        collection: str = "",
        total: bool = False,
        headers: Mapping[str, str | None] | None = None,
    ) -> _Asked:
        """One question. A refusal is an answer, so no failure is raised and none alarms."""
        params: dict[str, Any] = {}
        if method == "get":
            params = {**({"queries": list(queries)} if queries else {}), **({} if total else {"total": "0"})}
        try:
            return _Asked(
                self.gateway.client.request(
                    operation,
                    collection,
                    method,
                    path,
                    params,
                    json_object,
                    headers=headers,
                    expected=True,
                    retries=1,
                )
            )
        except CallFailure as failure:
            return _Asked(failure=failure)

    def tables_path(self, database: str | None = None) -> str:
        return self.gateway.api.tables.format(
            database=quote(self.gateway.database if database is None else database, safe="")
        )

    def table_path(self, collection: str) -> str:
        return f"{self.tables_path()}/{quote(self.gateway.settings.table_id(collection), safe='')}"

    def say(self, topic: str, verdict: Verdict, sentence: str, what_to_do: str = "", **more: Any) -> None:
        self.lines.append(Line(topic, verdict, sentence, what_to_do, **more))

    # -- the source ----------------------------------------------------------------------------------------

    def run(self) -> list[Line]:
        asked, before, after = self._ping()
        if not self._reachable(asked):
            for topic in ("key", "database", "scopes", "clock", "collections", "attributes", "indexes"):
                self.say(
                    topic, "could not tell", f"The {topic} cannot be examined until the endpoint answers."
                )
            return self.lines
        asked, before, after = self._api_kind(asked, before, after)
        self._version()
        if not self._key_and_database(asked):
            for topic in ("clock", "collections", "attributes", "indexes"):
                self.say(topic, "could not tell", f"The {topic} cannot be examined like this.")
            return self.lines
        self._clock(asked, before, after)
        tables = self._tables()
        there = [c for c in INGESTED if self._collection(c, tables)]
        self._scopes(asked)
        for collection in there:
            self._shape(collection)
        if self.by_id:
            self.say(
                "order",
                "ok",
                f"Rows of {', '.join(self.by_id)} have no numeric $sequence; they are followed by $id.",
            )
        return self.lines

    def _ping(self) -> tuple[_Asked, float, float]:
        before = self.wall_clock()
        asked = self.ask("ping", self.tables_path(), [Query.limit(1)])
        return asked, before, self.wall_clock()

    def _reachable(self, asked: _Asked) -> bool:
        if self.gateway.settings.sends_in_the_clear:
            self.say(
                "endpoint",
                "warning",
                "The endpoint is http:// to another machine, which BOOKWATCH_ALLOW_HTTP allows: the key and every row"
                " can be read, and rows altered, on the way.",
                "Use https:// in APPWRITE_ENDPOINT and unset BOOKWATCH_ALLOW_HTTP.",
            )
        if asked.failure is None or asked.failure.reason not in _NO_ANSWER:
            self.say("endpoint", "ok", f"{self.gateway.endpoint} answers.")
            return True
        told = source_unavailable(asked.failure, self.gateway)
        self.say("endpoint", "problem", told.problem, told.next_step, blocking=True)
        return False

    def _api_kind(self, asked: _Asked, before: float, after: float) -> tuple[_Asked, float, float]:
        """Which API the server speaks; where it is the other one, the examination goes on with that."""
        chosen = self.gateway.settings.appwrite_api
        other: Literal["tablesdb", "databases"] = "databases" if chosen == "tablesdb" else "tablesdb"
        kept = self.gateway.api
        self.gateway.api = API[other]
        second, since, until = self._ping()
        self.gateway.api = kept
        if asked.known_route:
            more = (
                "; tablesdb, the current one, as well" if chosen == "databases" and second.known_route else ""
            )
            self.say("API", "ok", f"The server speaks {chosen}{more}.")
            return asked, before, after
        if second.known_route:
            self.gateway.api = API[other]
            self.say(
                "API",
                "problem",
                f"The server does not know the {chosen} API, but {other}.",
                f"Set APPWRITE_API={other}.",
                blocking=True,
            )
            return second, since, until
        self.say(
            "API",
            "problem",
            f"{self.gateway.endpoint} knows neither tablesdb nor databases.",
            "Check that APPWRITE_ENDPOINT is Appwrite's and ends in /v1.",
            blocking=True,
        )
        return asked, before, after

    def _version(self) -> None:
        version = self.gateway.server_version()
        if version is None:
            self.say(
                "version",
                "could not tell",
                "The server does not tell its version; it is asked in its own format.",
            )
        else:
            self.say("version", "ok", f"The server is Appwrite {version}, and is asked in that format.")

    def _key_and_database(self, asked: _Asked) -> bool:
        """Whether the key opens the database at all."""
        failure = asked.failure
        database = self.gateway.database
        if failure is None:
            self.say("key", "ok", "The key is accepted.")
            self.say("database", "ok", f"The database {database!r} is there.")
            self.may_list = True
            return True
        if blank_id(failure, self.gateway.settings):
            told = source_unavailable(failure, self.gateway)
            self.say("database", "problem", told.problem, told.next_step, blocking=True)
            return False
        if failure.reason == "no_project":
            self.say(
                "project",
                "problem",
                f"The server has no project {self.gateway.project!r} ({failure.told}).",
                "Check APPWRITE_PROJECT_ID.",
                blocking=True,
            )
            return False
        if failure.error_type == "general_unauthorized_scope":
            accepted = self._key_is_known()
            if accepted is False:
                self.say(
                    "key",
                    "problem",
                    "The server does not know the API key and treats us as a guest.",
                    "Check APPWRITE_API_KEY: it may be deleted, expired or of another project.",
                    blocking=True,
                )
                return False
            if accepted is None:
                self.say("key", "could not tell", "The key is refused; whether it is known cannot be told.")
            else:
                self.say("key", "ok", "The key is accepted.")
            self.say("database", "could not tell", "The database cannot be looked at without tables.read.")
            return True
        if failure.error_type == "database_not_found":
            self.say("key", "ok", "The key is accepted.")
            self.say(
                "database",
                "problem",
                f"There is no database {database!r} in the project.",
                "Check APPWRITE_DATABASE_ID.",
                blocking=True,
            )
            return False
        told = source_unavailable(failure, self.gateway)
        topic = TOPIC_OF_CAUSE.get(failure.reason, "key")
        self.say(topic, "problem", told.problem, told.next_step, blocking=True)
        return False

    def _key_is_known(self) -> bool | None:
        """A key is not public, so Appwrite refuses it what it tells guests: its version. A wrong key is a guest."""
        asked = self.ask("key", "/health/version")
        if asked.failure is None:
            return False
        return True if asked.lacks_scope else None

    def _clock(self, asked: _Asked, before: float, after: float) -> None:
        moment = http_date(asked.answer.headers.get("Date")) if asked.answer else None
        if moment is None:
            self.say("clock", "could not tell", "The server's time is not known.")
            return
        # The Date header has whole seconds: half of one is added, and one is allowed for.
        apart = moment.timestamp() + 0.5 - (before + after) / 2
        if abs(apart) <= CLOCK_SKEW_SECONDS + 0.5 + (after - before) / 2:
            self.say("clock", "ok", "The clocks of the server and of this machine agree.")
            return
        side = "ahead of" if apart > 0 else "behind"
        self.say(
            "clock",
            "warning",
            f"The server's clock is {abs(apart):,.0f} s {side} this machine's.",
            "Let both follow a time server (NTP): ages and deadlines are judged by this machine's clock.",
        )

    # -- scopes --------------------------------------------------------------------------------------------

    def _scopes(self, asked: _Asked) -> None:
        if self.may_list:
            self.say("scopes", "ok", "The key may read tables (tables.read).")
        elif asked.lacks_scope:
            self.say(
                "scopes",
                "problem",
                "The key lacks the scope tables.read (collections.read).",
                "Add it to the key in Appwrite's console; no other scope than tables.read and rows.read is needed.",
                blocking=True,
            )
        if self.rows_scope:
            self.say("scopes", "ok", "The key may read rows (rows.read).")
        elif self.rows_scope is None:
            self.say(
                "scopes", "could not tell", "Whether the key may read rows (rows.read) could not be seen."
            )
        else:
            self.say(
                "scopes",
                "problem",
                "The key lacks the scope rows.read (documents.read).",
                "Add it to the key in Appwrite's console.",
                blocking=True,
            )
        self._writing()

    def _writing(self) -> None:
        """Whether the key may write, by requests that no server can carry out: they name nothing, in a place that
        cannot exist. Appwrite looks at the scopes first: without one it answers 401, with one it finds the request bad.
        """
        api, may, unclear = self.gateway.api, list[str](), list[str]()
        root = "/" + api.tables.strip("/").split("/")[0]
        paths = {
            "rows": api.rows.format(database=NOWHERE, table=NOWHERE),
            "tables": self.tables_path(NOWHERE),
            "databases": root,
        }
        for scope, place in WRITE_PROBES:
            asked = self.ask("may_write", paths[place], method="post")
            failure = asked.failure
            if failure is None or failure.reason in ("bad_request", "not_found"):
                may.append(scope)
            elif not asked.lacks_scope:
                unclear.append(scope)
        if may:
            self.say(
                "scopes",
                "warning",
                f"The key may write ({', '.join(may)}); bookwatch only reads.",
                "Make a key with rows.read and tables.read only and set it as APPWRITE_API_KEY.",
                about=WRITING,
            )
        if unclear:
            self.say(
                "scopes",
                "could not tell",
                f"Whether the key may write ({', '.join(unclear)}) is not clear.",
                about=WRITING,
            )
        if not may and not unclear:
            self.say("scopes", "ok", "The key may not write.", about=WRITING)

    # -- collections ---------------------------------------------------------------------------------------

    def _tables(self) -> dict[str, str] | None:
        """Table id → name of the database; None where they may not be listed."""
        found: dict[str, str] = {}
        while self.may_list and len(found) < MOST_LISTED:
            queries = [Query.limit(LISTED_AT_ONCE), *([Query.offset(len(found))] if found else [])]
            asked = self.ask("list_tables", self.tables_path(), queries)
            if asked.answer is None:
                return None
            listed = asked.answer.value.get(
                "tables" if self.gateway.api is API["tablesdb"] else "collections"
            )
            entries = cast("list[dict[str, Any]]", listed if isinstance(listed, list) else [])
            new = {str(e.get("$id")): told_name(str(e.get("name", ""))) for e in entries}
            before = len(found)
            found |= new
            if len(entries) < LISTED_AT_ONCE or len(found) == before:
                return found
        return found or None

    def _collection(self, collection: str, tables: Mapping[str, str] | None) -> bool:
        """Whether a collection is there; says how many rows it has."""
        required = collection in REQUIRED
        kind = "required" if required else "optional"
        table = self.gateway.settings.table_id(collection)
        path = f"{self.table_path(collection)}/{self.gateway.api.list_key}"
        asked = self.ask("look", path, [Query.limit(1)], collection=collection, total=True)
        failure = asked.failure
        if failure is None:
            assert asked.answer is not None
            self.rows_scope = True
            total = asked.answer.value.get("total")
            count = f"{total:,}" if isinstance(total, int) else "an unknown number of"
            more = " or more" if isinstance(total, int) and total >= COUNT_CAP else ""
            self.say(
                "collections",
                "ok",
                f"{collection} ({kind}, table {table}) has {count}{more} rows.",
                collection=collection,
            )
            self._order(collection, asked.answer.value.get(self.gateway.api.list_key), required)
            return True
        verdict: Verdict = "problem" if required else "warning"
        if asked.lacks_scope:
            self.rows_scope = bool(self.rows_scope)
            self.say(
                "collections",
                "problem" if required else "could not tell",
                f"{collection} ({kind}, table {table}) cannot be read: the key lacks rows.read.",
                "Add rows.read to the key.",
                collection=collection,
                blocking=required,
            )
            return tables is not None and table in tables
        if blank_id(failure, self.gateway.settings):
            self.rows_scope = True
            told = source_unavailable(failure, self.gateway)
            self.say(
                "collections", verdict, told.problem, told.next_step, collection=collection, blocking=required
            )
            return False
        if failure.error_type in TABLE_MISSING and collection in OF_SERVICES:
            self.rows_scope = True
            return False  # nobody installed the services: that is no lack
        if failure.error_type in TABLE_MISSING:
            self.rows_scope = True
            like = _like(collection, tables or {})
            self.say(
                "collections",
                verdict,
                f"{collection} ({kind}): there is no table {table}.",
                f'It may be {like!r}: set BOOKWATCH_TABLES={{"{collection}": "{like}"}}.'
                if like
                else f"Name its table in BOOKWATCH_TABLES, or make it{'' if required else ', or leave it'}.",
                collection=collection,
                blocking=required,
            )
            return False
        refused = is_refusal(failure)
        self.say(
            "collections",
            verdict if refused else "could not tell",
            f"{collection} ({kind}, table {table}) cannot be read ({failure.sentence}).",
            source_unavailable(failure, self.gateway).next_step
            if refused
            else "Run `bookwatch doctor` again.",
            collection=collection,
            blocking=required,
        )
        return not refused

    def _order(self, collection: str, listed: object, required: bool) -> None:
        """Whether the rows of a collection can be followed, by their numeric $sequence or by $id."""
        rows = cast("list[dict[str, Any]]", listed if isinstance(listed, list) else [])
        sequence = str(rows[0].get("$sequence", "")) if rows else ""
        if not rows or (sequence.isdecimal() and not sequence.startswith("0")):
            return
        lacking = PermanentFailure("look", "no_sequence", collection=collection, status=200)
        try:
            prove_order_by_id(self.gateway, collection, lacking)
        except CallFailure as failure:
            told = source_unavailable(failure, self.gateway)
            self.say(
                "order", "problem", told.problem, told.next_step, collection=collection, blocking=required
            )
        else:
            self.by_id.append(collection)

    def _relationships(self, collection: str, columns: Sequence[Mapping[str, Any]]) -> None:
        """The relationship columns of a collection, and whether rows carry them."""
        named = ((str(c["key"]), c) for c in columns if c.get("type") == "relationship" and "key" in c)
        # Of others it is said that they are set aside.
        related = dict([(key, c) for key, c in named if is_usable_name(key)][:MOST_COLUMNS])
        if not related:
            return
        try:
            selection = select_related(self.gateway, collection, list(related))
        except CallFailure as failure:
            which = a_few([told_name(key) for key in related])
            self.say(
                "relationships",
                "could not tell",
                f"Whether {which} of {collection} can be read could not be seen ({failure.sentence}).",
                "Run `bookwatch doctor` again.",
                collection=collection,
            )
            return
        for key, column in related.items():
            other = told_name(
                str(column.get("relatedTable") or column.get("relatedCollection") or "another table")
            )
            kind = told_name(str(column.get("relationType", "of a kind not told")))
            what = f"{collection}.{told_name(key)} is a relationship ({kind}, {other})"
            if key in selection.unread:
                self.say(
                    "relationships",
                    "warning",
                    f"{what} that cannot be read: what refers by it is unknown ({english(selection.why)}).",
                    "Update Appwrite, or keep the related $id in an attribute as well.",
                    collection=collection,
                )
            else:
                self.say("relationships", "ok", f"{what}, read as the related $id.", collection=collection)

    def _shape(self, collection: str) -> None:
        """Attributes and indexes of a collection that is there."""
        columns = self._listed(collection, self.gateway.api.columns_key, "columns")
        expected = BY_NAME[collection].expected
        wanted = BY_NAME[collection].indexes
        if columns is None:
            for topic, due in (("attributes", expected), ("indexes", wanted)):
                if due:
                    self.say(
                        topic,
                        "could not tell",
                        f"The {topic} of {collection} cannot be listed.",
                        "Give the key tables.read (collections.read).",
                        collection=collection,
                    )
            return
        self._relationships(collection, columns)
        kinds = {str(c["key"]): c for c in columns if "key" in c}
        _, aside = chosen([Column(key, "") for key in kinds], frozenset(), NAMED)
        if aside:
            self.say(
                "attributes",
                "warning",
                f"{collection}: {aside}.",
                "Nothing, if the app needs them: what the rules read is mirrored.",
                collection=collection,
            )
        there = frozenset(kinds)
        missing = [e for e in expected if not e.carried_by(there)]
        for absent in missing:
            names = absent.names[0] + (
                f" (or {', '.join(absent.names[1:])})" if len(absent.names) > 1 else ""
            )
            self.say(
                "attributes",
                "problem" if absent.vital else "warning",
                f"{collection} has no {names}: {absent.without}.",
                "Add the attribute where the app writes it, or leave it if the app has no such thing.",
                collection=collection,
            )
        if expected and not missing:
            self.say(
                "attributes", "ok", f"{collection} has all {len(expected)} expected.", collection=collection
            )
        if wanted:
            self._indexes(collection, wanted, kinds)

    def _listed(self, collection: str, key: str, operation: str) -> list[dict[str, Any]] | None:
        path = f"{self.table_path(collection)}/{key}"
        found: dict[str, dict[str, Any]] = {}
        while len(found) < MOST_LISTED:
            queries = [Query.limit(COLUMNS_A_CALL), *([Query.offset(len(found))] if found else [])]
            asked = self.ask(f"list_{operation}", path, queries, collection=collection, total=True)
            listed = asked.answer.value.get(key) if asked.answer else None
            if not isinstance(listed, list):
                return None
            entries = [cast("dict[str, Any]", e) for e in cast("list[Any]", listed) if isinstance(e, dict)]
            before = len(found)
            found |= {str(entry.get("key")): entry for entry in entries}
            total = asked.answer.value.get("total") if asked.answer else None
            if len(found) == before or (isinstance(total, int) and len(found) >= total):
                break
        return list(found.values())

    def _indexes(
        self, collection: str, wanted: Sequence[WantedIndex], kinds: Mapping[str, Mapping[str, Any]]
    ) -> None:
        listed = self._listed(collection, "indexes", "indexes")
        if listed is None:
            self.say(
                "indexes",
                "could not tell",
                f"The indexes of {collection} cannot be listed.",
                "Give the key the scope its server asks for (tables.read or indexes.read).",
                collection=collection,
            )
            return
        columns_word = "columns" if self.gateway.api is API["tablesdb"] else "attributes"
        usable: list[tuple[str, ...]] = []
        for index in listed:
            names = tuple(str(n) for n in index.get(columns_word) or index.get("columns") or ())
            if index.get("status", "available") == "available" and index.get("type") in ("key", "unique"):
                usable.append(names)
            elif index.get("status") in ("failed", "stuck"):
                self.say(
                    "indexes",
                    "warning",
                    f"The index {told_name(str(index.get('key')))} of {collection} could not be built.",
                    "Delete it in Appwrite's console and make it again.",
                    collection=collection,
                )
        missing = 0
        for index in wanted:
            names = index.on(frozenset(kinds))
            if names is None:
                continue  # what is lacking is told with the attributes
            if any(have[: len(names)] == names for have in usable):
                continue
            missing += 1
            call = self._making(collection, names, index.descending, kinds, columns_word)
            self.say(
                "indexes",
                "warning",
                f"{collection} has no index on {', '.join(names)}: queries by it read the whole table.",
                f"{call['method']} {call['url']} {orjson.dumps(call['body']).decode()} (a key with tables.write)",
                collection=collection,
                call=call,
            )
        if not missing:
            self.say("indexes", "ok", f"{collection} has the indexes worth having.", collection=collection)

    def _making(
        self,
        collection: str,
        names: tuple[str, ...],
        descending: bool,
        kinds: Mapping[str, Mapping[str, Any]],
        columns_word: str,
    ) -> dict[str, Any]:
        """The call that makes an index. A text longer than the limit is indexed by its beginning."""
        body: dict[str, Any] = {
            "key": re.sub(r"[^A-Za-z0-9_]", "_", "_".join(("by", *names)))[:36],
            "type": "key",
            columns_word: list(names),
        }
        if descending:
            body["orders"] = ["DESC"] * len(names)
        lengths = [_indexed_length(kinds[name]) for name in names]
        if any(lengths):
            body["lengths"] = lengths
        return {
            "method": "POST",
            "url": f"{self.gateway.endpoint}{self.table_path(collection)}/indexes",
            "body": body,
        }


def _indexed_length(column: Mapping[str, Any]) -> int:
    """0: the whole value."""
    size = column.get("size")
    kind = str(column.get("type", ""))
    if isinstance(size, int):
        return LONGEST_INDEXED_TEXT if size > LONGEST_INDEXED_TEXT else 0
    return LONGEST_INDEXED_TEXT if kind.endswith("text") else 0


def _like(collection: str, tables: Mapping[str, str]) -> str | None:
    """The one table whose id or name reads like it: ``bookings_collection_id``, ``Commission Records``."""

    def letters(text: str) -> str:
        return re.sub(r"[^a-z0-9]", "", text.lower())

    wanted = letters(collection)
    tables = {i: name for i, name in tables.items() if is_plain_name(i)}
    same = [i for i, name in tables.items() if wanted in (letters(i), letters(name))]
    begins = [
        i for i in tables if letters(i) in (f"{wanted}collectionid", f"{wanted}collection", f"{wanted}table")
    ]
    found = same or begins
    return found[0] if len(found) == 1 else None


def examine(gateway: Gateway, *, wall_clock: Callable[[], float] = time.time) -> list[Line]:
    """Examine what the gateway reaches, in the order a person would mend it. Never raises a CallFailure.

    ``wall_clock``: seconds since 1970, of the machine and not of BOOKWATCH_NOW: the server's clock is held to it.
    """
    return sorted(_Examination(gateway, wall_clock).run(), key=lambda line: TOPICS.index(line.topic))


__all__ = ["Line", "Verdict", "examine", "exit_status"]
