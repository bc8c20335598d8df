"""The rules a package rests on: the table ``rules`` and the text ``…_rules.md``. Policy, versions, rounding, zones,
currency, what each state and finding means, and how often each was found, zero included.

What the rules are is marketplace/'s, how they read in a language the catalogue's.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, Final

import duckdb
import polars as pl

from marketplace.closed_months import CLOSED_AFTER
from marketplace.commission import ENTRY_KINDS, ROW_STATES, WHOLE_STATES, RowState
from marketplace.data_codes import DATA_FINDINGS
from marketplace.findings import FINDINGS
from marketplace.policy import Policy, PolicyError, PolicyRule, parse_policy
from marketplace.rules import AMOUNT_TOLERANCE_IDR, THOUSANDS_BELOW_IDR
from marketplace.statuses import values
from messages.catalogue import ENGLISH, named, say
from messages.message import Arg, Message
from messages.rules import data_rule, rule
from pipelines.exports.commissions import ZONE, in_period, of_period, of_provider
from pipelines.exports.manifest import FileEntry
from pipelines.exports.month.document import Contents, Document, bytes_file
from pipelines.exports.month.findings import date_findings
from pipelines.exports.month.package import label
from pipelines.exports.month.rows import period_of
from pipelines.exports.month.table import Asked, PackageColumn, PackageTable
from resources.instants import z_text_of

NAME: Final = "rules"
#: Names of ``Asked.texts``: the policy's text and the version of the bookwatch that exports, for snapshots of a version
#: that did not keep its own.
POLICY_TEXT: Final = "policy"
UNKNOWN: Final = "unknown"
#: A number of a policy that is not known, in a sentence.
UNTOLD: Final = "?"
_OTHER: Final = "month.other_code"
#: Where the policy's text was taken from.
KEPT: Final = "snapshot"
INSTALLED: Final = "installed"


@dataclass(frozen=True)
class Line:
    """A rule: its section, its code there, its sentence, its value where it has one, and how many rows it is of
    (``waived``: of these acknowledged). None: it is of no rows, or could not be counted."""

    section: str
    code: str
    sentence: Message
    value: str | None = None
    count: int | None = None
    waived: int | None = None


@dataclass(frozen=True)
class _Held:
    """What a snapshot says of itself and of the period."""

    snapshot: str
    published_at: str | None
    rules_version: str | None
    bookwatch: str | None
    policy: str | None
    kept: str
    amount_min: int | None
    amount_max: int | None
    policies: Mapping[str | None, int]
    zones: Mapping[str | None, int]
    states: Mapping[str | None, int]
    whole: str | None
    findings: Mapping[str, tuple[int, int]]
    undated: Mapping[str, tuple[int, int]]
    data_findings: Mapping[str | None, int]


def lines(con: duckdb.DuckDBPyConnection, asked: Asked) -> list[Line]:
    """Every rule, section by section."""
    held = _held(con, asked)
    policy = _policy(held.policy)
    return [
        *_policy_lines(held, policy),
        *_version_lines(held),
        *_rounding_lines(),
        *_currency_lines(held),
        *_zone_lines(held, asked),
        *_state_lines(held, policy),
        *(
            Line(
                "whole", state, Message(f"month.whole.{state}"), value="now" if state == held.whole else None
            )
            for state in WHOLE_STATES
        ),
        *(Line("entry", kind, Message(f"month.entry.{kind}")) for kind in ENTRY_KINDS),
        *_finding_lines(held, policy),
        *_data_finding_lines(held),
    ]


def rules_text(con: duckdb.DuckDBPyConnection, asked: Asked, language: str = ENGLISH) -> str:
    """The rules as a text people read (Markdown), the policy's own text at its end."""
    policy = _held_policy(con, asked)[0]
    told = label(asked.first, asked.until, asked.provider)
    parts = [
        f"# {say(Message('month.text.title', {'label': told}), language)}",
        named("month.text.lead", language),
    ]
    section = None
    for line in lines(con, asked):
        if line.section != section:
            section = line.section
            parts.append(f"\n## {named(f'month.text.{section}', language)}\n")
        parts.append(f"- {_told(line, language)}")
    parts.append(f"\n## {named('month.text.policy_text', language)}\n")
    if policy is None:
        parts.append(named("month.text.no_policy", language))
    else:
        fence = "`" * max(3, 1 + _longest_fence(policy))
        parts += [f"{fence}toml", policy.rstrip("\n"), fence]
    return "\n".join([parts[0], "", *parts[1:], ""])


def _longest_fence(text: str) -> int:
    return max((len(run) for run in "".join(c if c == "`" else " " for c in text).split()), default=0)


def _told(line: Line, language: str) -> str:
    sentence = say(line.sentence, language)
    value = "" if line.value is None else f" = {line.value}"
    if line.count is None:
        return f"`{line.code}`{value}: {sentence}"
    told = "month.text.count"
    args: dict[str, Arg] = {"count": line.count}
    if line.waived is not None:
        told, args = "month.text.found", {**args, "waived": line.waived}
    elif line.section == "data_finding":
        told = "month.text.found_anywhere"
    return f"`{line.code}`{value}: {sentence} ({say(Message(told, args), language)})"


def _policy(text: str | None) -> Policy | None:
    try:
        return None if text is None else parse_policy(text)
    except PolicyError:
        return None  # of a version whose policies were written otherwise; its text stands in the report all the same


def _policy_lines(held: _Held, policy: Policy | None) -> Iterator[Line]:
    digest = UNKNOWN if held.policy is None else hashlib.sha256(held.policy.encode()).hexdigest()
    yield Line("policy", "name", Message("month.policy.name"), UNKNOWN if policy is None else policy.name)
    yield Line("policy", "sha256", Message("month.policy.sha256"), digest)
    yield Line("policy", "text_of", Message("month.policy.kept"), held.kept)
    defined = {one.version for one in policy.rules} if policy else set[str]()
    for one in policy.rules if policy else ():
        for name in (field.name for field in fields(PolicyRule) if field.name != "version"):
            value: object = getattr(one, name)
            written = value.isoformat() if isinstance(value, date) else "" if value is None else str(value)
            yield Line("policy_rule", f"{one.version}.{name}", Message(f"month.policy.{name}"), written)
    used = {version: count for version, count in held.policies.items() if version is not None}
    for version in sorted(defined | used.keys()):
        sentence = "month.policy.used" if version in defined else "month.policy.undefined"
        yield Line("policy_version", version, Message(sentence), count=used.get(version, 0))


def _version_lines(held: _Held) -> Iterator[Line]:
    yield Line("version", "rules", Message("month.version.rules"), held.rules_version or UNKNOWN)
    yield Line("version", "bookwatch", Message("month.version.bookwatch"), held.bookwatch or UNKNOWN)
    yield Line("version", "snapshot", Message("month.version.snapshot"), held.snapshot)
    yield Line("version", "published_at", Message("month.version.published"), held.published_at or UNKNOWN)


def _rounding_lines() -> Iterator[Line]:
    values = {"thousands": str(THOUSANDS_BELOW_IDR), "tolerance": str(AMOUNT_TOLERANCE_IDR)}
    for code in ("commission", "amounts", "rates", "thousands", "tolerance", "difference"):
        yield Line("rounding", code, Message(f"month.rounding.{code}"), values.get(code))


def _currency_lines(held: _Held) -> Iterator[Line]:
    yield Line("currency", "IDR", Message("month.currency.idr"))
    for code, bound in (("least", held.amount_min), ("most", held.amount_max)):
        yield Line(
            "currency", code, Message(f"month.currency.{code}"), UNKNOWN if bound is None else str(bound)
        )


def _zone_lines(held: _Held, asked: Asked) -> Iterator[Line]:
    yield Line("zone", "default", Message("month.zone.default"), asked.time_zone)
    period = f"{asked.first.isoformat()}/{asked.until.isoformat()}"
    yield Line("zone", "period", Message("month.zone.period"), period)
    hours = int(CLOSED_AFTER.total_seconds()) // 3600
    yield Line("zone", "closing_hours", Message("month.zone.closing"), str(hours))
    for zone in sorted(held.zones, key=lambda name: (name is None, name or "")):
        yield Line("zone", zone or UNKNOWN, Message("month.zone.rows"), count=held.zones[zone])


def _state_lines(held: _Held, policy: Policy | None) -> Iterator[Line]:
    minutes = policy.numbers()["grace_minutes"] if policy else UNTOLD
    of_grace = values(RowState.MISSING, RowState.AWAITING)
    for state in ROW_STATES:
        args: dict[str, Arg] = {"minutes": minutes} if state in of_grace else {}
        yield Line("state", state, Message(f"month.state.{state}", args), count=held.states.get(state, 0))
    yield from _others("state", ROW_STATES, held.states)


def _finding_lines(held: _Held, policy: Policy | None) -> Iterator[Line]:
    def says(code: str) -> Message:
        if code not in FINDINGS:
            return Message(_OTHER)
        return (
            rule(code, policy)
            if policy
            else Message(f"rule.{code}", dict.fromkeys(FINDINGS[code].numbers, UNTOLD))
        )

    for section, found in (("finding", held.findings), ("undated", held.undated)):
        every = (*FINDINGS, *sorted(found.keys() - FINDINGS.keys()))
        for code in every if section == "finding" else (code for code in every if code in found):
            severity = FINDINGS[code].severity.value if code in FINDINGS else None
            yield Line(section, code, says(code), severity, *found.get(code, (0, 0)))


def _data_finding_lines(held: _Held) -> Iterator[Line]:
    for code in DATA_FINDINGS:
        yield Line("data_finding", code, data_rule(code), count=held.data_findings.get(code, 0))
    yield from _others("data_finding", DATA_FINDINGS, held.data_findings)


def _others(section: str, known: Collection[str], found: Mapping[str | None, int]) -> Iterator[Line]:
    """What a snapshot of another version counts under codes that this one does not know: none is left out."""
    for code in sorted(code or UNKNOWN for code in found.keys() - set(known)):
        yield Line(section, code, Message(_OTHER), count=found.get(code, found.get(None)))


# What an earlier version did not keep is null: its table is read beside an empty one that has the columns.
_SNAPSHOT: Final = (
    "SELECT snapshot_id, published_at, rules_version, policy, bookwatch_version FROM (SELECT NULL::VARCHAR AS policy,"
    " NULL::VARCHAR AS bookwatch_version WHERE false UNION ALL BY NAME FROM ops.snapshot)"
)
_BOUNDS: Final = (
    "SELECT amount_min, amount_max FROM (SELECT NULL::BIGINT AS amount_min, NULL::BIGINT AS amount_max WHERE false"
    " UNION ALL BY NAME FROM core.state)"
)


def _held_policy(con: duckdb.DuckDBPyConnection, asked: Asked) -> tuple[str | None, str, tuple[Any, ...]]:
    """The policy's text, where it is from, and the row of ops.snapshot."""
    row = (con.execute(_SNAPSHOT).fetchall() or [(None,) * 5])[0]
    if row[3] is not None:
        return row[3], KEPT, row
    text = asked.texts.get(POLICY_TEXT)
    return text, UNKNOWN if text is None else INSTALLED, row


def _held(con: duckdb.DuckDBPyConnection, asked: Asked) -> _Held:
    policy, kept, row = _held_policy(con, asked)
    snapshot, published_at, rules_version, _, bookwatch = row
    bounds = (con.execute(_BOUNDS).fetchall() or [(None, None)])[0]

    def counted(what: str) -> Counter[str | None]:
        sql = f"SELECT {what} AS what, count(*) FROM marts.commission_reconciliation r WHERE {in_period('r')}"
        return Counter(dict(con.execute(of_period(f"{sql} GROUP BY what", period_of(asked))).fetchall()))

    whole = con.execute("SELECT state FROM marts.commission_summary").fetchall()
    date_findings(con)

    def findings(where: str) -> dict[str, tuple[int, int]]:
        sql = (
            "SELECT f.finding, count(*), count(*) FILTER (f.waived) FROM temp.dated_findings f"
            f" WHERE {where} GROUP BY ALL"
        )
        found = con.execute(of_period(sql, period_of(asked))).fetchall()
        return {code: (count, waived) for code, count, waived in found}

    on_data = con.execute("SELECT finding, count(*) FROM marts.data_findings GROUP BY ALL").fetchall()
    return _Held(
        snapshot=str(snapshot or UNKNOWN),
        published_at=z_text_of(published_at),
        rules_version=rules_version,
        bookwatch=bookwatch,
        policy=policy,
        kept=kept,
        amount_min=bounds[0],
        amount_max=bounds[1],
        policies=counted("r.policy_version"),
        zones=counted(ZONE),
        states=counted("r.state"),
        whole=whole[0][0] if whole else None,
        findings=findings(in_period("f")),
        undated=findings(f"f.local_date IS NULL AND {of_provider('f.provider_id')}"),
        data_findings=dict(on_data),
    )


COLUMNS: Final = (
    PackageColumn("section", "", "what the rule is about"),
    PackageColumn("code", "", "its code there"),
    PackageColumn("sentence", "", "the rule, in words"),
    PackageColumn("value", "", "its value, as text; of a finding its severity; empty: it has none"),
    PackageColumn(
        "count",
        "",
        "how many rows of the period (and provider) it is of, zero included; of data findings those of the whole"
        " snapshot; empty: it is of no rows",
    ),
    PackageColumn("waived", "", "of these findings, how many were acknowledged when the snapshot was made"),
)
_SCHEMA: Final = {
    column.name: pl.Int64 if column.name in ("count", "waived") else pl.String for column in COLUMNS
}


def _rows(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    yield pl.DataFrame(
        [
            (line.section, line.code, say(line.sentence), line.value, line.count, line.waived)
            for line in lines(con, asked)
        ],
        schema=_SCHEMA,
        orient="row",
    )


TABLE: Final = PackageTable(NAME, "A rule the report rests on, or what it was made of.", COLUMNS, _rows)


def _write(contents: Contents, folder: Path, name: str) -> FileEntry:
    language = contents.asked.texts.get("locale", ENGLISH)
    return bytes_file(folder, name, rules_text(contents.con, contents.asked, language).encode())


DOCUMENT: Final = Document("_rules.md", _write)
