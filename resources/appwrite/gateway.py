"""The one door to Appwrite: the SDK's client on a pooled session, with time-outs, patience and an event a
call.

What a page means and where a scan stands is not known here (columns.py, sync.py).
"""

# The SDK carries no types, and its services flatten queries with a private function.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportPrivateUsage=false

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Generic, Literal, TypeVar, cast
from urllib.parse import quote, urlencode, urlsplit

import orjson
import tenacity
import urllib3
from appwrite.client import Client
from appwrite.encoders.value_class_encoder import ValueClassEncoder
from appwrite.query import Query

from marketplace.text import BLANK
from resources.appwrite.bounds import LARGEST_ANSWER, MOST_LISTED, loads
from resources.appwrite.columns import columns_of
from resources.appwrite.connections import Connections
from resources.appwrite.failures import (
    CallEvent,
    CallFailure,
    CircuitOpen,
    Malformed,
    NoSequence,
    PermanentFailure,
    TooLarge,
    TransientFailure,
    event_of,
)
from resources.appwrite.patience import (
    LONGEST_SERVER_WAIT,
    MAX_DELAY,
    RETRIES,
    RETRY_BUDGET,
    CircuitBreaker,
    ServerWish,
    http_date,
    retry_delay,
    wait_asked,
)
from resources.appwrite.refusals import failure_of_answer, is_page, read_error
from resources.appwrite.server_clock import clock_of
from resources.clock import Clock
from resources.raw.column_types import Column
from resources.settings import Settings

T = TypeVar("T")

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
WHOLE_ANSWER_SECONDS = 120.0
"""An answer that trickles in for longer than this is a time-out, however lively the trickle."""
SHORTEST_TRY = 0.5
"""Seconds of the time for retrying that must be left for a retry to begin: less would only fail it."""
PART_BYTES = 1 << 20
COLUMNS_A_CALL = 500
DYING_STATUSES = frozenset({408, 500, 502, 503, 504})
"""What a server, or the proxy before it, answers where a worker ran out of memory or time over an answer."""


@dataclass(frozen=True)
class Answer(Generic[T]):
    """A good answer: its value as decoded, and the headers that matter."""

    value: T
    status: int
    headers: Mapping[str, str]


@dataclass(frozen=True)
class ApiPaths:
    """The words an API kind uses."""

    list_key: str
    columns_key: str
    tables: str
    columns: str
    rows: str


API: Mapping[str, ApiPaths] = MappingProxyType(
    {
        "tablesdb": ApiPaths(
            "rows",
            "columns",
            "/tablesdb/{database}/tables",
            "/tablesdb/{database}/tables/{table}/columns",
            "/tablesdb/{database}/tables/{table}/rows",
        ),
        "databases": ApiPaths(
            "documents",
            "attributes",
            "/databases/{database}/collections",
            "/databases/{database}/collections/{table}/attributes",
            "/databases/{database}/collections/{table}/documents",
        ),
    }
)

TABLE_MISSING = frozenset({"table_not_found", "collection_not_found"})


class _BadSetting(Exception):
    """What is set cannot be sent: no address, or no header."""


class PooledClient(Client):
    """The SDK's client with a pooled session, time-outs, refused redirects, retries and a breaker.

    Typed SDK services (``TablesDB(client)``) work on it unchanged; a GET is retried, a write is sent once.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        on_call: Callable[[CallEvent], None],
        *,
        sleep: Callable[[float], object] | None = None,
        chance: Callable[[], float] = random.random,
        monotonic: Callable[[], float] = time.monotonic,
        timeouts: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS),
        longest_wait: float = LONGEST_SERVER_WAIT,
        seconds_left: Callable[[], float] | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        """``longest_wait``: seconds that are waited where the server asks to be left alone; for longer it is not
        called. ``seconds_left``: until whoever waits for a call gives up (None: nobody does)."""
        super().__init__()
        self.set_endpoint(settings.appwrite_endpoint)
        self.set_project(settings.appwrite_project_id)
        self.set_key(settings.appwrite_api_key.get_secret_value())
        # A raw call gets the project from the typed services only; without the header Appwrite answers 403.
        self.add_header("X-Appwrite-Project", settings.appwrite_project_id)
        # The SDK announces format 2.5.0, which an older server answers with a warning on each call. Left out,
        # the server speaks its own; Gateway.ping() then names that one.
        self._global_headers.pop("X-Appwrite-Response-Format", None)
        self._clock = clock
        self._on_call = on_call
        self._closing = threading.Event()
        self._sleep = sleep or self._closing.wait
        self._chance = chance
        self._monotonic = monotonic
        self._timeouts = timeouts
        self._longest_wait = longest_wait
        self._seconds_left = seconds_left
        self._say = say
        self.breaker = CircuitBreaker(monotonic)
        self.wish = ServerWish(monotonic)
        self.server_clock = clock_of(self._endpoint)
        self.host = urlsplit(self._endpoint).netloc.rpartition("@")[2]
        # Two a worker: a page and the one fetched ahead of it.
        self._connections = Connections(self._endpoint, 2 * settings.workers + 2)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._endpoint!r})"

    def close(self) -> None:
        """Wake whoever waits and drop the connections."""
        self._closing.set()
        self._connections.close()

    # What the SDK's typed services call ------------------------------------------------------------------

    def call(
        self,
        method: str,
        path: str = "",
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        response_type: str = "json",
    ) -> Any:
        """As the SDK's.

        Parsed JSON, text for ``response_type='text'``, bytes for other content. Raises CallFailure.
        """

        def decode(body: bytes, kind: str) -> Any:
            if response_type == "text":
                return body.decode("utf-8", "replace")
            if kind.startswith("application/json"):
                return _json(body)
            return body

        operation = f"{method.lower()} {path.strip('/').split('/')[0]}"
        return self.request(
            operation, "", method.lower(), path, params or {}, decode, headers=headers or {}
        ).value

    # One call with its patience --------------------------------------------------------------------------

    def request(
        self,
        operation: str,
        collection: str,
        method: str,
        path: str,
        params: Mapping[str, Any],
        decode: Callable[[bytes, str], T],
        *,
        headers: Mapping[str, str | None] | None = None,
        expected: bool | Callable[[CallFailure], bool] = False,
        retries: int = RETRIES,
        within: float | None = None,
        doubtful: bool = False,
        body: bytes | None = None,
    ) -> Answer[T]:
        """One call, retried where that may help. ``decode(body, content type)`` raises Malformed to have it
        retried. ``expected``: a failure (or which of them) is an answer, and alarms nobody.

        ``within``: seconds for the whole answer. ``doubtful``: a failure that may be due to the size of the answer says
        nothing of the server, so the breaker does not count it; who asks so looks next whether the server lives.
        ``body``: what a write sends instead of ``params``, as it is; its content type stands in ``headers``.
        Raises PermanentFailure or TransientFailure (CircuitOpen without having called). A header of None is
        left out.
        """
        if self._seconds_left is not None:
            left = self._seconds_left()
            if left <= 0:
                raise TransientFailure(operation, "time_out", collection=collection)
            within = left if within is None else min(within, left)
            # A call that is tried again may take RETRY_BUDGET longer than its first time-out.
            retries = retries if left > RETRY_BUDGET + 1 else 0
        started = time.perf_counter()
        attempts = 0
        first_failure: float | None = None
        failure: CallFailure | None = None
        answer: Answer[T] | None = None
        asked_for_more = False

        def attempt() -> Answer[T]:
            nonlocal attempts, first_failure, asked_for_more
            attempts += 1
            longest = WHOLE_ANSWER_SECONDS if within is None else within
            if first_failure is not None and not asked_for_more:
                # A retry is cut off where the time for retrying ends, not after a time-out of its own.
                longest = max(SHORTEST_TRY, RETRY_BUDGET - (self._monotonic() - first_failure))
            try:
                return self._once(
                    operation, collection, method, path, params, decode, headers or {}, longest, body
                )
            except CallFailure as failed:
                if first_failure is None:
                    first_failure = self._monotonic()
                if failed.retry_after:
                    asked_for_more = True
                    self.wish.note(failed.retry_after)
                raise

        def worth(state: tenacity.RetryCallState) -> bool:
            error = state.outcome.exception() if state.outcome else None
            return isinstance(error, TransientFailure) and error.retried and not self._closing.is_set()

        def delay(state: tenacity.RetryCallState) -> float:
            return max(retry_delay(state.attempt_number - 1, self._chance), self._asked(state))

        def enough(state: tenacity.RetryCallState) -> bool:
            if state.attempt_number > (retries if method == "get" else 0):
                return True
            asked = self._asked(state)
            if asked > self._longest_wait:
                return True
            spent = self._monotonic() - (first_failure or 0.0)
            return not asked and spent + state.upcoming_sleep > RETRY_BUDGET - SHORTEST_TRY

        patience = tenacity.Retrying(
            retry=worth,
            wait=delay,
            stop=enough,
            sleep=self._rest,
            reraise=True,
            before=tenacity.before_nothing,
        )
        admitted = self.breaker.admit()
        said = False
        try:
            if not admitted:
                failure = CircuitOpen(operation, "circuit_open", collection=collection)
            elif not self._waited_as_wished():
                failure = TransientFailure(
                    operation, "rate_limited", collection=collection, retry_after=self.wish.remaining()
                )
            else:
                try:
                    answer = patience(attempt)
                except CallFailure as failed:
                    failure = failed
                if failure is None or isinstance(failure, PermanentFailure):
                    self.breaker.succeeded()
                    said = True
                elif not (doubtful and failure.may_be_size):
                    self.breaker.failed()
                    said = True
        finally:
            if admitted and not said:
                self.breaker.abandoned()
        status = answer.status if answer else None
        if failure:
            failure.attempts = max(attempts, 1)
            failure.host = self.host
        self._on_call(
            event_of(
                operation,
                collection,
                time.perf_counter() - started,
                max(attempts, 1),
                self._clock.naive_now(),
                status=status,
                failure=failure,
                expected=expected
                if isinstance(expected, bool)
                else failure is not None and expected(failure),
            )
        )
        if failure is not None:
            # Raised here, outside every except block: a library's exception holds the request, and it the
            # key.
            raise failure
        assert answer is not None
        return answer

    def _asked(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return error.retry_after or 0.0 if isinstance(error, CallFailure) else 0.0

    def _rest(self, seconds: float) -> None:
        if seconds > MAX_DELAY:
            self._say(f"Appwrite asks to wait {seconds:,.0f} s before the next call.")
        self._sleep(seconds)  # between two tries, as long as the server asked for or the backoff says

    def _waited_as_wished(self) -> bool:
        """Wait until the server wants to be called again; False if that is too long to wait for."""
        remaining = self.wish.remaining()
        if remaining > self._longest_wait:
            return False
        if remaining > 0:
            self._rest(remaining)
        return True

    def _once(
        self,
        operation: str,
        collection: str,
        method: str,
        path: str,
        params: Mapping[str, Any],
        decode: Callable[[bytes, str], T],
        headers: Mapping[str, str | None],
        within: float,
        body: bytes | None = None,
    ) -> Answer[T]:
        failure: CallFailure
        try:
            status, answered, told = self._send(method, path, params, headers, within, body)
        except urllib3.exceptions.SSLError as broken:
            if "CERTIFICATE_VERIFY_FAILED" in str(broken):
                failure = PermanentFailure(operation, "certificate", collection=collection)
            else:
                failure = TransientFailure(operation, "connection", collection=collection)
        except _BadSetting:
            failure = PermanentFailure(operation, "bad_setting", collection=collection)
        except urllib3.exceptions.NewConnectionError:  # a refused connection; for urllib3 a kind of time-out
            failure = TransientFailure(operation, "connection", collection=collection)
        except urllib3.exceptions.ConnectTimeoutError:
            failure = TransientFailure(operation, "time_out", collection=collection)
        except (urllib3.exceptions.TimeoutError, TimeoutError):
            failure = TransientFailure(operation, "time_out", collection=collection)
            failure.may_be_size = True
        except TooLarge:
            failure = _too_large(operation, collection)
        except (urllib3.exceptions.HTTPError, OSError) as broken:
            timed_out = "timed out" in str(broken).lower()
            failure = TransientFailure(
                operation, "time_out" if timed_out else "connection", collection=collection
            )
            failure.may_be_size = True
        else:
            kind = answered.get("Content-Type", "").lower()
            asked = wait_asked(answered, status, time.time())
            if 200 <= status < 300:
                if asked:
                    self.wish.note(asked)
                try:
                    return Answer(decode(told, kind), status, answered)
                except NoSequence:
                    failure = PermanentFailure(operation, "no_sequence", collection=collection, status=status)
                except TooLarge:
                    failure = _too_large(operation, collection)
                except Malformed:
                    reason = "web_page" if is_page(told, kind) else "malformed"
                    failure = TransientFailure(operation, reason, collection=collection, status=status)
                    failure.may_be_size = told.startswith(b"{") and not told.endswith(b"}")  # it breaks off
            else:
                answer = read_error(status, told, answered, self._endpoint)
                failure = failure_of_answer(operation, collection, answer, asked)
                # Not where the answer names a cause: a service that is switched off is 503, too.
                named = isinstance(failure, PermanentFailure)
                failure.may_be_size = status in DYING_STATUSES and not asked and not named
        raise failure

    def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any],
        headers: Mapping[str, str | None],
        within: float,
        body: bytes | None = None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """One request and its whole answer, ``within`` so many seconds. Raises what urllib3 raises, and _BadSetting."""
        sent: dict[str, str] = {"accept-encoding": "gzip, deflate"} | {
            name: value
            for name, value in {**self._global_headers, **{k.lower(): v for k, v in headers.items()}}.items()
            if value
        }
        plain: dict[str, Any] = {
            key: Query._flatten(value) for key, value in params.items() if value is not None
        }
        data: str | bytes | None = None
        if method == "get":
            path += "?" + urlencode(cast("dict[str, Any]", self.flatten(plain)))
        else:
            sent.setdefault("content-type", "application/json")
            data = json.dumps(plain, cls=ValueClassEncoder) if body is None else body
        began = time.monotonic()
        connect, read = (min(seconds, within) for seconds in self._timeouts)
        try:
            response = self._connections.send(
                method.upper(), path, sent, data, urllib3.Timeout(connect=connect, read=read)
            )
        except ValueError:
            # An address without a host, a header with a line break: both repeat what they were given.
            response = None
        if response is None:
            raise _BadSetting
        date = http_date(response.headers.get("Date"))
        if date is not None:
            self.server_clock.note(date, began, time.monotonic())
        try:
            parts: list[bytes] = []
            size = 0
            # read1 gives what has come: waiting for a whole part would let a trickle pass the deadline unseen.
            # Not packed, a part is not copied three times over.
            packed = "content-encoding" in response.headers
            while part := response.read1(PART_BYTES, decode_content=packed):
                parts.append(part)
                size += len(part)
                if size > LARGEST_ANSWER:
                    raise TooLarge
                if time.monotonic() > began + within:
                    raise TimeoutError
            return response.status, response.headers, b"".join(parts)
        except BaseException:
            # What is left of the answer must not be taken for the next one.
            response.close()
            raise
        finally:
            response.release_conn()


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    return loads(body)


def _too_large(operation: str, collection: str) -> PermanentFailure:
    failure = PermanentFailure(operation, "too_large", collection=collection)
    failure.may_be_size = True
    return failure


def json_object(body: bytes, kind: str) -> dict[str, Any]:
    """A JSON object, or Malformed."""
    value = _json(body) if kind.startswith("application/json") else None
    if not isinstance(value, dict):
        raise Malformed
    return cast("dict[str, Any]", value)


class Gateway:
    """What bookwatch asks of Appwrite, for one endpoint, project and database. Safe to use from several
    threads.

    Every method raises PermanentFailure or TransientFailure (failures.py) and leaves one CallEvent a call.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        on_call: Callable[[CallEvent], None],
        *,
        sleep: Callable[[float], object] | None = None,
        chance: Callable[[], float] = random.random,
        monotonic: Callable[[], float] = time.monotonic,
        timeouts: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS),
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Raises UsageError if an Appwrite setting is missing.

        ``timeouts``: seconds to connect, to wait for bytes. ``say``: told in a sentence where the server asks to wait.
        """
        settings.require_appwrite()
        self.settings = settings
        self.clock = clock
        self.endpoint = settings.appwrite_endpoint
        self.project = settings.appwrite_project_id
        self.database = settings.appwrite_database_id
        self.api = API[settings.appwrite_api]
        self.client = PooledClient(
            settings,
            clock,
            on_call,
            sleep=sleep,
            chance=chance,
            monotonic=monotonic,
            timeouts=timeouts,
            say=say,
        )
        self._version: str | None = None
        self._probed = False

    def __repr__(self) -> str:
        return f"Gateway({self.endpoint!r}, {self.project!r}, {self.database!r})"

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.client.close()

    @property
    def identity(self) -> tuple[str, str, str]:
        """Endpoint, project and database, as a mirror remembers what it is of. A blank around an id is none of it: the
        server, not the mirror, is to say what it thinks of one."""
        return self.endpoint, self.project.strip(BLANK), self.database.strip(BLANK)

    @property
    def breaker(self) -> CircuitBreaker:
        return self.client.breaker

    def _path(self, template: str, collection: str = "") -> str:
        # "Commission Records" is a table id somebody has.
        table = quote(self.settings.table_id(collection), safe="") if collection else ""
        return template.format(database=quote(self.database, safe=""), table=table)

    def ping(self) -> datetime:
        """Ask for the database's tables: proves endpoint, API kind, project, key and database. Returns the
        server's time.

        The first ping also asks the server's version, to speak its format from then on.
        """
        answer = self.client.request(
            "ping",
            "",
            "get",
            self._path(self.api.tables),
            {"queries": [Query.limit(1)], "total": "0"},
            json_object,
        )
        if not self._probed:
            self._probed = True
            self.server_version()
        return self._server_time("ping", "", answer)

    def server_now(self) -> datetime:
        """The server's clock: aware, UTC, whole milliseconds, never ahead of it."""
        answer = self.client.request(
            "clock",
            "",
            "get",
            self._path(self.api.tables),
            {"queries": [Query.limit(1)], "total": "0"},
            json_object,
        )
        return self._server_time("clock", "", answer)

    def server_version(self) -> str | None:
        """The server's version, if it tells guests; sets X-Appwrite-Response-Format to it. Never raises."""
        if self._version is None:
            try:
                # Asked as a guest: /health/version answers a key with "missing scope public".
                told = self.client.request(
                    "version",
                    "",
                    "get",
                    "/health/version",
                    {},
                    json_object,
                    headers={"x-appwrite-key": None},
                    expected=True,
                    retries=0,
                ).value.get("version")
            except CallFailure:
                return None
            if isinstance(told, str) and re.fullmatch(r"\d{1,3}\.\d{1,3}\.\d{1,3}", told):
                self._version = told
                self.client.add_header("X-Appwrite-Response-Format", told)
        return self._version

    def list_columns(self, collection: str) -> list[Column]:
        """The columns rows of a collection can carry, by Appwrite's own ``type``."""
        return self.columns_and_time(collection)[0]

    def columns_and_time(self, collection: str) -> tuple[list[Column], datetime]:
        """The columns, and the server's time when it told them."""
        columns: list[Column] = []
        keys: set[object] = set()
        seen = 0
        while True:
            # Without a limit Appwrite lists 25; a server may list fewer than asked for, so `total` says when it is all.
            queries = [Query.limit(COLUMNS_A_CALL), *([Query.offset(seen)] if seen else [])]

            def decode(body: bytes, kind: str) -> tuple[list[object], list[Column], bool]:
                told = json_object(body, kind)
                listed, total = told.get(self.api.columns_key), told.get("total")
                if not isinstance(listed, list):
                    raise Malformed
                entries = cast("list[Any]", listed)
                if not all(isinstance(entry, dict) for entry in entries):
                    raise Malformed
                found: list[object] = [entry.get("key") for entry in cast("list[dict[str, Any]]", entries)]
                whole = isinstance(total, int) and 0 < total <= len(keys.union(found))
                if found and keys.issuperset(found):
                    raise Malformed  # the same page again: what is on the next one is not known
                return found, columns_of(cast("list[dict[str, Any]]", entries)), whole or not found

            answer = self.client.request(
                "list_columns",
                collection,
                "get",
                self._path(self.api.columns, collection),
                {"queries": queries},
                decode,
            )
            found, more, whole = answer.value
            columns += more
            keys.update(found)
            seen += len(found)
            if whole or len(columns) >= MOST_LISTED:
                return columns, self._server_time("list_columns", collection, answer)

    def is_there(self, collection: str) -> bool:
        """Whether the server has a collection, asked once; also where it could not be told, for who reads it then says
        why."""
        try:
            self.client.request(
                "list_columns",
                collection,
                "get",
                self._path(self.api.columns, collection),
                {"queries": [Query.limit(1)]},
                json_object,
                expected=lambda failure: failure.error_type in TABLE_MISSING,
                retries=0,
            )
        except CallFailure as failure:
            return failure.error_type not in TABLE_MISSING
        return True

    def rows(
        self,
        collection: str,
        queries: Sequence[str],
        decode: Callable[[bytes], T],
        *,
        operation: Literal[
            "list_rows", "sweep_rows", "repair_rows", "probe_rows", "compare_rows", "first_row"
        ] = "list_rows",
        expected: bool | Callable[[CallFailure], bool] = False,
        retries: int = RETRIES,
        within: float | None = None,
        doubtful: bool = False,
    ) -> T:
        """One answer of rows, as raw bytes through ``decode`` (which raises Malformed to have it asked
        again). ``expected``, ``retries``, ``within`` and ``doubtful``: as of the client's request.
        """

        def checked(body: bytes, kind: str) -> T:
            if not kind.startswith("application/json") or not body:
                raise Malformed
            return decode(body)

        # total=0: a count costs the server more than the page, is capped at 5,000, and `false` is ignored by
        # 1.9.6.
        return self.client.request(
            operation,
            collection,
            "get",
            self._path(self.api.rows, collection),
            {"queries": list(queries), "total": "0"},
            checked,
            expected=expected,
            retries=retries,
            within=within,
            doubtful=doubtful,
        ).value

    def _server_time(self, operation: str, collection: str, answer: Answer[Any]) -> datetime:
        moment = self.client.server_clock.now()
        if moment is None or http_date(answer.headers.get("Date")) is None:
            raise PermanentFailure(operation, "no_date", collection=collection, status=answer.status)
        return moment
