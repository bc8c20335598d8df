"""A store of objects: the same promises in a folder and on a real S3 server."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.store_examination import examine_store
from resources.errors import BookwatchError, UsageError
from resources.home import Home
from resources.objects import (
    PART_BYTES,
    UNCHANGED,
    BucketObjects,
    FolderObjects,
    Objects,
    Outrun,
    StoreFailure,
    Tag,
    fetched,
    open_objects,
)
from resources.settings import Settings
from resources.shared.sharing import withdraw
from tests.store.conftest import Server


def keys(objects: Objects, prefix: str = "") -> dict[str, int]:
    return {one.key: one.bytes for one in objects.listed(prefix)}


def test_what_is_put_is_got_listed_and_deleted(objects: Objects, tmp_path: Path) -> None:
    large = os.urandom(PART_BYTES + 4321)
    file = tmp_path / "large"
    file.write_bytes(large)
    objects.put("a/one", b"1")
    objects.put("a/one", b"one")
    objects.put("a/b/local_month=2026-11/large.parquet", file)
    objects.put("c/iterated", (bytes([number]) * 10 for number in range(3)))
    objects.take("c/taken", file)
    assert not file.exists()
    assert keys(objects) == {
        "a/one": 3,
        "a/b/local_month=2026-11/large.parquet": len(large),
        "c/iterated": 30,
        "c/taken": len(large),
    }
    assert set(keys(objects, "a")) == {"a/one", "a/b/local_month=2026-11/large.parquet"}
    assert objects.folders() == ["a", "c"]
    assert (objects.get("a/one"), objects.get("a/two")) == (b"one", None)
    assert (objects.size("c/taken"), objects.size("c/none")) == (len(large), None)
    assert objects.part("c/taken", 100, 50) == large[100:150]
    got = io.BytesIO()
    fetched(objects, "c/taken", got, length=1000)
    fetched(objects, "c/taken", got, start=1000)
    assert got.getvalue() == large
    for key in keys(objects):
        objects.delete(key)
    objects.delete("a/one")
    assert keys(objects) == {}


def test_an_object_that_breaks_off_amid_its_making_leaves_the_one_before(objects: Objects) -> None:
    objects.put("a/b", b"before")

    def torn() -> Iterator[bytes]:
        yield b"x" * PART_BYTES * 2
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        objects.put("a/b", torn())
    assert (objects.get("a/b"), keys(objects)) == (b"before", {"a/b": 6})


def test_an_object_is_put_on_condition(objects: Objects) -> None:
    first = objects.put_if("current.json", b"1", None)
    with pytest.raises(Outrun):
        objects.put_if("current.json", b"2", None)
    assert objects.look("current.json", first) is UNCHANGED
    second = objects.put_if("current.json", b"2", first)
    for stale in (first, None):
        with pytest.raises(Outrun, match="of the store"):
            objects.put_if("current.json", b"3", stale)
    found = objects.look("current.json", first)
    assert found is not None
    assert (found.content, found.tag.e_tag) == (b"2", second.e_tag)
    objects.delete("current.json")
    with pytest.raises(Outrun):
        objects.put_if("current.json", b"4", second)
    assert objects.look("current.json") is None


def test_of_many_who_count_up_at_once_none_is_lost(objects: Objects) -> None:
    """Each reads the number, adds one and writes it where it is still the one it read."""
    objects.put_if("count", b"0", None)
    done: list[int] = []

    def add() -> None:
        for _ in range(200):
            found = objects.look("count")
            assert found is not None
            try:
                objects.put_if("count", str(int(found.content) + 1).encode(), found.tag)
            except Outrun:
                continue
            done.append(1)
            return

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (objects.get("count"), len(done)) == (b"4", 4)


def refusal(objects: Objects) -> list[str]:
    """What is said when an object is read, written, listed, put on condition, and measured."""
    said: list[str] = []
    leaked: list[str] = []
    for call in (
        lambda: objects.get("a"),
        lambda: objects.put("a", b"1"),
        lambda: list(objects.listed()),
        lambda: objects.put_if("a", b"1", None),
        lambda: objects.size("a"),
        lambda: objects.part("a", 0, 1),
        lambda: objects.delete("a"),
    ):
        try:
            call()
        except StoreFailure as refused:
            said.append(refused.why.code)
            leaked.append(str(refused))
    assert "planted" not in "".join(leaked).lower()
    return said


def test_a_bucket_that_is_not_there_is_named(server: Server) -> None:
    assert set(refusal(server.open("s3://no-such-bucket/at-all"))) == {"failure.store_bucket"}


def test_credentials_that_are_refused_are_said_and_never_repeated(server: Server) -> None:
    objects = server.open(server.bucket())
    server.refuse(from_now=True)
    try:
        said = refusal(objects)
    finally:
        server.refuse(from_now=False)
    assert (set(said), len(said)) == ({"failure.store_denied"}, 7)


def test_a_server_that_does_not_answer_is_said(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.objects._RETRY", {"max_retries": 0})
    objects = BucketObjects.open("s3://any/where", endpoint="http://127.0.0.1:9")
    assert set(refusal(objects)) == {"failure.store_away"}


def test_without_encryption_only_this_machine_is_asked(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = "http://store.example:9000"
    with pytest.raises(UsageError, match="http:// on another machine"):
        BucketObjects.open("s3://any/where", endpoint=far)
    BucketObjects.open("s3://any/where", endpoint=far, allow_http=True)
    monkeypatch.setenv("AWS_ENDPOINT_URL", far)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    with pytest.raises(UsageError, match="http:// on another machine"):
        BucketObjects.open("s3://any/where")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    objects = BucketObjects.open(server.bucket())
    objects.put("a", b"1")
    assert objects.get("a") == b"1"


@pytest.mark.parametrize("address", ["s3://", "nowhere://a/b", "s3:///a"])
def test_an_address_that_is_none_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        open_objects(address, tmp_path)


@pytest.mark.parametrize("key", ["../out", "/etc/passwd", "a/../../out", "a//b", ".hidden", "a/.b", ""])
def test_no_key_leads_out_of_a_folder(key: str, tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path / "store")
    for call in (lambda: objects.get(key), lambda: objects.put(key, b"1"), lambda: objects.delete(key)):
        with pytest.raises(BookwatchError):
            call()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_for_its_user_alone_and_follows_no_link(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path / "store")
    objects.put("a/b", b"1")
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("store", "store/a", "store/a/b")] == [
        0o700,
        0o700,
        0o600,
    ]
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "store/a/c").symlink_to(tmp_path / "secret")
    with pytest.raises(StoreFailure):
        objects.get("a/c")
    assert keys(objects) == {"a/b": 1}
    objects.put("a/c", b"3")
    assert ((tmp_path / "secret").read_bytes(), objects.get("a/c")) == (b"secret", b"3")


def test_what_a_kill_left_half_made_goes_after_a_day(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path)
    objects.put("a/b", b"1")
    for name, age in ((".old.1.partial", 90_000), (".new.1.partial", 0)):
        (tmp_path / "a" / name).write_bytes(b"half")
        state = (tmp_path / "a" / name).stat()
        os.utime(tmp_path / "a" / name, (state.st_atime - age, state.st_mtime - age))
    objects.clear()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [".new.1.partial", "b"]
    assert keys(objects) == {"a/b": 1}


def test_doctor_says_whether_the_store_heeds_conditions(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    settings = Settings(
        home=Home(tmp_path / "home"), store=objects.place, store_endpoint=server.url, share_snapshots="whole"
    )
    (line,) = examine_store(settings)
    assert (line.verdict, "takes writes on condition" in line.sentence) == ("ok", True)
    assert keys(objects) == {}
    put = type(objects).put

    def heedless(self: Objects, key: str, content: bytes, tag: Tag | None) -> Tag:
        put(self, key, content)
        return Tag(content.hex())

    monkeypatch.setattr(type(objects), "put_if", heedless)
    (line,) = examine_store(settings)
    assert (line.verdict, "whatever the condition" in line.sentence) == ("problem", True)
    assert keys(objects) == {}
    (line,) = examine_store(settings.model_copy(update={"store": "s3://no-such-bucket/x"}))
    assert (line.verdict, line.sentence) == (
        "problem",
        "The store s3://no-such-bucket/x is not there: its bucket does not exist.",
    )
    assert examine_store(settings.model_copy(update={"store": ""})) == []


def test_of_a_folder_that_cannot_be_looked_at_nobody_says_that_it_is_empty(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path / "store")
    assert list(objects.listed("published")) == [], "what is not there holds nothing"
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "published").symlink_to("published")
    with pytest.raises(StoreFailure):
        list(objects.listed("published"))
    with pytest.raises(StoreFailure):
        withdraw(objects)
