"""The page Actions, and what can be ordered of a booking or a commission where it is opened: from the ledger at once,
by role, asked once; what is ordered waits for the pipeline."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import duckdb
import pytest

from dashboards.wording import rupiah
from marketplace.backups import BackupState
from marketplace.operations import Operation
from marketplace.roles import Role
from messages.message import Message
from resources import acting
from resources.home import Home
from resources.ledger import Ledger
from resources.ledger.outbox import LetterState, TryEnd
from resources.snapshots import require_snapshot
from tests.acted import BY, NOW, REASON, planned, settled
from tests.dashboards.conftest import Shown
from tests.published import changed

Show = Callable[..., Shown]
SignedIn = Callable[[Role], Any]


def asked(home: Home, sql: str) -> list[Any]:
    with duckdb.connect(str(require_snapshot(home)), read_only=True) as con:
        return [row[0] for row in con.execute(sql).fetchall()]


def some_bookings(home: Home, status: str, limit: int) -> list[str]:
    return asked(
        home,
        f"SELECT booking_id FROM core.bookings WHERE status = '{status}' AND deleted_at IS NULL"
        f" ORDER BY 1 LIMIT {limit}",
    )


def captions(shown: Shown) -> str:
    return " ".join(str(caption.value) for caption in shown.app.caption)


def expiries(home: Home, number: int = 6) -> list[str]:
    """Planned expiries, two of them done, one skipped, one failed."""
    rows = some_bookings(home, "completed", number)
    ids = planned(
        home, Operation.EXPIRE_BOOKINGS, [(row, {"status": "pending"}, {"status": "expired"}) for row in rows]
    )
    settled(home, ids[:2])
    settled(home, ids[2:3], "skipped", said=Message("as_written", {"text": "It was accepted meanwhile."}))
    settled(home, ids[3:4], "failed", said=Message("as_written", {"text": "The server answered 500."}))
    return ids


def enforced(monkeypatch: pytest.MonkeyPatch, *operations: Operation) -> None:
    said = ", ".join(f'"{one.value}": "enforce"' for one in operations)
    monkeypatch.setenv("BOOKWATCH_OPERATIONS", f"{{{said}}}")


def test_what_waits_was_done_skipped_and_failed_stands_first_and_is_listed(
    published_home: Home, show: Show
) -> None:
    expiries(published_home)
    shown = show(published_home.root, "actions")
    for said in ("2 Planned, waiting", "2 Done today", "1 Skipped today", "1 Failed today"):
        assert said in shown.text
    listed = shown.table("Actions")
    assert sorted(listed["state"]) == ["Done", "Done", "Failed", "Planned", "Planned", "Skipped"]
    assert set(listed["change"]) == {"status: pending → expired"}
    assert set(listed["by"]) == {"schedule", BY}
    only = show(published_home.root, "actions", operation="expire_bookings", state="failed").table("Actions")
    assert only["state"].tolist() == ["Failed"]
    none = show(published_home.root, "actions", lang="id", operation="close_rooms")
    assert "Tidak ada tindakan yang cocok" in none.text


def test_an_action_in_full_says_what_changes_why_by_whom_and_what_became_of_it(
    published_home: Home, show: Show
) -> None:
    ids = expiries(published_home)
    text = show(published_home.root, "actions", action=ids[3]).text
    for said in ("pending", "expired", "Nobody answered in time.", "The server answered 500.", BY, REASON):
        assert said in text
    (other,) = planned(published_home, Operation.MARK_OVERDUE, [("c1", {}, {"status": "overdue"})])
    settled(published_home, [other], "skipped", said=Message("of.another_version", {"row": "c1"}))
    assert "of.another_version" in show(published_home.root, "actions", action=other).text
    assert "There is no action act_x" in show(published_home.root, "actions", action="act_x").text


def test_looking_back_shows_what_the_snapshot_says_of_actions(published_home: Home, show: Show) -> None:
    expiries(published_home)
    before = require_snapshot(published_home).stem
    changed(published_home, "SELECT 1")
    shown = show(published_home.root, "actions", snapshot=before)
    assert "Nothing was planned or done yet" in shown.text
    assert not [button for button in shown.app.button if str(button.key).startswith("act_")]


def test_a_plan_is_applied_only_where_it_is_enforced_and_by_who_may(
    published_home: Home, show: Show, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    expiries(published_home)
    signed_in(Role.OPERATOR)
    observed = show(published_home.root, "actions", operation="expire_bookings")
    assert "act_order_apply_expire_bookings" not in {button.key for button in observed.app.button}
    assert 'BOOKWATCH_OPERATIONS={"expire_bookings": "enforce"}' in observed.text
    enforced(monkeypatch, Operation.EXPIRE_BOOKINGS)
    shown = show(published_home.root, "actions", operation="expire_bookings")
    shown.app.button(key="act_order_apply_expire_bookings").click().run()
    assert "A reason of at least" in shown.text
    shown.app.text_input(key="order_reason_of_apply_expire_bookings").input("nobody is coming")
    shown.app.button(key="act_order_apply_expire_bookings").click().run()
    (order,) = Ledger(published_home.ledger).orders("apply")
    assert (order.arguments["reason"], order.role, order.arguments["plan"]) == (
        "nobody is coming",
        "operator",
        f"{NOW:%Y%m%dT%H%M%SZ}-expire_bookings",
    )
    assert "Apply a plan" in shown.text  # and how it stands
    for role in (Role.VIEWER, Role.SUPPORT, Role.AUDITOR):
        signed_in(role)
        keys = {
            str(b.key) for b in show(published_home.root, "actions", operation="expire_bookings").app.button
        }
        assert not [key for key in keys if key.startswith("act_")]


def test_all_acting_is_stopped_at_once_and_goes_on_by_an_admin_alone(
    published_home: Home, show: Show, signed_in: SignedIn
) -> None:
    signed_in(Role.OPERATOR)
    shown = show(published_home.root, "actions")
    shown.app.text_input(key="stop_reason").input("the prices are wrong")
    shown.app.button(key="act_stop_acting").click().run()
    stop = acting.stopped(published_home)
    assert stop is not None
    assert (stop.by, stop.reason) == ("operator@example.test", "the prices are wrong")
    assert "All acting is stopped" in shown.text
    assert "act_resume_acting" not in {button.key for button in shown.app.button}
    signed_in(Role.ADMIN)
    again = show(published_home.root, "actions")
    again.app.text_input(key="resume_reason").input("they are right again")
    again.app.button(key="act_resume_acting").click().run()
    assert acting.stopped(published_home) is None
    assert [entry[:2] for entry in Ledger(published_home.ledger).switch_log()] == [
        ("resumed", "admin@example.test"),
        ("stopped", "operator@example.test"),
    ]


def test_a_done_action_is_taken_back_by_an_admin(
    published_home: Home, show: Show, signed_in: SignedIn
) -> None:
    done = expiries(published_home)[0]
    signed_in(Role.OPERATOR)
    shown = show(published_home.root, "actions", action=done)
    assert "Your role may look at an action, not take it back." in captions(shown)
    signed_in(Role.ADMIN)
    shown = show(published_home.root, "actions", action=done)
    shown.app.text_input(key=f"order_reason_of_undo_{done}").input("they had called us")
    shown.app.button(key=f"act_order_undo_{done}").click().run()
    (order,) = Ledger(published_home.ledger).orders("undo")
    assert (order.arguments["action"], order.ordered_by) == (done, "admin@example.test")


def test_a_booking_is_cancelled_after_it_was_shown_what_changes_and_asked_once(
    published_home: Home, show: Show, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = some_bookings(published_home, "accepted", 1)
    enforced(monkeypatch, Operation.CANCEL_BOOKING)
    signed_in(Role.OPERATOR)
    shown = chosen(show(published_home.root, "bookings", booking=row), row, Operation.CANCEL_BOOKING)
    assert "Status Accepted Cancelled" in shown.text
    assert ordered(shown, published_home, row, "both agreed on it") == {
        "operation": "cancel_booking", "row": row, "collection": "bookings", "reason": "both agreed on it",
    }  # fmt: skip
    signed_in(Role.SUPPORT)
    assert f"act_order_act_{row}" not in {
        button.key for button in show(published_home.root, "bookings", booking=row).app.button
    }


def test_what_is_left_before_it_is_confirmed_orders_nothing(
    published_home: Home, show: Show, signed_in: SignedIn
) -> None:
    (row,) = some_bookings(published_home, "accepted", 1)
    signed_in(Role.ADMIN)
    shown = chosen(show(published_home.root, "bookings", booking=row), row, Operation.CANCEL_BOOKING)
    assert "This operation is observed" in captions(shown)
    shown.app.text_input(key=f"act_reason_of_{row}").input("both agreed on it")
    shown.app.button(key=f"act_order_act_{row}").click().run()
    assert "This is planned and shown; nothing is written" in shown.text
    shown.app.button(key=f"leave_{row}").click().run()
    assert Ledger(published_home.ledger).orders("act") == []


def chosen(shown: Shown, row: str, operation: Operation) -> Shown:
    """What can be ordered of a row, opened at one operation."""
    shown.app.button_group(key=f"act_on_which_{row}").set_value(operation.value).run()
    return shown


def ordered(shown: Shown, home: Home, row: str, reason: str) -> dict[str, str]:
    """What the order says once it was given its reason and confirmed."""
    shown.app.text_input(key=f"act_reason_of_{row}").input(reason)
    shown.app.button(key=f"act_order_act_{row}").click().run()
    assert "This writes to the marketplace" in shown.text
    assert Ledger(home.ledger).orders("act") == []
    shown.app.button(key=f"act_sure_{row}").click().run()
    (order,) = Ledger(home.ledger).orders("act")
    return dict(order.arguments)


def test_a_waiting_booking_is_accepted_on_behalf(
    published_home: Home, show: Show, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = some_bookings(published_home, "pending", 1)
    enforced(monkeypatch, Operation.ACCEPT_BOOKING)
    signed_in(Role.OPERATOR)
    shown = chosen(show(published_home.root, "bookings", booking=row), row, Operation.ACCEPT_BOOKING)
    assert "Status Waiting for an answer Accepted" in shown.text
    assert ordered(shown, published_home, row, "said so on the phone") == {
        "operation": "accept_booking", "row": row, "collection": "bookings", "reason": "said so on the phone",
    }  # fmt: skip


def test_a_booking_is_handed_over_to_a_provider_who_was_chosen(
    published_home: Home, show: Show, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = some_bookings(published_home, "accepted", 1)
    (now,) = asked(published_home, f"SELECT provider_id FROM core.bookings WHERE booking_id = '{row}'")
    providers = asked(published_home, "SELECT provider_id FROM core.providers WHERE deleted_at IS NULL")
    enforced(monkeypatch, Operation.REASSIGN_BOOKING)
    signed_in(Role.OPERATOR)
    shown = chosen(show(published_home.root, "bookings", booking=row), row, Operation.REASSIGN_BOOKING)
    assert f"act_order_act_{row}" not in {button.key for button in shown.app.button}, "to whom is not said"
    takers = shown.app.selectbox(key=f"act_on_provider_{row}")
    takers.select_index(0).run()
    assert "Status Accepted Waiting for an answer" in shown.text
    assert takers.options[0] in shown.text
    given = ordered(shown, published_home, row, "the therapist is ill")
    provider = given.pop("provider")
    assert given == {
        "operation": "reassign_booking", "row": row, "collection": "bookings", "reason": "the therapist is ill",
    }  # fmt: skip
    assert provider != now
    assert provider in providers


def test_an_amount_is_repaired_to_what_the_policy_says_and_no_other(
    published_home: Home, show: Show, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "FROM marts.commission_reconciliation WHERE variance_idr <> 0 ORDER BY commission_id LIMIT 1"
    (row,) = asked(published_home, f"SELECT commission_id {wrong}")
    (expected,) = asked(published_home, f"SELECT expected_idr {wrong}")
    enforced(monkeypatch, Operation.REPAIR_AMOUNT)
    signed_in(Role.ADMIN)
    shown = chosen(show(published_home.root, "commissions", commission=row), row, Operation.REPAIR_AMOUNT)
    assert rupiah(expected) in shown.text
    assert ordered(shown, published_home, row, "typed wrongly") == {
        "operation": "repair_amount", "row": row, "amount": str(expected), "reason": "typed wrongly",
    }  # fmt: skip


def test_a_payment_is_confirmed_with_its_proof_beside_it(
    published_home: Home, show: Show, signed_in: SignedIn
) -> None:
    found = asked(
        published_home,
        "SELECT commission_id FROM core.commissions WHERE proof_state = 'present'"
        " AND status = 'awaiting_verification' AND deleted_at IS NULL ORDER BY 1 LIMIT 1",
    )
    signed_in(Role.ADMIN)
    shown = show(published_home.root, "commissions", commission=found[0])
    assert "The proof that stands with it" in shown.text
    chosen(shown, found[0], Operation.CONFIRM_PAYMENT)
    assert "awaiting verification paid" in shown.text


def test_what_was_done_to_a_record_stands_where_it_is_opened(published_home: Home, show: Show) -> None:
    (row,) = some_bookings(published_home, "expired", 1)
    ids = planned(
        published_home,
        Operation.EXPIRE_BOOKINGS,
        [(row, {"status": "pending"}, {"status": "expired"})],
        at=NOW - timedelta(minutes=1),
    )
    settled(published_home, ids)
    shown = show(published_home.root, "bookings", booking=row)
    assert "What bookwatch planned and did here" in shown.text
    assert f"actions?action={ids[0]}" in shown.html


def test_notifications_that_were_given_up_are_sent_again_by_who_may(
    published_home: Home, show: Show, signed_in: SignedIn
) -> None:
    ledger = Ledger(published_home.ledger)
    ledger.begin_tries(["n1", "n2"], at=NOW)
    ledger.end_tries([TryEnd(one, LetterState.DEAD, (), "500") for one in ("n1", "n2")], at=NOW)
    signed_in(Role.VIEWER)
    shown = show(published_home.root, "actions", view="letters")
    assert "2 given up" in shown.text
    assert "act_letters" not in {button.key for button in shown.app.button}
    signed_in(Role.OPERATOR)
    shown = show(published_home.root, "actions", view="letters")
    shown.app.text_input(key="letters_reason").input("the receiver is up again")
    shown.app.button(key="act_letters").click().run()
    assert ledger.letter_counts() == {LetterState.WAITING: 2}
    assert {one.again_by for one in ledger.letters().values()} == {"operator@example.test"}


def test_backups_are_listed_with_how_they_stand(published_home: Home, show: Show) -> None:
    ledger = Ledger(published_home.ledger)
    assert "There is no backup yet" in show(published_home.root, "actions", view="backups").text
    backup = ledger.begin_backup(NOW, "20261122T060400Z", store="backups")
    ledger.finish_backup(backup, BackupState.WHOLE, at=NOW, rows=1_234, size=5_600_000)
    ledger.enter_verified(backup, at=NOW, holds=True)
    text = show(published_home.root, "actions", view="backups").text
    for said in (backup, "whole", "1,234", "5.6 MB", "every file holds"):
        assert said in text
