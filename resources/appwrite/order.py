"""Following rows by $id where a server has no numeric $sequence: Appwrite before 1.8, and databases of documents, whose
$sequence is a text.

Whether a server can do that is asked here; how a scan goes on is in sync.py and sweep.py. The order of ids is the
server's (MariaDB's takes no notice of case), so that none is known here: `greaterThan("$id", last)` in the order of $id
goes on wherever that order is.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import Any, cast

from appwrite.query import Query

from resources.appwrite.bounds import loads
from resources.appwrite.failures import CallFailure, Malformed, PermanentFailure
from resources.appwrite.gateway import Gateway
from resources.raw.column_types import Order, Position

PROBED = 2


def following(order: Order, after: Position | None, limit: int) -> list[str]:
    """The queries of the rows behind a position, in their order.

    The first carries no lower $sequence: `greaterThan("$sequence", "0")` is answered 400.
    """
    follow = [Query.greater_than(order, str(after))] if after is not None else []
    return [*follow, Query.order_asc(order), Query.limit(limit)]


def lacks_sequence(failure: CallFailure) -> bool:
    """Whether a failed page may mean that the server knows no numeric $sequence."""
    return failure.reason == "no_sequence" or (failure.reason == "bad_request" and failure.status == 400)


def prove_order_by_id(gateway: Gateway, collection: str, refused: CallFailure) -> None:
    """That the server lacks a numeric $sequence, and orders and compares rows by $id.

    Raises ``refused`` (or as rows without an order are) where $sequence is not to blame, PermanentFailure ``no_order``
    where neither can be done.
    """
    if refused.reason == "bad_request":
        try:
            _ids(gateway, collection, following("$sequence", None, PROBED))
        except PermanentFailure:
            pass
        else:
            raise refused
    answer: PermanentFailure
    try:
        first = _ids(gateway, collection, following("$id", None, PROBED))
        if first:
            behind = _ids(gateway, collection, following("$id", first[0], PROBED))
            # One that takes the comparison and does not make it would give the same page for ever.
            if first[0] in behind or (len(first) > 1 and not behind):
                raise PermanentFailure("probe_rows", "no_order", collection=collection, status=200)
        return
    except PermanentFailure as failed:
        answer = failed
    if answer.reason not in ("bad_request", "no_order"):
        raise answer
    if answer.reason == "bad_request" and refused.reason == "bad_request":
        # Refused without any order as well, rows are not had for another reason.
        _ids(gateway, collection, [Query.limit(PROBED)])
    told = PermanentFailure(
        "probe_rows", "no_order", collection=collection, status=answer.status, error_type=answer.error_type
    )
    told.host = answer.host
    raise told


def _ids(gateway: Gateway, collection: str, queries: list[str]) -> list[str]:
    return gateway.rows(collection, queries, ids_of, operation="probe_rows", expected=True)


def ids_of(body: bytes) -> list[str]:
    """The ids of an answer's rows. Raises Malformed."""
    return [str(row.get("$id")) for row in rows_of(body)]


def rows_of(body: bytes) -> list[dict[str, Any]]:
    """An answer's rows, whatever they hold. Raises Malformed."""
    answer: Any = loads(body)
    values = list(cast("dict[str, Any]", answer).values()) if isinstance(answer, dict) else []
    listed = [cast("list[Any]", value) for value in values if isinstance(value, list)]
    if len(listed) != 1 or not all(isinstance(row, dict) for row in listed[0]):
        raise Malformed
    return cast("list[dict[str, Any]]", listed[0])
