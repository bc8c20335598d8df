"""The sentences of the data in the language of the page: each that marts, checks and alerts can write has one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pytest

from assets.marts.health_points import MEASURES
from checks.every import all_checks
from checks.sources import SourceCheck, SweepCheck
from dashboards.wording import Wording, texts
from marketplace.findings import FINDINGS
from marketplace.health import HEALTH_POINTS
from pipelines.alerting.rules import RULES
from tests.dashboards.conftest import Shown
from tests.marts.test_finding_pairs import POSSIBLE, World
from tests.marts.warehouse import NOW
from tests.policies import DEFAULT_POLICY
from tests.published import changed

SAY = Wording("id", "Asia/Makassar")
Show = Callable[..., Shown]


def translated(written: str) -> str:
    """In Indonesian; every number and id of the sentence is in it still."""
    said = SAY.sentence(written)
    assert said != written, written
    kept = re.findall(r"\d[\d.,:-]*\d|\d|\b\w+\+\w+/\w+", written)
    assert sorted(kept) == sorted(re.findall(r"\d[\d.,:-]*\d|\d|\b\w+\+\w+/\w+", said)), (written, said)
    assert Wording("en", "Asia/Makassar").sentence(written) == written
    return said


@pytest.fixture(scope="module")
def details() -> dict[str, str]:
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
    return {row["finding_id"]: row["detail"] for row in w.rows("FROM marts.commission_findings")}


def test_every_finding_of_the_mart_is_said_in_the_language_of_the_page(details: dict[str, str]) -> None:
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


class Measured:
    """A row of measures, all of them known."""

    quiet = ibis.literal(True)

    def __init__(self, *, bookings_read: bool = True) -> None:
        self.bookings_read = ibis.literal(bookings_read)

    def __getattr__(self, name: str) -> Any:
        return ibis.literal(7)


def messages() -> Iterator[str]:
    """Everything a health point can say."""

    def note(expression: Any) -> str:
        return duckdb.sql(ibis.to_sql(expression, dialect="duckdb")).fetchall()[0][0]

    for number, point in HEALTH_POINTS.items():
        measure = MEASURES[number]
        yield point.broken
        yield point.unknown + (note(measure.unknown_note(Measured())) if measure.unknown_note else "")
        if number in (2, 3, 4):
            assert measure.unknown_note is not None
            yield point.unknown + note(measure.unknown_note(Measured(bookings_read=False)))
        yield point.working + (note(measure.working_note(Measured())) if measure.working_note else "")
    yield HEALTH_POINTS[5].working


def test_every_message_of_a_health_point_is_said_in_the_language_of_the_page() -> None:
    said = [translated(message) for message in messages()]
    assert len(set(said)) == 25
    assert "Pesanan masuk dari pelanggan (7 dalam 24 jam terakhir)" in said


def test_everything_fixed_that_an_alert_says_is_said_in_the_language_of_the_page() -> None:
    said = {finding.said(DEFAULT_POLICY) for finding in FINDINGS.values()}
    fixed = said | {words for rule in RULES for words in (rule.summary, rule.what_to_do) if words}
    assert len(fixed) > 40
    for words in fixed:
        translated(words)


def test_what_a_failing_check_asks_to_do_is_said_in_the_language_of_the_page() -> None:
    checks = [*all_checks().values(), SourceCheck("bookings"), SweepCheck("bookings")]
    asked = {check.what_to_do for check in checks}
    assert len(asked) > 30
    for words in asked:
        translated(words)


@pytest.mark.parametrize(
    "reason",
    [
        "there was no snapshot before",
        "the snapshot before was made by rules version 1, this one by 2",
        "the snapshot before was made in another time zone",
        "the snapshot before holds no readable figures by month",
        "no snapshot before was made from complete scans",
        "only one of this snapshot and the one before was made with places, therapists",
        "this run did not read bookings to its end (partial)",
        "this run knows bookings or records whose provider was not read yet, and so not their local day",
    ],
)
def test_why_no_months_were_compared_is_said_in_the_language_of_the_page(reason: str) -> None:
    translated(reason)


def test_the_rule_of_a_finding_is_what_the_rules_say() -> None:
    assert {code: texts("en")[f"rule.{code}"] for code in FINDINGS} == {
        code: finding.rule for code, finding in FINDINGS.items()
    }


def test_lines_are_said_one_by_one_and_what_is_new_stays_as_it_is_written() -> None:
    detail = (
        "ids: orphan:c1, orphan:c2 and 1,204 more\nsomething {new}\nThe record's fee is not the policy's."
    )
    assert SAY.sentence(detail) == (
        "id: orphan:c1, orphan:c2 dan 1,204 lainnya\nsomething {new}\nDenda pada catatan bukan denda menurut kebijakan."
    )
    assert SAY.sentence(None) == ""


def test_pages_in_indonesian_say_so(home: Path, show: Show) -> None:
    changed(
        home,
        "UPDATE marts.commission_findings SET finding_id = 'the-one',"
        " detail = 'Commission c9 over Rp 75.000 is marked paid and carries no proof of payment.'"
        " WHERE finding_id = (SELECT min(finding_id) FROM marts.commission_findings)",
    )
    said = "Komisi c9 sebesar Rp 75.000 ditandai sudah dibayar tanpa bukti bayar."
    shown = show(home, "revenue", finding="the-one", lang="id")
    assert said in shown.text
    assert said in set(shown.table("Temuan per kode")["detail"])
    health = show(home, "health", lang="id").text
    assert "Tingkat pengiriman notifikasi di bawah 80%" in health
    assert "Notification delivery rate" not in health
