"""The calls about files: sent whole or in chunks, listed, read, changed, deleted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from sandbox.server.calls import Answer, Call, reply
from sandbox.server.contents import CHUNK, chunk_of, kept_size, range_of, type_of
from sandbox.server.errors import Failure
from sandbox.server.lists import catalogue_answer
from sandbox.server.parameters import new_id, permissions_of, text
from sandbox.server.project import Project
from sandbox.server.values import is_key

FILE_PERMISSIONS = ("read", "update", "delete")
STREAMED = CHUNK  # bytes; a larger answer does not say how long it is
FIELDS = {
    "name": "varchar", "signature": "varchar", "mimeType": "varchar", "sizeOriginal": "integer",
    "chunksTotal": "integer", "chunksUploaded": "integer", "$id": "varchar",
}  # fmt: skip


def create_file(project: Project, call: Call) -> Answer:
    """A file, or a chunk of one: the first makes it, those that follow are put in their place."""
    identity = new_id(call, "fileId")
    bucket = project.bucket(call)
    project.check_permission(call, bucket["$permissions"], "create")
    permissions = permissions_of(call, (*FILE_PERMISSIONS, "write"), FILE_PERMISSIONS)
    if call.file is None:
        raise Failure(400, "storage_file_empty", "Empty file passed to the endpoint.")
    name, content = call.file
    first, size = 0, len(content)
    header = call.headers.get("content-range")
    if header:
        first, last, size = chunk_of(header)
        if last + 1 - first != len(content):
            raise _range_refused()
        sent = call.headers.get("x-appwrite-id", identity)
        if not is_key(sent):
            raise Failure(
                400,
                "storage_invalid_appwrite_id",
                "The value for x-appwrite-id header is invalid. Please check the value of the x-appwrite-id "
                "header is a valid id and not unique().",
            )
        identity = sent if "x-appwrite-id" in call.headers else identity
    _check_file(bucket, name, size)
    with project.store.writing():
        file = project.files.file(bucket["$id"], identity)
        if file is None:
            owner = project.owner_permissions(call, FILE_PERMISSIONS) if permissions is None else permissions
            file = _new_file(project, bucket, identity, name, size, owner)
            file["chunksTotal"] = -(-size // CHUNK) if header else 1
        elif not header:
            raise Failure(
                409, "storage_file_already_exists", "A storage file with the requested ID already exists."
            )
        elif file["chunksUploaded"] == file["chunksTotal"]:
            return reply(200, _served(file))
        project.files.write(file, first, content)
        file["_chunks"] = sorted({*file["_chunks"], first // CHUNK})
        file["chunksUploaded"] = len(file["_chunks"])
        if file["chunksUploaded"] == file["chunksTotal"]:
            _finish(project, bucket, file)
        project.files.save_file(file)
    return reply(201, _served(file))


def _range_refused() -> Failure:
    return Failure(
        400,
        "storage_invalid_content_range",
        "The content range is invalid. Please check the value of the Content-Range header.",
    )


def _check_file(bucket: dict[str, Any], name: str, size: int) -> None:
    """Raises Failure where a bucket takes none of the kind."""
    allowed = bucket["allowedFileExtensions"]
    if allowed and _extension(name) not in allowed:
        raise Failure(400, "storage_file_type_unsupported", "File extension not allowed")
    if size > bucket["maximumFileSize"]:
        raise Failure(400, "storage_invalid_file_size", "File size not allowed")


def _extension(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def _new_file(
    project: Project, bucket: dict[str, Any], identity: str, name: str, size: int, permissions: list[str]
) -> dict[str, Any]:
    now = project.now()
    return {
        "$id": identity, "bucketId": bucket["$id"], "$createdAt": now, "$updatedAt": now,
        "$permissions": permissions, "name": name, "folder": "", "key": "", "signature": "", "mimeType": "",
        "sizeOriginal": size, "sizeActual": 0, "chunksTotal": 1, "chunksUploaded": 0,
        "encryption": bucket["encryption"], "compression": bucket["compression"], "_chunks": [],
    }  # fmt: skip


def _finish(project: Project, bucket: dict[str, Any], file: dict[str, Any]) -> None:
    """All of it is there: what it comes to."""
    content = project.files.content(file).read_bytes()
    file["signature"] = hashlib.md5(content, usedforsecurity=False).hexdigest()
    file["mimeType"] = type_of(content[:8192], len(content))
    file["sizeActual"] = kept_size(content, bucket["compression"], bucket["encryption"])


def _served(file: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in file.items() if not key.startswith("_")}


def list_files(project: Project, call: Call) -> Answer:
    bucket = project.bucket(call)
    allowed = project.allowed(call, bucket["$permissions"], "read")
    if not allowed and not bucket["fileSecurity"]:
        project.check_permission(call, bucket["$permissions"], "read")

    def items() -> list[dict[str, Any]]:
        files = project.files.files(bucket["$id"])
        return [
            _served(file) for file in files if allowed or project.allowed(call, file["$permissions"], "read")
        ]

    return catalogue_answer(call, items, "files", FIELDS, "$id", "File")


def _existing(project: Project, call: Call, action: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The bucket and the file a path names. Raises Failure where the caller may not do this to it."""
    bucket = project.bucket(call)
    allowed = project.allowed(call, bucket["$permissions"], action)
    if not allowed and not bucket["fileSecurity"]:
        project.check_permission(call, bucket["$permissions"], action)
    file = project.files.file(bucket["$id"], call.path["fileId"])
    if file is None or not (allowed or project.allowed(call, file["$permissions"], "read")):
        raise Failure(404, "storage_file_not_found", "The requested file could not be found.")
    if not allowed:
        project.check_permission(call, file["$permissions"], action)
    return bucket, file


def get_file(project: Project, call: Call) -> Answer:
    return reply(200, _served(_existing(project, call, "read")[1]))


def read_file(disposition: str) -> Callable[[Project, Call], Answer]:
    """The call that answers with a file's bytes: to be kept (attachment) or looked at (inline)."""

    def handler(project: Project, call: Call) -> Answer:
        bucket, file = _existing(project, call, "read")
        if file["chunksUploaded"] < file["chunksTotal"]:
            place = f"/storage/uploads/app-{call.headers.get('x-appwrite-project', '')}/{bucket['$id']}"
            told = f"File not found in {place}/{file['$id']}.{_extension(file['name'])}"
            raise Failure(404, "storage_file_not_found", told)
        headers = [
            (b"content-disposition", f'{disposition}; filename="{file["name"]}"'.encode()),
            (b"cache-control", b"private, max-age=3888000"),
            *[(b"x-content-type-options", b"nosniff")] * (2 if disposition == "inline" else 1),
        ]
        status, content, size = 200, project.files.content(file), file["sizeOriginal"]
        asked = call.headers.get("range")
        if asked:
            first, last = range_of(asked, size)
            with content.open("rb") as opened:
                opened.seek(first)
                body = opened.read(last + 1 - first)
            status = 206
            headers += [
                (b"content-range", f"bytes {first}-{last}/{size}".encode()),
                (b"accept-ranges", b"bytes"),
            ]
        else:
            body = content.read_bytes()
        return Answer(status, body, file["mimeType"], tuple(headers), len(body) > STREAMED)

    return handler


def update_file(project: Project, call: Call) -> Answer:
    permissions = permissions_of(call, (*FILE_PERMISSIONS, "write"), FILE_PERMISSIONS)
    name = text(call, "name", 255) if call.given.get("name") is not None else None
    _, file = _existing(project, call, "update")
    file["name"] = file["name"] if name is None else name
    file["$permissions"] = file["$permissions"] if permissions is None else permissions
    file["$updatedAt"] = project.now()
    project.files.save_file(file)
    return reply(200, _served(file))


def delete_file(project: Project, call: Call) -> Answer:
    project.files.delete_file(_existing(project, call, "delete")[1])
    return Answer(204)
