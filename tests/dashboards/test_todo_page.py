"""The page To do, drawn by Streamlit itself: alerts and findings by cause and by what people entered of them, one alert in
full, and what can be done about each, entered in the ledger and shown at once. Clicks are counted."""

# ruff: noqa: E501 - sentences stand as they are read

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dashboards import frame
from dashboards.kit.choosing import told_apart
from dashboards.kit.links import HOMES
from dashboards.viewer import Viewer
from marketplace.roles import Role
from messages.message import Message
from pipelines.alerting.rules import RULES
from resources.home import Home
from resources.ledger import Ledger
from resources.ledger.alerts import AlertStore, Delivery
from resources.settings import load_settings
from resources.snapshots import open_snapshot, published_snapshots, require_snapshot
from tests.dashboards.conftest import Shown
from tests.dashboards.snapshot import edit

Show = Callable[..., Shown]
NOW = datetime(2026, 11, 22, 6, 5, 30, tzinfo=UTC)


def plain(shown: Shown) -> str:
    return shown.text.replace("\u00a0", " ")


@dataclass
class Clicks:
    """A person at the page: each way of pressing something is a click."""

    shown: Shown
    made: int = 0

    def page(self, name: str, show: Show, home: Path) -> None:
        """Choose a page in the sidebar, which stands on every page."""
        self.made += 1
        assert name in {page.name for page in frame.PAGES}
        self.shown = show(home, name)

    def button(self, key: str) -> None:
        self.made += 1
        self.shown.app.button(key=key).click().run()
        assert not self.shown.app.exception


def as_role(monkeypatch: pytest.MonkeyPatch, role: Role) -> None:
    """Every screen from now on is looked at by somebody of a role."""
    from dashboards.kit import screen

    kept = screen.current

    def current(pages: tuple[str, ...]) -> screen.Screen:
        from dataclasses import replace

        return replace(kept(pages), viewer=Viewer("Ayu", role, known=True))

    monkeypatch.setattr(screen, "current", current)


# What there is ------------------------------------------------------------------------------------


def test_alerts_that_fire_wait_and_are_held_back_stand_apart(read_home: Path, show: Show) -> None:
    text = plain(show(read_home, "todo"))
    assert (
        "No commission missing critical · firing 12 bookings that earn have no commission record. 12 Limit: 0 09:05 WITA 5 h ago"
        in text
    )
    assert (
        "Errors a minute medium · waits: not yet long enough to fire 13 errors in a minute 13 Limit: 10 14:04 WITA 1 min ago"
        in text
    )
    assert "health_point_6" not in text
    aside = plain(show(read_home, "todo", state="waived"))
    assert (
        "health_point_6 high · firing · silence 7 Notification delivery rate below 80% 73.1 % Limit: 80 % 21 Nov 20:05 WITA 18 h ago"
        in aside
    )
    assert "12 bookings that earn" not in aside


def test_findings_stand_by_cause_with_count_rupiah_and_age_and_lead_to_their_rows(
    read_home: Path, show: Show
) -> None:
    shown = show(read_home, "todo")
    assert "Missing commission critical 12 -Rp 1,111,500 51 d 2 h Wrong amount high 17 -Rp 425,000" in plain(
        shown
    )
    assert "Closed months that changed figures that are not what an earlier snapshot said 2 – 9 d" in plain(
        shown
    )
    assert '<a href="findings?code=missing" target="_self">12</a>' in shown.html


def test_the_rows_of_every_alert_are_on_a_page_of_ours(home: Path, show: Show) -> None:
    ours = {f"/{entry.name}" for entry in frame.PAGES} | {f"/{page}" for page, _ in HOMES.values()}
    later = {"/performance", "/demand"}
    assert {rule.rows.partition("?")[0] for rule in RULES} <= ours | later
    edit(
        home,
        lambda status: status["alerts"][0].update(name="monitoring_report", page="https://elsewhere.example"),
    )
    html = show(home, "todo").html
    assert '<a href="./" target="_self">12 bookings' in html
    assert "elsewhere" not in html


def test_silences_resolved_alerts_and_deliveries_are_listed_on_demand(read_home: Path, show: Show) -> None:
    text = plain(show(read_home, "todo", lang="id", history="silences"))
    assert "health_point_6 7 Komang push provider is down, known 18:05 WITA 4 jam lagi berlaku" in text
    assert "error_rate 5 Ayu maintenance 21 Nov 20:05 WITA 18 jam lalu berakhir" in text
    assert (
        "ingest_stale{collection=bookings} kritis bookings was not read completely for 25 minutes 12 jam 21 Nov 20:05 WITA"
        in plain(show(read_home, "todo", lang="id", history="resolved"))
    )
    sent = show(read_home, "todo", lang="id", history="deliveries").table("Pengiriman")
    assert sent["kind"].to_list() == ["pengingat", "menyala", "selesai", "menyala"]
    assert sent["delivered"].to_list() == ["ya", "tidak", "ya", "ya"]


def test_no_alert_is_good_news_only_from_a_fresh_run(home: Path, show: Show) -> None:
    edit(home, lambda status: status.update(alerts=[], alerts_pending=[]))
    assert "No alert is firing So the newest run judged." in plain(show(home, "todo"))
    edit(home, lambda status: status["run"].update(outcome="failed"))
    shown = show(home, "todo")
    assert "No alert is firing As far as the last run knew" in plain(shown)
    assert '<div class="bw-card bw-note bw-good">' not in shown.html


def test_without_a_status_the_snapshot_says_what_fires(home: Path, show: Show) -> None:
    (home / "published" / "status.json").unlink()
    assert "No commission missing critical · firing 12 bookings that earn" in plain(show(home, "todo"))


# An alert in full ---------------------------------------------------------------------------------


def test_an_alert_is_opened_with_what_to_do_the_way_to_its_rows_and_what_was(home: Path, show: Show) -> None:
    store = AlertStore(Home(home).ledger)
    store.silence(
        "zero_*",
        author="Komang",
        reason="ask 0812 3456 7890",
        created_at=NOW - timedelta(hours=3),
        ends_at=NOW - timedelta(hours=1),
    )
    store.record_sent([], [Delivery(NOW, "firing", 1, "mailto", True, 1)])
    shown = show(home, "todo", alert="zero_missing_commission")
    text = plain(shown)
    assert "12 bookings that earn have no commission record. bk000977, bk001954; record them" in text
    assert "silenced it until 13:05 WITA" in text
    assert "Komang" in text
    assert "0812" not in text
    assert "mailto" not in text  # a message that did not tell of this alert
    assert "it began to fire" in text
    assert "Findings by cause" not in text


def test_an_alert_that_is_not_there_is_said(read_home: Path, show: Show) -> None:
    assert "There is no alert <b>x</b>" in plain(show(read_home, "todo", alert="<b>x</b>"))


# What can be done, and in how many clicks -----------------------------------------------------------


def test_an_alert_is_silenced_in_two_clicks_from_the_overview_and_shown_so_at_once(
    home: Path, show: Show
) -> None:
    at = Clicks(show(home))
    at.page("todo", show, home)
    at.shown.app.text_input(key="act_on_alert_reason").input("they are being recorded")
    at.button("act_silence_alert")
    assert at.made == 2
    assert "12 bookings that earn" not in plain(at.shown).partition("Findings by cause")[0]
    (silence,) = AlertStore(Home(home).ledger).silences()
    assert (silence.matcher, silence.author, silence.reason) == (
        "name=zero_missing_commission",
        "local user",
        "they are being recorded",
    )
    assert silence.ends_at - silence.created_at == timedelta(hours=4)
    aside = show(home, "todo", state="waived")
    assert "No commission missing critical · firing · silence 1 12 bookings" in plain(aside)
    opened = show(home, "todo", alert="zero_missing_commission")
    assert "Silenced by local user until 18:05 WITA: they are being recorded" in plain(opened)
    opened.app.button(key="act_end_silence_zero_missing_commission").click().run()
    assert "12 bookings that earn" in plain(show(home, "todo"))


def test_a_finding_is_waived_in_two_clicks_from_the_overview_and_counted_so_at_once(
    home: Path, show: Show
) -> None:
    at = Clicks(show(home))
    at.page("todo", show, home)
    finding = at.shown.app.selectbox(key="act_on_finding_id").value
    at.shown.app.text_input(key="act_on_finding_reason").input("agreed with the owner")
    at.button("act_waive_finding")
    assert at.made == 2
    (waiver,) = Ledger(Home(home).ledger).waivers()
    assert (waiver.finding_id, waiver.waived_by, waiver.reason) == (
        finding,
        "local user",
        "agreed with the owner",
    )
    assert "Missing commission critical 11 " in plain(at.shown)
    assert at.shown.app.selectbox(key="act_on_finding_id").value != finding
    assert "Missing commission critical 1 " in plain(show(home, "todo", state="waived"))


def test_who_takes_care_is_shown_and_a_new_firing_is_nobodys(home: Path, show: Show) -> None:
    shown = show(home, "todo")
    shown.app.button(key="act_acknowledge_alert").click().run()
    assert "12 bookings that earn" not in plain(shown).partition("Findings by cause")[0]
    cared = plain(show(home, "todo", state="acknowledged"))
    assert "No commission missing critical · firing · local user takes care of it 12 bookings" in cared
    edit(home, lambda status: status["alerts"][0].update(fired_at="2026-11-22T06:10:00Z"))
    assert "12 bookings that earn" in plain(show(home, "todo")).partition("Findings by cause")[0]


@pytest.mark.parametrize("reason", ["", " ok ", "123456"])
def test_without_a_reason_that_says_something_nothing_is_entered(
    read_home: Path, show: Show, reason: str
) -> None:
    shown = show(read_home, "todo")
    shown.app.text_input(key="act_on_alert_reason").input(reason)
    shown.app.button(key="act_silence_alert").click().run()
    assert "A reason of at least 3 letters is needed" in plain(shown)
    assert AlertStore(Home(read_home).ledger).silences() == []


@pytest.mark.parametrize(
    ("role", "acts"),
    [
        (Role.VIEWER, set[str]()),
        (Role.SUPPORT, {"acknowledge"}),
        (Role.AUDITOR, {"waive"}),
        (Role.OPERATOR, {"acknowledge", "silence", "waive"}),
    ],
)
def test_a_role_sees_the_acts_it_may_do(
    read_home: Path, show: Show, monkeypatch: pytest.MonkeyPatch, role: Role, acts: set[str]
) -> None:
    as_role(monkeypatch, role)
    keys = [button.key or "" for button in show(read_home, "todo").app.button]
    assert {key.split("_")[1] for key in keys if key.startswith("act_")} == acts


def test_a_ledger_that_cannot_be_read_leaves_what_the_snapshot_says(home: Path, show: Show) -> None:
    Home(home).ledger.write_bytes(b"no database at all, and long enough to be looked at" * 40)
    shown = show(home, "todo")
    assert "12 bookings that earn have no commission record." in plain(shown)
    assert "Missing commission critical 12 -Rp 1,111,500" in plain(shown)
    opened = plain(show(home, "todo", alert="zero_missing_commission"))
    assert "What people entered cannot be read" in opened


# Orders ---------------------------------------------------------------------------------------------


def test_a_person_is_forgotten_by_order_only_of_who_may_and_is_sure(
    published_home: Home, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_snapshot(require_snapshot(published_home)) as con:
        found = con.execute("SELECT min(customer_id) FROM marts.customers").fetchone()
    assert found is not None
    customer = str(found[0])
    key = "act_order_forget"
    shown = show(published_home.root, "customers", customer=customer)
    assert key not in {button.key for button in shown.app.button}
    as_role(monkeypatch, Role.ADMIN)
    shown = show(published_home.root, "customers", customer=customer)
    shown.app.button(key=key).click().run()
    assert "Say that you are sure" in plain(shown)
    ledger = Ledger(published_home.ledger)
    assert ledger.orders() == []
    shown.app.checkbox(key=f"sure_forget_{customer}").check()
    shown.app.button(key=key).click().run()
    (order,) = ledger.orders()
    assert (order.kind, order.arguments["customer"], order.ordered_by, order.role, order.state) == (
        "forget",
        customer,
        "Ayu",
        "admin",
        "queued",
    )
    assert f"Forget a customer {customer} Ayu" in plain(shown)
    assert "queued The pipeline takes it within seconds." in plain(shown)


def test_a_sweep_is_ordered_once_and_its_end_is_shown(
    published_home: Home, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_role(monkeypatch, Role.OPERATOR)
    ledger = Ledger(published_home.ledger)
    for _ in range(2):
        show(published_home.root, "data_quality").app.button(key="act_order_sweep").click().run()
    (order,) = ledger.orders()
    ledger.take_order(at=NOW)
    ledger.tell_progress(order.order_id, Message("order.waits"), at=NOW)
    text = plain(show(published_home.root, "data_quality"))
    assert "being done Waits for the run that is active to end." in text
    said = Message("order.swept", {"rows": 1200, "deleted": 2, "repaired": 3})
    ledger.end_order(order.order_id, "done", [said], at=NOW)
    text = plain(show(published_home.root, "todo", history="orders", lang="id"))
    assert "selesai 1.200 baris dibandingkan: 2 dihapus di Appwrite, 3 diperbaiki." in text
    as_role(monkeypatch, Role.VIEWER)
    keys = {button.key for button in show(published_home.root, "data_quality").app.button}
    assert "act_order_sweep" not in keys


def test_what_is_done_while_looking_back_is_done_now(published_home: Home, show: Show) -> None:
    older = published_snapshots(published_home)[1].stem
    show(published_home.root, "data_quality", snapshot=older).app.button(key="act_order_sweep").click().run()
    (order,) = Ledger(published_home.ledger).orders()
    assert order.ordered_at == load_settings().clock.now()


def test_what_is_gone_when_it_is_pressed_for_lets_nothing_be_done_about_another(
    home: Path, show: Show
) -> None:
    shown, ledger = show(home, "todo"), Ledger(Home(home).ledger)
    finding = str(shown.app.selectbox(key="act_on_finding_id").value)
    ledger.waive(finding, reason="somebody was faster", by="Ayu", at=NOW)
    shown.app.text_input(key="act_on_finding_reason").input("agreed with the owner")
    shown.app.button(key="act_waive_finding").click().run()
    assert [(waiver.finding_id, waiver.waived_by) for waiver in ledger.waivers()] == [(finding, "Ayu")]
    assert "Nothing was entered" in plain(shown)
    shown.app.button(key="act_waive_finding").click().run()
    assert len(ledger.waivers()) == 2


def test_options_that_are_called_the_same_are_told_apart() -> None:
    assert told_apart({"a": "Missing", "b": "Missing", "c": "Wrong"}) == {
        "a": "Missing \u00b7 a",
        "b": "Missing \u00b7 b",
        "c": "Wrong",
    }


def test_an_order_is_of_the_snapshot_that_was_looked_at_when_it_was_given(
    published_home: Home, show: Show
) -> None:
    older = published_snapshots(published_home)[1].stem
    app = show(published_home.root, "months", view="package", snapshot=older).app
    del app.query_params["snapshot"]  # another one is there by the time the click is answered
    app.text_input(key="by_package").input("Putu Auditor")
    app.button(key="act_order_package").click().run()
    (order,) = Ledger(published_home.ledger).orders("package")
    assert order.arguments["snapshot"] == older
