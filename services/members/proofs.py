"""POST /me/commissions/{id}/proof: a provider hands in that a commission was paid. The file is kept first, under an id
that is derived of it; the record names it then, in one change.

A proof in time awaits its verification. One that comes after the deadline stays on the record as well, and the record
is overdue: by the rules of docs/commission.md it is unpaid until an administrator has seen the money.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, Protocol

from marketplace.aliases import ALIASES
from marketplace.app_rows import attribute, instant_like, text_at
from marketplace.collections import RECORDS
from marketplace.commission import UNPAID_STATUSES
from marketplace.operations import proof_id
from marketplace.statuses import CommissionStatus
from marketplace.transitions import record_may_move
from marketplace.uploads import LARGEST_PROOF_BYTES, PROOF_BUCKET, PROOFS, UploadKind, kind_of
from operations.records import record_written
from resources.appwrite.files import Upload
from resources.appwrite.writing import Change
from services.callers import Caller
from services.members.accounts import due_at, linked
from services.members.own import Member, Rules, bookings_named, member_of
from services.members.reading import Record, records_of
from services.members.shown import ShownProof, z
from services.problems import Problem, Wrong
from services.store import Decision, View

_WAITS: Final = CommissionStatus.AWAITING_VERIFICATION.value
_OVERDUE: Final = CommissionStatus.OVERDUE.value
_FOR_ADMINS: Final = 'read("label:admin")'


class Files(Protocol):
    """What is needed of Appwrite Storage. Every method raises CallFailure."""

    def put(self, one: Upload) -> None: ...
    def remove(self, bucket: str, file_id: str) -> None: ...
    def address(self, bucket: str, file_id: str) -> str: ...


@dataclass(frozen=True)
class Proof:
    """A file that was looked at: what it is, where it will lie."""

    file_id: str
    kind: UploadKind
    content: bytes
    address: str


def proof_of(files: Files, commission_id: str, content: bytes) -> Proof:
    """Look at a file. Raises Problem for one that is no proof."""
    if not content:
        raise Problem(422, "not_valid", [Wrong("proof_empty", "/file")])
    if len(content) > LARGEST_PROOF_BYTES:
        raise Problem(413, "proof_too_large", args={"most": LARGEST_PROOF_BYTES // 1_000_000})
    kind = kind_of(content)
    if kind is None or kind not in PROOFS:
        raise Problem(422, "not_valid", [Wrong("proof_kind", "/file")])
    file_id = proof_id(commission_id, hashlib.sha256(content).hexdigest())
    return Proof(file_id, kind, content, files.address(PROOF_BUCKET, file_id))


def hand_in(
    view: View, caller: Caller, rules: Rules, commission_id: str, proof: Proof
) -> Decision[ShownProof]:
    """Name a proof on a record of one's own that is unpaid. Handed in before, it is told as it was. Raises Problem,
    CallFailure."""
    member = member_of(view, caller, rules)
    record = _own_record(view, member, rules, commission_id)
    has = partial(view.has, RECORDS)
    where = attribute(ALIASES["commission.proof"], has, record.row)
    if where is None:
        raise Problem(409, "no_place")
    due = _due_at(view, member, rules, record)
    if text_at(record.row, where) == proof.address:
        handed_in = record.proof_at
        return Decision(_shown(record, record.status, proof, handed_in, _in_time(handed_in, due)))
    if record.status not in UNPAID_STATUSES or record.paid_at is not None or not record.is_live:
        raise Problem(409, "not_unpaid", state=record.status)
    in_time = _in_time(view.now, due)
    status = _WAITS if in_time is not False else _OVERDUE
    data: dict[str, Any] = {where: proof.address}
    if status != record.status and record_may_move(record.status, status):
        data |= record_written(record.row, status, view)
    else:
        status = record.status
    if has("paymentProofUploadedAt"):
        before = record.row.get("paymentProofUploadedAt")
        data["paymentProofUploadedAt"] = instant_like(before, view.now, member.offset)
    return Decision(
        _shown(record, status, proof, view.now, in_time),
        [Change(RECORDS, record.commission_id, data, str(record.row["$updatedAt"]))],
    )


def keeping(
    files: Files, caller: Caller, rules: Rules, commission_id: str, content: bytes
) -> Callable[[View], Decision[ShownProof]]:
    """``hand_in`` that keeps the file before its record names it. What may not be handed in is kept nowhere; where the
    record moved on in between, it is taken away again. Raises Problem, and so does what it returns; CallFailure."""
    proof = proof_of(files, commission_id, content)
    kept = False

    def decide(view: View) -> Decision[ShownProof]:
        nonlocal kept
        try:
            decision = hand_in(view, caller, rules, commission_id, proof)
        except Problem:
            if kept:
                files.remove(PROOF_BUCKET, proof.file_id)
            raise
        if decision.writes and not kept:
            files.put(
                Upload(
                    PROOF_BUCKET,
                    proof.file_id,
                    f"{proof.file_id}.{proof.kind.extension}",
                    proof.content,
                    proof.kind.content_type,
                    (f'read("user:{caller.user_id}")', _FOR_ADMINS),
                )
            )
            kept = True
        return decision

    return decide


def _own_record(view: View, member: Member, rules: Rules, commission_id: str) -> Record:
    row = view.row(RECORDS, commission_id)
    if row is not None:
        (record,) = records_of([row], member.offset, rules.bounds)
        theirs = record.provider_id is not None and record.provider_id.lower() == member.provider_id.lower()
        if theirs and not record.is_refund:
            return record
    raise Problem(404, "no_such_commission")


def _due_at(view: View, member: Member, rules: Rules, record: Record) -> datetime | None:
    links = linked(bookings_named(view, record.refers_to, member, rules), [record])
    return due_at(links.by_record.get(record.commission_id), record, member, rules)


def _in_time(at: datetime | None, due: datetime | None) -> bool | None:
    return None if at is None or due is None else at < due


def _shown(
    record: Record, status: str, proof: Proof, at: datetime | None, in_time: bool | None
) -> ShownProof:
    return ShownProof(
        commission_id=record.commission_id,
        status=status,
        payment_proof_url=proof.address,
        payment_proof_uploaded_at=z(at),
        is_in_time=in_time,
    )
