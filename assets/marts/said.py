"""Messages of marts: code and arguments as columns, and beside them the English sentence, made from the catalogue's own
entry. No sentence stands in a mart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from assets.marts.expressions import local
from assets.marts.later import ibis
from marketplace.durations import seconds
from messages.catalogue import named, parts
from messages.places import KINDS, Place

_MINUTE: Final = "%Y-%m-%dT%H:%M"
#: Marks the end of a moment while its zone is put there; no moment holds it.
_END: Final = "$"


@dataclass(frozen=True)
class Written:
    """An argument whose text is a column already: what many sentences of a mart name is written once."""

    value: Any
    text: Any


@dataclass(frozen=True)
class Said:
    """A message of a row: its code, its arguments as JSON text, and how it reads in English. All three are text."""

    code: Any
    args: Any
    text: Any

    def columns(self, text: str) -> dict[str, Any]:
        """As columns of a mart, the sentence under the name that column has."""
        return {text: self.text, "code": self.code, "args": self.args}

    @property
    def json(self) -> Any:
        """The message as one JSON text, as a list of them holds it."""
        return ibis.literal('{"code":"') + self.code + '","args":' + self.args + "}"


def said(code: str, **values: Any) -> Said:
    """The message of a code with these arguments: Ibis expressions (a moment as ``minute`` gives it), ``Written``, or
    numbers and lengths of time that are known now. Those the sentence does not name are left out. Raises KeyError for
    a code that is in no catalogue, or an argument it lacks."""
    known = {name: value for name, value in values.items() if isinstance(value, int | timedelta)}
    told = {name: _argument(values[name]) for name in _places(code)}
    text: Any = None
    for part in parts(code):
        if isinstance(part, str):
            piece = ibis.literal(part)
        elif part.name in known:
            piece = ibis.literal(part.written(_number(known[part.name]), named))
        elif isinstance(value := values[part.name], Written):
            piece = value.text
        else:
            piece = _WRITTEN[part.kind](value, part.null)
        text = piece if text is None else text + piece
    args = _json(told) if told else ibis.literal("{}")
    return Said(ibis.literal(code), args, text)


def either(*cases: tuple[Any, Said], else_: Said) -> Said:
    """The message of the first case that holds; each variant is a code of its own."""
    return Said(
        ibis.cases(*((holds, one.code) for holds, one in cases), else_=else_.code),
        ibis.cases(*((holds, one.args) for holds, one in cases), else_=else_.args),
        ibis.cases(*((holds, one.text) for holds, one in cases), else_=else_.text),
    )


def listed(*cases: tuple[Any, Said]) -> tuple[Any, Any]:
    """The messages whose case holds, in order: as one English text apart by semicolons ('' for none), and as the JSON
    text of their list."""
    text: Any = ibis.literal("")
    told: Any = ibis.literal("")
    for holds, one in cases:
        text = text + ibis.cases((holds, ibis.literal("; ") + one.text), else_="")
        told = told + ibis.cases((holds, ibis.literal(",") + one.json), else_="")
    return text.substr(2), ibis.literal("[") + told.substr(1) + "]"


def _places(code: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.name for part in parts(code) if isinstance(part, Place)))


def _json(told: dict[str, Any]) -> Any:
    struct: Any = ibis.struct(told)
    return struct.cast("json").cast("string")


def _number(value: int | timedelta) -> int:
    return seconds(value) if isinstance(value, timedelta) else value


def _argument(value: Any) -> Any:
    """A value as it stands in the JSON: a text or a whole number."""
    if isinstance(value, int | timedelta):
        return ibis.literal(_number(value)).cast("int64")
    value = value.value if isinstance(value, Written) else value
    return value if value.type().is_string() else value.cast("int64")


def minute(instant: Any, offset_minutes: Any) -> Any:
    """An instant (naive UTC) as an argument: in local time where the zone is known, else in UTC."""
    return ibis.cases(
        (offset_minutes.isnull(), instant.strftime(f"{_MINUTE}Z")),
        else_=local(instant, offset_minutes).strftime(_MINUTE),
    )


def rupiah(amount: Any, null: str = KINDS["rupiah"].null) -> Any:
    """Text such as Rp 1.250.000; for null that word of the catalogue."""
    # Each argument stands once in the SQL: it may be a long expression, and planning is what these texts cost.
    text = amount.cast("string").re_replace(r"(\d)(\d{3})$", r"\1.\2")
    for _ in range(4):
        text = text.re_replace(r"^(-?\d+)(\d{3})\.", r"\1.\2.")
    return (ibis.literal("Rp ") + text).replace("Rp -", "-Rp ").fill_null(named(null))


def _text(value: Any, null: str) -> Any:
    return value.cast("string").fill_null(named(null))


def _percent(rate_ppm: Any, null: str) -> Any:
    whole = rate_ppm - rate_ppm % 10_000
    rest = (rate_ppm % 10_000 + 10_000).cast("string").right(4).re_replace("0+$", "")
    text = (whole / 10_000).cast("int64").cast("string")
    return ibis.cases(
        (rate_ppm.isnull(), named(null)),
        (rate_ppm % 10_000 == 0, text + " %"),
        else_=text + "," + rest + " %",
    )


def _moment(written: Any, null: str) -> Any:
    """Of an argument as ``minute`` writes it."""
    utc, local_time = (_after(name) for name in ("named.utc", "named.local"))
    read = written.replace("T", " ") + _END
    return read.replace(f"Z{_END}", utc).replace(_END, local_time).fill_null(named(null))


def _after(name: str) -> str:
    """What stands after a moment. Raises ValueError where something stands before it."""
    before, after = named(name).split("{time}")
    if before or _END in after:
        raise ValueError(f"{name}: a zone is named after the time")
    return after


#: How a place writes its argument in SQL, for the kinds that need it; the others have arguments that are known now.
_WRITTEN: Final[Mapping[str, Callable[[Any, str], Any]]] = {
    "text": _text,
    "rupiah": rupiah,
    "percent": _percent,
    "moment": _moment,
}
assert _WRITTEN.keys() <= KINDS.keys()


def written(number: Any) -> Any:
    """A number as it was written: 250 for 250.0, 75.5 for 75.5; null for null."""
    whole = (number == number.round()) & (number.abs() < 1e15)
    integral: Any = ibis.cases((whole, number), else_=0.0)
    as_integer = integral.round().cast("int64").cast("string")
    return ibis.cases(
        (number.isnull(), ibis.null("string")), (whole, as_integer), else_=number.cast("string")
    )
