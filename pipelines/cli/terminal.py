"""What the streams of a command line can take: UTF-8, one of the older code pages, or ASCII alone. Decides no words.

Every command writes as if a stream took everything; here its stream learns what to write instead. Nothing a command
prints can end it with a UnicodeEncodeError.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Mapping, Sequence

STAND_INS: Mapping[str, str] = {
    "·": "-", "•": "*", "●": "*", "○": "o", "…": "...", "→": "->", "←": "<-", "×": "x", "÷": "/", "≥": ">=", "≤": "<=",
    "−": "-", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "✓": "ok", "✗": "x",
    "\N{NO-BREAK SPACE}": " ",
    "─": "-", "━": "-", "═": "=", "╸": "-", "╺": "-", "╴": "-", "╶": "-", "│": "|", "┃": "|", "║": "|",
    **dict.fromkeys("┌┐└┘├┤┬┴┼┏┓┗┛┡┩╇┳┻╭╮╰╯╔╗╚╝╠╣╦╩╬┠┨┯┷╞╡╪╤╧", "+"),
}  # fmt: skip
"""ASCII for the signs bookwatch and its tables write. A letter of a value is no such sign: it is shown by its code."""

_ASCII = "bookwatch-ascii"
_SIGNS, _CODES = "bookwatch-signs", "bookwatch-codes"


def _code(letter: str) -> str:
    """A letter as JSON escapes it: ``\\u00e9``, beyond 16 bits as two."""
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))


def _signs(failed: UnicodeError) -> tuple[str, int]:
    if not isinstance(failed, UnicodeEncodeError):
        raise failed
    beyond = failed.object[failed.start : failed.end]
    return "".join(STAND_INS.get(letter) or _code(letter) for letter in beyond), failed.end


def _codes(failed: UnicodeError) -> tuple[str, int]:
    if not isinstance(failed, UnicodeEncodeError):
        raise failed
    return "".join(map(_code, failed.object[failed.start : failed.end])), failed.end


def _find(name: str) -> codecs.CodecInfo | None:
    """ASCII under a name of our own: Typer takes a stream that calls itself ASCII for a mistake and writes UTF-8."""
    if name.replace("_", "-") != _ASCII:
        return None
    ascii_ = codecs.lookup("ascii")
    return codecs.CodecInfo(
        name=_ASCII,
        encode=ascii_.encode,
        decode=ascii_.decode,
        streamreader=ascii_.streamreader,
        streamwriter=ascii_.streamwriter,
        incrementalencoder=ascii_.incrementalencoder,
        incrementaldecoder=ascii_.incrementaldecoder,
    )


codecs.register(_find)
codecs.register_error(_SIGNS, _signs)
codecs.register_error(_CODES, _codes)


def format_asked(words: Sequence[str]) -> str:
    """What a command was asked to print on standard output: ``json``, ``csv`` or ``text``."""
    options = list(words[: words.index("--")] if "--" in words else words)
    if "--json" in options:
        return "json"
    for word, following in zip(options, [*options[1:], ""], strict=True):
        name, given, value = word.partition("=")
        if name == "--format" and (asked := value if given else following) in ("json", "csv"):
            return asked
    return "text"


def takes_ascii_only(stream: io.TextIOWrapper, environment: Mapping[str, str]) -> bool:
    """Whether a stream is ASCII by its encoding, or a terminal whose user said C or POSIX.

    Python writes UTF-8 in the locales C and POSIX, which is right for a file or a pipe, not for such a terminal.
    """
    if codecs.lookup(stream.encoding).name in ("ascii", _ASCII):
        return True
    if environment.get("PYTHONIOENCODING") or environment.get("PYTHONUTF8") or not stream.isatty():
        return False
    return (environment.get("LC_ALL") or environment.get("LANG")) in ("C", "POSIX")


def prepare_streams(words: Sequence[str]) -> None:
    """Let standard output and standard error take every letter, for a command of these ``words``.

    Signs get ASCII stand-ins, other letters their codes. Where a program reads the output nothing is replaced: JSON is
    escaped, which reads the same, and CSV is UTF-8 whatever the terminal is.
    """
    asked = format_asked(words)
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper):
            continue  # replaced by whoever called, as a test's buffer of text: it takes every letter
        for_program = stream is sys.stdout and asked != "text"
        if for_program and asked == "csv":
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")
        elif takes_ascii_only(stream, os.environ):
            stream.reconfigure(encoding=_ASCII, errors=_CODES if for_program else _SIGNS)
        elif stream.errors != "surrogateescape" or not stream.encoding.lower().startswith("utf"):
            stream.reconfigure(errors=_CODES if for_program else _SIGNS)
