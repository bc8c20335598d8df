"""Commissions judged: the whole, what is missing, what was found, and the records a finding speaks of. Asked through
reading.py; names every column, and none that could hold personal data.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import polars as pl

from dashboards.queries.query import Column, Query
from dashboards.queries.reading import ask, cached, holds, with_messages
from marketplace.commission import REVENUE_STATUSES, RowState
from marketplace.difference import AGGREGATES, COLUMNS
from marketplace.findings import SEVERITIES
from pipelines.exports.commissions import DATED_FINDINGS

#: The difference of a group of rows, and what is not in it.
_DIFFERENCE = ", ".join(f"({sql})::BIGINT AS {name}" for name, sql in AGGREGATES.items())


@cached
def commission_summary(path: str) -> dict[str, Any] | None:
    """The one row of marts.commission_summary, or None where it is empty."""
    rows = ask(path, "SELECT * FROM marts.commission_summary LIMIT 1").to_dicts()
    return rows[0] if rows else None


UNKNOWN_RECORD = "unknown_record"
"""Of a row that could not be judged: its booking does not earn, or is not known. The count of bookings that could not
be judged (marts.commission_summary) is of the others alone."""


@cached
def reconciliation_states(path: str) -> pl.DataFrame:
    """state, rows, expected_idr, actual_idr, the difference and what is not in it (marketplace/difference.py) over the
    whole history; sums of nothing known are null. What could not be judged stands in two rows: "unknown" of bookings
    that earn, as in the summary, and UNKNOWN_RECORD of records whose booking does not earn or is not known."""
    return ask(
        path,
        f"""SELECT CASE WHEN state = ? AND NOT coalesce(list_contains(?, booking_status), false)
                        THEN '{UNKNOWN_RECORD}' ELSE state END AS state,
                   count(*)::BIGINT AS rows, sum(expected_idr)::BIGINT AS expected_idr,
                   sum(actual_idr)::BIGINT AS actual_idr, {_DIFFERENCE}
            FROM marts.commission_reconciliation GROUP BY 1 ORDER BY rows DESC, 1""",
        [RowState.UNKNOWN.value, list(REVENUE_STATUSES)],
    )


#: Each booking that earns and has no commission record, the oldest first, with the rupiah owed and its finding. (A
#: finding of an older snapshot does not say in which collection its booking stands.)
MISSING = Query(
    "missing_commissions",
    """WITH found AS (
             SELECT booking_id, origin, finding_id, waived
             FROM (SELECT NULL::VARCHAR AS origin WHERE false UNION ALL BY NAME FROM marts.commission_findings)
             WHERE finding = 'missing'),
           absent AS (FROM marts.commission_reconciliation WHERE state = 'missing'),
           named AS (
             SELECT booking_id, origin, any_value(provider_name) AS provider_name FROM core.bookings
             WHERE booking_id IN (SELECT booking_id FROM absent) GROUP BY booking_id, origin)
           SELECT r.booking_id, r.provider_id, n.provider_name, r.source, r.booking_status,
                  r.booking_amount_idr, r.expected_idr, r.local_date, r.accrued_at, r.deadline_at,
                  coalesce((SELECT bool_or(waived) FROM found f WHERE f.booking_id = r.booking_id
                            AND coalesce(f.origin, r.origin) = r.origin), false) AS waived,
                  (SELECT min(finding_id) FROM found f WHERE f.booking_id = r.booking_id
                   AND coalesce(f.origin, r.origin) = r.origin) AS finding_id
           FROM absent r
           LEFT JOIN named n ON n.booking_id = r.booking_id AND n.origin = r.origin
           ORDER BY r.accrued_at, r.booking_id, r.origin""",
    columns=(
        Column("booking_id", "col.booking_id"),
        Column("provider_name", "col.provider_name"),
        Column("provider_id", "col.provider_id"),
        Column("source", "col.source", words="source"),
        Column("booking_status", "col.booking_status"),
        Column("booking_amount_idr", "col.booking_amount"),
        Column("expected_idr", "col.expected"),
        Column("accrued_at", "col.accrued"),
        Column("deadline_at", "col.deadline"),
        Column("waived", "col.waived"),
    ),
)


@dataclass(frozen=True)
class Waived:
    """A waiver as people may see it. ``at``: naive UTC."""

    finding_id: str
    by: str
    at: datetime
    reason: str


Entered = tuple[Waived, ...]


@cached
def findings_by_code(path: str, entered: Entered | None = None) -> pl.DataFrame:
    """finding, severity (the worst), open, waived, the difference of the open ones and what is not in it
    (marketplace/difference.py); the worst and most frequent first. ``entered``: the waivers as they are now; without
    them as the snapshot has them."""
    waived, parameters = _waived(entered)
    return ask(
        path,
        f"""WITH ranked AS (
              SELECT * REPLACE ({waived} AS waived), coalesce(list_position({list(SEVERITIES)}, severity), 1) AS weight
              FROM marts.commission_findings),
            counted AS (
              SELECT finding, arg_max(severity, weight) AS severity, max(weight) AS weight,
                     count(*) FILTER (NOT waived)::BIGINT AS open, count(*) FILTER (waived)::BIGINT AS waived
              FROM ranked GROUP BY finding),
            opened AS (SELECT finding, {_DIFFERENCE} FROM ranked WHERE NOT waived GROUP BY finding)
            SELECT finding, severity, open, waived, {", ".join(COLUMNS)}
            FROM counted LEFT JOIN opened USING (finding) ORDER BY weight DESC, open DESC, finding""",
        parameters,
    )


def _waived(entered: Entered | None) -> tuple[str, list[Any]]:
    """Whether a row of marts.commission_findings is waived, as SQL with its parameters."""
    if entered is None:
        return "coalesce(waived, false)", []
    return "list_contains(?::VARCHAR[], finding_id)", [[waiver.finding_id for waiver in entered]]


@cached
def waiver(path: str, finding_id: str) -> dict[str, Any] | None:
    """Who waived a finding, when and why; None where the snapshot does not say."""
    if not holds(path, "ops.waivers"):
        return None
    return _one(
        ask(
            path,
            """SELECT finding_id, waived_by, waived_at, reason AS waived_reason FROM ops.waivers
               WHERE finding_id = ? LIMIT 1""",
            [finding_id],
        )
    )


WAIVED: Final = ("open", "waived", "all")
"""Which findings a list may show, by whether somebody acknowledged them."""
FINDING_ORDERS: Final = ("money", "newest", "oldest", "severity")
"""By what a list of findings may be sorted: the largest difference, the day, how grave they are."""


@dataclass(frozen=True)
class Sought:
    """Which findings are looked for; what is empty is left open. ``month``: its first day, by the day that an auditor's
    report gives a finding (pipelines/exports); ``search``: part of an id or a reference."""

    code: str = ""
    severity: str = ""
    provider: str = ""
    month: date | None = None
    waived: str = "all"
    search: str = ""


_FINDING_COLUMNS: Final = (
    Column("finding", "col.finding_name", words="finding"),
    Column("severity", "col.severity", words="severity"),
    Column("local_date", "revenue.day"),
    Column("variance_idr", "col.variance"),
    Column("detail", "col.detail", told=True),
    Column("expected_idr", "col.expected"),
    Column("actual_idr", "col.actual"),
    Column("booking_id", "col.booking_id"),
    Column("booking_ref", "col.booking_ref"),
    Column("commission_id", "col.commission_id"),
    Column("provider_id", "col.provider_id"),
    Column("waived", "col.waived"),
    Column("waived_by", "waiver.by"),
    Column("waived_at", "waiver.at"),
    Column("waived_reason", "waiver.reason"),
    Column("finding_id", "col.finding_id"),
)


@dataclass(frozen=True)
class Findings:
    """The findings sought, each with its day and its waiver: open ones first, then by ``order`` (FINDING_ORDERS).
    ``entered``: the waivers as they are now; without them as the snapshot has them. They are few beside the bookings
    their days are looked up in: all of a snapshot are kept, and filtered here. Raises what reading.ask raises."""

    sought: Sought
    order: str = FINDING_ORDERS[0]
    entered: Entered | None = None
    name: str = "findings"
    columns: tuple[Column, ...] = _FINDING_COLUMNS

    def first(self, path: str, limit: int) -> pl.DataFrame:
        """The first ``limit`` rows."""
        return _found(path, self).head(limit)

    def all(self, path: str) -> pl.DataFrame:
        """Every row."""
        return _found(path, self)

    def count(self, path: str) -> int:
        return _found(path, self).height


@cached
def _found(path: str, asked: Findings) -> pl.DataFrame:
    sought, frame = asked.sought, _with_waivers(path, asked.entered)
    where = [pl.col("waived") == (sought.waived == "waived")] if sought.waived != "all" else []
    where += [
        pl.col(column) == value
        for column, value in (
            ("finding", sought.code),
            ("severity", sought.severity),
            ("provider_id", sought.provider),
        )
        if value
    ]
    if sought.month is not None:
        where.append(pl.col("local_date").dt.month_start() == sought.month)
    if sought.search:
        ids = ("finding_id", "booking_id", "booking_ref", "commission_id", "provider_id")
        written = pl.concat_str(*(pl.col(name).fill_null("") for name in ids), separator=" ")
        where.append(written.str.to_lowercase().str.contains(sought.search.lower(), literal=True))
    gravity = pl.col("severity").replace_strict(
        {word: place for place, word in enumerate(SEVERITIES)}, default=len(SEVERITIES), return_dtype=pl.Int64
    )
    order, down = {
        "money": (pl.col("variance_idr").fill_null(0).abs(), True),
        "newest": (pl.col("local_date"), True),
        "oldest": (pl.col("local_date"), False),
        "severity": (gravity, True),
    }[asked.order]
    found = frame.filter(where) if where else frame
    return found.sort("waived", order, "finding_id", descending=[False, down, False], nulls_last=True)


def _with_waivers(path: str, entered: Entered | None) -> pl.DataFrame:
    """Every finding, and who waived it, when and why."""
    if entered is not None:
        rows = [(waiver.finding_id, waiver.by, waiver.at, waiver.reason) for waiver in entered]
        waivers = pl.DataFrame(rows, schema=_WAIVERS, orient="row")
    elif holds(path, "ops.waivers"):
        waivers = ask(
            path, "SELECT finding_id, waived_by, waived_at, reason AS waived_reason FROM ops.waivers"
        )
    else:
        waivers = pl.DataFrame(schema=_WAIVERS)
    frame = _dated(path)
    if entered is not None:
        frame = frame.with_columns(waived=pl.col("finding_id").is_in(waivers["finding_id"].to_list()))
    return frame.join(waivers, on="finding_id", how="left", maintain_order="left")


_WAIVERS: Final[dict[str, Any]] = {
    "finding_id": pl.String,
    "waived_by": pl.String,
    "waived_at": pl.Datetime("us"),
    "waived_reason": pl.String,
}


@cached
def _dated(path: str) -> pl.DataFrame:
    """Every finding with the day that an auditor's report gives it."""
    return ask(
        path,
        f"""SELECT finding_id, finding, severity, local_date, booking_id, booking_ref, commission_id, provider_id,
                   expected_idr, actual_idr, variance_idr, coalesce(waived, false) AS waived, detail, code, args
            FROM {with_messages(DATED_FINDINGS)}""",
    )


def finding_months(path: str) -> list[date]:
    """The local months that have findings, the newest first."""
    return _dated(path)["local_date"].drop_nulls().dt.month_start().unique().sort(descending=True).to_list()


@cached
def finding_providers(path: str) -> dict[str, str]:
    """The providers that findings speak of: id → public name (the id where none is known), by name."""
    frame = ask(
        path,
        """SELECT f.provider_id, coalesce(min(p.provider_name), f.provider_id) AS name
           FROM (SELECT DISTINCT provider_id FROM marts.commission_findings WHERE provider_id IS NOT NULL) f
           LEFT JOIN core.providers p USING (provider_id) GROUP BY f.provider_id ORDER BY lower(name), f.provider_id""",
    )
    return dict(frame.iter_rows())


def findings_of(commission_id: str | None = None, booking_id: str | None = None) -> Query:
    """The findings that speak of a record or of a booking (of both, where both are given), the gravest first."""
    return Query(
        "findings_of_record",
        f"""SELECT finding_id, finding, severity, variance_idr, coalesce(waived, false) AS waived, detail, code, args
            FROM {with_messages("marts.commission_findings")}
            WHERE commission_id = ? OR booking_id = ?
            ORDER BY waived, list_position({list(SEVERITIES)}, severity) DESC NULLS LAST, finding_id""",
        (commission_id, booking_id),
        columns=(
            Column("finding", "col.finding_name", words="finding"),
            Column("severity", "col.severity", words="severity"),
            Column("variance_idr", "col.variance"),
            Column("waived", "col.waived"),
            Column("detail", "col.detail", told=True),
            Column("finding_id", "col.finding_id"),
        ),
    )


# A finding and its records ------------------------------------------------------------------------


@cached
def finding(path: str, finding_id: str) -> dict[str, Any] | None:
    """One finding with all it says, or None where the snapshot holds none of that id."""
    return _one(
        ask(
            path,
            # A snapshot of before findings said in which collection their booking stands holds none.
            f"""SELECT finding_id, finding, severity, booking_id, booking_ref, commission_id, provider_id, expected_idr,
                      actual_idr, variance_idr, coalesce(waived, false) AS waived, detail, origin, code, args
               FROM {with_messages("marts.commission_findings", "origin")}
               WHERE finding_id = ? LIMIT 1""",
            [finding_id],
        )
    )


@cached
def booking_record(
    path: str, booking_id: str, commission_id: str | None, origin: str | None
) -> dict[str, Any] | None:
    """The booking as the snapshot holds it, with what the policy asks for it. Where two collections hold one id, that
    of ``origin``; where that is not known the one that was reconciled with this record."""
    return _one(
        ask(
            path,
            """SELECT b.booking_id, b.origin, b.business_id, b.provider_id, b.provider_name, b.status, b.raw_status,
                      b.source, b.amount_idr, b.created_at, b.accepted_at, b.starts_at, b.ends_at, b.completed_at,
                      b.is_test, b.deleted_at, r.policy_version, r.policy_rate_ppm, r.expected_idr,
                      r.deadline_at AS due_at,
                      b.starts_at + to_minutes(b.service_minutes) + (r.deadline_at - b.ends_at) AS due_by_start_at,
                      r.records, r.commission_id AS own_commission_id
               FROM core.bookings b
               LEFT JOIN marts.commission_reconciliation r ON r.booking_id = b.booking_id AND r.origin = b.origin
               WHERE b.booking_id = ?
               ORDER BY (b.origin IS NOT DISTINCT FROM ?) DESC, (r.commission_id IS NOT DISTINCT FROM ?) DESC,
                        r.booking_id IS NULL, b.origin LIMIT 1""",
            [booking_id, origin, commission_id],
        )
    )


@cached
def commission_record(path: str, commission_id: str) -> dict[str, Any] | None:
    """The commission record as the snapshot holds it."""
    return _one(
        ask(
            path,
            """SELECT commission_id, booking_ref, booking_doc_ref, provider_id, provider_name, booking_amount_idr,
                      rate_ppm, commission_idr, amount_rule, written_booking_amount, written_commission, status,
                      raw_status, is_live, source, created_at, deadline_at, paid_at, verified_at, proof_at, proof_state,
                      fee_idr, fee_state, is_test, deleted_at
               FROM core.commissions WHERE commission_id = ? LIMIT 1""",
            [commission_id],
        )
    )


_PRESENT: Final = "present"


@cached
def proof(path: str, commission_id: str) -> dict[str, Any] | None:
    """The proof of payment that stands with a record: proof_at, proof_key, proof_kind (marketplace/proofs.py), and
    ``elsewhere``, the other records that the same one stands with; None where none stands, and of a record that is
    gone."""
    return _one(
        ask(
            path,
            """SELECT c.proof_at, c.proof_key, c.proof_kind,
                      (SELECT coalesce(list(o.commission_id ORDER BY o.commission_id), []) FROM core.commissions o
                       WHERE o.proof_key = c.proof_key AND o.commission_id <> c.commission_id) AS elsewhere
               FROM core.commissions c
               WHERE c.commission_id = ? AND c.proof_state = ? AND c.deleted_at IS NULL LIMIT 1""",
            [commission_id, _PRESENT],
        )
    )


@cached
def reconciled(path: str, commission_id: str) -> dict[str, Any] | None:
    """How the reconciliation judged a record: state, booking_id, origin, expected_idr, actual_idr, variance_idr,
    local_date, policy_version; None where no row of it shows the record (marts.unreconciled_records says why)."""
    return _one(
        ask(
            path,
            """SELECT state, booking_id, origin, expected_idr, actual_idr, variance_idr, local_date, policy_version
               FROM marts.commission_reconciliation WHERE commission_id = ? LIMIT 1""",
            [commission_id],
        )
    )


@cached
def why_unreconciled(path: str, commission_id: str) -> str | None:
    """Why no row of the reconciliation shows a record: a word of marts.unreconciled_records; None where that does not
    say."""
    row = _one(
        ask(
            path,
            "SELECT reason FROM marts.unreconciled_records WHERE commission_id = ? LIMIT 1",
            [commission_id],
        )
    )
    return None if row is None else str(row["reason"])


@cached
def open_record(path: str, commission_id: str) -> dict[str, Any] | None:
    """A record as it stands among those that are not paid (marts.commission_open); None where it is not among them."""
    return _one(
        ask(
            path,
            """SELECT commission_id, booking_id, provider_id, provider_name, status, owed_idr, fee_idr, deadline_at,
                      is_overdue, restriction_at, is_due, is_unpaid, age
               FROM marts.commission_open WHERE commission_id = ? LIMIT 1""",
            [commission_id],
        )
    )


@cached
def provider_records(path: str, provider_id: str) -> list[dict[str, Any]]:
    """The provider as the snapshot holds it: provider_id, provider_type, provider_name, status, city,
    commission_plan, deleted_at. One id may be a therapist's and a place's."""
    return ask(
        path,
        """SELECT provider_id, provider_type, provider_name, status, city, commission_plan, deleted_at
           FROM core.providers WHERE provider_id = ? ORDER BY provider_type DESC""",
        [provider_id],
    ).to_dicts()


@cached
def provider_balance(path: str, provider_id: str) -> dict[str, Any] | None:
    """What a provider owes now, fees included, or None where it owes nothing."""
    return _one(
        ask(
            path,
            """SELECT provider_id, provider_name, owed_idr + fees_idr AS owed_idr, overdue_idr, records,
                      overdue_records, oldest_deadline_at,
                      restriction_due, restriction_due_at, restriction_actual
               FROM marts.commission_balances WHERE provider_id = ? LIMIT 1""",
            [provider_id],
        )
    )


def _one(frame: pl.DataFrame) -> dict[str, Any] | None:
    rows = frame.to_dicts()
    return rows[0] if rows else None
