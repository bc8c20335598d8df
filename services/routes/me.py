"""/me: what belongs to the caller."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, File, Path, Query, UploadFile
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr
from pydantic.alias_generators import to_camel

from marketplace.money import AmountBounds
from marketplace.uploads import LARGEST_PROOF_BYTES
from resources.policy_file import load_policy
from services.context import Asked, AskedOnce, Asking, Services
from services.members import account, earnings, notifications, proofs, requests
from services.members.account import ProfileChange
from services.members.own import Rules
from services.members.shown import (
    ShownCalendar,
    ShownEarnings,
    ShownNotifications,
    ShownOwn,
    ShownProfile,
    ShownProof,
    ShownRequests,
    ShownStatus,
    ShownSwitches,
)
from services.store import Decision, View, carry_out

ROUTER: Final = APIRouter(prefix="/me", tags=["me"])
_LONGEST: Final = 200
_LONGEST_ID: Final = 36
"""As long as a row's id is in Appwrite."""

Limit = Annotated[int, Query(ge=1, le=100, description="So many a page at most.")]
After = Annotated[
    str | None, Query(max_length=_LONGEST, description="What the page before said is next: go on after it.")
]


class _Wanted(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class WantedStatus(_Wanted):
    status: StrictStr | None = Field(
        default=None, max_length=_LONGEST, description="AVAILABLE, BUSY or OFFLINE, in any spelling."
    )
    online: StrictBool | None = Field(
        default=None, description="Without a status: true is AVAILABLE, false OFFLINE."
    )


class WantedSwitches(_Wanted):
    notifications_enabled: StrictBool | None = None
    sound_enabled: StrictBool | None = None


class WantedRead(_Wanted):
    ids: list[Annotated[StrictStr, Field(max_length=_LONGEST_ID)]] = Field(max_length=1_000)


class WantedProfile(_Wanted):
    """What is to change; what is left out stays. ``prices``: minutes → rupiah, the whole menu."""

    name: StrictStr | None = Field(default=None, max_length=1_000)
    city: StrictStr | None = Field(default=None, max_length=1_000)
    languages: list[Annotated[StrictStr, Field(max_length=_LONGEST)]] | None = Field(
        default=None, max_length=100
    )
    prices: dict[int, StrictInt] | None = Field(default=None, max_length=20)


def rules_of(services: Services) -> Rules:
    """What of the settings and the policy a member's figures rest on."""
    settings = services.settings
    return Rules(load_policy(), AmountBounds(settings.amount_min, settings.amount_max), settings.timezone)


def _rules(asked: Asking) -> Rules:
    return asked.services.one(Rules, rules_of)


def _done(asked: Asking, decide: Callable[[View], Decision[Any]]) -> Any:
    """A PUT: done twice it is as done once."""
    return carry_out(asked.gateway, asked.now, decide)


@ROUTER.get("/requests")
def my_requests(
    asked: Asked,
    show: Annotated[str | None, Query(max_length=_LONGEST, description="Which list goes on.")] = None,
    after: After = None,
    limit: Limit = 50,
) -> ShownRequests | ShownOwn:
    """A provider: open requests with their deadlines, and what was accepted, is scheduled, was completed. A customer:
    the bookings they made."""
    if asked.caller.provider_id is None:
        return requests.own_bookings(asked.view(), asked.caller, _rules(asked), after=after, limit=limit)
    return requests.requests(asked.view(), asked.caller, _rules(asked), show=show, after=after, limit=limit)


@ROUTER.get("/calendar")
def my_calendar(
    asked: Asked,
    first: Annotated[date | None, Query(alias="from", description="The first local day.")] = None,
    last: Annotated[date | None, Query(alias="to", description="The last local day.")] = None,
) -> ShownCalendar:
    """A provider's local days with what was taken of each."""
    return requests.calendar(asked.view(), asked.caller, _rules(asked), first, last)


@ROUTER.get("/earnings")
def my_earnings(
    asked: Asked,
    month: Annotated[str | None, Query(max_length=_LONGEST, description="As in 2026-10.")] = None,
) -> ShownEarnings:
    """What a provider earned in a month, the commission on it, and what is owed now until when."""
    return earnings.earnings(asked.view(), asked.caller, _rules(asked), month)


@ROUTER.get("/notifications")
def my_notifications(asked: Asked, after: After = None, limit: Limit = 50) -> ShownNotifications:
    """What the caller was told, the newest first."""
    return notifications.notifications(asked.view(), asked.caller, _rules(asked), after=after, limit=limit)


@ROUTER.post("/notifications/read")
def read_notifications(body: WantedRead, asked: AskedOnce) -> JSONResponse:
    """Mark notifications read."""
    return asked.command(
        "read_notifications",
        lambda view: notifications.mark_read(view, asked.caller, body.ids),
    )


@ROUTER.put("/notifications")
def switch_notifications(body: WantedSwitches, asked: Asked) -> ShownSwitches:
    """Switch a provider's notifications, or their sound."""
    return _done(
        asked,
        lambda view: notifications.switch(
            view, asked.caller, _rules(asked), body.notifications_enabled, body.sound_enabled
        ),
    )


@ROUTER.put("/status")
def set_status(body: WantedStatus, asked: Asked) -> ShownStatus:
    """Say whether a provider is there."""
    return _done(
        asked, lambda view: account.set_status(view, asked.caller, _rules(asked), body.status, body.online)
    )


@ROUTER.get("/profile")
def my_profile(asked: Asked) -> ShownProfile:
    """A provider's own profile with their menu."""
    return account.profile(asked.view(), asked.caller, _rules(asked))


@ROUTER.put("/profile")
def change_profile(body: WantedProfile, asked: Asked) -> ShownProfile:
    """Change one's own profile or menu."""
    wanted = ProfileChange(body.name, body.city, body.languages, body.prices)
    return _done(asked, lambda view: account.change_profile(view, asked.caller, _rules(asked), wanted))


@ROUTER.post("/commissions/{commission_id}/proof", response_model=ShownProof)
def upload_proof(
    commission_id: Annotated[str, Path(max_length=_LONGEST_ID)],
    file: Annotated[UploadFile, File(description="A picture (JPEG, PNG, WebP) or a PDF.")],
    asked: AskedOnce,
) -> JSONResponse:
    """Hand in the proof that one of one's own commissions was paid."""
    content = file.file.read(LARGEST_PROOF_BYTES + 1)
    files = asked.services.files()
    decide = proofs.keeping(files, asked.caller, _rules(asked), commission_id, content)
    return asked.command("upload_proof", decide, body=hashlib.sha256(content).digest())
