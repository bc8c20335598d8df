"""A figure that people quote is called by its one definition wherever it is told: pages, notebooks, exports, alerts."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

from marketplace.health import HEALTH_POINTS
from marketplace.metrics import COLUMNS, METRICS, Unit
from messages import catalogue
from messages.catalogue import ENGLISH, LANGUAGES, figure_text, figures_named, flat
from pipelines.alerting.rules import RULES

ROOT = Path(__file__).parents[2]
#: What such a column holds depends on its row.
OF_THE_ROW = {"amount_idr", "figure"}
HEADINGS = {*COLUMNS, *(f.rsplit(".", 1)[1] for m in METRICS.values() for f in m.figures)} - OF_THE_ROW
#: Groups of labels over columns: elsewhere a key of one word ("failed", "paid") is of a state as likely as of a figure.
OF_COLUMNS = {
    *("chat", "col", "commission", "commissions", "customers", "demand", "ledger", "links", "members", "notebook.col"),
    *("month.cover.figure", "providers", "receivables", "revenue", "figure_name"),
}  # fmt: skip
#: Groups of words of the data (a status, a state, a kind): they say what a row is, and head no figure.
OF_WORDS = {"answer_is", "booking_outcome", "booking_time", "month.policy"}
#: Labels that are called as a figure or as its column is, and are of something else.
OTHERS = {
    "actions.undone": "of an action",
    "alerts.delivered": "a message to a channel",
    "bookings.title": "a page",
    "changes.difference": "of two snapshots",
    "col.completed": "when a collection was read",
    "col.failed_rows": "of one check",
    "customers.title": "a page",
    "customers.unknown": "of one customer",
    "mine.list_completed": "a list",
    "month.cover.bridge.open_records": "a bridge",
    "month.cover.figure.free": "a state of rows",
    "month.cover.figure.missing": "a state of rows",
    "month.cover.figure.unknown": "a state of rows",
    "month.line.difference": "what a bridge leaves",
    "month.line.unknown_rows": "what they add to a bridge",
    "months.action_reopened": "a sign-off",
    "notebook.col.unknown": "of discounts: where a price is not known",
    "providers.bookings": "a section",
    "providers.created": "when it was",
}


@cache
def templates(language: str) -> dict[str, str]:
    """Every text as it is written: where it names a figure, it says which."""
    own = tomllib.loads((ROOT / f"dashboards/text/{language}.toml").read_text(encoding="utf-8"))
    found = dict(flat(own))
    for path in sorted((ROOT / "messages").glob("*.toml")):
        for name, text in flat(tomllib.loads(path.read_text(encoding="utf-8"))[language]):
            found[name.removeprefix("page.")] = text
    return found


def modules() -> list[ast.Module]:
    return [
        ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "dashboards").rglob("*.py"))
    ]


def of_words() -> set[str]:
    """The groups that pages say words of the data by, beside those of ``OF_WORDS``."""
    said = "\n".join(p.read_text(encoding="utf-8") for p in sorted((ROOT / "dashboards").rglob("*.py")))
    found = {*re.findall(r'words="(\w+)"', said), *re.findall(r'\.word\(\s*"(\w+)"', said)}
    return (found | OF_WORDS) - {"figure_name", "series"}


def is_reference(text: str) -> bool:
    return "[[" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_label_spells_a_figure_a_second_time(language: str) -> None:
    """Nor a label of the column that holds one. (By the words alone it is told in English: in Indonesian one booking
    is called as many are.)"""
    words, names = of_words(), set[str]()
    if language == ENGLISH:
        names = {figure_text(name, language=language).casefold() for name in METRICS}
    spelled: set[str] = set()
    for key, text in templates(language).items():
        group, _, last = key.rpartition(".")
        if (
            group.startswith(("metric", "term"))
            or is_reference(text)
            or words & {group, group.split(".")[-1]}
        ):
            continue
        heads = last in HEADINGS and ("_" in last or group in OF_COLUMNS)
        if heads or text.casefold() in names:
            spelled.add(key)
    assert spelled - OTHERS.keys() == set(), "a figure is called [[name]]; or say here of what else it is"


def test_what_is_excused_is_there_and_spelled() -> None:
    assert OTHERS.keys() <= templates("en").keys()
    assert not [key for key in OTHERS if is_reference(templates("en")[key])], "take it off the list"


def test_a_column_of_a_page_that_holds_a_figure_is_headed_by_it() -> None:
    spelled: set[tuple[str, str]] = set()
    for tree in modules():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Column"):
                continue
            given = [one.value for one in node.args if isinstance(one, ast.Constant)]
            if len(given) < 2 or given[0] not in HEADINGS or given[1] in OTHERS:
                continue
            if not given[1].startswith("metric") and not is_reference(templates("en")[given[1]]):
                spelled.add((given[0], given[1]))
    assert spelled == set()


def test_each_figure_of_a_report_s_cover_is_called_by_its_definition() -> None:
    for language in LANGUAGES:
        told = {k: v for k, v in templates(language).items() if k.startswith("month.cover.figure.")}
        rupiah = {k: v for k, v in told.items() if k.endswith("_idr") and "unknown" not in k}
        assert len(rupiah) == 12
        assert all(map(is_reference, rupiah.values()))


def test_an_alert_tells_a_metric_in_its_unit() -> None:
    """A check's the rows that break it; no unit is written beside."""
    told = {rule.key: rule.figure for rule in RULES if rule.figure is not None}
    assert set(told.values()) <= METRICS.keys()
    of_points = {point.metric for point in HEALTH_POINTS.values()}
    assert of_points | {"unusual_series", "errors_a_minute", "quarantined_rows", "last_read_age"} < {
        *told.values()
    }
    assert RULES.of("health_point_7_payment_tracking").unit == "missing commissions"
    assert RULES.of("health_point_6_notification_delivery").unit == Unit.SHARE
    assert RULES.of("zero_missing_commission").unit == Unit.ROWS
    for path in (ROOT / "pipelines/alerting").glob("*.py"):
        assert not re.search(r'\bunit="', path.read_text(encoding="utf-8")), path.name


def test_a_text_takes_a_figure_s_name_short_name_and_sentence() -> None:
    text = "[[expected_commission]]; [[expected_commission.short]]; [[booked.short:lower]]; [[booked.is]]"
    said = "Commission expected; Expected; booked; Value of accepted, confirmed and completed bookings"
    assert figures_named(text, "en") == said
    with pytest.raises(KeyError):
        figures_named("[[nothing]]", "en")


_CHILD = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
from messages import catalogue
catalogue._HERE = Path(sys.argv[1])

from dashboards.notebook.book import Book
from dashboards.wording import Wording
from messages.catalogue import named
from pipelines.alerting.engine import EngineState, Message
from pipelines.alerting.message import compose
from pipelines.alerting.rules import RULES
from pipelines.exports.month.columns import guide
from pipelines.exports.month.package import tables
from pipelines.reference import alerts, metrics
from resources.ledger.alerts import Alert
from resources.notifier import Channel

now = datetime(2026, 3, 14, 12, tzinfo=UTC)
say = Wording("en", "Asia/Makassar")
book = Book.__new__(Book)
book.say, book.__dict__["now"] = say, now
rule = RULES.of("health_point_7_payment_tracking")
alert = Alert(rule.name, (), "firing", "critical", "said", now, now, figure=3.0, limit=0.0, unit=rule.unit)
lines = {(table, column): sentence for table, _, column, _, sentence, _ in guide(tables()).rows()}
print(json.dumps({
    "alert": compose(Message(Channel("json://all"), (alert,)), EngineState(), now)[1],
    "page": say("revenue.missing") + say("ledger.accrued_idr"),
    "notebook": str(book._heading("booked_idr")) + str(book._heading("paid_idr")),
    "guide": lines["summary", "expected_idr"],
    "cover": named("month.cover.figure.expected_idr") + named("month.cover.figure.expected_idr", "id"),
    "reference": alerts.page() + metrics.page(),
}))
"""


def test_a_figure_renamed_in_its_definition_is_renamed_wherever_it_is_told(tmp_path: Path) -> None:
    """In a copy of the messages, in a process that reads them: what is said at import is said anew."""
    shutil.copytree(
        ROOT / "messages", tmp_path / "messages", ignore=shutil.ignore_patterns("*.py", "__pycache__")
    )
    definition = tmp_path / "messages/metrics.toml"
    told = definition.read_text(encoding="utf-8")
    for language in LANGUAGES:
        for group in ("metric", "metric_short", "metric_is"):
            for name, text in tomllib.loads(told)[language]["page"][group].items():
                told = told.replace(f'{name} = "{text}"', f'{name} = "New {name} {group}"')
    definition.write_text(told, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(tmp_path / "messages")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    said = json.loads(done.stdout.splitlines()[-1])
    assert "  3 new missing_commissions metric, limit 0 ·" in said["alert"]
    assert said["page"] == "New missing_commissions metric+ New accrued_commission metric_short"
    assert said["notebook"] == (
        '<span title="New booked metric_is">New booked metric</span>'
        '<span title="New paid metric_is">− New paid metric_short</span>'
    )
    assert said["guide"] == "new expected_commission metric_is, rupiah"
    assert said["cover"] == "New expected_commission metric" * 2
    for name in METRICS:
        assert f"New {name} metric: New {name} metric_is" in said["reference"].replace("\n  ", " ")
    assert catalogue.named("month.cover.figure.expected_idr") == "Commission expected"
