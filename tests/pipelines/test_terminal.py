"""Every command on a terminal that takes only ASCII, or an old code page; what a program reads stays exact."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.cli.terminal import STAND_INS, format_asked, prepare_streams, takes_ascii_only
from resources.home import Home
from resources.ledger.alerts import Alert, AlertStore
from resources.progress import progress_for
from tests.dashboards import snapshot

LETTERS = "Ni Luh Ayu · 50 → é 王 😀"
CODES = "Ni Luh Ayu - 50 -> \\u00e9 \\u738b \\ud83d\\ude00"
SQL = f"SELECT '{LETTERS}' AS value, 1 AS n"

Bytes = Callable[..., tuple[int, bytes, bytes]]


@pytest.fixture(scope="module")
def published(publication: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One real snapshot with its status and an alert, for all commands: none here changes anything."""
    root = tmp_path_factory.mktemp("terminal") / "home"
    snapshot.build(publication, root)
    home = Home(root).create()
    now = snapshot.NOW
    fired = now - timedelta(minutes=12)
    alert = Alert("no_missing", (), "firing", "critical", f"Missing × 7 {LETTERS}", fired, now, figure=7.0)
    AlertStore(home.ledger).save([alert], [], now=now)
    return root


@pytest.fixture
def bookwatch(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bytes:
    """Runs a command on streams of an encoding; returns its status and the bytes of both."""
    monkeypatch.chdir(tmp_path)
    for name in ("APPWRITE_ENDPOINT", "BOOKWATCH_ALERT_URLS", "PYTHONIOENCODING", "PYTHONUTF8"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BOOKWATCH_HOME", str(published))
    monkeypatch.setenv("BOOKWATCH_NOW", snapshot.NOW.isoformat())

    def call(
        *words: str, encoding: str = "ascii", terminal: bool = False, errors: str = "strict"
    ) -> tuple[int, bytes, bytes]:
        kind = Terminal if terminal else io.TextIOWrapper
        out, err = (kind(io.BytesIO(), encoding=encoding, errors=errors) for _ in range(2))
        with monkeypatch.context() as streams:
            streams.setattr(sys, "stdout", out)
            streams.setattr(sys, "stderr", err)
            with pytest.raises(SystemExit) as ended:
                main(list(words))
        written: list[bytes] = []
        for stream in (out, err):
            stream.flush()
            assert isinstance(stream.buffer, io.BytesIO)
            written.append(stream.buffer.getvalue())
        return int(ended.value.code or 0), written[0], written[1]

    return call


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


COMMANDS = (
    (("status",), 0),
    (("sql", SQL), 0),
    (("sql", "SELEKT '·'"), 2),
    (("errors",), 0),
    (("errors", "--since", "7…"), 2),
    (("alerts", "list"), 0),
    (("alerts", "test"), 2),
    (("verify", "--no-such→option"), 2),
    (("doctor",), 2),
    (("run",), 2),
    (("no…such",), 2),
    (("--help",), 0),
    (("sql", "--help"), 0),
)


@pytest.mark.parametrize("terminal", [False, True], ids=["piped", "terminal"])
@pytest.mark.parametrize(
    ("words", "status"), COMMANDS, ids=lambda v: " ".join(v) if isinstance(v, tuple) else ""
)
def test_every_command_works_where_only_ascii_does(
    bookwatch: Bytes, words: tuple[str, ...], status: int, terminal: bool
) -> None:
    ended, out, err = bookwatch(*words, terminal=terminal)
    assert ended == status, err
    assert (out + err).isascii()
    assert b"Something unforeseen" not in err
    assert out.strip() or err.strip()


def test_signs_have_stand_ins_and_letters_their_codes(bookwatch: Bytes) -> None:
    table = bookwatch("sql", SQL)[1].decode("ascii")
    assert CODES in table
    assert "+-" in table
    assert "| value" in table
    assert f"critical - no_missing: Missing x 7 {CODES}" in bookwatch("alerts", "list")[1].decode("ascii")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "utf-8"])
def test_what_a_program_reads_is_exact_in_every_encoding(bookwatch: Bytes, encoding: str) -> None:
    for words in (("sql", SQL, "--json"), ("sql", SQL, "--format", "json"), ("sql", SQL, "--format=json")):
        assert json.loads(bookwatch(*words, encoding=encoding)[1].decode(encoding)) == [
            {"value": LETTERS, "n": 1}
        ]
    csv = bookwatch("sql", SQL, "--format", "csv", encoding=encoding)[1]
    assert csv.decode("utf-8").split() == f"value,n {LETTERS},1".split()
    assert LETTERS in bookwatch("alerts", "list", "--json", encoding="utf-8")[1].decode("utf-8")


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "latin-1", "utf-8"])
def test_an_old_code_page_keeps_what_it_takes(bookwatch: Bytes, encoding: str) -> None:
    status, out, _ = bookwatch("alerts", "list", encoding=encoding)
    assert status == 0
    shown = out.decode(encoding)
    assert "é" in shown
    assert "critical · no_missing" in shown
    assert ("->" in shown) == (encoding != "utf-8")


def test_a_lone_half_of_a_letter_stops_nothing(bookwatch: Bytes) -> None:
    status, _, err = bookwatch("no\udce9such", encoding="utf-8")
    assert status == 2
    assert b"no\\udce9such" in err


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_status_says_each_points_state_in_a_word_without_colour(
    bookwatch: Bytes, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    shown = bookwatch("status", terminal=True, encoding=encoding)[1].decode(encoding)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", shown)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    points = re.findall(r"^  \S (working|broken|unknown) +([1-7]) ", plain, flags=re.MULTILINE)
    assert [number for _, number in points] == list("1234567")


def test_a_terminal_of_the_c_locale_is_ascii_and_a_pipe_is_not() -> None:
    terminal, pipe = (kind(io.BytesIO(), encoding="utf-8") for kind in (Terminal, io.TextIOWrapper))
    for said in ({"LC_ALL": "C"}, {"LANG": "POSIX"}, {"LC_ALL": "POSIX", "LANG": "id_ID.UTF-8"}):
        assert takes_ascii_only(terminal, said)
        assert not takes_ascii_only(pipe, said)
    for said in (
        {},
        {"LANG": "id_ID.UTF-8"},
        {"LC_ALL": "C", "PYTHONUTF8": "1"},
        {"LANG": "C", "LC_ALL": "C.UTF-8"},
    ):
        assert not takes_ascii_only(terminal, said)


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["sql", "SELECT '--json'"], "text"),
        (["sql", "x", "--json"], "json"),
        (["sql", "--format", "csv", "x"], "csv"),
        (["sql", "--format=table", "x"], "text"),
        (["sql", "--", "--json"], "text"),
        (["sql", "x", "--format"], "text"),
    ],
)
def test_what_is_asked_for(words: list[str], asked: str) -> None:
    assert format_asked(words) == asked


def test_every_sign_that_we_write_has_a_stand_in() -> None:
    """Those of `demo` and `serve` too, whose banners no test here waits for."""
    root = Path(__file__).parents[2]
    # Its letters are those a spreadsheet takes for a formula or a date: looked for, never printed.
    looked_for = root / "pipelines" / "exports" / "spreadsheet.py"
    files = {path for room in ("pipelines", "resources") for path in (root / room).rglob("*.py")} - {
        looked_for
    }
    beyond = {letter for path in files for letter in path.read_text("utf-8") if not letter.isascii()}
    assert beyond <= STAND_INS.keys()
    assert "".join(STAND_INS.values()).isascii()


def test_bars_are_drawn_in_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    err = Terminal(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stderr", err)
    prepare_streams(["run"])
    with progress_for() as bars:
        bars.start("bookings")
        bars.advance("bookings", 1_234)
        bars.finish("bookings", "partial", "50 → é")
    err.flush()
    assert isinstance(err.buffer, io.BytesIO)
    drawn = err.buffer.getvalue()
    assert drawn.isascii()
    assert b"50 -> \\u00e9" in drawn
