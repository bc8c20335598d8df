"""Codes as the product names them: each is in the catalogues, and none in the catalogues is named by nobody. (Which of
those that are put together can be said is shown where rows are made: tests/dashboards/test_sentences.py.)
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from messages.catalogue import sentences

ROOT = Path(__file__).parents[2]
ROOMS = (
    "marketplace",
    "messages",
    "resources",
    "checks",
    "assets",
    "operations",
    "services",
    "pipelines",
    "dashboards",
)
#: What takes a code as its first argument.
SAYING = ("Message", "said", "named", "of", "_around")


def texts() -> Iterator[tuple[str, bool]]:
    """Every text of the product with .+ for what is put in, and whether it stands as the code of a message."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            codes = {
                id(node.args[0])
                for node in ast.walk(tree)
                if isinstance(node, ast.Call)
                and node.args
                and getattr(node.func, "id", getattr(node.func, "attr", None)) in SAYING
            }
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    # Of a group's beginning ("age.over_") any end is put to it; SQL has codes in apostrophes.
                    begins = node.value.endswith((".", "_"))
                    yield re.escape(node.value) + (".+" if begins else ""), id(node) in codes
                    for code in re.findall(r"'(\w+\.[\w.]+)'", node.value):
                        yield re.escape(code), False
                elif isinstance(node, ast.JoinedStr):
                    parts = (
                        re.escape(str(p.value)) if isinstance(p, ast.Constant) else ".+" for p in node.values
                    )
                    yield "".join(parts), id(node) in codes


def test_every_code_that_is_named_is_there_and_every_code_is_named() -> None:
    known = sentences("en").keys()
    groups = {code.partition(".")[0] for code in known}
    named: set[str] = set()
    absent: set[str] = set()
    for text, is_code in set(texts()):
        group = re.match(r"\w+", text)
        if group is None or group[0] not in groups:
            continue
        found = {code for code in known if re.fullmatch(text, code)}
        named |= found
        if is_code and not found:
            absent.add(text)
    assert absent == set()
    assert {
        code for code in known if code not in named and re.sub("_(do|more)$", "", code) not in named
    } == set()
