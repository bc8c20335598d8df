"""A small marketplace: the tables a test needs, and rows written through the real SDK. Holds no test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from appwrite.services.tables_db import TablesDB

from tests.sandbox_server import SandboxProcess
from tests.server_second import wrote

TEXT, INT, FLOAT, BOOL, TIME = "text", "integer", "float", "boolean", "datetime"

BOOKING_COLUMNS = {
    **dict.fromkeys(
        [
            "bookingId",
            "userId",
            "customerId",
            "status",
            "bookingStatus",
            "providerResponseStatus",
            "providerId",
            "therapistId",
            "assigned_therapist",
            "businessId",
            "providerType",
            "providerName",
            "service",
            "serviceDuration",
            "createdAt",
            "startTime",
            "scheduledTime",
            "scheduledDate",
            "time",
            "date",
            "bookingDate",
            "bookingDateTime",
            "responseDeadline",
            "source",
            "mode",
            "bookingType",
            "customerName",
            "userName",
            "guestName",
            "customerWhatsApp",
            "customerPhone",
            "customerDetails",
            "serviceDetails",
            "pricing",
            "booking",
            "metadata",
            "roomNumber",
            "paymentMethod",
            "discountCode",
            "acceptedAt",
            "confirmedAt",
            "completedAt",
            "cancelledAt",
            "declinedAt",
            "declineReason",
            "cancelledBy",
        ],
        TEXT,
    ),
    "duration": INT,
    "price": FLOAT,
    "totalCost": INT,
    "totalPrice": FLOAT,
    "totalAmount": INT,
    "paymentAmount": INT,
    "chatWindowOpen": BOOL,
    "isTest": BOOL,
}
COMMISSION_COLUMNS = {
    **dict.fromkeys(
        [
            "therapistId",
            "providerId",
            "therapistName",
            "bookingId",
            "bookingDocId",
            "bookingDate",
            "paymentStatus",
            "status",
            "source",
            "createdAt",
            "paymentDeadline",
            "paidAt",
            "verifiedAt",
            "paymentProofUrl",
            "paymentProofUploadedAt",
        ],
        TEXT,
    ),
    "bookingAmount": FLOAT,
    "serviceAmount": FLOAT,
    "totalPrice": FLOAT,
    "commissionRate": FLOAT,
    "commissionAmount": FLOAT,
    "adminCommission": FLOAT,
}
MESSAGE_COLUMNS = {
    **dict.fromkeys(
        [
            "conversationId",
            "roomId",
            "senderId",
            "senderName",
            "senderRole",
            "senderType",
            "receiverId",
            "receiverRole",
            "message",
            "content",
            "messageType",
            "bookingId",
            "timestamp",
            "metadata",
        ],
        TEXT,
    ),
    "isRead": BOOL,
}
NOTIFICATION_COLUMNS = {
    **dict.fromkeys(
        ["recipientId", "recipientType", "type", "title", "message", "sentAt", "deliveredAt", "failedAt"],
        TEXT,
    ),
    "read": BOOL,
}
PROVIDER_COLUMNS = dict.fromkeys(
    ["name", "whatsappNumber", "status", "city", "timezone", "commissionPlan", "lastSeenAt"], TEXT
)

REQUIRED_TABLES: dict[str, Mapping[str, str]] = {
    "bookings": BOOKING_COLUMNS,
    "commission_records": COMMISSION_COLUMNS,
    "chat_messages": MESSAGE_COLUMNS,
}
ALL_TABLES: dict[str, Mapping[str, str]] = {
    **REQUIRED_TABLES,
    "hotel_bookings": BOOKING_COLUMNS,
    "chat_rooms": dict.fromkeys(
        ["bookingId", "customerId", "customerName", "therapistId", "status", "expiresAt", "createdAt"], TEXT
    ),
    "notifications": NOTIFICATION_COLUMNS,
    "therapists": PROVIDER_COLUMNS,
    "places": PROVIDER_COLUMNS,
    "users": {"name": TEXT},
    "reviews": {
        **dict.fromkeys(
            ["bookingId", "userId", "providerId", "userName", "comment", "reviewText", "title"], TEXT
        ),
        "rating": INT,
    },
    "payment_transactions": {"amount": INT},
}


class Marketplace:
    """The tables of one database on a sandbox that started empty; the database is made if it is not there."""

    def __init__(self, server: SandboxProcess, tables: Mapping[str, Mapping[str, str]] = ALL_TABLES) -> None:
        self.server = server
        self.service = TablesDB(server.client())
        self.database = server.database
        if self.database not in {known.id for known in self.service.list().databases}:
            self.service.create(self.database, "marketplace")
        for name, columns in tables.items():
            self.create_table(name, columns)

    def create_table(self, name: str, columns: Mapping[str, str]) -> None:
        """The same as the SDK makes of it (tests/test_marketplace_tables.py), in one call for all columns."""
        told = [{"key": key, "kind": kind} for key, kind in columns.items()]
        self.server.control("POST", "tables", {"database": self.database, "table": name, "columns": told})

    def create_column(self, table: str, key: str, kind: str) -> None:
        create = getattr(self.service, f"create_{kind}_column")
        create(self.database, table, key, False)

    def add(self, table: str, row_id: str, created_at: str | None = None, **data: Any) -> str:
        """Create a row; ``created_at`` sets $createdAt and $updatedAt."""
        if created_at:
            data = {**data, "$createdAt": created_at, "$updatedAt": created_at}
        self.service.create_row(self.database, table, row_id, data)
        wrote(self.server)
        return row_id

    def change(self, table: str, row_id: str, **data: Any) -> None:
        self.service.update_row(self.database, table, row_id, data)
        wrote(self.server)

    def remove(self, table: str, *row_ids: str) -> None:
        for row_id in row_ids:
            self.service.delete_row(self.database, table, row_id)

    def add_many(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        for start in range(0, len(rows), 100):
            self.service.create_rows(self.database, table, [dict(row) for row in rows[start : start + 100]])
        wrote(self.server)
