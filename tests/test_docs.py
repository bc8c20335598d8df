"""The pages people read: the reference is the one the code makes, what is written by hand keeps its form and points at
what is there."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from benchmarks.__main__ import NAMES
from checks.every import all_checks
from checks.sources import SOURCE_CHECKS, SWEEP_CHECKS
from pipelines.cli import app
from pipelines.reference import FOLDER, PAGES
from pipelines.reference.settings import OTHERS
from resources.settings import Settings, variable

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_reference_is_the_one_that_would_be_made(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == PAGES[name](), "run `make reference`"


def test_no_page_of_the_reference_is_left_behind() -> None:
    assert {str(path.relative_to(ROOT)) for path in (ROOT / FOLDER).iterdir()} == set(PAGES)


def test_every_check_says_what_it_looks_for_and_what_to_do() -> None:
    for check in (*all_checks().values(), *SOURCE_CHECKS, *SWEEP_CHECKS):
        assert check.looks_for, check.name
        assert check.what_to_do, check.name


# settings -------------------------------------------------------------------------------------------------


def test_the_example_of_an_environment_names_every_setting_with_its_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = {variable(field): field for field in Settings.model_fields}
    for name in names:
        monkeypatch.delenv(name, raising=False)
    example = ROOT / ".env.example"
    told = set(re.findall(r"(?m)^(?:# )?([A-Z_]+)=", example.read_text(encoding="utf-8")))
    assert told == set(names)
    filled = Settings(_env_file=example).model_dump(exclude={"appwrite_endpoint"})
    assert filled == Settings().model_dump(exclude={"appwrite_endpoint"})


def test_every_variable_of_the_code_is_in_the_reference() -> None:
    known = {variable(field) for field in Settings.model_fields} | set(OTHERS)
    listed = subprocess.run(
        ["git", "ls-files", "*.py", "*.toml", "Makefile", ".ci/run"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    for file in listed:
        text = (ROOT / file).read_text(encoding="utf-8")
        found = set(re.findall(r"\bBOOKWATCH_[A-Z_]*[A-Z]\b(?![*_])", text))
        assert found <= known, file


# what is written by hand ----------------------------------------------------------------------------------

WIDTH = 100
ALL_PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/reference/*.md"))
)
CODE = re.compile(r"`([^`]+)`")
A_FILE = re.compile(r"[\w./-]+\.(?:py|toml|sql|yaml|lock)|(?:\w+/)+")
#: Of a home or a report, not of the project.
MADE = {"alerts.lock", "reports/", "backups/", "dagster/", "exports/", "lake/", "published/"}
#: A change is told with the names of its time.
OF_THEIR_TIME = {"CHANGELOG.md", "docs/decisions.md"}


def lines(name: str) -> Iterator[str]:
    """The lines of a page that could be wrapped: no code, no row of a table, nothing that is one long word."""
    fenced = False
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and not line.lstrip().startswith(("|", "![")) and not re.match(r" {4}\S", line):
            yield line


def coded(name: str) -> Iterator[str]:
    """What a page says as code, on one line."""
    text = re.sub(r"(?m)^\s*```[^`]*?^\s*```", "", (ROOT / name).read_text(encoding="utf-8"))
    for found in CODE.findall(text):
        yield " ".join(found.split())


@pytest.mark.parametrize("name", ALL_PAGES)
def test_no_line_of_a_page_is_longer_than_a_hundred_columns(name: str) -> None:
    assert [line for line in lines(name) if len(line) > WIDTH and " " in line.strip()] == []


@pytest.mark.parametrize("name", ALL_PAGES)
def test_a_page_links_to_what_is_there(name: str) -> None:
    here = (ROOT / name).parent
    targets = re.findall(r"\]\(([^)#\s]+)", (ROOT / name).read_text(encoding="utf-8"))
    assert [to for to in targets if not to.startswith("http") and not (here / to).exists()] == []


@pytest.mark.parametrize("name", sorted(set(ALL_PAGES) - OF_THEIR_TIME - {"CONTRIBUTING.md"}))
def test_a_file_that_a_page_names_is_there(name: str) -> None:
    """CONTRIBUTING.md names files that are yet to be made: test_contributing.py makes them."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    known = {f"/{file}" for file in listed.splitlines()}
    known |= {f"{folder.as_posix()}/" for file in known for folder in Path(file).parents}
    named = [words for words in coded(name) if A_FILE.fullmatch(words) and words not in MADE]
    assert [words for words in named if not any(file.endswith(f"/{words}") for file in known)] == []


def commands() -> dict[tuple[str, ...], set[str]]:
    """Words that call a command, or a group of them → its options."""
    found: dict[tuple[str, ...], set[str]] = {}

    def walk(command: Any, words: tuple[str, ...]) -> None:
        options = (option for one in command.params for option in (*one.opts, *one.secondary_opts))
        found[words] = {option for option in options if option.startswith("--")} | {"--help", "--debug"}
        for name, within in getattr(command, "commands", {}).items():
            walk(within, (*words, name))

    walk(typer.main.get_command(app), ())
    return found


@pytest.mark.parametrize("name", sorted(set(ALL_PAGES) - OF_THEIR_TIME))
def test_a_command_that_a_page_names_has_these_options(name: str) -> None:
    known = commands()
    wrong: list[str] = []
    for told in coded(name):
        if not told.startswith("bookwatch "):
            continue
        words = [word.strip("[]") for word in told.split()[1:]]
        called = next(tuple(words[:n]) for n in (2, 1, 0) if tuple(words[:n]) in known)
        options = {option for word in words for option in re.findall(r"--[a-z-]+", word)}
        if (not called and not words[0].startswith("-")) or options - known[called]:
            wrong.append(told)
    assert wrong == []


@pytest.mark.parametrize("name", sorted(set(ALL_PAGES) - OF_THEIR_TIME))
def test_a_target_or_a_benchmark_that_a_page_names_is_there(name: str) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    wrong: list[str] = []
    for told in coded(name):
        made = re.fullmatch(r"make ([\w-]+)(?: ARGS=(.+))?", told)
        if made and (made[1] not in targets or (made[1] == "bench" and made[2] not in (None, *NAMES))):
            wrong.append(told)
        module = re.match(r"python -m (benchmarks[\w.]*)", told)
        if module and importlib.util.find_spec(module[1]) is None:
            wrong.append(told)
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_by_name_takes_no_word_of_the_command_line(name: str) -> None:
    """`make bench ARGS=NAME` calls it with nothing: the name is not an argument of its own."""
    main = importlib.import_module(f"benchmarks.{name}").main
    assert all(each.default is not each.empty for each in inspect.signature(main).parameters.values())
    assert "parse_args()" not in inspect.getsource(main)
