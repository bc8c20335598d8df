"""A notebook that is open: the snapshot it reads, the days and language it was asked for, how it asks and how it shows
what it found. What is asked, and in which order it is shown, is the notebook's own.

Only the published snapshot is read, read-only (queries/reading.py). What a snapshot does not hold, because an older
version of bookwatch published it, is said in its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

import duckdb
import plotly.graph_objects as go
import polars as pl
from markupsafe import Markup

from dashboards import data_age
from dashboards.kit import cards, glossary, parts
from dashboards.kit.markup import Child, element, joined
from dashboards.notebook.asked import Asked
from dashboards.notebook.shown import Chart, Part, Shown
from dashboards.period import Period
from dashboards.queries import health, reading
from dashboards.wording import NOTHING, Wording, count, instant, rupiah, share, signed_rupiah
from marketplace.metrics import COLUMNS
from resources.errors import BookwatchError
from resources.settings import Settings, load_settings
from resources.shared.fetching import mark_of
from resources.snapshots import require_snapshot

ROWS_SHOWN = 50
"""As many rows of a table are shown; the SQL below it gives all of them."""
_LEAST_SHOWN = 0.001
"""A likelihood under it would be written as 0 %, which nothing that happened has."""
LONG = 24
"""What has more letters and is written to the letter is broken into lines."""

_TABLE = re.compile(r"\b((?:core|marts|ops|metrics)\.[a-z_]\w*)", re.IGNORECASE)
#: What DuckDB says of a column that a table does not have; a name of our SQL, never a value.
_COLUMN = re.compile(r'(?:column|named) "(\w+)"')


@dataclass(frozen=True)
class Answer:
    """What a question found. ``sql`` is what was run, to the letter. ``rows``: how many there are, of which ``frame``
    has the first. ``lacks``: tables, or a column, that the snapshot does not have: then there is no row."""

    sql: str
    frame: pl.DataFrame
    rows: int
    lacks: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return not self.frame.is_empty()

    def newest(self, column: str) -> Answer:
        """The same rows, the largest of a column first."""
        return Answer(
            self.sql, self.frame.sort(column, descending=True) if self else self.frame, self.rows, self.lacks
        )

    def one(self) -> dict[str, Any]:
        """The first row; nothing where there is none."""
        return self.frame.row(0, named=True) if self else {}

    def of(self, frame: pl.DataFrame) -> Answer:
        """The same question with a frame made of its rows."""
        return Answer(self.sql, frame, frame.height, self.lacks)


class Book:
    """A notebook over a snapshot. ``path`` None: there is none to read, and ``refusal`` says why."""

    def __init__(self, name: str, asked: Asked, settings: Settings) -> None:
        self.name = name
        self.asked = asked
        self.settings = settings
        self.say = Wording(asked.lang, settings.timezone)
        self.refusal: Markup | None = None
        self.path: str | None = None
        self.shown: reading.Snapshot | None = None
        if asked.snapshot is None and reading.newest(settings.home.current) is None:
            self.refusal = cards.empty(str(settings.home.root), self.say)
            return
        try:
            self.path = str(require_snapshot(settings.home, asked.snapshot))
            self.shown = reading.snapshot(self.path)
        except BookwatchError as unread:
            self.path, self.refusal = None, self._refused(unread)

    @classmethod
    def opened(cls, name: str, asked: Asked) -> Book:
        """The notebook of that name over the home of the settings. Raises BookwatchError for settings that are
        wrong."""
        return cls(name, asked, load_settings())

    # What it is about ---------------------------------------------------------------------------

    @cached_property
    def now(self) -> datetime:
        """The instant of the snapshot, as of which everything is told (aware); of one that does not say it, the
        clock's."""
        return instant(self.shown.published_at if self.shown else None) or self.settings.clock.now()

    @property
    def period(self) -> Period:
        """The days it was asked for, the last of them the snapshot's own where none are named."""
        return self.asked.period(self.now.astimezone(self.say.zone).date())

    @property
    def snapshot(self) -> str:
        assert self.path is not None, "a notebook without a snapshot ends at its head"
        return self.path

    def head(self) -> Shown:
        """What the notebook answers, from which snapshot and for which days, and what must be known before a figure is
        believed."""
        say = self.say
        title = element("h1", say(f"notebook.{self.name}"))
        if self.refusal is not None:
            return self._shown(element("div", title, cls="bw-head"), self.refusal, styled=True)
        period, zone = self.period, say.zone_name(self.now)
        facts = [
            (say("app.snapshot"), element("code", self.shown.snapshot_id if self.shown else NOTHING)),
            (say("notebook.published"), say.time(self.now)),
            (say("app.period"), f"{say.days(period.first, period.last)} · {zone}"),
        ]
        about = element("p", say(f"notebook.{self.name}_about"), cls="bw-soft")
        return self._shown(
            element("div", element("div", title, about), cls="bw-head"),
            parts.terms(facts),
            *self._age(),
            styled=True,
        )

    def _age(self) -> list[Markup]:
        """Whether the snapshot is old, or was made of collections that were not read to their end."""
        try:
            scans = health.scans(self.snapshot)
        except reading.SnapshotUnreadable:
            return [parts.banner("none", self.say("fresh.unknown_title"), self.say("fresh.unknown_text"))]
        found: list[Markup] = []
        if self.asked.snapshot is None:
            condition = data_age.judge(self.settings.clock.now(), True, None, scans)
            mark = mark_of(self.settings.home.published)
            store = None if mark is None else mark.store
            found.append(cards.banners(condition, self.now, self.settings.clock.now(), self.say, store=store))
        unread = [str(row["collection"]) for row in scans if row["outcome"] != "complete"]
        if unread:
            title = self.say("notebook.unread")
            found.append(
                parts.banner("warn", title, self.say("notebook.unread_text", names=", ".join(unread)))
            )
        return [part for part in found if part]

    # Asking -------------------------------------------------------------------------------------

    def ask(self, sql: str, *, limit: int | None = None) -> Answer:
        """What the SQL finds. ``$first`` and ``$last`` stand for the days, ``$at`` for the instant of the snapshot.
        ``limit``: only so many rows are taken, and all of them counted. Raises SnapshotUnreadable."""
        asked = self._written(sql)
        if lacks := self._lacks(asked):
            return Answer(asked, pl.DataFrame(), 0, lacks)
        try:
            if limit is None:
                frame = reading.ask(self.snapshot, asked)
                return Answer(asked, frame, frame.height)
            frame = reading.ask(self.snapshot, f"FROM ({asked}) LIMIT {limit}")
            rows = frame.height
            if rows == limit:
                rows = int(reading.ask(self.snapshot, f"SELECT count(*) AS n FROM ({asked})")["n"][0])
            return Answer(asked, frame, rows)
        except reading.SnapshotUnreadable as unread:
            if column := _missing_column(unread):
                return Answer(asked, pl.DataFrame(), 0, (f"{', '.join(_tables(asked))}: {column}",))
            raise

    def _written(self, sql: str) -> str:
        """The SQL with the days put in: what is run is what is shown, and can be run again."""
        at = self.now.replace(tzinfo=None)
        given = {
            "$first": f"DATE '{self.period.first.isoformat()}'",
            "$last": f"DATE '{self.period.last.isoformat()}'",
            "$at": f"TIMESTAMP '{at.isoformat(sep=' ', timespec='seconds')}'",
        }
        written = _dedented(sql)
        for place, value in given.items():
            written = written.replace(place, value)
        return written

    def _lacks(self, sql: str) -> tuple[str, ...]:
        there = _names(self.snapshot)
        return tuple(name for name in _tables(sql) if name not in there)

    # Showing ------------------------------------------------------------------------------------

    def section(self, name: str, *shown: Part | Answer | None, about: Answer | None = None) -> Shown:
        """A section under the text ``notebook.<book>.<name>``: its parts, then the SQL of each answer. Of an answer
        that lacks a table that is said instead. ``about``: the answer the parts are made of."""
        say = self.say
        key = f"notebook.{self.name}_{name}"
        made: list[Part] = [parts.section(say(key), say.known(f"{key}_is", ""), anchor=name)]
        asked = [about] if about else []
        for one in shown:
            if isinstance(one, Answer):
                asked.append(one)
                made.append(self.table(one))
            elif one is not None:
                made.append(one)
        if about is not None and len(made) == 1:
            made.append(self.nothing(about))
        made += [self.sql(answer) for answer in asked]
        return self._shown(*made)

    def nothing(self, answer: Answer) -> Markup:
        """That there is nothing to show: no such table in this snapshot, or no row in it."""
        say = self.say
        if answer.lacks:
            return parts.note(
                "none", say("notebook.lacks", names="; ".join(answer.lacks)), say("notebook.lacks_text")
            )
        return parts.note("none", say("notebook.no_rows"), say("notebook.no_rows_text"))

    def sql(self, answer: Answer) -> Markup:
        """What was asked, folded."""
        rows = self.say("notebook.rows", n=count(answer.rows))
        summary = element("summary", f"SQL · {rows}")
        return element(
            "details", summary, element("pre", element("code", Markup.escape(answer.sql))), cls="bw-sql"
        )

    def table(self, answer: Answer) -> Markup:
        """The rows of an answer under the headings ``notebook.col.<column>``, else ``col.<column>``."""
        if not answer:
            return self.nothing(answer)
        columns = [name for name in answer.frame.columns if name not in ("code", "args")]
        kinds = answer.frame.schema
        headings = [(self._heading(name), kinds[name].is_numeric() and name not in _SAID) for name in columns]
        listed = [
            [self._cell(name, row, kinds[name]) for name in columns]
            for row in answer.frame.head(ROWS_SHOWN).iter_rows(named=True)
        ]
        made = parts.table(headings, listed)
        shown = min(answer.frame.height, ROWS_SHOWN)
        if shown < answer.rows:
            said = self.say("notebook.more_rows", shown=count(shown), total=count(answer.rows))
            made = joined(made, parts.paragraph(said, "bw-below"))
        return element("div", made, cls="bw-rows")

    def _heading(self, column: str) -> Child:
        """What a column is called; a figure that people quote as everywhere, with what it is beside it."""
        zone = self.say.zone_name(self.now)
        own = self.say.known(f"notebook.col.{column}", "")
        if metric := COLUMNS.get(column):
            return element(
                "span", own or glossary.heading(self.say, metric), title=glossary.meaning(self.say, metric)
            )
        return own.format(zone=zone) if own else self.say(f"col.{column}", zone=zone)

    def _cell(self, name: str, row: Mapping[str, Any], kind: pl.DataType) -> Child:
        value = row[name]
        if "code" in row and name in _SENTENCES:
            return element("div", self.say.told(row, name) or NOTHING, cls="bw-said")
        if value is None:
            return parts.soft(NOTHING)
        if kind == pl.String and (name.endswith("_id") or name in _VERBATIM):
            return element("code", value, cls="bw-long" if len(value) > LONG else "")
        if name == "provider_name":
            return element("div", value, cls="bw-name")
        if name == "check_name":
            return self.say.named(value)
        if name in _TONED:
            return parts.badge(_TONED[name](value), self.say.word(_GROUPS.get(name, name), value))
        said = self.written(name, value)
        return parts.unbroken(said) if isinstance(value, date) else said

    def written(self, name: str, value: Any) -> str:
        """A value as it is written everywhere: by what its column is called, else by what it is."""
        say = self.say
        if value is None:
            return NOTHING
        if isinstance(value, bool):
            return say("col.yes") if value else say("col.no")
        if isinstance(value, datetime):
            # A local time is told as it is; an instant in the time of the house.
            return f"{value:%Y-%m-%d %H:%M}" if name.startswith("local_") else say.stamp(value)
        if isinstance(value, date):
            return say.month(value) if name.endswith("month") else say.day(value)
        if name in _STRETCHES:
            return say.stretch(_STRETCHES[name], value)
        if isinstance(value, str) or name in _GROUPS:
            return say.word(_GROUPS.get(name, name), value)
        if name.endswith("_idr"):
            return signed_rupiah(int(value)) if name == "variance_idr" else rupiah(int(value))
        if name.endswith("seconds"):
            return say.span(float(value))
        if name.endswith("_s"):
            return say.seconds(float(value))
        if name == "weekday":
            return self.weekdays()[int(value) - 1]
        if name == "likelihood" and 0 < value < _LEAST_SHOWN:
            return f"< {share(_LEAST_SHOWN)}"
        if name.endswith(("share", "rate", "utilisation", "change", "likelihood")):
            return share(float(value))
        return count(value)

    def weekdays(self) -> list[str]:
        """The names of the weekdays, Monday first."""
        monday = date(2024, 1, 1)
        return [self.say.weekday(monday + timedelta(days=n)).split(",")[0] for n in range(7)]

    def chart(
        self, answer: Answer, name: str, draw: Callable[[pl.DataFrame, Wording], go.Figure]
    ) -> Part | None:
        """A chart of an answer's rows; none where there is no row. Whoever cannot see it hears ``notebook.alt.<name>``
        and has the table."""
        return Chart(draw(answer.frame, self.say), self.say(f"notebook.alt.{name}")) if answer else None

    def _shown(self, *made: Part, styled: bool = False) -> Shown:
        return Shown(tuple(made), self.asked.theme, styled)

    def _refused(self, why: BookwatchError) -> Markup:
        say = self.say
        return parts.banner("bad", say("fresh.unreadable_title"), say.message(why.why), say.message(why.todo))


#: A sentence of the data, said by the row's code and args.
_SENTENCES = frozenset({"detail", "message", "summary", "reason"})
#: What is no word of ours and is written as it is.
_VERBATIM = frozenset(
    ("booking_ref", "row_id", "asset", "attribute", "alert_id", "policy_version", "collection")
) | frozenset(("operation", "data_finding", "amount_rule", "source_rule", "quarantine_reasons", "mart"))
#: Stretches of time, by the group their words are said by.
_STRETCHES = {"age": "age", "time_window": "window", "label": "response"}
#: The texts a column's words are said by, where they are not called as the column.
_GROUPS = {
    "figure": "figure_name",
    "from_step": "step",
    "to_step": "step",
    "recipient_type": "recipient",
    "verdict": "restriction",
    "point": "point",
    "series_of": "source",
}
#: Numbers that are said by a word.
_SAID = frozenset({"point", "weekday"})
#: A word that has a shape and a colour.
_TONED: Mapping[str, Callable[[Any], str]] = {
    "state": parts.tone,
    "status": parts.tone,
    "outcome": parts.tone,
    "severity": parts.tone_of_severity,
    "member": cards.tone_of_member,
    "series_state": lambda state: {"usual": "good", "unusual": "bad"}.get(str(state), "none"),
}


def _missing_column(unread: reading.SnapshotUnreadable) -> str | None:
    """The column a snapshot lacks; None where that is not why it could not answer."""
    cause = unread.__context__
    if not isinstance(cause, duckdb.BinderException):
        return None
    found = _COLUMN.search(str(cause))
    return found[1] if found else None


@reading.cached
def _names(path: str) -> frozenset[str]:
    """The tables and views of a snapshot."""
    frame = reading.ask(
        path, "SELECT concat(table_schema, '.', table_name) AS name FROM information_schema.tables"
    )
    return frozenset(frame["name"].to_list())


def _tables(sql: str) -> tuple[str, ...]:
    """The tables a question is asked of, in the order of its text."""
    return tuple(dict.fromkeys(name.lower() for name in _TABLE.findall(sql)))


def _dedented(sql: str) -> str:
    """SQL as it is shown: without the indent it has in the notebook."""
    lines = sql.strip("\n").rstrip().splitlines()
    indents = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
    own = len(lines[0]) - len(lines[0].lstrip()) if lines else 0
    cut = min([own, *indents]) if own else min(indents, default=0)
    return "\n".join([lines[0].lstrip(), *(line[cut:] for line in lines[1:])]) if lines else ""
