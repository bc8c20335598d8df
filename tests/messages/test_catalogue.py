"""The catalogues: both languages say the same codes with the same places, each kind of place as it should."""

from __future__ import annotations

import pytest

from messages.catalogue import LANGUAGES, parts, say, sentences, understood
from messages.message import Arg, Message, message_of, messages_of
from messages.places import KINDS, Place, parts_of


def places(code: str, language: str) -> set[Place]:
    return {part for part in parts(code, language) if isinstance(part, Place)}


def test_both_languages_have_the_same_codes_with_the_same_places() -> None:
    english, indonesian = sentences("en"), sentences("id")
    assert list(english) == list(indonesian)
    assert [code for code in english if places(code, "en") != places(code, "id")] == []
    assert all(text.strip() for text in (*english.values(), *indonesian.values()))


def test_every_word_a_place_may_need_is_there() -> None:
    words = {place.null for code in sentences("en") for place in places(code, "en")}
    assert words | {kind.null for kind in KINDS.values()} <= sentences("en").keys()


@pytest.mark.parametrize(
    ("place", "value", "english", "indonesian"),
    [
        ("{x}", "b-1", "b-1", "b-1"),
        ("{x}", 1204, "1204", "1204"),
        ("{x}", None, "none", "tidak ada"),
        ("{x:text|nothing}", None, "nothing", "(kosong)"),
        ("{x:rupiah}", 1_250_000, "Rp 1.250.000", "Rp 1.250.000"),
        ("{x:rupiah}", -25_000, "-Rp 25.000", "-Rp 25.000"),
        ("{x:rupiah}", None, "an unknown amount", "jumlah tidak diketahui"),
        ("{x:rupiah|base}", None, "no written amount", "jumlah yang tidak tertulis"),
        ("{x:percent}", 300_000, "30 %", "30 %"),
        ("{x:percent}", 275_000, "27,5 %", "27,5 %"),
        ("{x:percent}", None, "no rate", "tanpa tarif"),
        ("{x:moment}", "2026-03-01T14:05", "2026-03-01 14:05 local time", "2026-03-01 14:05 waktu setempat"),
        ("{x:moment}", "2026-03-01T06:05Z", "2026-03-01 06:05 UTC", "2026-03-01 06:05 UTC"),
        ("{x:moment}", None, "an unknown time", "waktu tidak diketahui"),
        ("{x:number}", 12_345, "12,345", "12,345"),
        ("{x:list}", ["a", "b"], "a, b", "a, b"),
        ("{x:duration}", 86_400, "24 hours", "24 jam"),
        ("{x:duration}", 604_800, "7 days", "7 hari"),
        ("{x:duration}", 3_600, "1 hour", "1 jam"),
        ("{x:within}", 3_600, "an hour", "sejam"),
        ("{x:within}", 86_400, "a day", "sehari"),
        ("{x:within}", 300, "5 minutes", "5 menit"),
        ("{x:short}", 86_400, "24 h", "24 jam"),
    ],
)
def test_a_place_writes_its_argument(place: str, value: Arg, english: str, indonesian: str) -> None:
    (part,) = parts_of(place)
    assert isinstance(part, Place)
    said = [part.written(value, sentences(language).__getitem__) for language in LANGUAGES]
    assert said == [english, indonesian]


def test_a_message_is_kept_as_json_and_read_back() -> None:
    message = Message("finding.fee_wrong", {"commission": "c-é", "fee": 25_000, "policy": None})
    assert message.args_json == '{"commission":"c-é","fee":25000,"policy":null}'
    assert message_of(message.code, message.args_json) == message
    assert messages_of(f"[{message.json}]") == (message,)
    assert say(message) == "Commission c-é carries a fee of Rp 25.000; the policy's is an unknown amount."


@pytest.mark.parametrize(
    ("code", "args"), [(None, None), ("", "{}"), ("finding.x", "[]"), ("finding.x", "{")]
)
def test_what_is_no_message_is_none(code: object, args: object) -> None:
    assert message_of(code, args) is None


@pytest.mark.parametrize(
    "message", [Message("finding.of_tomorrow"), Message("finding.fee_wrong", {"fee": 1})]
)
def test_a_text_is_never_made_up(message: Message) -> None:
    assert not understood(message)
    with pytest.raises(KeyError):
        say(message)
