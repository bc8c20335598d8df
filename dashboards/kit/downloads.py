"""What a download button hands out: raw figures as CSV, safe to open in a spreadsheet, or as JSON. Auditors' reports
are made elsewhere."""

from __future__ import annotations

import orjson
import polars as pl

from pipelines.exports.spreadsheet import guarded


def csv(frame: pl.DataFrame) -> bytes:
    """UTF-8 with BOM and one header; rupiah as plain integers; text marked as in an auditor's report, so that no
    spreadsheet runs it or takes it for a number or a date."""
    return guarded(frame).write_csv(include_bom=True, datetime_format="%Y-%m-%dT%H:%M:%SZ").encode()


def json(frame: pl.DataFrame) -> bytes:
    """An array with one object a row; instants ISO 8601 in UTC, rupiah as plain integers, what is unknown null."""
    return orjson.dumps(
        frame.to_dicts(),
        option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z,
    )
