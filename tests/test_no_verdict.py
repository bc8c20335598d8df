"""A page and an export show what marts say: neither works out in its SQL what is so of a booking, a record, a person or
an amount. What chooses, counts or orders rows by a word of a mart is listed here, with the reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.schemas import CORE, MARTS

ROOT = Path(__file__).parents[1]
WHERE = ("dashboards", "pipelines/exports", "notebooks")

#: The words that marts and core may say of something.
WORDS = {
    word
    for table in (*MARTS.values(), *CORE.values())
    for column in table.columns
    for word in column.words or ()
    if isinstance(word, str)
}
#: What decides: a CASE, a comparison with such a word, of an amount, or of two instants.
_DECIDES = (
    re.compile(r"\bCASE\b"),
    re.compile(r"\b(?:if|iif|ifelse)\s*\(", re.IGNORECASE),
    re.compile(r"(?:=|<>|!=|\bFROM)\s*('\w+')"),
    re.compile(r"\bIN\s*\(([^)]*)\)"),
    re.compile(
        r"\w+_idr\b\)?\s*(?:<>|!=|<=?|>=?|=)(?!>)|(?:<>|!=|<=?|>=?|=)\s*(?:abs\()?(?:\w+\.)?\w+_idr\b"
    ),
    re.compile(r"\w+_at\b\)?\s*(?:<=?|>=?)\s*\w|(?:<=?|>=?)\s*(?:\w+\.)?\w+_at\b"),
)
#: By file: the line that may, and why it is no verdict.
NO_VERDICTS: dict[str, dict[str, str]] = {
    "dashboards/queries/receivables.py": {
        "ORDER BY CASE verdict WHEN 'agrees' THEN 2 WHEN 'unknown' THEN 1 ELSE 0 END, restriction_due_at NULLS LAST,":
            "the order of rows by the mart's verdict",
        "count(*) FILTER (fee_idr > 0)::BIGINT AS fee_records,": "how many have a fee",
        "FROM marts.commission_reconciliation WHERE state = 'missing'": "rows are chosen by the mart's state",
        "count(*) FILTER (NOT o.is_unpaid AND o.is_due AND o.deadline_at < s.as_of)::BIGINT AS past_records":
            "how many of the proofs wait past the deadline the mart has; the chain's hop 6 is held to it by a test",
    },
    "dashboards/queries/mine.py": {
        "CASE WHEN r.commission_id IS NOT NULL THEN r.actual_idr": "of two figures of the mart the one that stands",
        "WHEN r.state <> 'unknown' THEN r.expected_idr END": "the other one, where the mart's state tells it",
        "CASE WHEN {} IS NULL THEN NULL WHEN r.commission_id IS NULL THEN 'policy' ELSE 'record'": "which one it is",
        "CASE WHEN coalesce(c.provider_id = r.provider_id, true) THEN r.commission_id END AS commission_id,":
            "an id of another provider's record is left out",
        "CASE WHEN count(b.service_minutes) = count(*) THEN sum(b.service_minutes)::BIGINT END AS minutes,":
            "a sum of what is not all known is none",
    },
    "dashboards/queries/reconciliation.py": {
        "WHERE finding = 'missing'),": "rows are chosen by the mart's finding",
        "absent AS (FROM marts.commission_reconciliation WHERE state = 'missing'),":
            "rows are chosen by the mart's state",
        "SELECT CASE WHEN state = ? AND NOT coalesce(list_contains(?, booking_status), false)":
            "two rows of the mart's unknown: of bookings, and of records alone",
    },
    "dashboards/queries/causes.py": {
        "(sum(overdue_idr) FILTER (verdict IN ('not_restricted', 'restricted_wrongly')))::BIGINT AS idr,":
            "rows are chosen by the mart's verdict",
        "0 AS no_amount, count(*) FILTER (verdict = 'unknown') AS untold,": "rows are counted by the mart's verdict",
        "FROM marts.commission_findings WHERE finding <> 'missing' AND {}": "rows are chosen by the mart's finding",
        "FROM marts.provider_calls WHERE reason = 'offline'": "rows are chosen by the mart's reason",
        "SELECT count(*) FILTER (state = 'unusual') AS n, {}, 0 AS untold,": "rows are counted by the mart's state",
        "SELECT count(*) FILTER (verdict IN ('not_restricted', 'restricted_wrongly')) AS n,":
            "rows are counted by the mart's verdict",
        "WHERE finding = 'missing' AND {})": "rows are chosen by the mart's finding",
        "WHERE state = 'missing' AND booking_id IN (SELECT booking_id FROM found)) AS since":
            "rows are chosen by the mart's state",
        "WHERE status = 'pending' AND responded_at IS NULL AND accepted_at IS NULL":
            "what waits for an answer now, by the clock, as marketplace.answers says it of one booking",
        "min(restriction_due_at) FILTER (verdict = 'not_restricted') AS since": "rows are chosen by the mart's verdict",
        "min(since) FILTER (state = 'unusual') AS since FROM marts.unusual WHERE is_open":
            "rows are chosen by the mart's state",
        "status = 'awaiting_verification'": "rows are chosen by the record's status",
    },
    "dashboards/queries/changes.py": {
        "CASE WHEN deleted_at IS NULL THEN status ELSE 'deleted' END": "the status, or that the row is gone",
        "SELECT ({}) FROM marts.commission_summary WHERE state <> 'unknown'": "what could not be judged has no figure",
    },
    "dashboards/queries/data.py": {
        "WHERE series = 'rows' AND state = 'unusual' ORDER BY hour_start": "rows are chosen by the mart's state",
    },
    "dashboards/queries/demand.py": {
        "FROM marts.unusual WHERE state = 'unusual' ORDER BY hour_start DESC, likelihood, series, source":
            "rows are chosen by the mart's state",
    },
    "dashboards/queries/talks.py": {
        "SELECT coalesce(sum(rooms), 0)::BIGINT, CASE WHEN count(*) = count(rooms_spoken) THEN"
        " sum(rooms_spoken)::BIGINT END, CASE WHEN count(*) = count(unanswered) THEN sum(unanswered)::BIGINT END FROM"
        " marts.chat_rooms_daily WHERE local_date BETWEEN ? AND ?":
            "a sum of days of which one is not known is not known",
        "SELECT count(DISTINCT collection) AS n FROM ops.scans WHERE collection IN ('chat_rooms', 'chat_messages') AND"
        " watermark IS NOT NULL": "which collections were read",
    },
    "dashboards/queries/todo.py": {
        "SELECT *, CASE WHEN {} THEN 'waived'": "what people entered since, which the ledger knows and no mart",
    },
    "dashboards/queries/service.py": {
        "SELECT DISTINCT source FROM marts.response_distribution ORDER BY source <> 'all', source":
            "the whole comes first",
    },
    "notebooks/commissions.py": {
        "WHERE state = 'missing' ORDER BY accrued_at, booking_id": "rows are chosen by the mart's state",
    },
    "notebooks/demand.py": {
        "FROM marts.peak_hours WHERE basis = 'created' AND baseline IS NOT NULL":
            "which of the mart's two countings",
        "SELECT weekday, hour, bookings, share FROM marts.peak_hours WHERE basis = 'created' ORDER BY weekday, hour":
            "which of the mart's two countings",
        "SELECT weekday, hour, bookings, share FROM marts.peak_hours WHERE basis = 'starts' ORDER BY weekday, hour":
            "which of the mart's two countings",
    },
    "notebooks/health.py": {
        "SELECT bucket, label, bookings, share FROM marts.response_distribution WHERE source = 'all' ORDER BY bucket":
            "the whole, as the mart counts it",
    },
    "pipelines/exports/commissions.py": {
        "(SELECT provider_id, arg_min(provider_name, (CASE provider_type WHEN 'therapist' THEN 0 ELSE 1 END,"
        " provider_name)) AS provider_name FROM core.providers GROUP BY provider_id)":
            "which of two providers of one id gives the name",
        "CASE WHEN (SELECT state FROM marts.commission_summary) = 'unknown' THEN NULL WHEN count(*) FILTER (r.state IN"
        " ('matched', 'mismatched', 'missing')) = 0 THEN 1.0 ELSE"
        " count(*) FILTER (r.state IN ('matched', 'mismatched')) /"
        " count(*) FILTER (r.state IN ('matched', 'mismatched', 'missing')) END":
            "a share of the rows of the period that is asked for, by the mart's states",
        "CASE WHEN grouping(r.source_or_none) = 1 THEN 'total' ELSE r.source_or_none END": "the name of the sum",
        "CASE r.utc_offset_minutes WHEN 420 THEN 'Asia/Jakarta' WHEN 480 THEN 'Asia/Makassar' WHEN 540 THEN"
        " 'Asia/Jayapura' WHEN 0 THEN 'UTC' ELSE 'UTC' || {} END": "how an offset is written",
        "printf('%s%02d:%02d', CASE WHEN {o} < 0 THEN '-' ELSE '+' END, abs({o}) // 60, abs({o}) % 60)":
            "how an offset is written",
        "SELECT f.*, CASE": "the day of the row a finding speaks of, which chooses the period it is in",
    },
    "pipelines/exports/month/bridges.py": {
        "CASE WHEN r.commission_id IS NULL THEN a.commission_id": "the id of whichever side is there",
        "SELECT * FROM ({}) WHERE collected_idr <> 0 OR local_date IN (SELECT local_date FROM bridge_payments)":
            "days on which nothing was paid have no bridge",
        "SELECT coalesce(f.provider_id, c.provider_id, 'none') AS provider_id FROM marts.commission_findings f JOIN"
        " core.commissions c ON c.commission_id = f.commission_id WHERE f.finding = 'refund_record' AND f.actual_idr IS"
        " NULL AND {}": "rows are chosen by the mart's finding",
        "SELECT e.provider_id, e.local_date, e.kind, e.part, CASE {} END AS placed,":
            "which moment placed a payment, in the order of marketplace.commission",
        "SELECT l.*, CASE": "on which line of the bridge a row that stands on one side only is",
    },
    "pipelines/exports/month/completeness.py": {
        "CASE WHEN NOT {} THEN '{}' WHEN {} THEN '{}' WHEN local_date IS NULL THEN '{}' ELSE '{}' END":
            "in the period asked for, in another, or in none",
        "SELECT collection, part, if({}, NULL, reason) AS why, count(*), if({}, NULL, coalesce(sum(idr), 0)::BIGINT),"
        " if({}, NULL, count(*) FILTER (idr IS NULL)) FROM ({}) GROUP BY collection, part, why UNION ALL SELECT"
        " collection, '{}', reason, rows, amount_idr, unknown_amounts FROM marts.completeness WHERE collection NOT IN"
        " {} AND rows > 0":
            "of another provider's rows a package says the number alone",
    },
    "pipelines/exports/month/ledger.py": {
        "if(grouping(a.provider_id) = 1, 'total', 'provider')": "the name of the sum",
        "if(grouping(a.provider_id) = 1, NULL, any_value(p.provider_name))": "the sum is of nobody",
    },
    "pipelines/exports/month/open_records.py": {
        "CASE WHEN commission_id IS NULL THEN origin END AS origin,": "a record's id says whose row it is by itself",
    },
    "pipelines/exports/month/opening.py": {
        "SELECT n.provider_id, n.amount_idr - t.amount_idr AS amount_idr FROM {} WHERE n.amount_idr <> t.amount_idr":
            "lines that are not what they were",
    },
    "pipelines/exports/month/figures.py": {
        "CASE WHEN count(*) > 0 THEN count(*) FILTER (collection IN {} AND outcome <> '{}' AND (outcome NOT IN {} OR"
        " completed_at IS NOT NULL)) END":
            "how many collections were read to their end",
    },
    "pipelines/exports/month/payments.py": {
        "CASE WHEN m.commission_idr IS NOT NULL OR m.fee_idr <> 0 THEN coalesce(m.commission_idr, 0) + m.fee_idr END":
            "commission and fee together, of what is known",
    },
    "pipelines/exports/month/statements.py": {
        "CASE WHEN l.is_fee THEN {} ELSE {} END AS of,": "whether a line is of the commission or its fee",
        "CASE WHEN r.of_provider = o.provider_id THEN r.booking_amount_idr END AS booking_amount_idr,":
            "a booking's amount stands on its own provider's statement",
        "CASE WHEN r.of_provider = o.provider_id THEN r.expected_idr END AS expected_idr,":
            "what is expected stands on the booking's own provider's statement",
        "CASE WHEN {} THEN coalesce({}, {}) END AS deadline_at_local,": "evidence stands beside the lines it is of",
        "CASE WHEN {} THEN {} END AS paid_at_local,": "evidence stands beside the lines it is of",
        "CASE WHEN {} THEN {} END AS service_at_local,": "evidence stands beside the lines it is of",
        "CASE WHEN {} THEN {} END AS verified_at_local": "evidence stands beside the lines it is of",
        "{} AS part, CASE l.rank {} END AS line,": "a rank's word",
        "r.booking_status, CASE WHEN r.of_provider = u.provider_id THEN r.booking_amount_idr END":
            "a booking's amount stands on its own provider's statement",
        "CASE WHEN r.of_provider = u.provider_id THEN r.expected_idr END AS expected_idr, r.state,":
            "what is expected stands on the booking's own provider's statement",
        "CASE WHEN t.line <> 'closing' THEN coalesce(s.rows, 0) END AS rows": "the closing is no sum of rows",
        "CASE WHEN t.line <> 'earned_unknown' THEN coalesce(s.amount_idr, 0) END AS amount_idr,":
            "of bookings whose amount is unknown there is none",
        "SELECT o.account::INTEGER AS account, (CASE l.part {} END)::TINYINT AS place, l.provider_id, {}":
            "the order of a statement's parts",
        "SELECT o.account::INTEGER AS account, e.local_date, (CASE e.kind {} END)::TINYINT AS rank,":
            "the order of lines of one day",
    },
    "pipelines/exports/month/instants.py": {
        "CASE WHEN {} < 0 THEN '-' ELSE '+' END": "how an offset is written",
        "CASE {} {} ELSE {} END": "the offsets of Indonesia are written as they are",
    },
    "pipelines/exports/month/ageing_records.py": {
        "HAVING coalesce(commission_idr, 0) <> 0 OR fee_idr <> 0":
            "the lines of a record up to the day that is asked for net to nothing",
    },
}  # fmt: skip


def texts(tree: ast.AST) -> Iterator[str]:
    """Every text of a module that is no docstring; {} for what is put in."""
    silent = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            silent |= {id(part) for part in node.values}
            yield "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.value


def verdicts(source: str) -> set[str]:
    """The lines of a module's texts in which SQL decides something."""
    return {
        line.strip()
        for text in texts(ast.parse(source))
        if not text.startswith("<")  # markup
        for line in text.splitlines()
        for pattern in _DECIDES
        for found in pattern.finditer(line)
        if not found.groups() or WORDS & set(re.findall(r"'(\w+)'", found[1]))
    }


def test_no_page_and_no_export_works_out_what_a_mart_should_say() -> None:
    found = {
        (str(path.relative_to(ROOT)), line)
        for room in WHERE
        for path in sorted((ROOT / room).rglob("*.py"))
        for line in verdicts(path.read_text(encoding="utf-8"))
    }
    listed = {(path, line) for path, lines in NO_VERDICTS.items() for line in lines}
    assert found - listed == set(), "a mart says this, or it is listed with the reason"
    assert listed - found == set(), "this stands there no more: take it off the list"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT *, CASE WHEN n > 3 THEN 'bad' ELSE 'good' END AS verdict FROM marts.x",
        "SELECT status = 'completed' AS earns FROM core.bookings",
        "SELECT state IN ('missing', 'orphan') AS wrong FROM marts.x",
        "SELECT opening_idr + accrued_idr - paid_idr = closing_idr AS holds FROM marts.x",
        "SELECT abs(variance_idr) > 100 AS large FROM marts.x",
        "SELECT deadline_at < now() AS late FROM marts.x",
        "SELECT if(n > 3, 'bad', 'good') AS verdict FROM marts.x",
        "SELECT source IS DISTINCT FROM 'direct' AS elsewhere FROM marts.x",
    ],
)
def test_a_verdict_that_is_written_in_a_page_is_found(sql: str) -> None:
    assert verdicts(f"QUERY = {sql!r}") == {sql}
    assert verdicts(f'QUERY = f"""{sql} {{more}}"""') != set()
