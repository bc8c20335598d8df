"""The frame every page stands in: settings, language, period, the newest snapshot, the live head and its
five-second pulse.

A page gives a title and its sections to ``Screen.show`` and draws nothing outside of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from markupsafe import Markup
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboards import data_age, sign_in, viewer, warmth
from dashboards.kit import address, cards, links, parts
from dashboards.kit.parts import show
from dashboards.lookback import NOWHERE, Looked, look
from dashboards.period import CUSTOM, EARLIEST, Period, chosen
from dashboards.queries import health, reading
from dashboards.viewer import LOCAL, Viewer
from dashboards.wording import INDONESIAN, Wording, numbers_as, numbers_else
from marketplace.policy import Policy
from marketplace.roles import Right, Role
from resources.errors import BookwatchError
from resources.policy_file import load_policy
from resources.settings import Settings, load_settings
from resources.shared.fetching import is_readers, mark_of

_SHOWN = "shown_last"
"""In a session: the path of the newest snapshot it was shown."""
REFRESH_SECONDS = 5
_EVERYWHERE = frozenset({Right.SEE, Right.MINE, Right.DOWNLOAD})
"""What takes a snapshot alone."""
STYLE = Path(__file__).parent / "style.css"
SCRIPT = Path(__file__).parent / "page.js"

Section = Callable[["Screen"], None]


@dataclass(frozen=True)
class Screen:
    """One drawing of one page: what was asked for and what there is to answer it."""

    settings: Settings
    text: Wording
    period: Period
    now: datetime
    path: str | None
    pages: tuple[str, ...]
    status: dict[str, Any] | None
    viewer: Viewer = LOCAL
    looked: Looked = NOWHERE

    @property
    def elsewhere(self) -> bool:
        """Whether the pipeline has another home: here nothing can be entered or ordered, and nobody has a name."""
        return is_readers(self.settings.home)

    @property
    def store(self) -> str | None:
        """Where a reader's home has its snapshots from; None in the pipeline's own."""
        mark = mark_of(self.settings.home.published)
        return None if mark is None else mark.store

    def may(self, right: Right) -> bool:
        """Whether the person at this page has a right: asked anew at each drawing and each action."""
        if right not in _EVERYWHERE and self.elsewhere:
            return False
        return self.viewer.may(right) and viewer.stands(self.viewer, self.settings)

    def whose(self, asked: str) -> str | None:
        """The provider whose page this is: whom an address names (``asked``) for who may see any, and nobody but
        themselves for a provider."""
        if self.viewer.role is Role.PROVIDER:
            return self.viewer.provider
        return (asked or None) if self.may(Right.SEE) else None

    @property
    def snapshot(self) -> str:
        """The real path of the snapshot; only sections ask, and they are drawn only where there is one."""
        assert self.path is not None
        return self.path

    @property
    def scans(self) -> list[dict[str, Any]]:
        return _scans(self.path)

    @property
    def condition(self) -> data_age.Condition:
        return condition_of(self.looked, self.now, self.path, self.status, self.scans)

    @property
    def data_until(self) -> datetime:
        """Up to which instant (naive UTC) the snapshot knows: when it was published, else now; while the data is not
        fresh no later than it was read, for a run that reads nothing publishes all the same."""
        read = self.condition.counted_to(self.now).astimezone(UTC).replace(tzinfo=None)
        return read if self.published_at is None else min(self.published_at, read)

    @property
    def data_day(self) -> date:
        """The local day in which that instant stands: it is known in part, later ones not at all."""
        return self.data_until.replace(tzinfo=UTC).astimezone(self.text.zone).date()

    @property
    def published_at(self) -> datetime | None:
        return None if self.path is None else reading.snapshot(self.path).published_at

    def show(self, title: str, subtitle: str, sections: Sequence[Section]) -> None:
        """Draw the page: the live head, then each section. A section that cannot be read says so and stops no
        other."""
        pulse(self, title, subtitle)
        if self.path is None and self.store is not None:
            show(
                parts.note(
                    "none", self.text("empty.fetched"), self.text("empty.fetched_text", store=self.store)
                )
            )
            return
        if self.path is None:
            show(cards.empty(str(self.settings.home.root), self.text))
            return
        for section in sections:
            self.draw(section)

    def draw(self, section: Section) -> None:
        """One section: what this snapshot does not hold, or cannot answer, is said in its place."""
        try:
            section(self)
        except reading.NotInSnapshot:
            show(parts.note("none", self.text("fresh.absent"), self.text("fresh.absent_text")))
        except reading.SnapshotUnreadable as failure:
            show(refusal(failure, self.text("fresh.unreadable_title"), self.text))

    def beside(self, *sections: Section) -> None:
        """Sections in columns of equal width; on a phone one below the other."""
        for column, section in zip(st.columns(len(sections), gap="medium"), sections, strict=True):
            with column:
                self.draw(section)


def condition_of(
    looked: Looked,
    now: datetime,
    path: str | None,
    status: dict[str, Any] | None,
    scans: list[dict[str, Any]],
) -> data_age.Condition:
    """The condition of what is shown: nothing that is not the newest is called up to date."""
    judged = data_age.judge(now, path is not None, status, scans)
    if looked.past:
        return replace(judged, state="past", failed=False)
    return replace(judged, state="damaged") if looked.damaged else judged


def _scans(path: str | None) -> list[dict[str, Any]]:
    if path is None:
        return []
    try:
        return health.scans(path)
    except reading.SnapshotUnreadable:
        return []  # no scan known: the age is shown as unknown, with a banner


def refusal(failure: BookwatchError, title: str, text: Wording) -> Markup:
    """Why something cannot be shown, and what to do about it."""
    return parts.banner("bad", title, text.message(failure.why), text.message(failure.todo))


def load_or_stop() -> Settings:
    """The settings; where one is wrong, a plain sentence instead of the page."""
    try:
        return load_settings()
    except BookwatchError as wrong:
        say = Wording(language(), "UTC")
        show(refusal(wrong, say("empty.settings_title"), say))
        st.stop()


def policy_or_stop(say: Wording) -> Policy:
    """The policy in force; where its file is wrong, a plain sentence instead of what follows."""
    try:
        return load_policy()
    except BookwatchError as wrong:
        show(refusal(wrong, say("empty.settings_title"), say))
        st.stop()


def language() -> str:
    """The language of the page, as the address says it (?lang=id), else English."""
    return address.chosen(links.LANGUAGE)


def _language_of_session() -> str:
    """Asked where a part of a page is drawn anew by itself; outside of any session numbers stay as they are filed."""
    return INDONESIAN if get_script_run_ctx(suppress_warning=True) is None else language()


numbers_else(_language_of_session)


def current(pages: tuple[str, ...]) -> Screen:
    """What a page is to show now. ``pages``: the names of all there are, in their order. Of an older snapshot it is
    shown as it was when that was published: its own instant is now, and what the newest run says is left out."""
    settings = load_or_stop()
    say = Wording(language(), settings.timezone)
    numbers_as(say.language)
    looked = looked_at(settings)
    if not looked.past:
        st.session_state[_SHOWN] = looked.path
    now = now_of(looked, settings)
    screen = Screen(
        settings=settings,
        text=say,
        period=days_chosen(now.astimezone(say.zone).date()),
        now=now,
        path=looked.path,
        pages=pages,
        status=None if looked.past else warmth.status(settings.home, held=looked.held),
        viewer=sign_in.viewer_or_stop(sign_in.found(settings), say),
        looked=looked,
    )
    return replace(screen, period=_cut(screen))


def looked_at(settings: Settings) -> Looked:
    """What this viewer is to be shown: the newest snapshot, as soon as it is read for those who are shown another."""
    return look(settings.home, address.chosen(links.SNAPSHOT), st.session_state.get(_SHOWN))


def _cut(screen: Screen) -> Period:
    """The period as the data has it: also one of whole days is known in part where the data ends within it."""
    try:
        ends_within = screen.period.last >= screen.data_day
    except reading.SnapshotUnreadable:
        return screen.period
    return replace(screen.period, running=True) if ends_within else screen.period


def now_of(looked: Looked, settings: Settings) -> datetime:
    """The instant that is shown: of an older snapshot when it was published."""
    at = reading.snapshot(looked.path).published_at if looked.past and looked.path is not None else None
    return settings.clock.now() if at is None else at.replace(tzinfo=UTC)


def days_chosen(today: date) -> Period:
    """The days that the address asks for; days it names are meant also where it names no period."""
    choice, days = address.chosen(links.PERIOD), days_said(today)
    if days is not None and links.PERIOD.name not in st.query_params:
        choice = CUSTOM
    return chosen(choice, days or (today - timedelta(days=6), today), today)


def days_said(today: date) -> tuple[date, date] | None:
    """The days of the address (?from=2026-11-01&to=2026-11-22), where both are days that can be looked at."""
    try:
        first, last = (
            date.fromisoformat(st.query_params[choice.name]) for choice in (links.FIRST, links.LAST)
        )
    except (KeyError, ValueError):
        return None
    last = min(last, today)
    return (first, last) if EARLIEST <= first <= last else None


@st.fragment(run_every=REFRESH_SECONDS)
def pulse(screen: Screen, title: str, subtitle: str) -> None:
    """The head of the page, judged anew every five seconds. Only where something was published or said since
    does the whole page follow, so that tables keep their place while nothing happens."""
    home = screen.settings.home
    looked = look(home, address.chosen(links.SNAPSHOT), screen.path)
    status = None if looked.past else warmth.status(home, held=looked.held)
    if (looked.path, status) != (screen.path, screen.status) or not viewer.stands(
        screen.viewer, screen.settings
    ):
        st.rerun(scope="app")
    numbers_as(screen.text.language)
    now = screen.now if looked.past else screen.settings.clock.now()
    condition = condition_of(looked, now, looked.path, status, screen.scans)
    try:
        published_at = screen.published_at
    except reading.SnapshotUnreadable:
        published_at = None
    show(
        cards.head(title, subtitle, condition, now, screen.text),
        cards.looked(looked, published_at, links.here(snapshot=None), screen.text),
        cards.banners(condition, published_at, now, screen.text, store=screen.store),
    )


@cache
def style() -> str:
    return STYLE.read_text(encoding="utf-8")


@cache
def script(pages: tuple[str, ...]) -> str:
    """Our script, told which pages there are: the first has no name in an address."""
    along = json.dumps([choice.name for choice in links.ALONG])
    known = json.dumps(["", *pages[1:]])
    return SCRIPT.read_text(encoding="utf-8").replace("%ALONG%", along).replace("%PAGES%", known)
