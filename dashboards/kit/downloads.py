"""The one button that hands out a file, and what it hands out: raw figures as CSV, safe to open in a spreadsheet, or
as JSON. Auditors' reports are made elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import polars as pl

from dashboards.handed_out import HandedOut
from dashboards.kit.screen import Screen
from marketplace.roles import Right
from pipelines.exports.csv_writer import DOWNLOAD


def button(
    screen: Screen,
    place: Any,
    label: str,
    make: Callable[[], bytes],
    *,
    file_name: str,
    mime: str,
    key: str,
    right: Right = Right.DOWNLOAD,
    **look: Any,
) -> None:
    """A button that hands out a file to who has the ``right``; for who has not there is none. The file is made when it
    is clicked, and handed to nobody but this viewer. ``place``: where it stands (``st``, a column); ``look``: what else
    Streamlit's button takes."""
    if not screen.may(right):
        return

    def made() -> bytes:
        file = make()
        HandedOut.enter(file, screen.viewer, right)
        return file

    place.download_button(label, made, file_name=file_name, mime=mime, key=key, on_click="ignore", **look)


def csv(frame: pl.DataFrame) -> bytes:
    """One header, rupiah as plain integers, instants in UTC; text marked as in an auditor's report."""
    return DOWNLOAD.header(frame.columns) + DOWNLOAD.lines(frame, safe=True)


def json(frame: pl.DataFrame) -> bytes:
    """An array with one object a row; instants ISO 8601 in UTC, rupiah as plain integers, what is unknown null."""
    return orjson.dumps(
        frame.to_dicts(),
        option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z,
    )
