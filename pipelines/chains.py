"""Why a finding stands, and how a booking's commission came about: the facts that led to it, each with the rule that
made it and the version of the row it is from, and what makes up its difference. Read from a snapshot: its own core,
marts and policy lines.

What is behind a figure that is a sum or a share is resources/explanations.py's.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import duckdb

from marketplace.closed_months import CLOSED_MONTH_CHANGED
from marketplace.commission import COMMISSION_COLLECTION, RowState
from marketplace.findings import FINDINGS
from marketplace.policy import Policy, PolicyRule
from messages import rules
from messages.message import Message
from resources.errors import UsageError
from resources.explanations import OTHER, Explanation
from resources.sql import quoted

FINDING: Final = "finding:"
"""What the name of a finding begins with, among figures."""
_NEAR: Final = 5
_POLICY_FILE: Final = "marketplace/commission_policy.toml"


@dataclass(frozen=True)
class Step:
    """A fact, the rule that made it what it is, and where it is from (table, row and version of the row)."""

    fact: str
    rule: Message
    source: str


def explain_finding(
    con: duckdb.DuckDBPyConnection, finding_id: str, policy: Policy
) -> tuple[Explanation, tuple[Step, ...]]:
    """A finding as a figure (its difference, and the rows that make it up) and its chain. Raises UsageError for one
    that the snapshot does not have."""
    if finding_id.startswith(f"{CLOSED_MONTH_CHANGED}:"):
        return _closed_month(con, finding_id)
    found = _one(con, "marts.commission_findings", finding_id=finding_id)
    if found is None:
        near = difflib.get_close_matches(finding_id, _ids(con), _NEAR, 0.5)
        if near:
            raise UsageError.of("explain.no_finding_near", finding=finding_id, names=near)
        raise UsageError.of("explain.no_finding", finding=finding_id)
    rows = _rows(found)
    explained = _explanation(finding_id, found["detail"], found["variance_idr"], rows)
    return explained, tuple(_chain(con, found, policy))


def explain_booking(
    con: duckdb.DuckDBPyConnection, booking_id: str, origin: str, policy: Policy
) -> tuple[Step, ...]:
    """The chain of a booking, whether or not anything is wrong with its commission: none for one that the snapshot does
    not have."""
    booking = _one(con, "core.bookings", booking_id=booking_id, origin=origin)
    if booking is None:
        return ()
    reconciled = _one(con, "marts.commission_reconciliation", booking_id=booking_id, origin=origin)
    line = _line(policy, reconciled)
    commission_id = None if reconciled is None else reconciled["commission_id"]
    missing = reconciled is not None and reconciled["state"] == RowState.MISSING.value
    return (
        *_facts(con, booking, reconciled, commission_id, line),
        *_judged(con, missing, line),
        *_state(reconciled),
    )


def _explanation(finding_id: str, what: str, value: int | None, rows: list[dict[str, Any]]) -> Explanation:
    adds = [row["adds"] for row in rows]
    total = None if value is None or None in adds else sum(adds)
    return Explanation(f"{FINDING}{finding_id}", None, OTHER, what, "rupiah", value, total, len(rows), rows)


def _rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    """What the difference is made of: what is recorded, less what is expected."""
    rows: list[dict[str, Any]] = []
    expected, actual = found["expected_idr"], found["actual_idr"]
    if found["commission_id"] is not None:
        rows.append(_adding(found["commission_id"], "core.commissions", actual, "actual_idr"))
    if found["booking_id"] is not None:
        adds = None if expected is None else -expected
        if found["commission_id"] is None and actual is not None and adds is not None:
            adds += actual
        rows.append(_adding(found["booking_id"], "core.bookings", adds, "expected_idr"))
    elif expected is not None and rows:
        rows.append(_adding(found["finding_id"], "marts.commission_findings", -expected, "expected_idr"))
    if not rows:
        rows.append(_adding(found["provider_id"], "core.providers", found["variance_idr"], "variance_idr"))
    return rows


def _adding(row_id: str, of: str, adds: int | None, column: str) -> dict[str, Any]:
    return {"id": row_id, "of": of, "adds": adds, "column": column}


def _chain(con: duckdb.DuckDBPyConnection, found: dict[str, Any], policy: Policy) -> Iterator[Step]:
    booking = _booking(con, found)
    reconciled = _reconciled(con, found)
    line = _line(policy, reconciled)
    yield from _facts(con, booking, reconciled, found["commission_id"], line)
    if FINDINGS[found["finding"]].rests_on == "provider":
        yield from _of_account(con, found["provider_id"])
    yield from _judged(con, found["finding"] == "missing", line)
    yield from _state(reconciled)
    yield Step(
        found["detail"],
        rules.rule(found["finding"], policy),
        f"marts.commission_findings {found['finding_id']}",
    )
    waiver = _one(con, "ops.waivers", finding_id=found["finding_id"])
    if waiver is not None:
        said = f"{waiver['waived_by']}, {_instant(waiver['waived_at'])}: {waiver['reason']}"
        yield Step(said, Message("chain.waived"), "ops.waivers")


def _facts(
    con: duckdb.DuckDBPyConnection,
    booking: dict[str, Any] | None,
    reconciled: dict[str, Any] | None,
    commission_id: str | None,
    line: PolicyRule | None,
) -> Iterator[Step]:
    """What booking and record say, and what the policy makes of it."""
    if booking is not None:
        yield from _of_booking(booking)
    if reconciled is not None:
        yield from _of_policy(reconciled, line)
    record = None if commission_id is None else _one(con, "core.commissions", commission_id=commission_id)
    if record is not None:
        yield from _of_record(record)
    elif booking is not None:
        yield _records_of(con, booking)


def _state(reconciled: dict[str, Any] | None) -> Iterator[Step]:
    if reconciled is not None:
        named = reconciled["booking_id"] or reconciled["commission_id"]
        yield Step(
            f"state = {reconciled['state']}",
            Message("chain.state"),
            f"marts.commission_reconciliation {named}",
        )


def _of_booking(b: dict[str, Any]) -> Iterator[Step]:
    source = _version("core.bookings", b["booking_id"], b, b["origin"])
    yield Step(
        f"status = {b['status']}, written {b['raw_status']}",
        Message("chain.earns" if b["earns"] else "chain.earns_not"),
        source,
    )
    yield Step(
        f"created_at = {_instant(b['created_at'])}",
        Message("chain.created", {"rule": b["created_rule"]}),
        source,
    )
    yield Step(
        f"accepted_at = {_instant(b['accepted_at'])}",
        Message("chain.accepted_not")
        if b["accepted_at"] is None
        else Message("chain.accepted", {"rule": b["accepted_rule"]}),
        source,
    )
    yield Step(
        f"amount_idr = {_plain(b['amount_idr'])}",
        Message("chain.amount_not")
        if b["amount_idr"] is None
        else Message("chain.amount", {"rule": b["amount_rule"]}),
        source,
    )
    yield Step(f"source = {b['source']}", Message("chain.source", {"rule": b["source_rule"]}), source)
    ended = ", ".join(
        f"{name} = {_plain(b[name])}" for name in ("completed_at", "starts_at", "service_minutes", "ends_at")
    )
    yield Step(ended, Message("chain.service"), source)
    yield Step(
        f"utc_offset_minutes = {_plain(b['utc_offset_minutes'])}, provider_id = {_plain(b['provider_id'])}",
        Message("chain.zone"),
        source,
    )


def _of_policy(r: dict[str, Any], line: PolicyRule | None) -> Iterator[Step]:
    named = r["booking_id"] or r["commission_id"]
    source = f"marts.commission_reconciliation {named}"
    policy = f"{_POLICY_FILE} {_plain(r['policy_version'])}"
    if line is not None:
        policy += f" (valid {line.valid_from or '…'} to {line.valid_to or '…'})"
    yield Step(
        f"policy_version = {_plain(r['policy_version'])}, policy_rate_ppm = {_plain(r['policy_rate_ppm'])},"
        f" local_date = {_plain(r['local_date'])}",
        Message("chain.policy"),
        policy,
    )
    yield Step(f"expected_idr = {_plain(r['expected_idr'])}", expected_by(r["state"]), source)
    if line is not None:
        yield Step(
            f"deadline_at = {_instant(r['deadline_at'])}",
            Message("chain.deadline", {"deadline_hours": str(line.deadline_hours)}),
            source,
        )


def expected_by(state: str) -> Message:
    """The rule by which the commission is expected that a row of the reconciliation in this state says."""
    nothing = state in (RowState.ORPHAN.value, RowState.NOT_DUE.value)
    return Message("chain.expected_nothing" if nothing else "chain.expected")


def _of_record(c: dict[str, Any]) -> Iterator[Step]:
    source = _version("core.commissions", c["commission_id"], c)
    yield Step(
        f"status = {c['status']}, written {_plain(c['raw_status'])}, is_live = {_plain(c['is_live'])}",
        Message("chain.record"),
        source,
    )
    yield Step(
        f"booking_ref = {_plain(c['booking_ref'])}, booking_doc_ref = {_plain(c['booking_doc_ref'])}",
        Message("chain.reference"),
        source,
    )
    yield Step(
        f"commission_idr = {_plain(c['commission_idr'])}, booking_amount_idr = {_plain(c['booking_amount_idr'])},"
        f" written {_plain(c['written_commission'])} of {_plain(c['written_booking_amount'])}",
        Message("chain.charged_not")
        if c["commission_idr"] is None
        else Message("chain.charged", {"rule": c["amount_rule"]}),
        source,
    )
    yield Step(f"rate_ppm = {_plain(c['rate_ppm'])}", Message("chain.rate"), source)
    yield Step(
        f"paid_at = {_instant(c['paid_at'])}, verified_at = {_instant(c['verified_at'])},"
        f" created_at = {_instant(c['created_at'])}",
        Message("chain.payment"),
        source,
    )
    yield Step(f"deadline_at = {_instant(c['deadline_at'])}", Message("chain.record_deadline"), source)
    yield Step(
        f"proof_state = {c['proof_state']}, proof_at = {_instant(c['proof_at'])}",
        Message("chain.proof"),
        source,
    )
    yield Step(
        f"fee_idr = {_plain(c['fee_idr'])}, fee_state = {c['fee_state']}", Message("chain.fee"), source
    )
    if c["deleted_at"] is not None:
        yield Step(f"deleted_at = {_instant(c['deleted_at'])}", Message("chain.gone"), source)


def _records_of(con: duckdb.DuckDBPyConnection, b: dict[str, Any]) -> Step:
    """That no record tracks a booking: those that refer to it, and why none of them does."""
    keys = [key for key in (b["booking_id"], b["business_id"]) if key is not None]
    found = con.execute(
        "SELECT commission_id, status, is_live, deleted_at, is_test FROM core.commissions"
        " WHERE booking_ref IN (SELECT unnest(?)) OR booking_doc_ref IN (SELECT unnest(?)) ORDER BY commission_id",
        [keys, keys],
    ).fetchall()
    told = "; ".join(
        f"{commission_id} (status {status}, is_live {_plain(live)}, deleted_at {_instant(gone)},"
        f" is_test {_plain(test)})"
        for commission_id, status, live, gone, test in found
    )
    fact = f"records that name {' or '.join(keys)}: {told or 'none'}"
    return Step(fact, Message("chain.no_record"), "core.commissions")


def _of_account(con: duckdb.DuckDBPyConnection, provider_id: str) -> Iterator[Step]:
    for p in _all(con, "core.providers", provider_id=provider_id):
        yield Step(
            f"status = {_plain(p['status'])}",
            Message("chain.account"),
            _version("core.providers", provider_id, p, p["provider_type"]),
        )
    balance = _one(con, "marts.commission_balances", provider_id=provider_id)
    if balance is not None:
        columns = ("owed_idr", "overdue_idr", "overdue_records", "restriction_due", "restriction_due_at")
        fact = ", ".join(f"{name} = {_plain(balance[name])}" for name in columns)
        yield Step(fact, Message("chain.account"), f"marts.commission_balances {provider_id}")


def _judged(con: duckdb.DuckDBPyConnection, by_grace: bool, line: PolicyRule | None) -> Iterator[Step]:
    at = _one(con, "ops.judged")
    scan = _one(con, "ops.scans", collection=COMMISSION_COLLECTION)
    if by_grace and line is not None:
        yield Step(
            f"grace_minutes = {line.grace_minutes}",
            Message("chain.grace", {"grace_minutes": str(line.grace_minutes)}),
            f"{_POLICY_FILE} {line.version}",
        )
    if at is not None:
        read = "never" if scan is None else _instant(scan["completed_at"])
        yield Step(
            f"judged_at = {_instant(at['judged_at'])}, now = {_instant(at['now'])},"
            f" {COMMISSION_COLLECTION} read completely {read}",
            Message("chain.judged"),
            f"ops.judged, ops.scans {COMMISSION_COLLECTION}",
        )


def _closed_month(con: duckdb.DuckDBPyConnection, finding_id: str) -> tuple[Explanation, tuple[Step, ...]]:
    found = _one(con, "marts.closed_month_changes", finding_id=finding_id)
    if found is None:
        raise UsageError.of("explain.no_finding", finding=finding_id)
    before, now = found["previous_value"], found["current_value"]
    name = f"{found['figure']} {found['local_month']:%Y-%m}"
    rows = [
        _adding(name, "marts.month_figures", now, "current_value"),
        _adding(found["previous_snapshot_id"], "marts.month_figures", -before, "previous_value"),
    ]
    chain = (
        Step(
            f"previous_value = {before}",
            Message("chain.closed"),
            f"snapshot {found['previous_snapshot_id']}, marts.month_figures {name}",
        ),
        Step(f"current_value = {now}", Message("chain.closed"), f"marts.month_figures {name}"),
        Step(found["detail"], Message("chain.closed"), f"marts.closed_month_changes {finding_id}"),
    )
    return _explanation(finding_id, found["detail"], now - before, rows), chain


def _booking(con: duckdb.DuckDBPyConnection, found: dict[str, Any]) -> dict[str, Any] | None:
    if found["booking_id"] is None:
        return None
    return _one(con, "core.bookings", booking_id=found["booking_id"], origin=found["origin"])


def _reconciled(con: duckdb.DuckDBPyConnection, found: dict[str, Any]) -> dict[str, Any] | None:
    if found["booking_id"] is not None:
        return _one(
            con, "marts.commission_reconciliation", booking_id=found["booking_id"], origin=found["origin"]
        )
    if found["commission_id"] is None:
        return None
    return _one(con, "marts.commission_reconciliation", commission_id=found["commission_id"])


def _line(policy: Policy, reconciled: dict[str, Any] | None) -> PolicyRule | None:
    """The line of the policy that was applied; None where it is not in the policy any more."""
    version = None if reconciled is None else reconciled["policy_version"]
    return next((rule for rule in policy.rules if rule.version == version), None)


def _ids(con: duckdb.DuckDBPyConnection) -> list[str]:
    found = con.execute(
        "SELECT finding_id FROM marts.commission_findings UNION ALL SELECT finding_id FROM marts.closed_month_changes"
    ).fetchall()
    return [str(finding_id) for (finding_id,) in found]


def _one(con: duckdb.DuckDBPyConnection, table: str, **key: Any) -> dict[str, Any] | None:
    return next(iter(_all(con, table, **key)), None)


def _all(con: duckdb.DuckDBPyConnection, table: str, **key: Any) -> list[dict[str, Any]]:
    condition = " AND ".join(f"{quoted(name)} = ?" for name in key) or "true"
    cursor = con.execute(f"SELECT * FROM {table} WHERE {condition}", list(key.values()))
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _version(table: str, row_id: str, row: dict[str, Any], of: str | None = None) -> str:
    """A row and which version of it: the number of the change in the mirror, and Appwrite's own instant."""
    named = row_id if of is None else f"{row_id} ({of})"
    return f"{table} {named}, change {row['change']}, $updatedAt {_instant(row['updated_at'])}"


def _instant(value: datetime | None) -> str:
    return "unknown" if value is None else f"{value.isoformat(timespec='seconds')}Z"


def _plain(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    return _instant(value) if isinstance(value, datetime) else str(value)
