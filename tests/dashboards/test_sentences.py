"""The messages of the marts: what stands beside a code and its arguments in English is what the catalogue says of them,
row for row, and the page says the same in its own language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pytest

from assets.marts.health.health_points import MEASURES
from assets.marts.said import Said
from dashboards import wording
from dashboards.wording import Wording
from marketplace.findings import FINDINGS
from messages.catalogue import LANGUAGES, say, sentences
from messages.message import Message, message_of
from resources.errors import SourceUnavailable
from tests.dashboards import snapshot
from tests.dashboards.conftest import Shown
from tests.marts.test_finding_pairs import POSSIBLE, World
from tests.marts.warehouse import NOW
from tests.published import changed

ENGLISH, SAY = (Wording(language, "Asia/Makassar") for language in LANGUAGES)
Show = Callable[..., Shown]
Row = dict[str, Any]


def ungrouped(written: str) -> str:
    """Without what groups digits, which a page writes by the custom of its language."""
    return re.sub(r"(?<=\d)[.,](?=\d)", "", written)


def translated(row: Row, text: str = "detail") -> str:
    """A row's message in Indonesian; every number and id of the sentence is in it still. In English it is what the mart
    wrote, to the letter, but for the points and commas of its numbers."""
    message = message_of(row["code"], row["args"])
    assert message is not None
    assert message.args_json == row["args"]
    written = row[text]
    assert say(message) == written
    said = SAY.told(row, text)
    assert said != written, written
    kept = re.findall(r"\d[\d.,:-]*\d|\d|\b\w+\+\w+/\w+", written)
    found = re.findall(r"\d[\d.,:-]*\d|\d|\b\w+\+\w+/\w+", said)
    assert sorted(map(ungrouped, kept)) == sorted(map(ungrouped, found)), (written, said)
    assert ungrouped(ENGLISH.told(row, text)) == ungrouped(written)
    return said


@pytest.fixture(scope="module")
def details() -> dict[str, Row]:
    """What the mart says of findings of every code, by finding id."""
    world, planted = World(), set[str]()
    for pair in POSSIBLE:
        if not set(pair) <= planted:
            world.plant(pair)
            planted |= set(pair)
    w = world.w
    w.booking("gone", deleted_at=NOW)
    w.commission("of-gone", "gone")
    w.commission("of-none", None)
    w.commission("unknown", "ghost", commission_idr=None)
    w.provider("due", status="AVAILABLE")
    w.booking("late", provider_id="due", completed_at=NOW - timedelta(days=1))
    w.commission(
        "late-record", "late", provider_id="due", status="overdue", fee_state="present", fee_idr=25_000
    )
    w.booking("unpriced", amount_idr=None)
    day = timedelta(days=1)
    w.booking("twice")
    w.commission("twice-paid", "twice")
    w.commission("twice-unpaid", "twice", status="pending")
    w.booking("free", amount_idr=0)
    w.commission("free-fee", "free", commission_idr=0, fee_state="present", fee_idr=25_000)
    w.booking("early", completed_at=NOW)
    w.commission("early-fee", "early", fee_state="present", fee_idr=25_000)
    w.booking("absurd")
    w.commission("not-believed", "absurd", commission_idr=None, written_commission=9e12, is_implausible=True)
    small = {"booking_amount_idr": None, "commission_idr": 75, "fee_state": "present"}
    for name, more in (
        ("fee", {"fee_idr": 25}),
        ("due", {"due_idr": 75}),
        ("all", {"fee_idr": 25, "due_idr": 100}),
    ):
        w.booking(f"small-{name}", completed_at=NOW - day)
        w.commission(f"in-small-{name}", f"small-{name}", **small, **more)
    w.build(["commission_findings"])
    return {row["finding_id"]: row for row in w.rows("FROM marts.commission_findings")}


def test_every_finding_of_the_mart_is_said_in_the_language_of_the_page(details: dict[str, Row]) -> None:
    assert {finding_id.partition(":")[0] for finding_id in details} == set(FINDINGS)
    for written in details.values():
        translated(written)
    assert translated(details["orphan:of-gone"]).endswith("merujuk ke gone, pesanan yang sudah dihapus.")
    assert translated(details["orphan:of-none"]).endswith("tidak merujuk ke apa pun: tidak menyebut pesanan.")
    assert "sebesar jumlah tidak diketahui merujuk" in translated(details["orphan:unknown"])
    assert "tidak berstatus RESTRICTED (AVAILABLE)" in translated(details["restriction_mismatch:due"])
    assert "menghasilkan jumlah tidak diketahui" in translated(details["missing:unpriced"])
    assert translated(details["duplicate:twice-unpaid"]).endswith(
        "catatan miliknya twice-paid, yang sudah dibayar."
    )
    assert "gratis dan tidak berutang denda" in translated(details["fee_wrong:free-fee"])
    assert "sebelum tenggat pada" in translated(details["fee_wrong:early-fee"])
    assert "tidak dapat dipercaya" in translated(details["wrong_amount:not-believed"])
    said = [translated(details[f"unit_error:in-small-{name}"]) for name in ("fee", "due", "all")]
    assert [(", denda 25" in one, ", total " in one) for one in said] == [
        (True, False),
        (False, True),
        (True, True),
    ]
    late = next(written for finding_id, written in details.items() if finding_id.startswith("late_record"))
    assert translated(late).count("waktu setempat") == 2


def test_every_code_of_findings_is_used(details: dict[str, Row]) -> None:
    """A variant that nothing can say any more is taken out of the catalogues."""
    named = {code for code in sentences("en") if code.startswith("finding.")}
    assert named - {row["code"] for row in details.values()} == set()


class Measured:
    """A row of measures, all of them known."""

    def __getattr__(self, name: str) -> Any:
        return ibis.literal(7)


def points() -> Iterator[Row]:
    """Everything a health point can say."""

    def row(said: Said) -> Row:
        columns = ibis.to_sql(ibis.memtable([{"x": 1}]).select(**said.columns("message")), dialect="duckdb")
        found = duckdb.sql(re.sub(r"FROM .*", "FROM (SELECT 1)", columns, flags=re.DOTALL))
        return dict(zip(found.columns, found.fetchall()[0], strict=True))

    for measure in MEASURES.values():
        for status, where in (
            ("working", measure.working_where),
            ("broken", None),
            ("unknown", measure.unknown_where),
        ):
            yield row(measure.says(Measured(), status))
            if where:
                yield row(measure.says(Measured(), where[1]))


def test_every_message_of_a_health_point_is_said_in_the_language_of_the_page() -> None:
    said = [translated(point, "message") for point in points()]
    assert len(set(said)) == 25
    assert "Pesanan masuk dari pelanggan (7 dalam 24 jam terakhir)" in said


@pytest.mark.parametrize(
    ("message", "english"),
    [
        (Message("gap.none"), "there was no snapshot before"),
        (
            Message("gap.rules", {"before": "1", "now": "2"}),
            "the snapshot before was made by rules version 1, this one by 2",
        ),
        (
            Message("gap.other", {"collections": ["places", "therapists"]}),
            "only one of this snapshot and the one before was made with places, therapists",
        ),
        (
            Message("gap.incomplete", {"collection": "bookings", "outcome": "partial"}),
            "this run did not read bookings to its end (partial)",
        ),
    ],
)
def test_why_no_months_were_compared_is_said_in_the_language_of_the_page(
    message: Message, english: str
) -> None:
    translated({"code": message.code, "args": message.args_json, "reason": english}, "reason")


def test_what_another_version_says_stays_as_it_is_written() -> None:
    for code, args in (
        (None, None),
        ("finding.of_tomorrow", "{}"),
        ("finding.fee_wrong", "{}"),
        ("x", "nonsense"),
    ):
        assert (
            SAY.told({"code": code, "args": args, "detail": "something {new}"}, "detail") == "something {new}"
        )
    assert SAY.told({"detail": None}, "detail") == ""
    assert SAY.all_told(None, "sound off") == "sound off"
    assert SAY.all_told('[{"code":"reason.of_tomorrow","args":{}}]', "sound off") == "sound off"
    assert SAY.all_told("[]", "") == "–"


def test_no_page_reads_a_text_back_by_patterns() -> None:
    root = Path(wording.__file__).parent
    using = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if re.search(
            r"^\s*(?:import re\b|from re\b|import fnmatch|from fnmatch)", path.read_text(), re.MULTILINE
        )
    }
    # The names of attributes of HTML; what an address may say; of tables in SQL of ours, of the column that DuckDB says
    # a table lacks.
    assert using == {"kit/markup.py", "kit/address.py", "notebook/book.py"}


def test_pages_in_indonesian_say_so(home: Path, show: Show) -> None:
    changed(
        home,
        "UPDATE marts.commission_findings SET finding_id = 'the-one',"
        " detail = 'Commission c9 over Rp 75.000 is marked paid and carries no proof of payment.',"
        ' code = \'finding.paid_without_proof\', args = \'{"commission": "c9", "amount": 75000}\''
        " WHERE finding_id = (SELECT min(finding_id) FROM marts.commission_findings)",
    )
    said = "Komisi c9 sebesar Rp 75.000 ditandai sudah dibayar tanpa bukti bayar."
    shown = show(home, "findings", finding="the-one", lang="id", waived="all")
    assert said in shown.text
    assert said in set(shown.table("Temuan")["detail"])
    health = show(home, "health", lang="id").text
    assert "Tingkat pengiriman notifikasi di bawah 80%" in health
    assert "Notification delivery rate" not in health


def test_why_the_last_run_failed_is_said_in_the_language_of_the_page(tmp_path: Path, show: Show) -> None:
    why = SourceUnavailable(
        Message(
            "failure.with_answer", {"problem": Message("failure.scope"), "answer": "403, scope, a.example"}
        ),
        Message("failure.scope_do"),
    )
    (tmp_path / "published").mkdir()
    status = snapshot.failed({"version": 1}, str(why))
    status["run"]["said"] = [sentence.plain for sentence in why.said]
    snapshot.write_status(tmp_path, status)
    assert (
        "Kunci API kurang cakupan (403, scope, a.example). Beri rows.read" in show(tmp_path, lang="id").text
    )
    assert "The API key lacks a scope (403, scope, a.example). Give it rows.read" in show(tmp_path).text
    status["run"]["said"].append({"code": "failure.of_tomorrow", "args": {}})
    snapshot.write_status(tmp_path, status)
    assert "The API key lacks a scope (403" in show(tmp_path, lang="id").text


def test_checks_and_alerts_are_called_by_name_beside_the_name_that_is_theirs(
    read_home: Path, show: Show
) -> None:
    checks = show(read_home, "data_quality", show="checks", lang="id")
    assert "Tidak terpenuhi: Tidak ada komisi yang hilang zero_missing_commission · marts/" in checks.text
    english = show(read_home, "data_quality", show="checks").text
    assert "Does not hold: No commission missing zero_missing_commission · marts/" in english
    for name, called in (
        ("zero_missing_commission", "Tidak ada komisi yang hilang"),
        ("error_rate", "Galat per menit"),
    ):
        assert f">{called}</a>" in show(read_home, "todo", lang="id").html
        alert = show(read_home, "todo", alert=name, lang="id").html
        assert f"<strong>{called}</strong>" in alert
        assert f"<code>{name}</code>" in alert
