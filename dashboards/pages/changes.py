"""Changes: two snapshots compared, by default the one that is shown with the one nearest to a day before."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import streamlit as st

from dashboards.kit import address, glance, glossary, links, parts
from dashboards.kit.address import Choice
from dashboards.kit.glance import Tile
from dashboards.kit.grid import grid
from dashboards.kit.markup import Child, element
from dashboards.kit.page import Page
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import changes, reading
from dashboards.queries.changes import CameAndWent, Kept
from dashboards.queries.query import Column, Held
from dashboards.wording import NOTHING, count, rupiah, signed_rupiah

PARTS = ("figures", "findings", "alerts", "bookings", "months", "providers")
SHOW = Choice("show", PARTS, "figures")
FROM, TO = Choice("from_snapshot", form=r"[\w-]+"), Choice("to_snapshot", form=r"[\w-]+")
_SHOWN = 50


def choose(screen: Screen) -> None:
    """Which two are compared: the sentence, and the choice of each."""
    say = screen.text
    snapshots = changes.kept(screen.settings.home)
    for choice in (FROM, TO):
        asked = address.chosen(choice)
        if asked and changes.by_id(asked, snapshots) is None:
            show(parts.banner("warn", say("changes.not_kept", snapshot=asked)))
    both = _both(screen)
    if both is None:
        only = say("changes.only_one_text") if len(snapshots) < 2 else say("changes.no_older_text")
        show(parts.note("none", say("changes.only_one"), only))
    left, right = st.columns(2)
    for place, choice, name in ((left, FROM, "from"), (right, TO, "to")):
        place.selectbox(
            say(f"changes.{name}"),
            [one.snapshot_id for one in snapshots],
            format_func=lambda snapshot_id: _label(snapshot_id, snapshots, screen),
            placeholder=_default(both, choice, screen),
            **(
                address.widget(choice)
                if _known(choice, snapshots)
                else {"index": None, "key": f"unknown_{name}"}
            ),
        )
    if both is not None:
        earlier, later = both
        show(
            parts.above(
                say(
                    "changes.between",
                    earlier=say.time(earlier.at, screen.now),
                    later=say.time(later.at, screen.now),
                    span=say.span((later.at - earlier.at).total_seconds()),
                )
            )
        )


def _known(choice: Choice, snapshots: list[Kept]) -> bool:
    asked = address.chosen(choice)
    return not asked or changes.by_id(asked, snapshots) is not None


def _label(snapshot_id: str, snapshots: list[Kept], screen: Screen) -> str:
    one = changes.by_id(snapshot_id, snapshots)
    return snapshot_id if one is None else f"{screen.text.time(one.at, screen.now)} · {snapshot_id}"


def _default(both: tuple[Kept, Kept] | None, choice: Choice, screen: Screen) -> str:
    if both is None:
        return NOTHING
    one = both[0] if choice is FROM else both[1]
    return screen.text(f"changes.default_{choice.name}", time=screen.text.time(one.at, screen.now))


def _both(screen: Screen) -> tuple[Kept, Kept] | None:
    """The earlier and the later one; None where there are no two that can be compared so."""
    snapshots = changes.kept(screen.settings.home)
    shown = reading.snapshot(screen.snapshot).snapshot_id
    later = changes.by_id(address.chosen(TO) or shown, snapshots) or changes.by_id(shown, snapshots)
    if later is None:
        return None
    earlier = changes.by_id(address.chosen(FROM), snapshots) or changes.a_day_before(later, snapshots)
    return (earlier, later) if earlier is not None and earlier.snapshot_id < later.snapshot_id else None


def overall(screen: Screen) -> None:
    """What changed of each kind, and which is shown below."""
    both = _both(screen)
    if both is None:
        return
    shown = address.chosen(SHOW)
    show(glance.tiles(_tile(screen, name, shown, both) for name in PARTS))


def _tile(screen: Screen, name: str, shown: str, both: tuple[Kept, Kept]) -> Tile:
    label = screen.text(f"changes.{name}")
    along = {"from_snapshot": address.chosen(FROM), "to_snapshot": address.chosen(TO)}
    link = None if name == shown else links.to_page("changes", label, show=name, **along)
    try:
        tone, number = _FOUND[name](both[0].path, both[1].path)
    except reading.SnapshotUnreadable:
        return Tile("none", NOTHING, label, link, screen.text("changes.untold"))
    return Tile(tone, number, label, link, "" if tone != "none" else screen.text("changes.untold"))


def _counted(number: int, tone: str = "") -> tuple[str, str]:
    return (tone if number else "good"), count(number)


def _came_and_went(found: CameAndWent) -> tuple[str, str]:
    tone = "bad" if found.came.height else "" if found.went.height else "good"
    return tone, f"+{count(found.came.height)} −{count(found.went.height)}"


def _of_figures(earlier: str, later: str) -> tuple[str, str]:
    before, after = changes.figures(earlier), changes.figures(later)
    return _counted(sum(before[name] != after[name] for name in before))


def _of_bookings(earlier: str, later: str) -> tuple[str, str]:
    found = changes.bookings(earlier, later)
    return ("none", NOTHING) if found is None else _counted(found.rows.height)


_FOUND: dict[str, Callable[[str, str], tuple[str, str]]] = {
    "figures": _of_figures,
    "findings": lambda earlier, later: _came_and_went(changes.findings(earlier, later)),
    "alerts": lambda earlier, later: _came_and_went(changes.alerts(earlier, later)),
    "bookings": _of_bookings,
    "months": lambda earlier, later: _counted(changes.months(earlier, later).height, "warn"),
    "providers": lambda earlier, later: _counted(changes.members(earlier, later).height),
}


def part(screen: Screen) -> None:
    """The chosen kind of changes."""
    both = _both(screen)
    if both is not None:
        _DRAWN[address.chosen(SHOW)](screen, both[0].path, both[1].path)


def figures(screen: Screen, earlier: str, later: str) -> None:
    say = screen.text
    before, after = changes.figures(earlier), changes.figures(later)
    show(parts.section(say("changes.figures"), say("changes.figures_note")))
    show(
        parts.table(
            [
                (say("changes.figure"), False),
                (say("changes.before"), True),
                (say("changes.after"), True),
                (say("changes.difference"), True),
            ],
            [
                (
                    links.to_page(figure.page, glossary.called(say, figure.name)),
                    _said(before[figure.name], figure.rupiah),
                    _said(after[figure.name], figure.rupiah),
                    _difference(before[figure.name], after[figure.name], figure.rupiah, screen),
                )
                for figure in changes.FIGURES
            ],
        )
    )


def _said(value: int | None, is_rupiah: bool) -> Child:
    return parts.money(value) if is_rupiah else count(value)


def _difference(before: int | None, after: int | None, is_rupiah: bool, screen: Screen) -> Child:
    if before is None or after is None:
        return screen.text("changes.untold")
    change = after - before
    if not change:
        return parts.soft(screen.text("changes.same"))
    return element(
        "b", signed_rupiah(change) if is_rupiah else f"{'+' if change > 0 else '−'}{count(abs(change))}"
    )


def findings(screen: Screen, earlier: str, later: str) -> None:
    say = screen.text
    found = changes.findings(earlier, later)
    columns = (
        Column("finding", "changes.finding", words="finding"),
        Column("severity", "col.severity", words="severity"),
        Column("detail", "col.detail", told=True),
        Column("variance_idr", "col.variance"),
        Column("booking_id", "col.booking_id"),
        Column("finding_id", "col.finding_id"),
    )
    for name, frame in (("came", found.came), ("went", found.went)):
        show(parts.section(say(f"changes.findings_{name}", n=count(frame.height))))
        if frame.is_empty():
            show(parts.note("good" if name == "came" else "none", say(f"changes.no_findings_{name}")))
            continue
        # What went is no longer there to be opened; its booking is.
        opens = ("finding", "finding_id") if name == "came" else ("booking", "booking_id")
        grid(
            screen, Held(f"findings_{name}", frame, columns), say(f"changes.findings_{name}_alt"), opens=opens
        )


def alerts(screen: Screen, earlier: str, later: str) -> None:
    say = screen.text
    found = changes.alerts(earlier, later)
    show(parts.section(say("changes.alerts"), say("changes.alerts_note")))
    if found.came.is_empty() and found.went.is_empty():
        show(parts.note("good", say("changes.no_alerts")))
        return
    show(
        parts.table(
            [
                ("", False),
                (say("alerts.alert"), False),
                (say("col.severity"), False),
                (say("alerts.what"), False),
            ],
            [
                (
                    parts.word(kind, say(f"changes.{name}")),
                    parts.below(
                        links.to_page("todo", say.called(row["name"]) or row["name"], alert=row["alert_id"]),
                        row["alert_id"],
                    ),
                    say.word("severity", row["severity"]),
                    say.told(row, "summary"),
                )
                for name, kind, frame in (("came", "bad", found.came), ("went", "good", found.went))
                for row in frame.head(_SHOWN).iter_rows(named=True)
            ],
        )
    )


def bookings(screen: Screen, earlier: str, later: str) -> None:
    say = screen.text
    show(parts.section(say("changes.bookings"), say("changes.bookings_note")))
    found = changes.bookings(earlier, later)
    if found is None:
        show(parts.note("none", say("changes.bookings_untold"), say("changes.bookings_untold_text")))
        return
    if found.left_out:
        show(parts.banner("warn", say("changes.left_out", n=count(found.left_out), all=count(found.seen))))
    if found.rows.is_empty():
        show(parts.note("good", say("changes.no_bookings")))
        return
    show(
        parts.table(
            [
                (say("changes.before"), False),
                (say("changes.after"), False),
                (say("metric.bookings"), True),
                (say("col.booking_amount"), True),
            ],
            [
                (
                    say("changes.new") if row["before"] is None else say.word("booking_state", row["before"]),
                    say.word("booking_state", row["after"]),
                    count(row["bookings"]),
                    parts.money(row["amount_idr"]),
                )
                for row in changes.transitions(found)
            ],
        )
    )
    columns = (
        Column("booking_id", "col.booking_id"),
        Column("before", "changes.before", words="booking_state"),
        Column("after", "changes.after", words="booking_state"),
        Column("amount_idr", "col.booking_amount"),
        Column("updated_at", "changes.at"),
    )
    rows = Held("changed_bookings", found.rows.reverse(), columns)
    grid(screen, rows, say("changes.bookings"), opens=("booking", "booking_id"))


def months(screen: Screen, earlier: str, later: str) -> None:
    say = screen.text
    show(parts.section(say("changes.months"), say("changes.months_note")))
    frame = changes.months(earlier, later)
    if frame.is_empty():
        show(parts.note("good", say("changes.no_months")))
        return

    def said(row: dict[str, object], name: str) -> Child:
        value = row[name]
        number = value if isinstance(value, int) else None
        return count(number) if row["figure"] == "bookings" else rupiah(number)

    show(
        parts.table(
            [
                (say("ledger.month"), False),
                (say("closed.figure"), False),
                (say("changes.before"), True),
                (say("changes.after"), True),
            ],
            [
                (
                    links.to_record("month", f"{row['local_month']:%Y-%m}", say.month(row["local_month"])),
                    say.word("figure_name", row["figure"]),
                    said(row, "previous_value"),
                    said(row, "current_value"),
                )
                for row in frame.head(_SHOWN).iter_rows(named=True)
            ],
        )
    )


def providers(screen: Screen, earlier: str, later: str) -> None:
    say = screen.text
    show(parts.section(say("changes.providers"), say("changes.providers_note")))
    frame = changes.members(earlier, later)
    if frame.is_empty():
        show(parts.note("good", say("changes.no_providers")))
        return
    columns = (
        Column("provider_name", "col.provider_name"),
        Column("before", "changes.before", words="member"),
        Column("after", "changes.after", words="member"),
        Column("provider_id", "col.provider_id"),
    )
    rows = Held("changed_providers", frame.select(pl.all()).reverse(), columns)
    grid(screen, rows, say("changes.providers"), opens=("provider", "provider_id"))


_DRAWN: dict[str, Callable[[Screen, str, str], None]] = {
    "figures": figures,
    "findings": findings,
    "alerts": alerts,
    "bookings": bookings,
    "months": months,
    "providers": providers,
}

PAGE = Page(
    name="changes",
    group="today",
    icon=":material/difference:",
    role="admin",
    place=3,
    choices=(SHOW, FROM, TO),
    sections=(
        choose,
        overall,
        part,
        glossary.words("snapshot", "finding", "waived", "alert", "closed_month", "owed_now", "unknown"),
    ),
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
