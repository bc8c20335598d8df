"""What would steer a terminal is shown, not sent."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass

import pytest

from resources.visible import visible, visible_in, visible_json


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b2J\x7f\x00", r"\x9b2J\x7f\x00"),
        ("a\rb\x08", r"a\x0db\x08"),
        ("\u202egnp.exe\u2066", r"\u202egnp.exe\u2066"),
        ("Ni Luh\tBali\n·→●é☃😀 1.000", "Ni Luh\tBali\n·→●é☃😀 1.000"),
    ],
)
def test_each_is_its_escape_and_the_rest_stays(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_no_control_character_and_no_direction_is_left() -> None:
    every = "".join(map(chr, range(0x3000)))
    for letter in visible(every):
        assert letter in "\t\n" or unicodedata.category(letter) != "Cc"
        assert unicodedata.bidirectional(letter) not in (
            "LRE",
            "RLE",
            "LRO",
            "RLO",
            "PDF",
            "LRI",
            "RLI",
            "FSI",
            "PDI",
        )


@dataclass(frozen=True)
class Line:
    sentence: str
    rows: int


def test_texts_within_are_shown_too() -> None:
    content = {"a\x1b": ["\x1b", ("\x9b", 1, None)], "lines": [Line("\x07", 2)]}
    assert visible_in(content) == {
        r"a\x1b": [r"\x1b", (r"\x9b", 1, None)],
        "lines": [Line(r"\x07", 2)],
    }


def test_json_stays_the_same_value() -> None:
    import orjson

    value = {"v": "\x1b\x9b\x7f\u202e\u2028 é"}
    written = visible_json(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
    assert json.loads(written) == value
    assert visible(written) == written
