"""Overview: what needs action first, then the four figures, then the seven points."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from markupsafe import Markup

from dashboards import acts, alerts, data_age, report_files
from dashboards.kit import cards, glance, glossary, parts
from dashboards.kit.glance import Line
from dashboards.kit.links import to_page
from dashboards.kit.markup import Child, element, joined
from dashboards.kit.page import Page
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.pages import todo
from dashboards.queries import causes, reading, receivables, revenue
from dashboards.queries.causes import Cause, Told
from dashboards.sections import shared
from dashboards.wording import NOTHING, count, rupiah, signed_rupiah
from marketplace.events import NOT_THERE, ScanOutcome

#: Causes that a run says of itself: what they are counted by is not in a snapshot.
ALERTS = Cause("alerts", "bad", "", "todo")
COLLECTIONS = Cause("collections", "warn", "", "data_quality", {"show": "freshness"})
_SIGNED = "findings"  # its rupiah are a difference
_ORDER = ("bad", "none", "warn")


def needs_action(screen: Screen) -> None:
    """Each cause with its number, its rupiah and the age of the oldest, and one click to its rows."""
    say = screen.text
    every = list(_every(screen))
    lines = [(cause, told) for cause, told in every if not told.is_quiet]
    quiet = [cause for cause, told in every if told.is_quiet]
    found = [told for _, told in lines if told.n]
    show(parts.section(say("overview.needs_action"), _as_of(screen)))
    if not found:
        sure = not lines and screen.condition.state == "fresh" and not screen.condition.failed
        title = say("overview.nothing" if sure else "overview.nothing_known")
        show(parts.note("good" if sure else "none", title))
    if not lines:
        return
    names = ", ".join(say(f"cause.{cause.name}") for cause in quiet)
    show(
        glance.actions(
            [_line(cause, told, screen) for cause, told in sorted(lines, key=_worst_first)],
            [say(f"overview.head_{name}") for name in ("cause", "number", "rupiah", "oldest")],
            say("overview.not_found", causes=names) if quiet else "",
        )
    )


def _every(screen: Screen) -> Iterator[tuple[Cause, Told]]:
    read = frozenset(
        str(row.get("collection"))
        for row in data_age.collections(screen.status, screen.scans)
        if row.get("completed_at")
    )
    known = acts.standing(screen)
    told = causes.told(
        screen.snapshot,
        read - {causes.RECORDS} if shared.unjudged(screen) else read,
        None if known is None else tuple(sorted(known.waivers)),
    )
    yield ALERTS, _alerts(screen, known)
    yield COLLECTIONS, _collections(screen)
    yield from ((cause, told[cause.name]) for cause in causes.CAUSES)


def _alerts(screen: Screen, known: acts.Standing | None) -> Told:
    """Those that fire, are not held back, and that nobody takes care of yet, as To do lists them."""
    there = alerts.current(screen)
    if there is None:
        return Told()
    firing = [alert for alert in there if alert["state"] == "firing"]
    loud = [alert for alert in firing if todo.state_of(alert, known, screen) == todo.STATES[0]]
    since = [alert.get("since") or alert.get("active_since") for alert in loud]
    return Told(len(loud), since=min(filter(None, since), key=str, default=None))


def _collections(screen: Screen) -> Told:
    rows = data_age.collections(screen.status, screen.scans)
    return Told(sum(row.get("outcome") in NOT_THERE for row in rows) if rows else None)


def _worst_first(line: tuple[Cause, Told]) -> tuple[int, int, int]:
    cause, told = line
    tone = "none" if told.n is None else cause.tone
    return _ORDER.index(tone), -abs(told.idr or 0), -(told.n or 0)


def _line(cause: Cause, told: Told, screen: Screen) -> Line:
    say = screen.text
    link = to_page(cause.page, say(f"cause.{cause.name}"), **cause.choices)
    is_ = say(f"cause_is.{cause.name}")
    if told.n is None:
        return Line("none", link, is_, NOTHING, beneath=say("overview.untold"))
    amount: Child = ""
    if told.n and told.idr is not None and (told.idr or not told.no_amount):
        written = signed_rupiah(told.idr) if cause.name == _SIGNED else rupiah(told.idr)
        apart = say("overview.no_amount", n=count(told.no_amount)) if told.no_amount else ""
        amount = joined(element("span", written, cls="bw-idr"), parts.small(apart))
    elif told.no_amount:
        amount = parts.small(say("overview.no_amount", n=count(told.no_amount)))
    passed = say.elapsed(told.since, shared.as_of(screen)) if told.n else None
    return Line(
        cause.tone if told.n else "none",
        link,
        is_,
        count(told.n),
        amount,
        "" if passed is None else say("overview.oldest", span=say.span(passed)),
        say("overview.more_untold", n=count(told.untold)) if told.untold else "",
    )


def _as_of(screen: Screen) -> str:
    """That ages stand still, where they do."""
    at = shared.as_of(screen)
    return "" if at == screen.now else screen.text("overview.as_of", time=screen.text.time(at, screen.now))


def figures(screen: Screen) -> None:
    """Booked, completed and collected of the period, like for like, and what is owed now."""
    say = screen.text
    show(parts.section(say("overview.figures")))
    undated = revenue.undated(screen.snapshot)
    if undated["rows"]:
        said = {name: rupiah(undated[name]) for name in ("booked_idr", "completed_idr", "collected_idr")}
        title = say("revenue.undated", n=count(undated["rows"]))
        show(parts.banner("warn", title, say("revenue.undated_text", **said)))
    of_period = shared.period_figures(screen)
    if of_period[0].daily_idr:
        shown = [cards.revenue_card(figure, screen.period.days, say) for figure in of_period]
    else:
        shown = [shared.no_days(screen)]
    show(parts.grid("four" if len(shown) > 1 else "pair", *shown, _owed(screen)))


def _owed(screen: Screen) -> Markup:
    say = screen.text
    title, is_ = glossary.called(say, "owed_now"), say("overview.owed_is")
    link = to_page("commissions", say("overview.who_owes"))
    try:
        row = receivables.open_totals(screen.snapshot)
    except reading.NotInSnapshot:
        return glance.owed_card(title, is_, None, [say("fresh.absent")], link)
    if shared.unjudged(screen):
        return glance.owed_card(title, is_, None, [say("overview.untold")], link)
    late = rupiah(row["overdue_idr"] + row["overdue_fees_idr"])
    untold = row["unknown_records"]
    beneath = [
        say("overview.owed_late", amount=late, n=count(row["records"])),
        say("overview.no_amount_records", n=count(untold)) if untold else "",
    ]
    return glance.owed_card(title, is_, row["owed_idr"] + row["fees_idr"], beneath, link)


def points(screen: Screen) -> None:
    say = screen.text
    rows = data_age.points(screen.status, shared.marts_points(screen))
    if not rows:
        show(parts.note("none", say("health.no_points"), say("health.no_points_text")))
        return
    show(
        glance.points_strip(
            data_age.system_state(screen.status, rows),
            rows,
            shared.judged(screen),
            screen.condition.state != "fresh",
            say,
        )
    )


def rests_on(screen: Screen) -> None:
    """What the figures rest on, in a line: the newest booking, the last run, what was read, which checks hold."""
    say = screen.text
    run = data_age.part(screen.status, "run")
    rows = data_age.collections(screen.status, screen.scans)
    read = sum(row.get("outcome") == ScanOutcome.COMPLETE for row in rows)
    held, failed, _ = shared.check_results(screen)
    facts = [
        (say("health.newest_booking"), shared.moment(screen, shared.newest_booking(screen))),
        (
            to_page("performance", say("overview.last_run")),
            joined(
                shared.moment(screen, run.get("finished_at"), of_data=False),
                parts.badge(parts.tone(run.get("outcome")), say.word("run", run.get("outcome"))),
                by=" ",
            ),
        ),
        (
            to_page("data_quality", say("overview.collections"), show="freshness"),
            say("overview.read_of", read=count(read), all=count(len(rows))) if rows else NOTHING,
        ),
        (
            to_page("data_quality", say("health.checks"), show="checks"),
            shared.checks_sentence(screen, held, failed),
        ),
        (say("notebook.report"), morning_report(screen)),
    ]
    show(glance.rests(facts))


def morning_report(screen: Screen) -> Child:
    """The newest morning's reports, each a page of its own; or that there is none yet."""
    made = report_files.newest(screen.settings.home)
    if made is None:
        return screen.text("notebook.no_report")
    day, names = made
    links = (
        element(
            "a",
            screen.text(f"notebook.{name}"),
            href=f"/reports/{day}/{name}.html?lang={screen.text.language}",
            target="_blank",
            rel="noopener",
        )
        for name in names
    )
    return joined(screen.text.day(date.fromisoformat(day)), *links, by=" · ")


PAGE = Page(
    name="overview",
    group="today",
    icon=":material/space_dashboard:",
    role="admin",
    place=1,
    sections=(
        needs_action,
        figures,
        points,
        rests_on,
        glossary.words(
            "booked",
            "completed",
            "collected",
            "owed_now",
            "overdue_commission",
            "awaiting_verification",
            "missing_commissions",
            "finding",
            "closed_month",
            "restriction",
            "unanswered",
            "waiting_room",
            "quarantine",
            "check",
            "alert",
            "unusual",
            "abuse",
            "comparison",
            "point",
            "snapshot",
        ),
    ),
    periodic=True,
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
