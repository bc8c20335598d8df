"""Held here: every pause, `noqa`, `type: ignore` and broad `except` says why, on its line or above it.

A broad `except` that ends in a bare `raise` swallows nothing, so it needs no reason. What a reason
says is a reader's to judge; that it says something, and of its own, is held here.
"""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
NOQA = re.compile(r"# *noqa\b(?P<rest>.*)")
REASON = re.compile(r"^: [A-Z]+\d+(?:, [A-Z]+\d+)* - (?!as (?:said )?above|likewise)\S")
IGNORED = re.compile(r"# *(?:type|pyright): *ignore\b(?:\[[^\]]*\])?(?P<rest>.*)")
WANTS_ONE = re.compile(r"sleep|noqa|: *ignore|BaseException|except.*Exception\b|except:")
BROAD = frozenset(("Exception", "BaseException"))


def _files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split() if (ROOT / name).exists()]


def _is_broad(handler: ast.ExceptHandler) -> bool:
    """Whether everything is caught and not raised again as it was."""
    named = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    last = handler.body[-1]
    again = isinstance(last, ast.Raise) and last.exc is None
    broad = any(one is None or (isinstance(one, ast.Name) and one.id in BROAD) for one in named)
    return broad and not again


def _pauses(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name.lstrip("_") == "sleep"


def unsaid(text: str) -> list[int]:
    """The lines of a module that want a reason and have none."""
    missing = set[int]()
    if not WANTS_ONE.search(text):  # to parse every module takes seconds
        return []
    lines = text.split("\n")
    for node in ast.walk(ast.parse(text)):
        if _pauses(node) or (isinstance(node, ast.ExceptHandler) and _is_broad(node)):
            at: int = node.lineno  # type: ignore[attr-defined] - a call or a handler, which have a place
            if "#" not in lines[at - 1] and not lines[at - 2].lstrip().startswith("#"):
                missing.add(at)
    for at, line in enumerate(lines, 1):
        if (ignored := IGNORED.search(line)) and not line.lstrip().startswith("#") and "`" not in line:
            above = lines[at - 2].lstrip().startswith("#")
            if not re.match(r" +[-#] *\S", ignored["rest"]) and not above:
                missing.add(at)
        if (noqa := NOQA.search(line)) and not line.lstrip().startswith("#") and "`noqa`" not in line:
            above = lines[at - 2].lstrip().startswith("#")
            if not REASON.match(noqa["rest"]) and not above:
                missing.add(at)
    return sorted(missing)


def test_every_pause_and_every_exception_to_a_rule_says_why() -> None:
    missing = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in _files()
        for line in unsaid(path.read_text(encoding="utf-8"))
    ]
    assert not missing, "no reason on the line or above it:\n" + "\n".join(missing)


def test_what_wants_a_reason_is_seen() -> None:
    left_out = "no" + "qa: F401"  # in one piece it would be one of this file's
    silent = f"import time\ntime.sleep(1)\ntry:\n    pass\nexcept Exception:\n    pass\nx = 1  # {left_out}\n"
    assert unsaid(silent) == [2, 5, 7]
    said = silent.replace("sleep(1)", "sleep(1)  # why").replace("Exception:", "Exception:  # why")
    assert unsaid(said.replace("F401", "F401 - why")) == []
    assert unsaid(said.replace("F401", "F401 - as above")) == [7]
    hidden = "x = 1  # type: " + "ignore[misc]\n"
    assert unsaid(hidden) == [1]
    assert unsaid(hidden.replace("]", "] - why")) == unsaid("# why\n" + hidden) == []
    assert unsaid("try:\n    pass\nexcept BaseException:\n    undo()\n    raise\n") == []
