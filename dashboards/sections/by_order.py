"""What a person can order of one row where it is opened: a booking handed over, cancelled or accepted on behalf; a
payment confirmed or rejected with its proof, an amount repaired. Each shows what changes and asks once.

Which moves there are is marketplace/transitions.py's; the pipeline plans the order from the snapshot, reads the row
again and writes (pipelines/orders.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import streamlit as st

from dashboards import acting, acts
from dashboards.kit import parts
from dashboards.kit.choosing import told_apart
from dashboards.kit.markup import Child
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import people, reconciliation
from dashboards.wording import rupiah
from marketplace.operations import Mode, Operation
from marketplace.statuses import BookingStatus, CommissionStatus
from marketplace.transitions import Actor, may_move, record_may_move
from resources.ledger.orders import NEEDS

#: Of a booking: what is done → the state it is moved to. A hand-over leaves it waiting for the new provider.
_BOOKING: Final[Mapping[Operation, BookingStatus]] = {
    Operation.REASSIGN_BOOKING: BookingStatus.REASSIGNED,
    Operation.CANCEL_BOOKING: BookingStatus.CANCELLED,
    Operation.ACCEPT_BOOKING: BookingStatus.ACCEPTED,
}
_PAYMENT: Final[Mapping[Operation, CommissionStatus]] = {
    Operation.CONFIRM_PAYMENT: CommissionStatus.PAID,
    Operation.REJECT_PAYMENT: CommissionStatus.REJECTED,
}
_ICONS: Final[Mapping[Operation, str]] = {
    Operation.REASSIGN_BOOKING: ":material/swap_horiz:",
    Operation.CANCEL_BOOKING: ":material/event_busy:",
    Operation.ACCEPT_BOOKING: ":material/event_available:",
    Operation.CONFIRM_PAYMENT: ":material/price_check:",
    Operation.REJECT_PAYMENT: ":material/money_off:",
    Operation.REPAIR_AMOUNT: ":material/build:",
}

Change = tuple[str, Child, Child]
"""What changes: its name, before, after."""


@dataclass(frozen=True)
class Order:
    """One thing that can be ordered of a row: what changes by it, and what the order says beside the row."""

    operation: Operation
    changes: Sequence[Change]
    arguments: Mapping[str, str] = field(default_factory=dict[str, str])


Offered = Mapping[Operation, Callable[[], Order | None]]
"""What can be ordered → how its details are asked for; it gives None while one is missing."""


def on_booking(screen: Screen, booking: Mapping[str, Any]) -> None:
    """What was planned and done to a booking, and what can be ordered of it."""
    acting.of_record(screen, booking["booking_id"])
    if screen.looked.past or booking["deleted_at"] is not None:
        return
    say, status = screen.text, str(booking["status"])

    def moved(operation: Operation) -> Order:
        after = say.word("booking_status", _BOOKING[operation].value)
        before = say.word("booking_status", status)
        return Order(operation, [(say("col.status"), before, after)], {"collection": str(booking["origin"])})

    def handed_over() -> Order | None:
        return _handed_over(screen, booking)

    offered: dict[Operation, Callable[[], Order | None]] = {}
    for operation, after in _BOOKING.items():
        if may_move(status, after.value, Actor.ADMIN):
            hand_over = operation is Operation.REASSIGN_BOOKING
            offered[operation] = handed_over if hand_over else lambda one=operation: moved(one)
    _offer(screen, str(booking["booking_id"]), offered)


def _handed_over(screen: Screen, booking: Mapping[str, Any]) -> Order | None:
    """To whom: providers of the snapshot, those of the same kind and city first."""
    say = screen.text
    now = str(booking["provider_id"] or "")
    found = people.takers(screen.snapshot, now, str(booking["provider_type"] or ""))
    called = told_apart(
        {
            str(one["provider_id"]): " · ".join(filter(None, (one["provider_name"], one["city"])))
            or str(one["provider_id"])
            for one in found
        }
    )
    chosen = st.selectbox(
        say("actions.to_provider"),
        list(called),
        index=None,
        format_func=lambda one: called.get(str(one), str(one)),
        placeholder=say("actions.any_provider"),
        key=f"act_on_provider_{booking['booking_id']}",
    )
    if chosen is None:
        return None
    before, pending = str(booking["status"]), BookingStatus.PENDING.value
    changes: list[Change] = [
        (
            say("col.provider_name"),
            booking["provider"] or now or say("booking.nobody"),
            called[str(chosen)],
        ),
        (say("col.status"), say.word("booking_status", before), say.word("booking_status", pending)),
    ]
    given = {"provider": str(chosen), "collection": str(booking["origin"])}
    return Order(Operation.REASSIGN_BOOKING, changes, given)


def on_commission(
    screen: Screen,
    record: Mapping[str, Any],
    judged: Mapping[str, Any] | None,
    open_row: Mapping[str, Any] | None,
) -> None:
    """What was planned and done to a record, and what can be ordered of it: of its payment by its proof, of its amount
    by the policy."""
    record_id, status, say = str(record["commission_id"]), str(record["status"]), screen.text
    acting.of_record(screen, record_id)
    if screen.looked.past:
        return
    offered: dict[Operation, Callable[[], Order | None]] = {}
    proof = reconciliation.proof(screen.snapshot, record_id)
    if proof is not None:
        for operation, after in _PAYMENT.items():
            if record_may_move(status, after.value):
                change: Change = (
                    say("col.status"),
                    say.word("commission_status", status),
                    say.word("commission_status", after.value),
                )
                seen = {} if proof["proof_key"] is None else {"proof": str(proof["proof_key"])}
                offered[operation] = lambda one=operation, change=change, seen=seen: Order(
                    one, [change], seen
                )
    if judged is not None and (expected := judged["expected_idr"]) is not None and judged["variance_idr"]:
        repair = Order(
            Operation.REPAIR_AMOUNT,
            [(say("actions.new_amount"), rupiah(record["commission_idr"]), rupiah(expected))],
            {"amount": str(expected)},
        )
        offered[Operation.REPAIR_AMOUNT] = lambda: repair
    if proof is not None and offered.keys() & _PAYMENT.keys():
        _evidence(screen, proof, (open_row or record).get("deadline_at"))
    _offer(screen, record_id, offered)


def _evidence(screen: Screen, proof: Mapping[str, Any], deadline: Any) -> None:
    """The proof that stands with a record: when it was handed in and what it is; the picture itself is the app's."""
    say = screen.text
    facts: list[tuple[str, Child]] = [
        (say("actions.proof_at"), say.time(proof["proof_at"], screen.now)),
        (say("actions.proof_kind"), say.word("proof", proof["proof_kind"])),
    ]
    if deadline is not None:
        facts.append((say("field.deadline"), say.time(deadline, screen.now)))
    same = proof["elsewhere"]
    facts.append((say("actions.proof_elsewhere"), ", ".join(same) if same else say("col.no")))
    show(parts.section(say("actions.evidence")), parts.terms_card(facts, say("actions.evidence_is")))


# Ordering --------------------------------------------------------------------------------------------


def _offer(screen: Screen, row_id: str, offered: Offered) -> None:
    """What can be ordered of a row, for who may: which, what changes, why, and once more whether it is meant."""
    if not offered or not screen.may(NEEDS["act"]):
        return
    say = screen.text
    pending, key = _pending(row_id), f"act_on_which_{row_id}"
    look: dict[str, Any] = {"icon": ":material/bolt:", "expanded": pending is not None}
    with st.expander(say("actions.act_on"), key=f"acting_on_{row_id}", **look):
        if pending is not None:
            _confirm(screen, row_id, *pending)
        else:
            st.caption(say("actions.act_on_note"))
            operation = st.segmented_control(
                say("actions.which"),
                [one.value for one in offered],
                format_func=lambda one: say.word("acting_operation", one),
                key=key,
            )
            if operation is not None:
                _details(screen, row_id, offered[Operation(operation)], Operation(operation))
        acts.progress(screen, "act", row=row_id)


def _details(screen: Screen, row_id: str, asked: Callable[[], Order | None], operation: Operation) -> None:
    say, mode = screen.text, screen.settings.mode_of(operation)
    if mode is Mode.OFF:
        st.caption(say("actions.switched_off"))
        show(acting.how_to_enforce(say, operation))
        return
    order = asked()
    if order is None:
        return
    show(_changes(screen, order))
    if mode is not Mode.ENFORCE:
        st.caption(say("actions.observed"))
        show(acting.how_to_enforce(say, operation))
    with st.form(f"order_act_{row_id}", border=False):
        by = acting.name_field(screen, row_id)
        typed = st.text_input(
            say("acts.reason"),
            max_chars=acts.LONGEST_TEXT,
            placeholder=say("actions.reason_hint"),
            key=f"act_reason_of_{row_id}",
        )
        pressed = st.form_submit_button(
            say("actions.review"), icon=_ICONS[operation], key=f"act_order_act_{row_id}"
        )
    if not pressed:
        return
    reason = acts.reason_of(screen, typed)
    given = {"operation": operation.value, "row": row_id, **order.arguments}
    if reason is None or not acting.named(screen, by, given):
        return
    st.session_state[_KEY] = (row_id, order, {**given, "reason": reason})
    st.rerun()


_KEY: Final = "order_to_confirm"


def _pending(row_id: str) -> tuple[Order, dict[str, str]] | None:
    """The order of this row that waits to be confirmed; one of another row was left, and is none any more."""
    held = st.session_state.get(_KEY)
    if held is None:
        return None
    if held[0] != row_id:
        del st.session_state[_KEY]
        return None
    return held[1], held[2]


def _confirm(screen: Screen, row_id: str, order: Order, given: dict[str, str]) -> None:
    """What would be done, said once more, with the way back beside it."""
    say = screen.text
    enforced = screen.settings.mode_of(order.operation) is Mode.ENFORCE
    name = say.word("acting_operation", order.operation.value)
    sure = say("actions.sure_title" if enforced else "actions.sure_title_observed")
    show(parts.banner("warn" if enforced else "none", name, sure), parts.gap(), _changes(screen, order))
    show(parts.paragraph(f"{say('acts.reason')}: {given['reason']}", "bw-below"))
    with st.container(horizontal=True):
        yes = st.button(
            say("actions.yes" if enforced else "actions.yes_observed"),
            type="primary",
            icon=_ICONS[order.operation],
            key=f"act_sure_{row_id}",
        )
        no = st.button(say("actions.no"), icon=":material/undo:", key=f"leave_{row_id}")
    if yes and screen.may(NEEDS["act"]):
        del st.session_state[_KEY]
        acting.enter(screen, "act", given if enforced else {**given, "observed": "yes"})
    elif no:
        del st.session_state[_KEY]
        st.rerun()


def _changes(screen: Screen, order: Order) -> Any:
    say = screen.text
    return parts.table(
        [(say("actions.change"), False), (say("actions.before"), False), (say("actions.after"), False)],
        order.changes,
    )
