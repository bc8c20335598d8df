"""What people are told: every kind of news has its sentences, and a room's hold nothing of a person."""

from __future__ import annotations

from marketplace.telling import NEWS, Audience
from messages.catalogue import LANGUAGES, parts, sentences
from messages.places import Place

_OF_NOBODY = {"booking", "amount", "fee", "deadline", "length"}


def test_every_kind_of_news_is_said_to_those_it_is_for() -> None:
    said = {code for code in sentences("en") if code.startswith("told.")}
    expected = {f"told.{news.kind.value}.{audience.value}" for news in NEWS.values() for audience in news.to}
    expected |= {f"told.{news.kind.value}.title" for news in NEWS.values()}
    # What a page writes to a customer, by the state of the booking (dashboards/sections/booking.py).
    expected |= {f"told.whatsapp.{text}" for text in ("pending", "accepted", "cancelled", "other")}
    assert said == expected


def test_no_sentence_has_a_place_for_a_name_a_phone_or_an_address() -> None:
    for language in LANGUAGES:
        for code in sentences(language):
            if code.startswith("told."):
                places = {part.name for part in parts(code, language) if isinstance(part, Place)}
                assert places <= _OF_NOBODY
                assert not (code.endswith(f".{Audience.ROOM.value}") and places), code
