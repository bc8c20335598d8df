"""A raw batch on its way into core: what goes in, what comes out, and the collector of data findings.

What the rows of each collection mean is in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from checks.schemas import CORE
from marketplace.aliases import ALIASES
from marketplace.attributes import LARGE, Attributes
from marketplace.codes import browsers, cities, codes
from marketplace.collections import PROVIDER_COLLECTIONS
from marketplace.data_codes import DATA_FINDINGS
from marketplace.instants import (
    HAPPENED,
    INSTANT,
    NO_ZONE,
    NOT_YET,
    PLANNED,
    Instants,
    believed_until,
    creation,
    not_yet,
    read,
)
from marketplace.money import DEFAULT_BOUNDS, AmountBounds, why_unreadable
from marketplace.personal import without_contacts
from marketplace.pseudonyms import NOT_AN_ID, Pseudonyms, Published
from marketplace.references import CASE_DETAIL, REFERENCE_CASE, Keys, People, Resolved
from marketplace.statuses import FLAG, canonical
from marketplace.text import coalesce, nulls
from marketplace.zones import ProviderZones
from messages.catalogue import say
from messages.message import Message
from messages.rules import noted

NOT_A_WORD = "noted.not_a_word"
EMPTY = "noted.empty"
NOT_RUPIAH = "noted.not_rupiah"
"""What amount_currency tells."""
NO_ID, NO_CODE = "noted.no_id", "noted.no_code"
"""What not_an_id tells."""

#: What was found: a code; a message; a code each row; or a message for each row on which it was found, in order.
Found = str | Message | pl.Series | Sequence[Message]

FINDINGS_SCHEMA = CORE["data_findings"].polars_schema


@dataclass(frozen=True)
class Batch:
    """Rows of one raw table, columns named as Appwrite's attributes beside ``_id``, ``_change`` and the like.

    ``gone``: attributes the deployment no longer has. ``accepted``: booking_id → observed acceptance
    (``booking_id``, ``accepted_at``), bookings only. ``names``: what is published of ids and words.
    ``amounts``: between which rupiah an amount is believed. ``lent``: row id → the offset of another row
    (``id``, ``utc_offset_minutes``), for a batch of rows without a zone of their own. ``people``: whom its
    rows may name.
    """

    collection: str
    frame: pl.DataFrame
    zones: ProviderZones
    gone: frozenset[str] = frozenset()
    accepted: pl.DataFrame | None = None
    names: Pseudonyms = field(default_factory=lambda: Pseudonyms(b""))
    amounts: AmountBounds = DEFAULT_BOUNDS
    lent: pl.DataFrame | None = None
    people: People = field(default_factory=People.nobody)

    def of(self, frame: pl.DataFrame) -> Batch:
        """Other rows, or versions, of the collection, read alike."""
        return replace(self, frame=frame)


@dataclass(frozen=True)
class Derived:
    """Rows of the core table, in its column order, and what could not be trusted in them."""

    rows: pl.DataFrame
    findings: pl.DataFrame


@dataclass
class Reader:
    """Reads typed columns of a batch and notes each value it cannot read. A detail never repeats a value."""

    batch: Batch
    attributes: Attributes = field(init=False)
    raw_ids: pl.Series = field(init=False)
    ids: pl.Series = field(init=False)
    changes: pl.Series = field(init=False)
    until: pl.Series = field(init=False)
    _found: list[pl.DataFrame] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.attributes = Attributes(self.batch.frame, gone=self.batch.gone)
        self.raw_ids = self.attributes.own("_id", pl.String)
        published = self.batch.names.row_ids(self.batch.collection, self.raw_ids)
        self.ids = published.values
        self.changes = self.attributes.own("_change", pl.Int64)
        self.until = believed_until(self.attributes)
        hidden = hidden_rows(self.batch.collection, published, self.changes)
        if hidden.height:
            self._found.append(hidden)

    @property
    def height(self) -> int:
        return self.batch.frame.height

    def note(
        self,
        finding: str,
        where: pl.Series,
        attribute: str | tuple[str, ...],
        found: Found,
    ) -> None:
        """A finding on each row where ``where`` holds. Several names: the one whose value was taken. Of a number that
        cannot be read it is told whether it is none, or too large."""
        if finding not in DATA_FINDINGS:
            raise KeyError(f"{finding} is not in the list of data findings")
        where = where.fill_null(False)
        if not where.any():
            return
        if isinstance(attribute, tuple):
            named = self.attributes.which(attribute).filter(where).fill_null(attribute[0])
        else:
            named = pl.Series([attribute], dtype=pl.String).new_from_index(0, int(where.sum()))
        count = len(named)
        if finding == "number_unreadable":
            written = self.attributes.first((attribute,) if isinstance(attribute, str) else attribute)
            found = why_unreadable(written)
        if isinstance(found, pl.Series):
            found = found.filter(where)
        self._found.append(
            pl.DataFrame(
                {
                    "finding": pl.Series([finding]).new_from_index(0, count),
                    "collection": pl.Series([self.batch.collection]).new_from_index(0, count),
                    "row_id": self.ids.filter(where),
                    "attribute": named,
                    "change": self.changes.filter(where),
                    **told(found, count),
                },
                schema=FINDINGS_SCHEMA,
            )
        )

    def text(self, *names: str) -> pl.Series:
        return self.attributes.first(names)

    def identifier(self, *names: str, of: tuple[str, ...] = ()) -> pl.Series:
        """The first of the names as an id, published. ``of``: collections with the rows it may name."""
        return self._published(self.batch.names.ids(self.text(*names), of), names, NO_ID)

    def code(self, *names: str, words: dict[str, str] | None = None) -> pl.Series:
        """The first of the names as a code, published: one token, or one of the known words."""
        return self._published(codes(self.text(*names), self.batch.names, words), names, NO_CODE)

    def city(self, *names: str) -> pl.Series:
        return self._published(cities(self.text(*names), self.batch.names), names, NO_CODE)

    def browser(self, *names: str) -> pl.Series:
        return self._published(browsers(self.text(*names), self.batch.names), names, NO_CODE)

    def business(self, *names: str) -> pl.Series:
        """The first of the names as the name of a business, which is published, without how to reach it."""
        return without_contacts(self.text(*names))

    def _published(self, published: Published, names: tuple[str, ...], found: str) -> pl.Series:
        self.note(NOT_AN_ID, published.hidden, names, found)
        return published.values

    def provider(self, *names: str) -> pl.Series:
        """The first of the names as a provider's id, published: the key it names, else as written."""
        return self.reference(self.batch.people.providers, *names, of=PROVIDER_COLLECTIONS).key

    def person(self, *names: str) -> pl.Series:
        """The same of what may name a provider or a customer."""
        return self.reference(self.batch.people.anyone, *names, of=PROVIDER_COLLECTIONS).key

    def customer(self, *names: str) -> Resolved:
        """The first of the names as a customer's id."""
        return self.reference(self.batch.people.customers, *names)

    def reference(self, keys: Keys, *names: str, of: tuple[str, ...] = ()) -> Resolved:
        """The first of the names as a reference; reference_case where only case told it from its key.

        Matched as published, as the keys are: a hash keeps the case of what it stands for, so what is matched is what
        the written values would match, and besides a phone or an address in another spelling.
        """
        told = self.batch.names.ids(self.text(*names), of)
        found = keys.resolve(told.values)
        self.note(REFERENCE_CASE, found.by_case, names, CASE_DETAIL)
        return Resolved(
            self._published(Published(found.key, told.hidden), names, NO_ID), found.by_case, found.known
        )

    def instant(self, offsets: pl.Series, *names: str) -> pl.Series:
        """The first of the names as an instant; time_unreadable where it is none.

        Of what has happened (HAPPENED) one that lies in the future is not believed: in_the_future, and the next of
        the names is taken. Raises KeyError for a name of which it is not laid down whether it has happened.
        """
        found = read(self.attributes.first(names), offsets)
        if all(name in PLANNED for name in names):
            self.note_instants(found, names)
            return found.values
        if not all(name in HAPPENED for name in names):
            raise KeyError(f"{', '.join(names)}: has it happened, or is it a plan (marketplace/instants.py)?")
        late = not_yet(found.values, self.until)
        if not late.any():
            self.note_instants(found, names)
            return found.values
        return self._believed(offsets, names)

    def _believed(self, offsets: pl.Series, names: tuple[str, ...]) -> pl.Series:
        """The names one after another, for a batch in which one is not believed."""
        values = nulls(self.height, INSTANT)
        settled = constant(False, pl.Boolean(), self.height)
        for name in names:
            written = self.attributes.text(name)
            found = read(written.set(settled, None), offsets)
            self.note("time_unreadable", found.reasons.is_not_null(), name, found.reasons)
            late = not_yet(found.values, self.until)
            self.note("in_the_future", late, name, NOT_YET)
            values = coalesce(values, found.values.set(late, None))
            settled = settled | (written.is_not_null() & ~late)
        return values

    def note_instants(self, found: Instants, names: tuple[str, ...]) -> None:
        self.note("time_unreadable", found.reasons.is_not_null(), names, found.reasons)

    def created(self, offsets: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Creation and its rule; in_the_future where the one that is written is not believed, time_unreadable where its
        zone is not known yet."""
        found = creation(self.attributes, offsets)
        for name in found.not_yet.drop_nulls().unique().to_list():
            self.note("in_the_future", found.not_yet == name, name, NOT_YET)
        self.note("time_unreadable", found.waiting, ALIASES["creation"], NO_ZONE)
        return found.values, found.rule

    def waits(self, values: pl.Series, offsets: pl.Series, *names: str) -> pl.Series:
        """Whether the first of the names is written and has no instant only while the row's zone is not known. What
        would be said in its place, were it not written, must not be said then."""
        if not offsets.null_count():
            return pl.Series([False], dtype=pl.Boolean).new_from_index(0, self.height)
        return offsets.is_null() & values.is_null() & self.attributes.first(names).is_not_null()

    def flag(self, *names: str) -> pl.Series:
        """The first of the names as a Boolean; flag_unreadable where it is neither yes nor no."""
        text = self.attributes.first(names)
        word = canonical(text, FLAG)
        self.note("flag_unreadable", text.is_not_null() & word.is_null(), names, "noted.no_flag")
        return word == "true"

    def word(self, table: dict[str, str], finding: str, *names: str, found: str = NOT_A_WORD) -> pl.Series:
        """The first of the names as a canonical value, null where it is empty or unknown (noted)."""
        text = self.attributes.first(names)
        value = canonical(text, table)
        self.note(finding, text.is_not_null() & value.is_null(), names, found)
        return value

    def offsets(self, provider_id: pl.Series, provider_type: pl.Series | None = None) -> pl.Series:
        """Minutes east of UTC of each row: of its provider's zone, null while that provider may not have been read yet;
        or of the zone that is lent to it."""
        if self.batch.lent is not None:
            return (
                self.ids.to_frame("id")
                .join(self.batch.lent, on="id", how="left", maintain_order="left")
                .get_column("utc_offset_minutes")
            )
        doubtful = self.batch.zones.read.doubtful(
            coalesce(
                self.attributes.own("_updated_at", INSTANT), self.attributes.own("_created_at", INSTANT)
            ),
            self.attributes.own("_ingested_at", INSTANT),
        )
        return self.batch.zones.offsets(provider_id, provider_type, doubtful)

    def bookkeeping(self) -> dict[str, pl.Series]:
        """updated_at, deleted_at and change, which every core table carries."""
        return {
            "updated_at": self.attributes.own("_updated_at", INSTANT),
            "deleted_at": self.attributes.own("_deleted_at", INSTANT),
            "change": self.changes,
        }

    def findings(self) -> pl.DataFrame:
        """All notes, with those on JSON and on types; one row a finding, row and attribute."""
        for attribute, broken in self.attributes.broken_json().items():
            self.note("json_unreadable", broken, attribute, "noted.not_json")
        misfits = self.attributes.misfits()
        if misfits:
            rows = [row for row, _, _ in misfits]
            self._found.append(
                pl.DataFrame(
                    {
                        "finding": ["type_mismatch"] * len(rows),
                        "collection": [self.batch.collection] * len(rows),
                        "row_id": self.ids.gather(rows),
                        "attribute": [name for _, name, _ in misfits],
                        "change": self.changes.gather(rows),
                        **told(
                            [
                                noted("noted.number_too_large" if kind == LARGE else f"noted.type_{kind}")
                                for _, _, kind in misfits
                            ],
                            len(rows),
                        ),
                    },
                    schema=FINDINGS_SCHEMA,
                )
            )
        aside = set_aside_findings(self.batch.collection, self.attributes, self.ids)
        if aside.height:
            self._found.append(aside)
        if not self._found:
            return pl.DataFrame(schema=FINDINGS_SCHEMA)
        return pl.concat(self._found).unique(
            ["finding", "row_id", "attribute"], keep="first", maintain_order=True
        )


def hidden_rows(collection: str, published: Published, changes: pl.Series) -> pl.DataFrame:
    """A finding for each row whose own ``$id`` is not published."""
    if not published.hidden.any():
        return pl.DataFrame(schema=FINDINGS_SCHEMA)
    return found_on(
        pl.DataFrame({"row_id": published.values, "change": changes}).filter(published.hidden),
        NOT_AN_ID, collection, pl.lit("$id"), NO_ID,
    )  # fmt: skip


def found_on(
    rows: pl.DataFrame, finding: str, collection: str, attribute: pl.Expr, found: str
) -> pl.DataFrame:
    """A finding on each of some rows (row_id, change), of which the same was found."""
    return rows.select(
        pl.lit(finding).alias("finding"),
        pl.lit(collection).alias("collection"),
        "row_id",
        attribute.alias("attribute"),
        "change",
    ).with_columns(**told(found, rows.height)).select(list(FINDINGS_SCHEMA))  # fmt: skip


def told(found: Found, rows: int) -> Mapping[str, pl.Series]:
    """What was found on so many rows, as the columns detail, code and args."""
    if isinstance(found, str):
        found = noted(found)
    if isinstance(found, Message):
        return {name: column.new_from_index(0, rows) for name, column in _columns([found]).items()}
    if isinstance(found, pl.Series):
        known = {code: noted(code) for code in found.unique().to_list()}
        found = [known[code] for code in found.to_list()]
    return _columns(found)


def _columns(messages: Sequence[Message]) -> dict[str, pl.Series]:
    texts: Mapping[str, list[str]] = {
        "detail": [say(one) for one in messages],
        "code": [one.code for one in messages],
        "args": [one.args_json for one in messages],
    }
    return {name: pl.Series(values, dtype=pl.String) for name, values in texts.items()}


def set_aside_findings(collection: str, attributes: Attributes, ids: pl.Series) -> pl.DataFrame:
    """A finding for each value of some rows (published ``ids``) that the mirror did not keep."""
    marked = attributes.set_aside()
    rows = [row for row, _, _ in marked]
    return pl.DataFrame(
        {
            "finding": pl.Series(["value_set_aside"] * len(rows), dtype=pl.String),
            "collection": pl.Series([collection] * len(rows), dtype=pl.String),
            "row_id": ids.gather(rows),
            "attribute": pl.Series([name for _, name, _ in marked], dtype=pl.String),
            "change": attributes.own("_change", pl.Int64).gather(rows),
            **told([Message("noted.set_aside", {"why": why}) for _, _, why in marked], len(rows)),
        },
        schema=FINDINGS_SCHEMA,
    )


def constant(value: object, dtype: pl.DataType | type[pl.DataType], height: int) -> pl.Series:
    """A column of one value."""
    if value is None:
        return nulls(height, dtype)
    return pl.Series([value], dtype=dtype).new_from_index(0, height) if height else pl.Series([], dtype=dtype)


def outside(bounds: AmountBounds) -> Message:
    """What amount_implausible tells where an amount is judged by the bounds."""
    return Message("noted.outside", {"minimum": bounds.minimum, "maximum": bounds.maximum})
