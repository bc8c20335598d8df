"""The codes that the program tells are those of the catalogues: none it tells is missing, none stands there untold."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from messages.catalogue import LANGUAGES, parts, say, sentences
from messages.message import Arg, Message
from messages.places import Place

ROOT = Path(__file__).parent.parent.parent
ROOMS = ("messages", "resources", "checks", "assets", "operations", "pipelines", "dashboards")
#: Groups whose codes are told from here: failures, what reading and checks find, names of settings, alerts.
TOLD = ("failure", "call", "cause", "scan", "broken", "check", "setting", "alert", "outcome")
_CODE = re.compile(rf"(?:{'|'.join(TOLD)})\.\w+")


@cache
def written() -> frozenset[str]:
    """Every text of the source that could be one of these codes; the next step of an error made by ``of`` with it."""
    return frozenset(_written())


def _written() -> Iterator[str]:
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield from _CODE.findall(node.value)
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr == "of"
                    and node.args
                    and isinstance(node.args[0], ast.Constant)
                    and isinstance(node.args[0].value, str)
                    and _CODE.fullmatch(node.args[0].value)
                ):
                    yield f"{node.args[0].value}_do"


#: Codes that are made of a part and a word of another list, by the beginning they share.
MADE = (
    "failure.blank_",
    "failure.other_",
    "failure.required_",
    "failure.snapshot_",
    "broken.ledger_",
    "cause.",
    "outcome.",
    "setting.",
)


def test_every_code_in_the_source_is_in_the_catalogues() -> None:
    made = {code for code in written() if code.endswith("_")} | {"alert.ids_more", "alert.died_more"}
    modules = {"check.py", "check.run"}  # words of the source that only look like codes
    assert written() - sentences("en").keys() - made - modules == set()


def test_every_sentence_of_these_groups_can_be_told() -> None:
    known = {code for code in sentences("en") if code.partition(".")[0] in TOLD}
    idle = {
        code
        for code in known - written()
        if not code.startswith(MADE) and code.removesuffix("_more") not in written()
    }
    # The next step of a cause is made of the cause's code (resources/appwrite/unavailable.py).
    causes = {code for code in idle if code.endswith("_do") and code.removesuffix("_do") in known}
    assert idle - causes - {code.removesuffix("_do") for code in causes} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_of_these_groups_can_be_said(language: str) -> None:
    known = [code for code in sentences("en") if code.partition(".")[0] in (*TOLD, "name", "as_written")]
    assert len(known) > 300
    for code in known:
        args: dict[str, Arg] = {
            part.name: 7
            if part.kind == "number"
            else ["x"]
            if part.kind == "list"
            else Message("cause.scope")
            for part in parts(code)
            if isinstance(part, Place)
        }
        assert "{" not in say(Message(code, args), language)
