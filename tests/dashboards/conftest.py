"""A published snapshot under a home of its own, and the app on it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from dashboards import launch, viewer
from dashboards.queries import reading
from dashboards.viewer import Viewer
from marketplace.roles import Role
from tests.dashboards import snapshot
from tests.dashboards.snapshot import Truth
from tests.drawn_pages import AppTest
from tests.published import copied_home, left_as_it_is


@pytest.fixture(scope="session")
def published(publication: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    """One snapshot for all tests that change nothing."""
    home = tmp_path_factory.mktemp("drawn") / "home"
    return home, snapshot.build(publication, home)


_explained: set[str] = set()


def _compares_every_row(step: dict[str, Any]) -> bool:
    """Whether a step of a plan, or one below, is an outer join without a key. (A join with one row, as a subquery in a
    condition makes it, is an inner one, and cheap.)"""
    if step["name"] == "BLOCKWISE_NL_JOIN" and step["extra_info"]["Join Type"] != "INNER":
        return True
    return any(_compares_every_row(below) for below in step["children"])


class _Explained:
    """A connection whose questions are also explained."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def sql(self, sql: str, params: Any = None) -> Any:
        if sql not in _explained:
            _explained.add(sql)
            plan = self._connection.execute(f"EXPLAIN (FORMAT json) {sql}", params or []).fetchall()[0][1]
            (step,) = json.loads(plan)
            assert not _compares_every_row(step), f"Every row is compared with every row:\n{sql}"
        return self._connection.sql(sql, params=params)


@pytest.fixture(autouse=True)
def _no_question_compares_every_row_with_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan is the same on ten rows as on a million, where it would take a minute."""
    opened = reading.reading

    @contextmanager
    def explained(path: str) -> Iterator[Any]:
        with opened(path) as connection:
            yield _Explained(connection)

    monkeypatch.setattr(reading, "reading", explained)


@pytest.fixture
def home(published: tuple[Path, Truth], tmp_path: Path) -> Path:
    """A home of this test's own, with the same snapshot."""
    return copied_home(published[0], tmp_path / "home").root


@pytest.fixture
def read_home(published: tuple[Path, Truth]) -> Iterator[Path]:
    """The same for a test that only reads: one for all of them, so that its snapshot is opened once and what is asked
    of it is asked once."""
    with left_as_it_is(published[0]) as home:
        yield home


@pytest.fixture
def truth(published: tuple[Path, Truth]) -> Truth:
    return published[1]


@dataclass
class Shown:
    """A drawn page: the app, and its text as a person reads it."""

    app: AppTest

    @property
    def html(self) -> str:
        """What stands on the page; without the scripts of the frame, which are not of it (``scripts``)."""
        return "\n".join(
            block.proto.body for block in self.app.html if not block.proto.unsafe_allow_javascript
        )

    @property
    def scripts(self) -> list[str]:
        """What the browser is given to run."""
        return [block.proto.body for block in self.app.html if block.proto.unsafe_allow_javascript]

    @property
    def text(self) -> str:
        """Without tags and style, white space collapsed."""
        bare = re.sub(r"<style>.*?</style>", " ", self.html, flags=re.DOTALL)
        return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", bare))).strip()

    def table(self, alt: str) -> Any:
        """The rows of the table that is described so, as they are shown."""
        (found,) = [element.value for element in self.app.dataframe if element.proto.alt == alt]
        return found

    def card(self, name: str) -> str:
        """The text of the revenue card of a figure."""
        found = re.search(rf'<div class="bw-card bw-figure bw-{name}">.*?</div>', self.html, flags=re.DOTALL)
        assert found, f"no card {name}"
        return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", found.group()))).strip()


@pytest.fixture
def signed_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[Role], Viewer]:
    """Be somebody of a role from here on, as after signing in."""

    def as_role(role: Role) -> Viewer:
        who = Viewer(f"{role}@example.test", role, known=True)
        monkeypatch.setattr(viewer, "current", lambda settings: who)
        return who

    return as_role


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Shown]:
    """Draw a page of the app on a home, at the fixed instant."""

    def draw(home: Path, page: str = "overview", **query: str) -> Shown:
        monkeypatch.setenv("BOOKWATCH_HOME", str(home))
        monkeypatch.setenv("BOOKWATCH_NOW", snapshot.NOW_SETTING)
        monkeypatch.setenv("BOOKWATCH_TIMEZONE", "Asia/Makassar")
        app = AppTest.from_file(launch.APP, default_timeout=30)
        for name, value in query.items():
            app.query_params[name.rstrip("_")] = value
        app.switch_page(f"pages/{page}.py").run()
        assert not app.exception, app.exception
        return Shown(app)

    return draw
