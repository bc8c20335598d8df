"""A small database with what backups must bring over: kinds of columns, odd texts, nulls beside defaults,
relationships, a unique index, bank details. Holds no test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import requests
from pydantic import SecretStr

from resources.home import Home
from resources.settings import Settings
from tests.sandbox_server import SandboxProcess

MADE = "2026-03-01T10:00:00.000+00:00"
PHONE = "+6281239876543"
NAME = "Ketuttari Widiasihan"
ACCOUNT = "7712009988123"
PERSONAL = (PHONE, NAME, ACCOUNT, "geheimwort")

BOOKINGS: list[dict[str, Any]] = [
    {"key": "userId", "type": "varchar", "size": 40},
    {"key": "customerName", "type": "varchar", "size": 100, "required": True},
    {"key": "customerWhatsApp", "type": "varchar", "size": 40},
    {"key": "status", "type": "enum", "elements": ["pending", "accepted"], "default": "pending"},
    {"key": "totalCost", "type": "integer", "min": 0, "max": 1_000_000_000},
    {"key": "rating", "type": "double"},
    {"key": "startTime", "type": "datetime"},
    {"key": "tags", "type": "varchar", "size": 20, "array": True},
    {"key": "notes", "type": "text"},
]
MESSAGES: list[dict[str, Any]] = [
    {"key": "conversationId", "type": "varchar", "size": 40},
    {"key": "senderId", "type": "varchar", "size": 40},
    {"key": "senderRole", "type": "varchar", "size": 20},
    {"key": "message", "type": "text"},
]
ODD_TEXTS = (
    'says "$sequence":"5", and \\"$databaseId\\":"x",',
    "a line\nand another \u2028 ☃ 𝒳",
    '},{"$id":"fake","$sequence":"9"},{',
    "",
    "  blank  ",
)


class Market:
    """A database of the session's sandbox, and the settings that reach it."""

    def __init__(self, server: SandboxProcess, home: Path) -> None:
        self.server, self.home = server, home
        self.api = requests.Session()
        self.api.headers.update(
            {
                "X-Appwrite-Project": server.project,
                "X-Appwrite-Key": server.key,
                "Content-Type": "application/json",
            }
        )
        self.extra: list[str] = []

    @property
    def base(self) -> str:
        return f"{self.server.endpoint}/tablesdb/{self.server.database}/tables"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.api.request(method, f"{self.base}{path}", json=body, timeout=60)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def table(self, table_id: str, columns: list[dict[str, Any]], **more: Any) -> None:
        self.call("POST", "", {"tableId": table_id, "name": table_id, "columns": columns, **more})

    def rows(self, table_id: str, rows: list[dict[str, Any]]) -> None:
        for start in range(0, len(rows), 100):
            made = [{"$createdAt": MADE, "$updatedAt": MADE, **row} for row in rows[start : start + 100]]
            self.call("POST", f"/{table_id}/rows", {"rows": made})

    def settings(self, **more: Any) -> Settings:
        server = self.server
        return Settings(
            appwrite_endpoint=server.endpoint,
            appwrite_project_id=server.project,
            appwrite_api_key=SecretStr(server.read_only_key),
            appwrite_database_id=server.database,
            appwrite_write_key=SecretStr(server.key),
            home=Home(self.home),
            page_size=50,
        ).model_copy(update=more)

    def environment(self, **more: str) -> dict[str, str]:
        """The same for a process."""
        server = self.server
        return {
            "APPWRITE_ENDPOINT": server.endpoint,
            "APPWRITE_PROJECT_ID": server.project,
            "APPWRITE_API_KEY": server.read_only_key,
            "APPWRITE_DATABASE_ID": server.database,
            "APPWRITE_WRITE_KEY": server.key,
            "BOOKWATCH_HOME": str(self.home),
            "BOOKWATCH_PAGE_SIZE": "50",
            **more,
        }

    def other(self, name: str) -> str:
        """An id for a database to restore into; gone after the test."""
        self.extra.append(f"{self.server.database}-{name}")
        return self.extra[-1]

    def close(self) -> None:
        for name in self.extra:
            self.api.delete(f"{self.server.endpoint}/tablesdb/{name}", timeout=60)
        self.api.close()

    def fill(self, bookings: int = 120) -> None:
        """The tables and rows of the marketplace."""
        self.table(
            "bookings",
            BOOKINGS,
            indexes=[
                {"key": "ix_status", "type": "key", "attributes": ["status"], "orders": ["ASC"]},
                {"key": "ux_phone", "type": "unique", "attributes": ["customerWhatsApp"]},
            ],
            permissions=['read("any")'],
            rowSecurity=True,
        )
        self.rows(
            "bookings",
            [
                {
                    "$id": f"b{n:04d}",
                    "$updatedAt": f"2026-03-02T10:00:00.{n % 1000:03d}+00:00",
                    "$permissions": [f'read("user:u{n}")'] if n % 3 else [],
                    "userId": f"u{n % 7}",
                    "customerName": NAME if n == 1 else f"Guest {n}",
                    "customerWhatsApp": PHONE if n == 1 else f"+62813{n:08d}",
                    "status": "accepted" if n % 2 else "pending",
                    "totalCost": None if n % 5 == 0 else 100_000 + n,
                    "rating": n / 7 if n % 4 else 5,
                    "startTime": "2026-03-03T01:02:03.004+00:00",
                    "tags": ["a", 'b"'] if n % 2 else [],
                    "notes": ODD_TEXTS[n % len(ODD_TEXTS)],
                }
                for n in range(1, bookings + 1)
            ],
        )
        # As the app may have left it: no status, though the column has a default.
        status = {"required": False, "default": None, "elements": ["pending", "accepted"]}
        self.call("PATCH", "/bookings/columns/enum/status", status)
        self.rows("bookings", [{"$id": "nulls", "customerName": "No status"}])
        self.call("PATCH", "/bookings/columns/enum/status", {**status, "default": "pending"})
        self.table("chat_messages", MESSAGES)
        self.rows(
            "chat_messages",
            [{"$id": "m1", "senderId": "u1", "senderRole": "customer", "message": "geheimwort"}],
        )
        self.table("bank_details", [{"key": "account", "type": "varchar", "size": 40}])
        self.rows("bank_details", [{"$id": "k1", "account": ACCOUNT}])
        self.table("admin_messages", [{"key": "text", "type": "text"}])

    def relate(self) -> None:
        """Therapists that bookings are related to, both ways."""
        self.table("therapists", [{"key": "name", "type": "varchar", "size": 40}])
        self.rows("therapists", [{"$id": f"t{n}", "name": f"Ibu {n}"} for n in range(3)])
        relation = {
            "relatedTableId": "therapists",
            "type": "manyToOne",
            "key": "therapist",
            "twoWay": True,
            "twoWayKey": "visits",
            "onDelete": "setNull",
        }
        self.call("POST", "/chat_messages/columns/relationship", relation)
        for row, of in (("m1", "t1"),):
            self.call(
                "PATCH",
                f"/chat_messages/rows/{row}",
                {"data": {"therapist": of, "$updatedAt": MADE}},
            )
