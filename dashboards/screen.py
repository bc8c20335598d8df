"""The frame every page stands in: settings, language, period, the newest snapshot, the live head and its
five-second pulse.

A page gives a title and its sections to ``Screen.show`` and draws nothing outside of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from dashboards import blocks, downloads, freshness, queries
from dashboards.period import CUSTOM, Period, chosen
from dashboards.wording import LANGUAGES, NOTHING, Wording, count, rupiah, signed_rupiah
from marketplace.policy import Policy
from resources.errors import BookwatchError
from resources.policy_file import load_policy
from resources.settings import Settings, load_settings

REFRESH_SECONDS = 5
ROWS_SHOWN = 500
STYLE = Path(__file__).parent / "style.css"

Section = Callable[["Screen"], None]


@dataclass(frozen=True)
class Screen:
    """One drawing of one page: what was asked for and what there is to answer it."""

    settings: Settings
    say: Wording
    period: Period
    now: datetime
    path: str | None
    status: dict[str, Any] | None

    @property
    def snapshot(self) -> str:
        """The real path of the snapshot; only sections ask, and they are drawn only where there is one."""
        assert self.path is not None
        return self.path

    @property
    def scans(self) -> list[dict[str, Any]]:
        return _scans(self.path)

    @property
    def condition(self) -> freshness.Condition:
        return freshness.judge(self.now, self.path is not None, self.status, self.scans)

    @property
    def published_at(self) -> datetime | None:
        return None if self.path is None else queries.snapshot(self.path).published_at

    def show(self, title: str, subtitle: str, sections: Sequence[Section]) -> None:
        """Draw the page: the live head, then each section. A section that cannot be read says so and stops no
        other."""
        pulse(self, title, subtitle)
        if self.path is None:
            st.html(blocks.empty(str(self.settings.home.root), self.say))
            return
        for section in sections:
            self.draw(section)

    def draw(self, section: Section) -> None:
        """One section: what this snapshot does not hold, or cannot answer, is said in its place."""
        try:
            section(self)
        except queries.NotInSnapshot:
            st.html(blocks.wrap(blocks.note("none", self.say("fresh.absent"), self.say("fresh.absent_text"))))
        except queries.SnapshotUnreadable as failure:
            st.html(
                blocks.wrap(
                    blocks.banner(
                        "bad", self.say("fresh.unreadable_title"), failure.problem, failure.next_step
                    )
                )
            )

    def beside(self, *sections: Section) -> None:
        """Sections in columns of equal width; on a phone one below the other."""
        for column, section in zip(st.columns(len(sections), gap="medium"), sections, strict=True):
            with column:
                self.draw(section)

    def table(
        self,
        frame: pl.DataFrame,
        headings: dict[str, str],
        name: str,
        alt: str,
        total: int,
        complete: Callable[[], pl.DataFrame],
        *,
        choose: bool = False,
        json: bool = False,
    ) -> dict[str, Any] | None:
        """A frame with ids: rupiah written out yet sorted as numbers, instants local. ``frame`` may hold the
        first rows only; ``complete`` gives all ``total`` of them, asked when a download is clicked. With ``choose`` a
        row can be picked, and is returned with all of its columns; with ``json`` it can be had as JSON too."""
        rows = frame.head(ROWS_SHOWN)
        shown = rows.select(list(headings))
        look: dict[str, Any] = {
            "hide_index": True,
            "width": "stretch",
            "height": 35 * (min(max(shown.height, 1), 12) + 1) + 2,
            "row_height": 35,
            "column_config": {column: st.column_config.Column(label) for column, label in headings.items()},
            "key": f"table_{name}",
            "alt": alt,
            "placeholder": NOTHING,
        }
        picked: list[int] = []
        if choose:
            state = st.dataframe(
                _styled(shown, self.say), on_select="rerun", selection_mode="single-row", **look
            )
            picked = list(state["selection"]["rows"])
        else:
            st.dataframe(_styled(shown, self.say), **look)
        left, *places = st.columns([3, 1, 1] if json else [3, 1], vertical_alignment="center")
        if shown.height < total:
            left.caption(self.say("app.rows_shown", shown=count(shown.height), total=count(total)))
        self.download(places[0], self.say("app.download"), name, "csv", lambda: downloads.csv(complete()))
        if json:
            self.download(
                places[1], self.say("app.download_json"), name, "json", lambda: downloads.json(complete())
            )
        return rows.row(picked[0], named=True) if picked and picked[0] < rows.height else None

    def download(self, place: Any, label: str, name: str, form: str, content: Callable[[], bytes]) -> None:
        """A button that hands out a file named after what it holds and the snapshot; made when it is clicked."""
        place.download_button(
            label,
            content,
            file_name=f"bookwatch_{name}_{Path(self.snapshot).stem}.{form}",
            mime={"csv": "text/csv", "json": "application/json"}[form],
            key=f"download_{name}" if form == "csv" else f"download_{name}_{form}",
            icon=":material/download:",
            on_click="ignore",
            width="stretch",
        )


def _scans(path: str | None) -> list[dict[str, Any]]:
    if path is None:
        return []
    try:
        return queries.scans(path)
    except queries.SnapshotUnreadable:
        return []  # no scan known: the age is shown as unknown, with a banner


def _styled(frame: pl.DataFrame, say: Wording) -> Any:
    """A pandas Styler: what is shown is text, what is sorted by is the value."""
    written = frame.with_columns(
        [
            pl.col(name).map_elements(say.stamp, return_dtype=pl.String, skip_nulls=True).fill_null(NOTHING)
            for name, kind in frame.schema.items()
            if isinstance(kind, pl.Datetime)
        ]
        + [pl.col(name).fill_null(NOTHING) for name, kind in frame.schema.items() if kind == pl.String]
        + [
            pl.when(pl.col(name).is_null())
            .then(pl.lit(NOTHING))  # not known is not "no"
            .when(pl.col(name))
            .then(pl.lit(say("col.yes")))
            .otherwise(pl.lit(say("col.no")))
            .alias(name)
            for name, kind in frame.schema.items()
            if kind == pl.Boolean
        ]
    )
    formats: dict[str, Callable[[Any], str]] = {
        name: (signed_rupiah if name == "variance_idr" else rupiah) if name.endswith("_idr") else count
        for name, kind in written.schema.items()
        if kind.is_integer()
    } | {
        name: say.seconds if name == "seconds" or name.endswith("_s") else count
        for name, kind in written.schema.items()
        if kind.is_float()
    }
    return written.to_pandas(use_pyarrow_extension_array=True).style.format(formats, na_rep=NOTHING)


def load_or_stop() -> Settings:
    """The settings; where one is wrong, a plain sentence instead of the page."""
    try:
        return load_settings()
    except BookwatchError as wrong:
        say = Wording("en", "UTC")
        st.html(
            blocks.wrap(blocks.banner("bad", say("empty.settings_title"), wrong.problem, wrong.next_step))
        )
        st.stop()


def policy_or_stop(say: Wording) -> Policy:
    """The policy in force; where its file is wrong, a plain sentence instead of what follows."""
    try:
        return load_policy()
    except BookwatchError as wrong:
        st.html(
            blocks.wrap(blocks.banner("bad", say("empty.settings_title"), wrong.problem, wrong.next_step))
        )
        st.stop()


def language() -> str:
    """The language of this session: the switch, before that the address (?lang=id), else English."""
    said = st.session_state.get("lang") or st.query_params.get("lang")
    return said if said in LANGUAGES else LANGUAGES[0]


def current() -> Screen:
    """What this page is to show now."""
    settings = load_or_stop()
    say = Wording(language(), settings.bookwatch_timezone)
    now = settings.clock.now()
    return Screen(
        settings=settings,
        say=say,
        period=chosen(
            st.session_state.get("period"),
            st.session_state.get("days") if st.session_state.get("period") == CUSTOM else None,
            now.astimezone(say.zone).date(),
        ),
        now=now,
        path=queries.newest(settings.home.current),
        status=freshness.read_status(settings.home.status),
    )


@st.fragment(run_every=REFRESH_SECONDS)
def pulse(screen: Screen, title: str, subtitle: str) -> None:
    """The head of the page, judged anew every five seconds. Only where something was published or said since
    does the whole
    page follow, so that tables keep their place while nothing happens."""
    home = screen.settings.home
    path, status = queries.newest(home.current), freshness.read_status(home.status)
    if (path, status) != (screen.path, screen.status):
        st.rerun(scope="app")
    now = screen.settings.clock.now()
    condition = freshness.judge(now, path is not None, status, screen.scans)
    try:
        published_at = screen.published_at
    except queries.SnapshotUnreadable:
        published_at = None
    st.html(
        blocks.wrap(
            blocks.head(title, subtitle, condition, now, screen.say),
            blocks.banners(condition, published_at, now, screen.say),
        )
    )


@cache
def style() -> str:
    return f"<style>{STYLE.read_text(encoding='utf-8')}</style>"
