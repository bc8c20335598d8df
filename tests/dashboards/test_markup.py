"""Whatever a text of the data or of the address is, a page shows it as text; and no page makes HTML of its own."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest
from markupsafe import Markup

import dashboards
from dashboards import frame
from dashboards.kit import parts
from dashboards.kit.markup import element, joined, prose
from dashboards.queries.reading import ask
from dashboards.wording import LANGUAGES
from marketplace.operations import Operation
from resources import acting
from resources.home import Home
from resources.ledger import Ledger
from resources.snapshots import require_snapshot
from tests.acted import NOW, planned
from tests.dashboards.conftest import Shown
from tests.published import PUBLISHED_AT, changing, copied_home

Show = Callable[..., Shown]

HOSTILE = """<script>alert(1)</script><img src=x onerror=alert(2)>"><b>bold</b>'&amp;"""
ROOT = Path(dashboards.__file__).parent
#: The elements our parts are made of; nothing else may stand on a page.
OURS = {
    *(
        "a",
        "b",
        "br",
        "code",
        "dd",
        "div",
        "dl",
        "dt",
        "h1",
        "h2",
        "h3",
        "i",
        "li",
        "mark",
        "nav",
        "p",
        "small",
    ),
    *("span", "strong", "style", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}


class Elements(HTMLParser):
    """The elements and attributes of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.said = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.said += " ".join(value or "" for _, value in attrs)

    def handle_data(self, data: str) -> None:
        self.said += data


#: Pages that show no text of the data at all, and the part of others that shows some.
OF_FIGURES = {"overview", "prelaunch"}
SHOWING = {"changes": {"show": "findings"}}
#: Words that decide what is shown: another word would show less, not more.
DECIDING = re.compile(r"(^|_)(state|status|severity|finding|outcome|time_window|figure|health|verdict)$")


def _spoil(con: duckdb.DuckDBPyConnection) -> int:
    """Every text of every table that a screen reads begins with what is hostile, but the deciding ones: one id in
    two tables stays one id. How many columns that were."""
    columns = con.execute(
        "SELECT c.table_schema, c.table_name, c.column_name FROM information_schema.columns c"
        " JOIN information_schema.tables t USING (table_schema, table_name)"
        " WHERE c.data_type = 'VARCHAR' AND t.table_type = 'BASE TABLE'"
        " AND c.table_schema IN ('core', 'marts', 'ops') AND c.table_name <> 'snapshot'"
    ).fetchall()
    spoilt = 0
    for schema, table, column in columns:
        if not DECIDING.search(column):
            con.execute(f'UPDATE {schema}."{table}" SET "{column}" = ? || "{column}"', [HOSTILE])

            spoilt += 1
    return spoilt


@pytest.fixture(scope="module")
def spoilt(publication: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A publication in which people wrote what they should not have."""
    home = copied_home(publication, tmp_path_factory.mktemp("spoilt") / "home")
    home.status.unlink()  # what it says is said again from the snapshot
    with changing(home) as con:
        assert _spoil(con) > 100
    Ledger(home.ledger).sign_off(
        PUBLISHED_AT.date().replace(month=10, day=1),
        by=HOSTILE,
        at=PUBLISHED_AT,
        snapshot_id=None,
        manifest_sha256=None,
    )
    change = (HOSTILE, {HOSTILE: HOSTILE}, {HOSTILE: "x"})
    planned(home, Operation.CLOSE_ROOMS, [change], collection="chat_rooms", by=HOSTILE, reason=HOSTILE)
    acting.stop(home, by=HOSTILE, reason=HOSTILE, at=NOW)
    return home


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", [entry.name for entry in frame.PAGES])
def test_hostile_texts_are_shown_as_text_on_every_page(
    spoilt: Home, show: Show, page: str, language: str
) -> None:
    asked = SHOWING.get(page, {})
    if page == "mine":  # of somebody
        (provider,) = ask(
            str(require_snapshot(spoilt)), "SELECT min(provider_id) AS one FROM core.providers"
        )["one"]
        asked = {"provider": provider, "view": "earnings", "month": "2026-11"}
    shown = show(spoilt.root, page, lang=language, **asked)
    seen = Elements(shown.html)
    assert seen.names <= OURS
    assert all(HOSTILE not in script and "alert(" not in script for script in shown.scripts)
    assert not {name for name in seen.attributes if name.startswith("on")}
    tables = [value for table in shown.app.dataframe for value in table.value.astype(str).to_numpy().ravel()]
    assert page in OF_FIGURES or HOSTILE in seen.said or any(HOSTILE in value for value in tables)


def test_what_is_not_made_as_markup_is_escaped_wherever_it_stands() -> None:
    made = element("p", HOSTILE, element("b", HOSTILE), cls=HOSTILE, title=HOSTILE)
    assert Elements(made).names == {"p", "b"}
    assert Elements(made).said == f"{HOSTILE} {HOSTILE}{HOSTILE}{HOSTILE}"
    assert Elements(joined(HOSTILE, made, by=HOSTILE)).names == {"p", "b"}
    assert prose(3) == "3"
    assert prose("run `bookwatch run` <now>") == Markup("run <code>bookwatch run</code> &lt;now&gt;")
    assert parts.verbatim("`a`") == Markup("<code>`a`</code>")


def test_every_part_gives_markup() -> None:
    made = {
        name: part.__annotations__["return"]
        for name, part in vars(parts).items()
        if inspect.isfunction(part) and part.__module__ == parts.__name__
    }
    assert {name for name, kind in made.items() if kind != "Markup"} == {
        *("show", "show_style", "run"),  # which draw
        *("tone", "tone_of_severity"),  # which are words
    }
    assert isinstance(parts.table([(HOSTILE, True)], [(HOSTILE,)]), Markup)
    assert Elements(parts.table([(HOSTILE, True)], [(HOSTILE,)])).names <= OURS


#: The files that may say what becomes HTML: how markup is made, and where it is put onto the page.
MAKERS = {
    "kit/markup.py": {"Markup"},
    "kit/parts.py": {"Markup", "html"},
    "kit/cards.py": {"Markup"},
    # The empty page of Streamlit's server, before any page of ours is drawn.
    "first_page.py": {"head"},
    # A report is a file of its own: its page, its script, what draws its charts.
    "notebook/page.py": {"Markup", "html"},
    "notebook/shown.py": {"Markup"},
}


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_but_the_kit_puts_html_onto_a_page(path: Path) -> None:
    allowed = MAKERS.get(str(path.relative_to(ROOT)), set())
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            assert name not in {"html", "Markup"} - allowed, f"line {node.lineno}: {name}()"
            assert not any(word.arg == "unsafe_allow_html" for word in node.keywords), f"line {node.lineno}"
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not allowed:
            assert not re.search(r"</[a-z]", node.value) or path.name == "charts.py", (
                f"line {node.lineno}: {node.value[:60]}"
            )
