"""Appwrite Storage as who writes sees it: small files that people upload, each with who may read it. With the acting
key, on a client of its own. Which files are taken, and of whom, is not known here.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from appwrite.query import Query
from urllib3.filepost import encode_multipart_formdata

from resources.appwrite.acting_client import ActingClient
from resources.appwrite.failures import PermanentFailure
from resources.appwrite.gateway import json_object

BUCKETS: Final = "/storage/buckets"
_THERE: Final = "storage_file_already_exists"


@dataclass(frozen=True)
class Upload:
    """A file to keep, under an id that is derived of what it is. ``permissions``: in Appwrite's words."""

    bucket: str
    file_id: str
    name: str
    content: bytes
    content_type: str
    permissions: Sequence[str]


class FileStore(ActingClient):
    """Files of one project. Every method raises CallFailure. Safe to call from several threads."""

    def put(self, one: Upload) -> None:
        """Keep a file: kept before, the same one is there, and that is as good. It is sent in one request. 409 where
        another file has the id."""
        body, kind = encode_multipart_formdata(
            [
                ("fileId", one.file_id),
                *((f"permissions[{n}]", said) for n, said in enumerate(one.permissions)),
                ("file", (one.name, one.content, one.content_type)),
            ]
        )
        try:
            told = self._client.request(
                "create_file", "", "post", self._files(one.bucket), {}, json_object,
                headers={"content-type": kind}, body=body, expected=True,
            ).value  # fmt: skip
        except PermanentFailure as refused:
            if refused.error_type != _THERE:
                raise
            place = f"{self._files(one.bucket)}/{quote(one.file_id, safe='')}"
            told = self._told("get_file", "get", place, {})
        same = hashlib.md5(one.content, usedforsecurity=False).hexdigest()
        if told.get("signature") != same or told.get("sizeOriginal") != len(one.content):
            raise PermanentFailure("create_file", "bad_request", status=409, error_type=_THERE)

    def content(self, bucket: str, file_id: str) -> bytes:
        """The bytes of a file. 404 where there is none."""
        path = f"{self._files(bucket)}/{quote(file_id, safe='')}/download"
        return self._client.request(
            "get_file_download", "", "get", path, {}, lambda body, kind: body, expected=True
        ).value

    def remove(self, bucket: str, file_id: str) -> None:
        """Delete a file; one that is not there is fine."""
        try:
            self._client.request(
                "delete_file", "", "delete", f"{self._files(bucket)}/{quote(file_id, safe='')}", {},
                lambda body, kind: None, expected=True,
            )  # fmt: skip
        except PermanentFailure as refused:
            if refused.status != 404:
                raise

    def make_bucket(self, bucket: str, *, largest_bytes: int, extensions: Sequence[str]) -> bool:
        """Make a bucket of which each file says who may read it; whether it was missing."""
        try:
            self._told("get_bucket", "get", f"{BUCKETS}/{quote(bucket, safe='')}", {})
        except PermanentFailure as refused:
            if refused.status != 404:
                raise
        else:
            return False
        made = {
            "bucketId": bucket,
            "name": bucket,
            "permissions": [],
            "fileSecurity": True,
            "enabled": True,
            "maximumFileSize": largest_bytes,
            "allowedFileExtensions": list(extensions),
            "encryption": True,
        }
        try:
            self._told("create_bucket", "post", BUCKETS, made)
        except PermanentFailure as refused:
            if refused.status != 409:
                raise
            return False
        return True

    def buckets(self, ids: Sequence[str]) -> set[str]:
        """Which of these buckets are there."""
        told = self._told("list_buckets", "get", BUCKETS, {"queries": [Query.equal("$id", list(ids))]})
        listed: Any = told.get("buckets") or ()
        return {str(one["$id"]) for one in listed}

    def address(self, bucket: str, file_id: str) -> str:
        """Where a file is looked at, by who may."""
        project = quote(self._settings.appwrite_project_id, safe="")
        path = f"{self._files(bucket)}/{quote(file_id, safe='')}/view"
        return f"{self._settings.appwrite_endpoint.rstrip('/')}{path}?project={project}"

    def _files(self, bucket: str) -> str:
        return f"{BUCKETS}/{quote(bucket, safe='')}/files"

    def _told(self, operation: str, method: str, path: str, params: dict[str, Any]) -> dict[str, Any]:
        return self._client.request(operation, "", method, path, params, json_object, expected=True).value
