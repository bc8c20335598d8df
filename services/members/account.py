"""PUT /me/status, GET and PUT /me/profile: how a provider shows up, and what their services cost. Nobody's phone is
read or written here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from marketplace.aliases import ALIASES
from marketplace.app_rows import attribute, instant_like, meaning, text_at, word
from marketplace.collections import PROVIDER_TYPES
from marketplace.menus import LENGTHS, MENU, menu_of, menu_written
from marketplace.statuses import PROVIDER_STATUS, UNKNOWN, ProviderStatus
from resources.appwrite.writing import Change, Row
from services.callers import Caller
from services.members.own import Member, Rules, member_of
from services.members.shown import ShownProfile, ShownStatus, z
from services.problems import Problem, Wrong
from services.store import Decision, View

CHOSEN: Final = (ProviderStatus.AVAILABLE, ProviderStatus.BUSY, ProviderStatus.OFFLINE)
"""What a provider may say of themselves. RESTRICTED is not theirs to set, nor to lift."""
LONGEST: Final = {"name": 96, "city": 64}
"""Letters that the app has a place for."""
MOST_LANGUAGES: Final = 10
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
_LANGUAGES: Final = "languages"
_CONTACT: Final = re.compile(r"@|(?:[0-9][ .-]?){7}")
"""An e-mail address or a phone in a name that everybody sees."""


@dataclass(frozen=True)
class ProfileChange:
    """What is to change; None: as it is. ``prices``: minutes → rupiah, the whole menu."""

    name: str | None = None
    city: str | None = None
    languages: Sequence[str] | None = None
    prices: Mapping[int, int] | None = None


def set_status(
    view: View, caller: Caller, rules: Rules, said: str | None, online: bool | None = None
) -> Decision[ShownStatus]:
    """Say whether one is there, by a word in any spelling or, without one, by yes and no. A restricted account stays
    restricted until it is paid. Raises Problem, CallFailure."""
    member = member_of(view, caller, rules)
    if said is None and online is not None:
        said = (ProviderStatus.AVAILABLE if online else ProviderStatus.OFFLINE).value
    status = word(said, PROVIDER_STATUS)
    if status not in CHOSEN:
        raise Problem(422, "not_valid", [Wrong("no_status", "/status", {"known": ", ".join(CHOSEN)})])
    if word(text_at(member.row, "status"), PROVIDER_STATUS) == ProviderStatus.RESTRICTED.value:
        raise Problem(409, "restricted", state=ProviderStatus.RESTRICTED.value)
    data: dict[str, Any] = {"status": status}
    seen = attribute(ALIASES["provider.last_seen_at"], partial(view.has, member.collection), member.row)
    if seen is not None:
        data[seen] = instant_like(member.row.get(seen), view.now, member.offset)
    return Decision(
        ShownStatus(status=status, last_seen_at=z(view.now) if seen is not None else None),
        [Change(member.collection, member.provider_id, data, str(member.row["$updatedAt"]))],
    )


def profile(view: View, caller: Caller, rules: Rules) -> ShownProfile:
    """The caller's own profile. Raises Problem, CallFailure."""
    member = member_of(view, caller, rules)
    return _profile(member, member.row, rules)


def change_profile(view: View, caller: Caller, rules: Rules, wanted: ProfileChange) -> Decision[ShownProfile]:
    """Change one's own profile: all that is wrong is told at once, and then nothing changes. Raises Problem,
    CallFailure."""
    member = member_of(view, caller, rules)
    wrong = [*_texts_wrong(wanted), *_languages_wrong(wanted), *_prices_wrong(wanted, rules)]
    if wrong:
        raise Problem(422, "not_valid", wrong)
    has = partial(view.has, member.collection)
    data: dict[str, Any] = {}
    placeless: list[Wrong] = []

    def put(at: str, names: Sequence[str], value: object) -> None:
        name = attribute(names, has, member.row)
        if name is None:
            placeless.append(Wrong("no_place", f"/{at}"))
        else:
            data[name] = value

    if wanted.name is not None:
        put("name", ALIASES["provider.name"], wanted.name.strip())
    if wanted.city is not None:
        put("city", ("city",), wanted.city.strip())
    if wanted.languages is not None:
        listed = list(dict.fromkeys(wanted.languages))
        as_text = isinstance(member.row.get(_LANGUAGES), str)
        put("languages", (_LANGUAGES,), ", ".join(listed) if as_text else listed)
    if wanted.prices is not None:
        put("prices", (MENU,), menu_written(member.row, wanted.prices))
    if placeless:
        raise Problem(409, "no_place", placeless)
    if not data:
        raise Problem(422, "not_valid", [Wrong("nothing_to_change")])
    return Decision(
        _profile(member, {**member.row, **data}, rules),
        [Change(member.collection, member.provider_id, data, str(member.row["$updatedAt"]))],
    )


def _texts_wrong(wanted: ProfileChange) -> list[Wrong]:
    wrong: list[Wrong] = []
    for at, value in (("name", wanted.name), ("city", wanted.city)):
        if value is None:
            continue
        if not value.strip() or len(value.strip()) > LONGEST[at] or not value.isprintable():
            wrong.append(Wrong("text_length", f"/{at}", {"most": LONGEST[at]}))
        elif _CONTACT.search(value):
            wrong.append(Wrong("text_contact", f"/{at}"))
    return wrong


def _languages_wrong(wanted: ProfileChange) -> list[Wrong]:
    if wanted.languages is None:
        return []
    if not 0 < len(wanted.languages) <= MOST_LANGUAGES:
        return [Wrong("languages_count", "/languages", {"most": MOST_LANGUAGES})]
    return [
        Wrong("no_language", f"/languages/{place}")
        for place, one in enumerate(wanted.languages)
        if not _LANGUAGE.fullmatch(one)
    ]


def _prices_wrong(wanted: ProfileChange, rules: Rules) -> list[Wrong]:
    if wanted.prices is None:
        return []
    if not wanted.prices:
        return [Wrong("no_prices", "/prices")]
    wrong: list[Wrong] = []
    for minutes, price in wanted.prices.items():
        at = f"/prices/{minutes}"
        if minutes not in LENGTHS:
            wrong.append(Wrong("no_length", at, {"lengths": ", ".join(map(str, LENGTHS))}))
        elif not rules.bounds.minimum <= price <= rules.bounds.maximum:
            bounds = {"least": rules.bounds.minimum, "most": rules.bounds.maximum}
            wrong.append(Wrong("price_outside", at, bounds))
    return wrong


def _profile(member: Member, row: Row, rules: Rules) -> ShownProfile:
    status = word(text_at(row, "status"), PROVIDER_STATUS)
    return ShownProfile(
        provider_id=member.provider_id,
        provider_type=PROVIDER_TYPES[member.collection],
        name=meaning(row, "provider.name"),
        city=text_at(row, "city"),
        languages=_spoken(row.get(_LANGUAGES)),
        zone=member.zone.name,
        status=None if status == UNKNOWN else status,
        prices={str(minutes): price for minutes, price in menu_of(row, rules.bounds).items()},
    )


def _spoken(value: object) -> list[str]:
    if isinstance(value, str):
        return [one.strip() for one in value.split(",") if one.strip()]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []  # type: ignore[reportUnknownVariableType] - any JSON
