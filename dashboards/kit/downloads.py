"""What a download button hands out: raw figures as CSV, safe to open in a spreadsheet, or as JSON. Auditors' reports
are made elsewhere."""

from __future__ import annotations

import orjson
import polars as pl

from pipelines.exports.csv_writer import DOWNLOAD


def csv(frame: pl.DataFrame) -> bytes:
    """One header, rupiah as plain integers, instants in UTC; text marked as in an auditor's report."""
    return DOWNLOAD.header(frame.columns) + DOWNLOAD.lines(frame, safe=True)


def json(frame: pl.DataFrame) -> bytes:
    """An array with one object a row; instants ISO 8601 in UTC, rupiah as plain integers, what is unknown null."""
    return orjson.dumps(
        frame.to_dicts(),
        option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z,
    )
