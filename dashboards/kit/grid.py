"""Tables of rows with ids and what is handed out: the first rows of a question on the page, all of them in the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import pandas  # noqa: F401 - whole before the first page: Plotly looks for it while another visitor's page loads it
import polars as pl
import streamlit as st

from dashboards.kit import downloads, links, parts
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen, Section
from dashboards.queries.query import Column, Rows
from dashboards.wording import NOTHING, Wording, count, rupiah, share, signed_rupiah
from marketplace.roles import Right

ROWS_SHOWN = 500

Opens = tuple[str | Mapping[str, str], str]
"""What a picked row opens: (kind of kit/links.py, column of its id). Where rows are of several kinds, the first is a
table (``core.bookings``) → kind, by the rows' column ``of``."""


def grid(
    screen: Screen,
    rows: Rows,
    title: str,
    *,
    choose: bool = False,
    json: bool = False,
    opens: Opens | None = None,
) -> dict[str, Any] | None:
    """Rows under the headings they declare: rupiah written out yet sorted as numbers, instants local. With ``opens`` a
    picked row is opened by its id, whatever was published since it was drawn; that column need not be shown. With
    ``choose`` a row can be picked, and is returned with all of its columns as they are shown; with ``json`` all can be
    had as JSON too."""
    say = screen.text
    first = rows.first(screen.snapshot, ROWS_SHOWN)
    targets = _targets(first, opens)
    columns = rows.columns or _as_declared(rows.name, first, say)
    first = _said(first, columns, say)
    shown = first.select([column.name for column in columns])
    zone = say.zone_name(screen.now)
    look: dict[str, Any] = {
        "hide_index": True,
        "width": "stretch",
        "height": 35 * (min(max(shown.height, 1), 12) + 1) + 2,
        "row_height": 35,
        "column_config": {
            column.name: st.column_config.Column(_heading(column, zone, say)) for column in columns
        },
        "key": f"table_{rows.name}",
        "alt": title,
        "placeholder": NOTHING,
    }
    parts.show_style(f".st-key-{look['key']} {{ min-height: {look['height']}px; }}")  # it is drawn late
    picked: list[int] = []
    if targets:
        _opening(rows.name, targets, _styled(shown, say), look)
    elif choose:
        state = st.dataframe(_styled(shown, say), on_select="rerun", selection_mode="single-row", **look)
        picked = list(state["selection"]["rows"])
    else:
        st.dataframe(_styled(shown, say), **look)
    below(screen, rows, ROWS_SHOWN, json=json)
    return first.row(picked[0], named=True) if picked and picked[0] < first.height else None


def _targets(frame: pl.DataFrame, opens: Opens | None) -> list[tuple[str, str] | None]:
    """What each row opens: (kind, id), or None where it has no id or is of no kind that has a page."""
    if opens is None or frame.is_empty():
        return []
    kind, column = opens
    kinds: Sequence[str | None] = (
        [kind] * frame.height if isinstance(kind, str) else [kind.get(str(of)) for of in frame["of"]]
    )
    return [
        None if one is None or record is None else (one, str(record))
        for one, record in zip(kinds, frame[column], strict=True)
    ]


def _opening(name: str, targets: list[tuple[str, str] | None], shown: Any, look: dict[str, Any]) -> None:
    """A table whose picked row is opened. A browser says the number of the row, so the table is another one (its key)
    as soon as other rows stand in it: a click on one that is no longer drawn opens nothing rather than something else.
    """
    times = f"opened_{name}"
    drawn = crc32(repr(targets).encode())
    key = f"{name}_{drawn:08x}_{st.session_state.get(times, 0)}"

    def picked() -> None:
        numbers = st.session_state[key]["selection"]["rows"]
        target = targets[numbers[0]] if numbers and numbers[0] < len(targets) else None
        if target is not None:
            links.open_next(*target)
        st.session_state[times] = st.session_state.get(times, 0) + 1  # the next drawing begins without a mark

    with st.container(key=look["key"]):
        st.dataframe(shown, on_select=picked, selection_mode="single-row", **{**look, "key": key})
    links.follow()  # where only a part of the page was drawn anew


def rows_of(rows: Rows, opens: Opens | None = None) -> Section:
    """A section that is nothing but rows, under the text "<name>.rows"; ``opens`` as in ``grid``."""

    def drawn(screen: Screen) -> None:
        title = screen.text(f"{rows.name}.rows")
        show(parts.section(title))
        grid(screen, rows, title, opens=opens)

    return drawn


def below(screen: Screen, rows: Rows, limit: int, *, json: bool = False) -> None:
    """Under a table of the first ``limit`` rows: how many there are, and for who may, all of them to download."""
    may = screen.may(Right.DOWNLOAD)
    shown = rows.first(screen.snapshot, limit).height
    total = rows.count(screen.snapshot) if shown == limit else shown
    said = "app.rows_shown" if may else "app.rows_shown_only"
    told = screen.text(said, shown=count(shown), total=count(total)) if shown < total else ""
    if not may:
        if told:
            st.caption(told)
        return
    left, *places = st.columns([3, 1, 1] if json else [3, 1], vertical_alignment="center")
    if told:
        left.caption(told)
    _download(screen, places[0], "app.download", rows, "csv", downloads.csv)
    if json:
        _download(screen, places[1], "app.download_json", rows, "json", downloads.json)


def _download(
    screen: Screen, place: Any, label: str, rows: Rows, form: str, write: Callable[[pl.DataFrame], bytes]
) -> None:
    """A button that hands out a file named after what it holds and the snapshot; made when it is clicked."""
    path = screen.snapshot
    downloads.button(
        screen,
        place,
        screen.text(label),
        lambda: write(rows.all(path)),
        file_name=f"bookwatch_{rows.name}_{Path(path).stem}.{form}",
        mime={"csv": "text/csv", "json": "application/json"}[form],
        key=f"download_{rows.name}" if form == "csv" else f"download_{rows.name}_{form}",
        icon=":material/download:",
        width="stretch",
    )


def _as_declared(name: str, frame: pl.DataFrame, say: Wording) -> tuple[Column, ...]:
    """Every column, in the order of the table: under the page's own text for it ("<name>.<column>"), else under the one
    that all pages share ("col.<column>"). A word is said by the group of texts that is called as its column."""
    return tuple(
        Column(
            column,
            f"{name}.{column}" if say.known(f"{name}.{column}", "") else f"col.{column}",
            words=column if kind == pl.String else None,
        )
        for column, kind in frame.schema.items()
    )


def _heading(column: Column, zone: str, say: Wording) -> str:
    if column.written is not None:
        return say.stretch(column.heading, column.written)
    return say(column.heading, zone=zone)


def _said(frame: pl.DataFrame, columns: tuple[Column, ...], text: Wording) -> pl.DataFrame:
    """The words and messages of the data in the language of the page; what is null stays so."""
    return frame.with_columns(
        said.alias(column.name) for column in columns if (said := _in_language(column, text)) is not None
    )


def _in_language(column: Column, text: Wording) -> pl.Expr | None:
    if column.told:
        row = pl.struct(column.name, "code", "args")
        return row.map_elements(lambda row: text.told(row, column.name) or None, return_dtype=pl.String)
    if column.all_told is not None:
        row = pl.struct(column.name, column.all_told)
        return row.map_elements(
            lambda row: text.all_told(row[column.all_told], row[column.name]), return_dtype=pl.String
        )
    value = pl.col(column.of or column.name)
    if column.words is not None:
        return value.map_elements(lambda word: text.word(str(column.words), word), return_dtype=pl.String)
    if column.stretches is not None:
        return value.map_elements(
            lambda word: text.stretch(str(column.stretches), word), return_dtype=pl.String
        )
    return None


def _styled(frame: pl.DataFrame, say: Wording) -> Any:
    """A pandas Styler: what is shown is text, what is sorted by is the value."""
    written = frame.with_columns(
        [
            pl.col(name).map_elements(say.stamp, return_dtype=pl.String, skip_nulls=True).fill_null(NOTHING)
            for name, kind in frame.schema.items()
            if isinstance(kind, pl.Datetime)
        ]
        + [pl.col(name).fill_null(NOTHING) for name, kind in frame.schema.items() if kind == pl.String]
        + [
            pl.when(pl.col(name).is_null())
            .then(pl.lit(NOTHING))  # not known is not "no"
            .when(pl.col(name))
            .then(pl.lit(say("col.yes")))
            .otherwise(pl.lit(say("col.no")))
            .alias(name)
            for name, kind in frame.schema.items()
            if kind == pl.Boolean
        ]
    )
    formats: dict[str, Callable[[Any], str]] = {
        name: (signed_rupiah if name == "variance_idr" else rupiah) if name.endswith("_idr") else count
        for name, kind in written.schema.items()
        if kind.is_integer()
    } | {
        name: share
        if name.endswith("_rate")
        else say.seconds
        if name == "seconds" or name.endswith("_s")
        else count
        for name, kind in written.schema.items()
        if kind.is_float()
    }
    return written.to_pandas(use_pyarrow_extension_array=True).style.format(formats, na_rep=NOTHING)
