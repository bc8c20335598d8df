"""Time zones as fixed offsets from UTC in minutes: Indonesia's three, and any other at one reference
instant."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from marketplace.rules import DEFAULT_TIMEZONE, OFFSET_REFERENCE
from marketplace.text import nulls


@dataclass(frozen=True)
class Zone:
    """``offset_minutes`` east of UTC, the same all year."""

    name: str
    offset_minutes: int


JAKARTA: Final = Zone("Asia/Jakarta", 420)
MAKASSAR: Final = Zone("Asia/Makassar", 480)
JAYAPURA: Final = Zone("Asia/Jayapura", 540)

INDONESIA: Final = {
    "asia/jakarta": JAKARTA,
    "asia/pontianak": JAKARTA,
    "wib": JAKARTA,
    "asia/makassar": MAKASSAR,
    "asia/ujung_pandang": MAKASSAR,
    "wita": MAKASSAR,
    "asia/jayapura": JAYAPURA,
    "wit": JAYAPURA,
}

_OFFSET: Final = re.compile(r"^(?:utc|gmt)?\s*([+-])(\d{1,2})(?::?(\d{2}))?$")
_LARGEST_OFFSET: Final = 14 * 60


@cache
def resolve(written: str) -> Zone | None:
    """A zone's name, WIB, WITA, WIT or an offset such as UTC+8 → the zone; null if there is none such."""
    key = re.sub(r"\s+", "_", written.strip().lower())
    if key in INDONESIA:
        return INDONESIA[key]
    if key in ("utc", "gmt", "z", "etc/utc"):
        return Zone("UTC", 0)
    if offset := _OFFSET.match(key):
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        if minutes > _LARGEST_OFFSET:
            return None
        minutes = -minutes if offset[1] == "-" else minutes
        return next(
            (zone for zone in (JAKARTA, MAKASSAR, JAYAPURA) if zone.offset_minutes == minutes),
            Zone(f"UTC{offset[1]}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}", minutes),
        )
    if "/" not in key:
        return None
    for name in (written.strip(), "/".join(part.title() for part in key.split("/"))):
        try:
            delta = ZoneInfo(name).utcoffset(OFFSET_REFERENCE.replace(tzinfo=UTC).astimezone(ZoneInfo(name)))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
        if delta is not None:
            return Zone(name, int(delta.total_seconds() // 60))
    return None


def zone_of(written: str | None, default: str = DEFAULT_TIMEZONE) -> Zone:
    """A provider's zone; that of ``default`` where it says none, or none there is."""
    return (resolve(written) if written else None) or resolve(default) or MAKASSAR


@dataclass(frozen=True)
class ProvidersRead:
    """How far therapists and places were read: which rows may refer to one that was not.

    ``begun``: the first reading of one of the two has not come to its end. ``upto``: a row written until then
    ($updatedAt, naive UTC) refers to providers that were read; ``since``: so does one that was stored here before
    then (our clock). None: every row does.
    """

    begun: bool = False
    upto: datetime | None = None
    since: datetime | None = None

    def doubtful(self, written: pl.Series, stored: pl.Series) -> pl.Series | None:
        """Per row, by its $updatedAt and when it was stored: whether its provider may be one that was not read yet.
        None: of no row."""
        if self.begun:
            return pl.Series([True], dtype=pl.Boolean).new_from_index(0, len(written))
        newest = written.max()
        if self.upto is None or newest is None or newest <= self.upto:  # type: ignore[operator] - Polars types the least and the greatest as any literal
            return None
        doubtful = written > self.upto
        if self.since is not None:
            doubtful = doubtful & ~(stored < self.since).fill_null(False)
        return doubtful.fill_null(False)


@dataclass(frozen=True)
class ProviderZones:
    """Offsets of the providers whose zone is not the default, by type and id. ``default`` in minutes east of
    UTC. ``known``: the ids of all providers; ``read``: whether that is all there are."""

    default: int
    therapists: dict[str, int]
    places: dict[str, int]
    known: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))
    read: ProvidersRead = ProvidersRead()

    @classmethod
    def of(
        cls, providers: pl.DataFrame | None, default: int, read: ProvidersRead = ProvidersRead()
    ) -> ProviderZones:
        """From rows of provider_id, provider_type, utc_offset_minutes."""
        found: dict[str, dict[str, int]] = {"therapist": {}, "place": {}}
        known = pl.Series([], dtype=pl.String) if providers is None else providers["provider_id"].unique()
        if providers is not None and providers.height:
            away = providers.filter(pl.col("utc_offset_minutes") != default)
            for provider, kind, offset in away.select(
                "provider_id", "provider_type", "utc_offset_minutes"
            ).iter_rows():
                found[kind][provider] = offset
        return cls(default, found["therapist"], found["place"], known, read)

    def offsets(
        self,
        provider_id: pl.Series,
        provider_type: pl.Series | None = None,
        doubtful: pl.Series | None = None,
    ) -> pl.Series:
        """Provider ids (and types, where known) → minutes east of UTC (Int64). An id of both kinds is the
        therapist's, unless the type says place. Null where a row is ``doubtful`` (ProvidersRead) and its
        provider is not known: the default zone is that of a provider who is not there, not of one who was not
        read yet."""
        found = self._by(
            {**self.places, **self.therapists}, provider_id, self._places_first(provider_id, provider_type)
        )
        if doubtful is None or not doubtful.any():
            return found
        unknown = doubtful & provider_id.is_not_null() & ~provider_id.is_in(self.known.implode())
        return found.set(unknown.fill_null(False), None)

    def _places_first(self, provider_id: pl.Series, provider_type: pl.Series | None) -> pl.Series | None:
        if provider_type is None or not self.places:
            return None
        place = (provider_type == "place").fill_null(False)
        return provider_id.replace_strict(self.places, default=None, return_dtype=pl.Int64).set(~place, None)

    def _by(self, table: dict[str, int], provider_id: pl.Series, better: pl.Series | None) -> pl.Series:
        if not table:
            return pl.Series([self.default], dtype=pl.Int64).new_from_index(0, len(provider_id))
        found = provider_id.replace_strict(table, default=None, return_dtype=pl.Int64)
        if better is not None:
            found = better.zip_with(better.is_not_null(), found)
        return found.fill_null(self.default)


def resolve_all(text: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Zone names as written → (name, minutes east of UTC), null where empty or unknown."""
    names = {w: z for w in text.drop_nulls().unique().to_list() if (z := resolve(w)) is not None}
    if not names:
        return nulls(len(text), pl.String), nulls(len(text), pl.Int64)
    return (
        text.replace_strict({w: z.name for w, z in names.items()}, default=None, return_dtype=pl.String),
        text.replace_strict(
            {w: z.offset_minutes for w, z in names.items()}, default=None, return_dtype=pl.Int64
        ),
    )
