"""The kinds of places a sentence can have, and how each writes its argument. No sentence stands here: the words a place
needs are entries of the catalogue.

A place is ``{name}`` or ``{name:kind}``; behind a bar stands which word a null is (``{ref:text|nothing}``) where it is
not the kind's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from string import Formatter
from typing import Final

from marketplace.durations import in_whole
from messages.message import Arg

#: The word of the catalogue by its name.
Named = Callable[[str], str]

_DAY: Final = timedelta(days=1)


def rupiah(amount: int) -> str:
    """``Rp 1.250.000``, ``-Rp 25.000``."""
    return f"{'-' if amount < 0 else ''}Rp {abs(amount):,}".replace(",", ".")


def percent(rate_ppm: int) -> str:
    """A rate in millionths: ``30 %``, ``27,5 %``."""
    whole, rest = divmod(rate_ppm, 10_000)
    decimals = f"{rest:04}".rstrip("0")
    return f"{whole},{decimals} %" if decimals else f"{whole} %"


def _text(value: Arg, named: Named) -> str:
    return str(value)


def _rupiah(value: Arg, named: Named) -> str:
    return rupiah(_number(value))


def _percent(value: Arg, named: Named) -> str:
    return percent(_number(value))


def _number(value: Arg) -> int:
    if not isinstance(value, int):
        raise TypeError(f"a whole number is wanted, not {type(value).__name__}")
    return value


def _grouped(value: Arg, named: Named) -> str:
    return f"{_number(value):,}"


def _moment(value: Arg, named: Named) -> str:
    """``2026-03-01T14:05`` is local, ``2026-03-01T14:05Z`` is UTC where the zone is not known."""
    written = str(value)
    zone = "named.utc" if written.endswith("Z") else "named.local"
    return named(zone).format(time=written.removesuffix("Z").replace("T", " ", 1))


def _listed(value: Arg, named: Named) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _duration(value: Arg, named: Named) -> str:
    """Of seconds: ``24 hours``, ``7 days``, ``1 hour``."""
    number, unit, _ = in_whole(timedelta(seconds=_number(value)))
    return named(f"named.{unit}" if number == 1 else f"named.{unit}s").format(n=f"{number:,}")


def _within(value: Arg, named: Named) -> str:
    """Of seconds, after "within": ``an hour``, ``a day``, ``5 minutes``."""
    length = timedelta(seconds=_number(value))
    number, unit, _ = in_whole(length)
    if length == _DAY or number == 1:
        return named(f"named.a_{'day' if length == _DAY else unit}")
    return _duration(value, named)


def _short(value: Arg, named: Named) -> str:
    """Of seconds, as a heading has it: ``24 h``, ``30 d``."""
    number, unit, _ = in_whole(timedelta(seconds=_number(value)))
    return named(f"named.short_{unit}").format(n=f"{number:,}")


@dataclass(frozen=True)
class Kind:
    """How a place writes its argument, and the word for a null."""

    write: Callable[[Arg, Named], str]
    null: str = "named.none"


KINDS: Final[Mapping[str, Kind]] = {
    "text": Kind(_text),
    "rupiah": Kind(_rupiah, "named.amount"),
    "percent": Kind(_percent, "named.rate"),
    "moment": Kind(_moment, "named.time"),
    "number": Kind(_grouped),
    "list": Kind(_listed),
    "duration": Kind(_duration),
    "within": Kind(_within),
    "short": Kind(_short),
}


#: By whose custom a kind writes a number where it is published: 1.250,5 or 1,250.5.
_CUSTOM: Final[Mapping[str, str]] = {"rupiah": "id", "percent": "id", "number": "en"}
_OTHER: Final = str.maketrans(".,", ",.")


@dataclass(frozen=True)
class Place:
    """A place of a sentence: the argument it shows, how it is written, and the word for a null."""

    name: str
    kind: str
    null: str

    def written(self, value: Arg, named: Named, numbers: str | None = None) -> str:
        """As it is published; where ``numbers`` (en, id) says by whose custom a page groups them, by that."""
        if value is None:
            return named(self.null)
        written, own = KINDS[self.kind].write(value, named), _CUSTOM.get(self.kind)
        return written.translate(_OTHER) if numbers and own and numbers != own else written


def parts_of(template: str) -> tuple[str | Place, ...]:
    """The words and places of a sentence in order. Raises KeyError for a kind that is none."""
    parts: list[str | Place] = []
    for words, name, spec, _ in Formatter().parse(template):
        if words:
            parts.append(words)
        if name:
            kind, _, null = (spec or "").partition("|")
            kind = kind or "text"
            parts.append(Place(name, kind, f"named.{null}" if null else KINDS[kind].null))
    return tuple(parts)
