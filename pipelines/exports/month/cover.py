"""The package's cover: what an auditor reads first, and signs. Figures, bridges, what could not be told, the files with
their hashes, who made it and who signed it off; of one provider also the statement, line by line, to be sent.

It is drawn from the manifest and from tables of the package; no figure is made here. How a page is drawn is paper.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import polars as pl

from marketplace.bridges import BRIDGES, LineKind
from marketplace.commission import NO_PROVIDER
from marketplace.exclusions import MONEY_COLLECTIONS
from marketplace.statements import STATEMENT_LINES, StatementPart
from messages.catalogue import ENGLISH, named, say, sentences
from messages.message import Arg, Message
from messages.places import rupiah
from pipelines.exports.manifest import MONTH_KIND, FileEntry, Manifest, MonthEntry
from pipelines.exports.month.document import Contents, Document, bytes_file
from pipelines.exports.month.figures import FIGURES
from pipelines.exports.month.package import label_of
from pipelines.exports.month.paper import Column, Paper, Row
from pipelines.exports.month.table import PackageTable
from pipelines.exports.report_files import MONEY_SUFFIX
from resources.errors import BookwatchError

#: More lines of a statement than anybody reads on paper; what is over stands in the files, and the page says where.
STATEMENT_ROWS: Final = 2_000
#: Of the table bridges: its lines of everything, and those of one account.
_WHOLE: Final = "whole"
_PROVIDER: Final = "provider"


@dataclass(frozen=True)
class BridgeRow:
    """A line of a bridge as the table ``bridges`` has it."""

    bridge: str
    line: str
    kind: str
    amount_idr: int | None
    rows: int | None


_OF_BRIDGE: Final = [field.name for field in fields(BridgeRow)]


@dataclass(frozen=True)
class CompletenessRow:
    """A line of the table ``completeness``: what is in, out and elsewhere; of a total (``part``) what of the mirror no
    line counts. None: not counted."""

    collection: str
    part: str
    rows: int | None
    mirror_rows: int | None
    unaccounted_rows: int | None


_OF_COMPLETENESS: Final = [field.name for field in fields(CompletenessRow)]
#: Parts of completeness: a collection's total, and the two that are of the period and of whom is asked for.
_TOTAL: Final = "total"
_IN: Final = "in"
_OUT: Final = "out"


@dataclass(frozen=True)
class Statement:
    """A provider's account as the table ``statements`` has it, a mapping a line; ``file``: where all of it is;
    ``left_out``: how many lines are there only."""

    provider_name: str | None
    lines: tuple[Mapping[str, Any], ...]
    file: str
    left_out: int = 0


@dataclass(frozen=True)
class _Drawn:
    """What a page is drawn from, and in which language."""

    manifest: Manifest
    month: MonthEntry
    language: str

    def named(self, code: str) -> str:
        return named(f"month.cover.{code}", self.language)

    def says(self, code: str, **args: Arg) -> str:
        return say(Message(f"month.cover.{code}", args), self.language)

    def amount(self, amount: int | None) -> str:
        return named("month.text.unknown", self.language) if amount is None else rupiah(amount)

    def count(self, number: int | None) -> str:
        """A number, grouped as the language does; rupiah are grouped by dots in both."""
        if number is None:
            return named("month.text.unknown", self.language)
        grouped = f"{number:,}"
        return grouped if self.language == ENGLISH else grouped.replace(",", ".")

    def one_of(self, group: str, code: str, otherwise: str | None = None) -> str:
        """The word for a code; of one that has none yet its sentence or itself."""
        name = f"month.{group}.{code}"
        if name in sentences(self.language):
            return named(name, self.language)
        return otherwise or code.replace("_", " ")


def cover(
    manifest: Manifest,
    bridges: Iterable[BridgeRow] = (),
    statement: Statement | None = None,
    language: str = ENGLISH,
    completeness: Iterable[CompletenessRow] = (),
) -> bytes:
    """The cover as PDF: the same bytes from the same arguments. Raises BookwatchError for a manifest that is of no
    package."""
    if manifest.month is None or manifest.report != MONTH_KIND:
        raise BookwatchError("The manifest is not that of a month's package.", "Give the folder of one.")
    drawn = _Drawn(manifest, manifest.month, language)
    foot = f"{label_of(manifest)} · {manifest.snapshot}"
    title = f"{drawn.named('title')} {label_of(manifest)}"
    paper = Paper(
        title=title,
        language=language,
        made_at=datetime.fromisoformat(manifest.created_at.replace("Z", "+00:00")),
        foot=foot,
        page_of=sentences(language)["month.cover.page"],
    )
    paper.page()
    _top(paper, drawn, statement)
    _figures(paper, drawn)
    _completeness(paper, drawn, list(completeness))
    _bridges(paper, drawn, list(bridges))
    _untold(paper, drawn)
    _files(paper, drawn)
    paper.heading(drawn.named("head.signature"), room=50)
    paper.blanks(drawn.named(f"sign.{what}") for what in ("name", "place", "signature"))
    if statement is not None:
        _statement(paper, drawn, statement)
    return paper.to_bytes()


def _top(paper: Paper, drawn: _Drawn, statement: Statement | None) -> None:
    manifest, month = drawn.manifest, drawn.month
    paper.heading(f"{drawn.named('title')} {_period(manifest, drawn.language)}", size=16)
    paper.heading(_whose(drawn, statement), size=10)
    if month.open:
        paper.note(drawn.named("open"), warn=True)
    else:
        paper.note(drawn.named("closed"))
    if month.clock_frozen:
        paper.note(drawn.named("frozen"), warn=True)
    paper.facts((drawn.named(f"fact.{name}"), told) for name, told in _facts(drawn))


def _period(manifest: Manifest, language: str) -> str:
    """``October 2026`` of a whole month, else both days."""
    first, until = (date.fromisoformat(manifest.filters[name]) for name in ("from", "to"))
    if label_of(manifest)[:7] == f"{first:%Y-%m}" and label_of(manifest)[7:8] != "-":
        from babel.dates import format_date  # CLDR's names of months; loaded where a cover is drawn

        return str(format_date(first, "MMMM y", locale=language))
    return f"{first.isoformat()} – {until.isoformat()}"


def _whose(drawn: _Drawn, statement: Statement | None) -> str:
    provider = drawn.manifest.filters.get("provider")
    if provider is None:
        return drawn.named("all_providers")
    if provider == NO_PROVIDER:
        return drawn.named("nobody")
    name = statement.provider_name if statement else None
    return f"{drawn.named('of_provider')}: {f'{name} ({provider})' if name else provider}"


def _facts(drawn: _Drawn) -> Iterator[tuple[str, str]]:
    manifest, month = drawn.manifest, drawn.month
    untold = named("month.text.unknown", drawn.language)
    yield "period", drawn.says("fact.days", first=manifest.filters["from"], until=manifest.filters["to"])
    yield "zone", manifest.time_zone
    yield "ageing_at", _instant(month.ageing_at)
    yield "snapshot", manifest.snapshot
    yield "snapshot_sha256", month.snapshot_sha256 or untold
    yield "published_at", _instant(manifest.published_at) or untold
    yield "as_of", _instant(manifest.as_of) or untold
    source = manifest.source
    yield "source", " / ".join(str(source.get(key) or untold) for key in ("endpoint", "project", "database"))
    yield (
        "rules",
        drawn.says(
            "fact.rules_told",
            rules=manifest.rules_version or untold,
            policies=", ".join(manifest.policy_versions) or drawn.named("none"),
            bookwatch=month.bookwatch_version,
        ),
    )
    how = drawn.one_of("cover", f"how.{month.made_by_how.replace('-', '_')}", month.made_by_how)
    yield "made_by", drawn.says("fact.made", by=manifest.made_by, how=how, at=_instant(manifest.created_at))
    yield "made_under", month.made_under
    yield "signed_with", month.signed_with or drawn.named("unsigned")
    signed = [_signed(drawn, one) for one in month.signed_off]
    yield "signed_off", "; ".join(signed) or drawn.named("nobody_signed")
    for name, earlier in (("supersedes", month.supersedes), ("opening_from", month.opening_from)):
        told = drawn.named("none")
        if earlier is not None:
            told = drawn.says(
                "fact.report",
                at=_instant(earlier["made_at"]),
                by=earlier["made_by"],
                snapshot=earlier["snapshot"],
                manifest=earlier["manifest_sha256"],
            )
        yield name, told


def _signed(drawn: _Drawn, one: Mapping[str, str]) -> str:
    """Who signed off which month, and whether as this very snapshot shows it."""
    who = {"month": one["month"], "by": one["by"], "at": _instant(one["at"])}
    snapshot = one.get("snapshot")  # an edited manifest may not say it
    if snapshot == drawn.manifest.snapshot:
        return drawn.says("fact.signed", **who)
    return drawn.says("fact.signed_otherwise", **who, snapshot=snapshot or drawn.named("none"))


def _figures(paper: Paper, drawn: _Drawn) -> None:
    """Counts on the left, rupiah on the right."""
    paper.heading(drawn.named("head.figures"), room=45)
    sentence = {figure.name: figure.sentence for figure in FIGURES}
    told: dict[bool, list[tuple[str, str]]] = {False: [], True: []}
    for name, value in drawn.month.figures.items():
        money = name.endswith(MONEY_SUFFIX)
        shown = drawn.amount(value) if money else drawn.count(value)
        told[money].append((drawn.one_of("cover", f"figure.{name}", sentence.get(name)), shown))
    counts, amounts = told[False], told[True]
    length = max(len(counts), len(amounts))
    for side in (counts, amounts):
        side += [("", "")] * (length - len(side))
    columns = (
        Column("", 0.28),
        Column("", 0.12, right=True),
        Column("", 0.04),
        Column("", 0.38),
        Column("", 0.18, right=True),
    )
    rows = (Row((*count, "", *amount)) for count, amount in zip(counts, amounts, strict=True))
    paper.table(columns, rows, headed=False)


def _completeness(paper: Paper, drawn: _Drawn, lines: list[CompletenessRow]) -> None:
    """In, out and elsewhere against the mirror: of the collections figures are made of line by line, of all in a
    verdict."""
    paper.heading(drawn.named("head.completeness"), room=35)
    totals = [line for line in lines if line.part == _TOTAL]
    names = ("collection", "in", "out", "elsewhere", "mirror", "unaccounted")
    columns = tuple(
        Column(drawn.named(f"col.{name}"), 0.25 if name == "collection" else 0.15, right=name != "collection")
        for name in names
    )

    def row(total: CompletenessRow) -> Row:
        its = [line for line in lines if line.collection == total.collection and line.part != _TOTAL]
        of_part = {
            part: sum(
                line.rows or 0 for line in its if (line.part if line.part in (_IN, _OUT) else "") == part
            )
            for part in (_IN, _OUT, "")
        }
        told = (*of_part.values(), total.mirror_rows, total.unaccounted_rows)
        return Row((total.collection, *(drawn.count(number) for number in told)))

    paper.table(columns, [row(total) for total in totals if total.collection in MONEY_COLLECTIONS], size=7.5)
    paper.note(drawn.named("elsewhere_note"))
    if not totals or any(total.unaccounted_rows is None for total in totals):
        paper.note(drawn.named("not_counted"), warn=True)
    if lost := sum(abs(total.unaccounted_rows or 0) for total in totals):
        paper.note(drawn.says("incomplete", rows=drawn.count(lost)), warn=True)
    elif totals and all(total.unaccounted_rows == 0 for total in totals):
        paper.note(drawn.says("complete", rows=drawn.count(sum(total.mirror_rows or 0 for total in totals))))


def _bridges(paper: Paper, drawn: _Drawn, rows: list[BridgeRow]) -> None:
    paper.heading(drawn.named("head.bridges"))
    if not rows:
        paper.note(drawn.named("no_bridges"), warn=True)
        return
    paper.note(drawn.named("bridges_note"))
    columns = (Column("", 0.7), Column("", 0.1, right=True), Column("", 0.2, right=True))
    for bridge, its in groupby(rows, key=lambda row: row.bridge):
        lines = list(its)
        rest = next((line for line in lines if line.kind == LineKind.DIFFERENCE.value), None)
        closes = rest is not None and rest.amount_idr == 0
        sentence = BRIDGES[bridge].sentence if bridge in BRIDGES else None
        paper.heading(drawn.one_of("cover", f"bridge.{bridge}", sentence), size=8.5, room=16)
        paper.table(columns, (_bridge_row(drawn, line) for line in lines), headed=False, size=7.5)
        verdict = drawn.named("closes")
        if bridge == "opening" and drawn.month.opening_from is None:
            verdict = drawn.named("no_opening")
        lost = any(line.line == "not_compared" and line.rows for line in lines)
        if lost:
            verdict = drawn.named("opening_gone")
        if not closes:
            verdict = drawn.says("does_not_close", amount=rest.amount_idr if rest else None)
        paper.note(verdict, warn=lost or not closes)


def _bridge_row(drawn: _Drawn, line: BridgeRow) -> Row:
    beside = line.kind == LineKind.BESIDE.value
    strong = line.kind in (LineKind.SUBTOTAL.value, LineKind.TOTAL.value, LineKind.DIFFERENCE.value)
    word = drawn.one_of("line", line.line)
    nothing = line.rows == 0 and line.amount_idr is None  # the amount of no row: there is none to be unknown
    return Row(
        (
            f"({word})" if beside else word,
            "" if line.rows is None else drawn.count(line.rows),
            "" if nothing else drawn.amount(line.amount_idr),
        ),
        strong,
    )


def _untold(paper: Paper, drawn: _Drawn) -> None:
    """What no figure has: said, never left out."""
    paper.heading(drawn.named("head.untold"))
    manifest = drawn.manifest
    told: list[str] = []
    if manifest.as_of is None:
        told.append(drawn.named("untold.never_scanned"))
    unread = drawn.month.figures.get("collections_not_read")
    if unread is None:
        told.append(drawn.named("untold.read"))
    elif unread:
        told.append(drawn.says("untold.not_read", count=drawn.count(unread)))
    if manifest.rows_without_day:
        told.append(drawn.says("untold.rows", count=drawn.count(manifest.rows_without_day)))
    if manifest.findings_without_day:
        told.append(drawn.says("untold.findings", count=drawn.count(manifest.findings_without_day)))
    difference = manifest.difference or {}
    if difference.get("unknown_rows"):
        told.append(
            drawn.says(
                "untold.unknown",
                rows=drawn.count(difference["unknown_rows"]),
                expected=difference["unknown_expected_idr"],
                actual=difference["unknown_actual_idr"],
            )
        )
    for sentence in told:
        paper.note(sentence, warn=True)
    if not told:
        paper.note(drawn.named("untold.nothing"))


def _files(paper: Paper, drawn: _Drawn) -> None:
    paper.heading(drawn.named("head.files"))
    stem = f"{label_of(drawn.manifest)}_{drawn.manifest.snapshot}_"
    paper.note(drawn.says("files_note", stem=stem))
    columns = (
        Column(drawn.named("col.file"), 0.27),
        Column(drawn.named("col.rows"), 0.1, right=True),
        Column("", 0.02),
        Column(drawn.named("col.sha256"), 0.61),
    )

    def row(entry: FileEntry) -> Row:
        return Row((entry.name.removeprefix(stem), drawn.count(entry.rows), "", entry.sha256))

    paper.table(columns, map(row, drawn.manifest.files), size=6.5)


# -- a provider's statement ----------------------------------------------------------------------------------


def _statement(paper: Paper, drawn: _Drawn, statement: Statement) -> None:
    paper.page("landscape")
    paper.heading(f"{drawn.named('statement_title')} {_period(drawn.manifest, drawn.language)}", size=14)
    paper.heading(_whose(drawn, statement), size=10)
    if drawn.month.open:
        paper.note(drawn.named("open"), warn=True)
    parts: dict[str, list[Mapping[str, Any]]] = {part.value: [] for part in StatementPart}
    for line in statement.lines:
        parts.setdefault(str(line["part"]), []).append(line)
    account = [*parts[StatementPart.OPENING.value], *parts[StatementPart.LINE.value]]
    beside = parts[StatementPart.BESIDE.value]
    paper.heading(drawn.named("head.sums"))
    sums = (Column("", 0.5), Column("", 0.1, right=True), Column("", 0.2, right=True), Column("", 0.2))
    paper.table(sums, (_sum_row(drawn, line) for line in parts[StatementPart.TOTAL.value]), headed=False)
    paper.heading(drawn.named("head.account"))
    if account:
        paper.table(_account_columns(drawn), (_account_row(drawn, line) for line in account), size=7)
    else:
        paper.note(drawn.named("no_lines"))
    if statement.left_out:
        paper.note(
            drawn.says("too_many", count=drawn.count(statement.left_out), file=statement.file), warn=True
        )
    if beside:
        paper.heading(drawn.named("head.beside"))
        paper.table(_account_columns(drawn), (_account_row(drawn, line) for line in beside), size=7)


def _account_columns(drawn: _Drawn) -> tuple[Column, ...]:
    return (
        Column(drawn.named("col.day"), 0.08),
        Column(drawn.named("col.what"), 0.17),
        Column(drawn.named("col.booking"), 0.2),
        Column(drawn.named("col.evidence"), 0.33),
        Column(drawn.named("col.amount"), 0.11, right=True),
        Column(drawn.named("col.balance"), 0.11, right=True),
    )


def _statement_word(drawn: _Drawn, code: str) -> str:
    sentence = STATEMENT_LINES[code].sentence if code in STATEMENT_LINES else None
    return drawn.one_of("statement", code, sentence)


def _sum_row(drawn: _Drawn, line: Mapping[str, Any]) -> Row:
    rows = line["rows"]
    counted = "" if rows is None else drawn.count(rows)
    amount = "" if rows == 0 and line["amount_idr"] is None else drawn.amount(line["amount_idr"])
    return Row((_statement_word(drawn, line["line"]), counted, amount, ""))


def _account_row(drawn: _Drawn, line: Mapping[str, Any]) -> Row:
    opening = line["part"] == StatementPart.OPENING.value
    what = _statement_word(drawn, line["line"])
    if line["of"] == "fee" and line["line"] != "fee":
        what = drawn.says("of_fee", what=what)
    ids = [line["booking_key"] or line["booking_id"], line["commission_id"]]
    return Row(
        (
            line["local_date"].isoformat() if line["local_date"] else "",
            what,
            " ".join(str(one) for one in dict.fromkeys(ids) if one),
            "; ".join(_evidence(drawn, line)),
            drawn.amount(line["amount_idr"]),
            "" if line["balance_idr"] is None else rupiah(line["balance_idr"]),
        ),
        strong=opening,
    )


def _evidence(drawn: _Drawn, line: Mapping[str, Any]) -> Iterator[str]:
    """What the line rests on: dates, price and proof, and what was found wrong."""
    for name in ("service", "deadline", "paid", "verified"):
        if line[f"{name}_at_local"]:
            yield drawn.says(f"evidence.{name}", at=_instant(line[f"{name}_at_local"]))
    for name, column in (("price", "booking_amount_idr"), ("expected", "expected_idr")):
        if line[column] is not None:
            yield drawn.says(f"evidence.{name}", amount=line[column])
    if line["line"] == "payment" and line["proof"] in ("present", "empty"):
        yield drawn.named("evidence.proof" if line["proof"] == "present" else "evidence.no_proof")
    if line["findings"]:
        codes = [code.strip() for code in str(line["findings"]).split(",")]
        words = ", ".join(drawn.one_of("finding", code) for code in codes)
        yield drawn.says("evidence.findings", findings=words)


def _instant(text: str | None) -> str:
    """``2026-10-05T14:05:12.000000+08:00`` as ``2026-10-05 14:05 +08:00``; in UTC where it ends in Z."""
    if not text:
        return ""
    day, _, clock = text.partition("T")
    zone = "UTC" if clock.endswith("Z") else clock[-6:] if clock[-6:-5] in ("+", "-") else ""
    return f"{day} {clock[:5]} {zone}".rstrip()


# -- of a package --------------------------------------------------------------------------------------------


def _write(contents: Contents, folder: Path, name: str) -> FileEntry:
    tables = {table.name: table for table in contents.tables}
    bridges: list[BridgeRow] = []
    if "bridges" in tables:
        scope = _WHOLE if contents.asked.provider is None else _PROVIDER
        bridges = _bridge_rows(folder / contents.entry(tables["bridges"]).name, scope)
    statement = None
    if contents.asked.provider is not None and "statements" in tables:
        statement = _statement_of(contents, tables["statements"])
    completeness = (
        CompletenessRow(*row)
        for batch in (contents.rows(tables["completeness"]) if "completeness" in tables else ())
        for row in batch.select(_OF_COMPLETENESS).iter_rows()
    )
    made = cover(contents.manifest, bridges, statement, contents.manifest.locale, completeness)
    return bytes_file(folder, name, made)


def _bridge_rows(table: Path, scope: str) -> list[BridgeRow]:
    """The bridges of all that is asked for; those of single days and of each provider stand in the files.

    Taken from the file of the table: it has a line for each provider, and would be long to ask for once more.
    """
    lines = (
        pl.scan_csv(table, infer_schema=False)
        .filter((pl.col("scope") == scope) & pl.col("local_date").is_null())
        .select(_OF_BRIDGE)
        .with_columns(pl.col("amount_idr", "rows").cast(pl.Int64))
    )
    return [BridgeRow(*row) for row in lines.collect(engine="streaming").iter_rows()]


def _statement_of(contents: Contents, table: PackageTable) -> Statement:
    lines: list[Mapping[str, Any]] = []
    left_out = 0
    name: str | None = None
    for batch in contents.rows(table):
        for line in batch.iter_rows(named=True):
            name = name or line["provider_name"]
            if line["part"] == StatementPart.TOTAL.value or len(lines) < STATEMENT_ROWS:
                lines.append(line)
            else:
                left_out += 1
    return Statement(name, tuple(lines), contents.entry(table).name, left_out)


DOCUMENT: Final = Document("_cover.pdf", _write)
