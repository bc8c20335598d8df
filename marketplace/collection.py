"""The form of a collection's record: everything the rest needs to know of one. The records are in collections.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Category(StrEnum):
    """Of an error event: what it hinders. ``APPWRITE``: nothing in particular. Columns hold the plain word
    (``value``), as with statuses."""

    BOOKING = "booking"
    CHAT = "chat"
    PAYMENT = "payment"
    AUTH = "auth"
    APPWRITE = "appwrite"
    NETWORK = "network"


class Form(StrEnum):
    """What a published attribute is; one that has not the form is published as a hash (published.py)."""

    ID = "id"
    PROVIDER = "id that may name a provider"
    BOOKING = "id that may name a booking"
    ROOM = "id that may name a chat room"
    PROVIDER_OR_BOOKING = "id that may name a provider or a booking"
    CODE = "code"
    BOOKING_STATUS = "booking status"
    COMMISSION_STATUS = "commission status"
    ROOM_STATUS = "room status"
    CITY = "city"
    BROWSER = "browser"


@dataclass(frozen=True)
class PersonKeys:
    """How rows of a collection refer to people. ``owner``: whose row it is (an attribute, or a path into JSON text);
    ``addressee``: whom it was sent to; ``booking``/``room``: the booking or chat room it belongs to; ``own_booking``/
    ``own_room``: the attributes a row of the person is itself known by. ``authors``: attributes that say who wrote it.
    """

    owner: tuple[str, ...]
    addressee: tuple[str, ...] = ()
    booking: tuple[str, ...] = ()
    room: tuple[str, ...] = ()
    own_booking: tuple[str, ...] = ()
    own_room: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()

    @property
    def people(self) -> tuple[str, ...]:
        """Every attribute that names a customer."""
        return (*self.owner, *self.addressee)

    @property
    def linked(self) -> tuple[str, ...]:
        """Every attribute that names the booking or room a row belongs to."""
        return (*self.booking, *self.room)

    @property
    def own(self) -> tuple[str, ...]:
        """Every attribute a row of the person is itself known by."""
        return (*self.own_booking, *self.own_room)


@dataclass(frozen=True)
class ExpectedAttribute:
    """One meaning and the attributes that may carry it, the canonical name first. ``without``: what is lost where none
    is there; ``vital``: figures of money."""

    names: tuple[str, ...]
    without: str
    vital: bool = False

    def carried_by(self, attributes: frozenset[str]) -> tuple[str, ...]:
        """Those of its names that a deployment has (a path into JSON text: that has the text)."""
        return tuple(name for name in self.names if name.partition(".")[0] in attributes)


@dataclass(frozen=True)
class WantedIndex:
    """An index worth having. ``columns``: per column the names it may have, the canonical one first."""

    columns: tuple[tuple[str, ...], ...]
    descending: bool = False

    def on(self, attributes: frozenset[str]) -> tuple[str, ...] | None:
        """Its columns as this deployment calls them; None where it lacks one."""
        found = tuple(next((n for n in names if n in attributes), None) for names in self.columns)
        return tuple(name for name in found if name is not None) if None not in found else None


@dataclass(frozen=True)
class Beside:
    """A table of core made of the same rows as another, and of their versions: several of its rows, or none, are of
    one row, under that one's key and scope. ``people`` and ``refers``: as in CoreRows."""

    table: str
    people: tuple[str, ...] = ()
    refers: tuple[str, ...] = ()


@dataclass(frozen=True)
class CoreRows:
    """How core derives a collection. ``table``: of core, ``key``: its key column; ``scope``: (column, value) of the
    collection's part of a shared table. ``people``: columns that name a provider or a customer; ``refers``: columns
    that name another row besides. ``borrows``: a row without a provider is read in the zone of the booking it refers
    to. ``beside``: the other tables that its rows are told in."""

    table: str
    key: str
    scope: tuple[str, str] | None = None
    people: tuple[str, ...] = ()
    refers: tuple[str, ...] = ()
    borrows: bool = False
    beside: tuple[Beside, ...] = ()

    @property
    def naming(self) -> dict[str, tuple[str, ...]]:
        """Each of its tables → the columns that name another row."""
        return {one.table: (*one.people, *one.refers) for one in (self, *self.beside)}


_NOTHING: Mapping[str, Form] = MappingProxyType({})


@dataclass(frozen=True)
class Collection:
    """One collection of the marketplace.

    ``personal``: attributes that hold a person's name, phone, words or whereabouts (JSON objects included).
    ``category``: of its errors. ``keys``: how its rows refer to customers (None: to none, or to businesses only).
    ``links``: attributes that name a booking or a room. ``published``: attributes published as ids, codes or words.
    ``expected``: attributes a deployment should have; ``indexes``: those worth having. ``core``: how core derives it.
    ``of_services``: it is there only where the booking services are installed; elsewhere nothing is said of it.
    ``fleeting``: whoever writes its rows deletes them when they are old, so that many are gone is nothing odd.
    """

    name: str
    ingested: bool = False
    required: bool = False
    personal: tuple[str, ...] = ()
    category: Category = Category.APPWRITE
    keys: PersonKeys | None = None
    links: tuple[str, ...] = ()
    published: Mapping[str, Form] = field(default_factory=lambda: _NOTHING)
    expected: tuple[ExpectedAttribute, ...] = ()
    indexes: tuple[WantedIndex, ...] = ()
    core: CoreRows | None = None
    of_services: bool = False
    fleeting: bool = False

    def __post_init__(self) -> None:
        if self.required and self.of_services:
            raise ValueError(f"{self.name} is required and not everywhere")
        if self.required and not self.ingested:
            raise ValueError(f"{self.name} is required but not ingested")
        if self.core and not self.ingested:
            raise ValueError(f"{self.name} is derived but not ingested")
