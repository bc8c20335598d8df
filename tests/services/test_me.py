"""/me by its paths, on an Appwrite in memory and in Appwrite Storage of the sandbox."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from marketplace.uploads import PROOF_BUCKET
from resources.appwrite.failures import PermanentFailure
from resources.appwrite.files import FileStore, Upload
from tests.marketplace.test_uploads import PAPER, PICTURE
from tests.services.conftest import Api
from tests.services.memory import EPOCH, Memory
from tests.services.test_members import Kept, at, booked, charged
from tests.services.told import Client, on_memory


@pytest.fixture
def client() -> Client:
    server = Memory()
    for one in ("t1", "t2"):
        server.put(
            "therapists",
            one,
            name=one,
            status="AVAILABLE",
            pricing='{"60": 150}',
            whatsappNumber="+628111222333",
        )
    booked(server, "b1", "completed", completedAt=at(hours=-1))
    booked(server, "b2", "pending", responseDeadline=at(minutes=2))
    charged(server, "c1", "b1")
    server.put("notifications", "n1", recipientId="t1", read=False)
    return on_memory(server)


def _hand_in(
    client: Client, record: str, content: bytes, who: str = "therapist", key: str | None = None
) -> Any:
    given = {"files": {"file": ("../../etc/passwd", content, "text/html")}}
    return client.ask("POST", f"/me/commissions/{record}/proof", who, key, **given)


def test_every_path_of_me_is_a_providers_own(client: Client) -> None:
    told = client.get("/me/requests", "therapist").json()
    assert told["requests"][0] | {"bookingId": "b2", "secondsLeft": 120, "position": 1} == told["requests"][0]
    assert told["completed"]["items"][0]["amountIdr"] == 200_000
    earned = client.get("/me/earnings?month=2026-03", "therapist").json()
    assert (earned["sums"]["netIdr"], earned["owed"]["totalIdr"], earned["owed"]["nextDueAt"]) == (
        140_000, 60_000, at(hours=2),
    )  # fmt: skip
    days = client.get("/me/calendar?from=2026-03-15&to=2026-03-16", "therapist").json()["days"]
    assert [day["date"] for day in days] == ["2026-03-15", "2026-03-16"]
    assert client.get("/me/notifications", "therapist").json()["unread"] == 1
    assert client.post("/me/notifications/read", "therapist", {"ids": ["n1"]}).json() == {"read": 1}
    assert (
        client.put("/me/notifications", "therapist", {"soundEnabled": False}).json()["soundEnabled"] is False
    )
    assert client.put("/me/status", "therapist", {"status": "BUSY"}).json()["status"] == "BUSY"
    profile = client.put("/me/profile", "therapist", {"prices": {"60": 160_000}}).json()
    assert profile["prices"] == {"60": 160_000}
    others = client.get("/me/requests", "other_therapist").json()
    assert (others["requests"], others["completed"]["items"]) == ([], [])
    assert client.get("/me/requests", "customer").json()["bookings"]["items"][0]["bookingId"] == "b2"
    for path in ("calendar", "earnings", "profile"):
        assert client.get(f"/me/{path}", "customer").status_code == 403
        assert client.get(f"/me/{path}", None).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "wrong"),
    [
        ("GET", "/me/earnings?month=March", None, ["month"]),
        ("GET", "/me/calendar?from=2026-03-02&to=2026-03-01", None, ["to"]),
        ("GET", "/me/requests?limit=101", None, ["limit"]),
        ("PUT", "/me/status", {"status": "RESTRICTED"}, ["/status"]),
        ("PUT", "/me/notifications", {"soundEnabled": "yes"}, ["/soundEnabled"]),
        ("PUT", "/me/profile", {"whatsappNumber": "+62811"}, [""]),
        ("PUT", "/me/profile", {"name": "", "prices": {"60": 1}}, ["/name", "/prices/60"]),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_nothing_changes(
    client: Client, method: str, path: str, body: Any, wrong: list[str]
) -> None:
    answer = client.ask(method, path, "therapist", json=body)
    assert (answer.status_code, [one["at"] for one in answer.json()["errors"]]) == (422, wrong)
    server: Any = client.services.gateway
    assert server.calls["commit"] == 0


def test_a_proof_is_handed_in_once_for_its_key(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept()
    client.services.one(FileStore, lambda services: kept)  # type: ignore[arg-type,return-value] - what is asked of it
    told = _hand_in(client, "c1", PICTURE, key="k")
    assert (told.status_code, told.json()["status"]) == (200, "awaiting_verification")
    again = _hand_in(client, "c1", PICTURE, key="k")
    assert again.json() == told.json()
    assert _hand_in(client, "c1", PAPER, key="k").json()["code"] == "idempotency_key_reused"
    assert _hand_in(client, "c1", b"<html>").json()["errors"][0]["at"] == "/file"
    assert _hand_in(client, "c1", PAPER).status_code == 409
    assert _hand_in(client, "c1", PAPER, "other_therapist").status_code == 404
    assert _hand_in(client, "c1", PAPER, "customer").status_code == 403
    assert _hand_in(client, "c1", PAPER, key="").status_code == 400
    assert len(kept.files) == 1
    assert EPOCH.isoformat() in told.json()["paymentProofUploadedAt"]


def test_on_a_server_all_of_it_holds_and_a_proof_is_read_by_its_provider_and_administrators_alone(
    api: Api,
) -> None:
    mine = api.ids["therapist"]
    details = json.dumps({"id": mine})
    api.row(
        "bookings", "b1", status="pending", bookingStatus="DONE", therapistDetails=details, totalCost=200_000
    )
    api.row(
        "bookings",
        "b2",
        bookingId="BK-1",
        status="Waiting-For-Location",
        providerId=mine.upper(),
        duration=60,
    )
    api.row("bookings", "b3", status="completed", providerId=api.ids["other_therapist"], totalCost=200_000)
    charge = {"therapistId": mine, "paymentStatus": "pending", "commissionAmount": 60_000}
    api.row("commission_records", "c1", bookingId="b1", paymentProofUrl=None, **charge)
    api.row("notifications", "n1", recipientId=mine, title="x", read=False)
    waiting = api.get("/me/requests", "therapist").json()
    assert [one["bookingId"] for one in waiting["requests"]] == ["b2"]
    assert [one["bookingId"] for one in waiting["completed"]["items"]] == ["b1"]
    earned = api.get("/me/earnings", "therapist").json()
    assert (earned["sums"]["netIdr"], earned["owed"]["totalIdr"]) == (140_000, 60_000)
    assert earned["bookings"][0]["commissionId"] == "c1"
    assert api.get("/me/calendar", "therapist").json()["undated"] == []
    assert api.get("/me/notifications?limit=1", "therapist").json()["next"] == "n1"
    assert api.get("/me/notifications?after=n1", "therapist").json()["items"] == []
    assert api.post("/me/notifications/read", "therapist", {"ids": ["n1"]}).json() == {"read": 1}
    for body, status in (({"online": False}, 200), ({"status": "lazy"}, 422)):
        assert api.put("/me/status", "therapist", body).status_code == status
    assert (
        api.put("/me/profile", "therapist", {"languages": ["id"], "prices": {"60": 360_000}}).status_code
        == 200
    )
    told = _hand_in(api, "c1", PICTURE)
    assert told.json()["status"] == "awaiting_verification"
    (row,) = api.rows("commission_records")
    assert (row["paymentStatus"], row["paymentProofUrl"]) == (
        "awaiting_verification", told.json()["paymentProofUrl"],
    )  # fmt: skip
    assert len(row["paymentProofUrl"]) <= 200  # as the app has a place for
    headers = {"X-Appwrite-Project": api.server.project}
    seen = {
        who: requests.get(
            row["paymentProofUrl"], headers=headers | {"X-Appwrite-JWT": (api.tokens or {})[who]}, timeout=30
        )
        for who in ("therapist", "admin", "other_therapist", "customer")
    }
    assert {who: answer.status_code for who, answer in seen.items()} == {
        "therapist": 200, "admin": 200, "other_therapist": 404, "customer": 404,
    }  # fmt: skip
    assert seen["therapist"].content == PICTURE
    settings = api.services.settings
    with FileStore(settings, settings.clock) as files:
        (file_id,) = [part for part in row["paymentProofUrl"].split("/") if part.startswith("pp_")]
        # Sent once more it is there, and that is as good; another one under its id is none.
        files.put(Upload(PROOF_BUCKET, file_id, "x.png", PICTURE, "image/png", ()))
        with pytest.raises(PermanentFailure):
            files.put(Upload(PROOF_BUCKET, file_id, "x.pdf", PAPER, "application/pdf", ()))
        assert files.content(PROOF_BUCKET, file_id) == PICTURE
        for _ in range(2):
            files.remove(PROOF_BUCKET, file_id)
