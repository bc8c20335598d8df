"""How things are said: the labels of the pages in both languages, messages of the data, rupiah, numbers, days and
times. No figure is computed here, and no sentence of the data stands here: those are in messages/.

Numbers follow the custom of the language that is being drawn (``numbers_as``), on a whole screen alike: 93.8 % and
Rp 1,250,000 in English, 93,8 % and Rp 1.250.000 in Indonesian.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from functools import cache
from numbers import Integral
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_decimal, format_percent

from dashboards.limits import with_limits
from messages import rules
from messages.catalogue import figures_named, flat, labels, say, understood
from messages.message import Message, message_of, messages_of
from messages.names import name_of

LANGUAGES: tuple[str, ...] = ("en", "id")
LOCALES: dict[str, str] = {"en": "en_US", "id": "id_ID"}
INDONESIAN = "id"
NOTHING = "–"
TEXTS = Path(__file__).parent / "text"


@cache
def texts(language: str) -> dict[str, str]:
    """Every text of a language by its dotted name, as in ``overview.title``; the limits it names are in it. Those of
    one page may stand with its messages (``messages.catalogue.labels``). Raises ValueError for a name that is there
    twice."""
    with (TEXTS / f"{language}.toml").open("rb") as file:
        found = {name: figures_named(text, language) for name, text in flat(tomllib.load(file))}
    if twice := found.keys() & labels(language).keys():
        raise ValueError(f"{', '.join(sorted(twice))}: there twice in {language!r}.")
    return {name: with_limits(text) for name, text in (found | labels(language)).items()}


_numbers: ContextVar[str | None] = ContextVar("numbers", default=None)


def _as_filed() -> str:
    return INDONESIAN


_unsaid: Callable[[], str] = _as_filed


def numbers_as(language: str) -> None:
    """From now on numbers are written as this language has them: said at the beginning of each drawing."""
    _numbers.set(language)


def numbers_else(language: Callable[[], str]) -> None:
    """What to ask where a drawing began without saying: a part of a page that is drawn anew by itself."""
    global _unsaid
    _unsaid = language


def _custom() -> str:
    return _numbers.get() or _unsaid()


def _grouped(number: int) -> str:
    """1,250,000 or 1.250.000."""
    written = f"{number:,}"
    return written.replace(",", ".") if _custom() == INDONESIAN else written


def rupiah(amount: int | None) -> str:
    """``Rp 1,250,000``; a null is a dash, never Rp 0."""
    if amount is None:
        return NOTHING
    return f"{'-' if amount < 0 else ''}Rp {_grouped(abs(amount))}"


def signed_rupiah(amount: int | None) -> str:
    """``+Rp 25,000``, ``-Rp 3,000``, ``Rp 0``: for differences."""
    return f"+{rupiah(amount)}" if amount is not None and amount > 0 else rupiah(amount)


_SHORT: dict[str, tuple[str, str, str]] = {"en": ("bn", "m", "k"), "id": ("miliar", "jt", "rb")}


def axis_rupiah(amount: int) -> str:
    """``Rp 1.2 m``: for the ticks of an axis only, where an amount in full would not fit. Thousands are k (rb),
    millions m (jt), thousands of millions bn (miliar); at most two decimals, so give it round amounts."""
    for unit, word in zip((1_000_000_000, 1_000_000, 1_000), _SHORT[_custom()], strict=True):
        if abs(amount) >= unit:
            short = format_decimal(abs(amount) / unit, format="#,##0.##", locale=LOCALES[_custom()])
            return f"{'-' if amount < 0 else ''}Rp {short} {word}"
    return rupiah(amount)


def count(number: float | None) -> str:
    """``14,980``."""
    if isinstance(number, Integral):
        return _grouped(int(number))
    return NOTHING if number is None else format_decimal(number, format="#,##0.##", locale=LOCALES[_custom()])


def share(fraction: float | None) -> str:
    """0.974 → ``97.4 %``. Never rounded up to a whole that it is not: 0.9999 is 99.9 %."""
    if fraction is None:
        return NOTHING
    shown = int(fraction * 1000) / 1000 if 0 < fraction < 1 else fraction
    return _percent(shown, "#,##0.#\u00a0%")


def rate(ppm: int | None) -> str:
    """300000 → ``30 %``: a commission rate in full, never rounded to tenths."""
    return NOTHING if ppm is None else _percent(ppm / 1_000_000, "#,##0.####\u00a0%")


def signed_share(fraction: float | None) -> str:
    """0.12 → ``+12 %``."""
    return NOTHING if fraction is None else _percent(fraction, "+#,##0.#\u00a0%;-#,##0.#\u00a0%")


def _percent(fraction: float, form: str) -> str:
    return format_percent(fraction, format=form, locale=LOCALES[_custom()])


def instant(value: object) -> datetime | None:
    """An aware UTC instant from a naive UTC datetime, an aware one or ISO text; None where it is none of
    these."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Wording:
    """One language in one time zone: what a page uses to say anything."""

    def __init__(self, language: str, zone: str) -> None:
        self.language = language if language in LANGUAGES else LANGUAGES[0]
        self.zone = ZoneInfo(zone)
        self._texts = texts(self.language)
        self._locale = LOCALES[self.language]

    def __call__(self, name: str, **values: object) -> str:
        """The text of that name. Raises KeyError where there is none: a text is never made up."""
        return self._texts[name].format(**values) if values else self._texts[name]

    def known(self, name: str, otherwise: str) -> str:
        """The text of that name, or ``otherwise`` where there is none."""
        return self._texts.get(name, otherwise)

    def word(self, group: str, value: object) -> str:
        """A word of the data in this language; one that is newer than our texts stays as it is written."""
        return NOTHING if value is None else self._texts.get(f"{group}.{value}", str(value))

    def message(self, message: Message | None, otherwise: object = "") -> str:
        """A message in this language. One of another version, that the catalogues do not know, is said in the English
        words that were written beside it."""
        if message is None or not understood(message):
            return str(otherwise or "")
        return say(message, self.language, self.language)

    def messages(self, messages: Sequence[Message], otherwise: object = "") -> str:
        """Sentences one after the other; where one of them is not ours, the English words that were written."""
        if not messages or not all(map(understood, messages)):
            return str(otherwise or "")
        return " ".join(say(message, self.language, self.language) for message in messages)

    def called(self, technical: object) -> str:
        """The name of a check or an alert; '' for one that is newer than the catalogues."""
        return self.message(name_of(str(technical)))

    def broken(self, technical: object) -> str:
        """The name of a check that does not hold: it is called by what should be so. Points are named neutrally."""
        called, point = self.called(technical), str(technical).startswith("health_point_")
        return called if point or not called else self("health.does_not_hold", check=called)

    def named(self, technical: object) -> str:
        """The same with the technical name, which is what is silenced and looked for."""
        called = self.called(technical)
        return f"{called} ({technical})" if called else str(technical)

    def told(self, row: Mapping[str, Any], text: str) -> str:
        """What a row says in ``code`` and ``args``; where it has none, or none of ours, its English ``text``."""
        return self.message(message_of(row.get("code"), row.get("args")), row.get(text))

    def all_told(self, written: object, otherwise: object) -> str:
        """The messages of a JSON list, apart by semicolons; a dash where there is none. Where one of them is not ours,
        the English words beside it."""
        messages = messages_of(written)
        if messages is None or not all(map(understood, messages)):
            return str(otherwise or "") or NOTHING
        return "; ".join(say(message, self.language, self.language) for message in messages) or NOTHING

    def stretch(self, group: str, word: object) -> str:
        """A stretch of time of the data by its word; one that is newer than our texts stays as it is written."""
        return self.message(rules.STRETCHES[group].get(str(word)), word)

    def local(self, value: object) -> datetime | None:
        """The instant in BOOKWATCH_TIMEZONE."""
        moment = instant(value)
        return None if moment is None else moment.astimezone(self.zone)

    def zone_name(self, at: datetime | None = None) -> str:
        """``WITA``; where a zone has no short name, ``UTC+8``."""
        moment = (at or datetime.now(UTC)).astimezone(self.zone)
        name = moment.tzname() or ""
        if name[:1] not in "+-":
            return name
        hours = (moment.utcoffset() or timedelta()).total_seconds() / 3600
        return f"UTC{hours:+g}"

    def day(self, value: date | None) -> str:
        """``22 Nov 2026``."""
        return NOTHING if value is None else format_date(value, "d MMM y", locale=self._locale)

    def short_day(self, value: date) -> str:
        """``22 Nov``."""
        return format_date(value, "d MMM", locale=self._locale)

    def weekday(self, value: date) -> str:
        """``Sun, 22 Nov 2026``."""
        return f"{format_date(value, 'EEE', locale=self._locale)}, {self.day(value)}"

    def days(self, first: date, last: date) -> str:
        """``16–22 Nov 2026``, ``28 Oct – 3 Nov 2026``: both ends included."""
        if first == last:
            return self.day(first)
        if (first.year, first.month) == (last.year, last.month):
            return f"{first.day}–{self.day(last)}"
        if first.year == last.year:
            return f"{format_date(first, 'd MMM', locale=self._locale)} – {self.day(last)}"
        return f"{self.day(first)} – {self.day(last)}"

    def time(self, value: object, now: datetime | None = None) -> str:
        """``14:05 WITA`` on the same local day as ``now``, else ``21 Nov 14:05 WITA`` (with the year where it
        differs)."""
        moment = self.local(value)
        if moment is None:
            return NOTHING
        clock = f"{moment:%H:%M} {self.zone_name(moment)}"
        today = self.local(now)
        if today is not None and today.date() == moment.date():
            return clock
        pattern = "d MMM" if today is not None and today.year == moment.year else "d MMM y"
        return f"{format_date(moment.date(), pattern, locale=self._locale)} {clock}"

    def stamp(self, value: object) -> str:
        """``2026-11-22 14:05``, local: for table cells, where text must sort as time does. The heading names
        the zone."""
        moment = self.local(value)
        return NOTHING if moment is None else f"{moment:%Y-%m-%d %H:%M}"

    def span(self, seconds: float) -> str:
        """``12 s``, ``4 min``, ``3 h 20 min``, ``2 d 4 h``: rounded down, never below 0."""
        whole = max(0, int(seconds))
        if whole < 60:
            return self("span.s", s=whole)
        minutes, hours, days = whole // 60, whole // 3600, whole // 86400
        if hours == 0:
            return self("span.min", min=minutes)
        if days == 0:
            return self("span.h_min", h=hours, min=minutes % 60) if minutes % 60 else self("span.h", h=hours)
        return self("span.d_h", d=days, h=hours % 24) if hours % 24 else self("span.d", d=days)

    def seconds(self, value: float | None) -> str:
        """``420 ms``, ``1,24 s``, ``4 min 20 s``: how long something took."""
        if value is None:
            return NOTHING
        if value < 1:
            return self("span.ms", ms=count(round(value * 1000)))
        if value < 60:
            return self("span.s", s=count(round(value, 2)))
        minutes, rest = divmod(int(value), 60)
        return self("span.min_s", min=minutes, s=rest) if rest and minutes < 60 else self.span(value)

    def month(self, value: date | None) -> str:
        """``November 2026``."""
        return NOTHING if value is None else format_date(value, "LLLL y", locale=self._locale)

    def elapsed(self, value: object, now: datetime) -> float | None:
        """Seconds from that instant to ``now``, never below 0; None where it is no instant."""
        moment = instant(value)
        return None if moment is None else max(0.0, (now - moment).total_seconds())

    def ago(self, value: object, now: datetime) -> str:
        """``4 min ago``; a moment in the future is ``in 4 min``."""
        moment = instant(value)
        if moment is None:
            return NOTHING
        seconds = (now - moment).total_seconds()
        return (
            self("span.ago", span=self.span(seconds))
            if seconds >= 0
            else self("span.ahead", span=self.span(-seconds))
        )
