"""Snapshots in a store: what is shared is fetched byte for byte, whatever broke off; nobody turns the newest back."""

from __future__ import annotations

import hashlib
import os
import random
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from resources.errors import BookwatchError
from resources.instants import stamp_of
from resources.objects import FolderObjects, Objects, StoreFailure, Tag
from resources.shared import fetching, sharing
from resources.shared.fetching import Fetched, NothingShared, fetch, mark_of
from resources.shared.listing import POINTER, DamagedListing, list_key, read_listing, read_pointer
from resources.shared.sharing import Shared, Source, drop_shared, newest_shared, share, withdraw
from tests.store.conftest import Server

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of some hundred bytes in place of gigabytes."""
    monkeypatch.setattr(sharing, "BLOCK_BYTES", 64)
    monkeypatch.setattr(sharing, "HEADER_BYTES", 16)
    monkeypatch.setattr(sharing, "SMALL_BYTES", 0)
    monkeypatch.setattr(fetching, "PART_BYTES", 100)


def name_of(number: int, at: datetime = NOW) -> str:
    return f"{stamp_of(at + timedelta(minutes=number))}-{number:06d}"


def publish(folder: Path, number: int, content: bytes) -> Source:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name_of(number)}.duckdb"
    path.write_bytes(content)
    return Source(path, hashlib.sha256(content).hexdigest(), None, "1")


def bring(objects: Objects, source: Source, *, whole: bool = False) -> Shared:
    return share(objects, source, changes_only=not whole, base=source.path.parent, now=NOW, cited=set())


def get(objects: Objects, folder: Path, snapshot_id: str | None = None) -> Fetched:
    return fetch(objects, folder, snapshot_id=snapshot_id, at=NOW)


def test_a_snapshot_is_shared_and_fetched_whole(objects: Objects, tmp_path: Path) -> None:
    content = os.urandom(5000)
    source = publish(tmp_path / "home", 1, content)
    assert bring(objects, source, whole=True).sent == 5000
    pointer = newest_shared(objects)
    assert pointer is not None
    assert (pointer.snapshot_id, pointer.sha256, pointer.bytes) == (name_of(1), source.sha256, 5000)
    assert objects.get(pointer.object) == content  # the file itself: any tool reads it
    assert bring(objects, source).sent == 0
    sharing.share_status(objects, b'{"version": 1}')
    got = get(objects, tmp_path / "reader")
    assert (got.path.read_bytes(), got.received, got.changed) == (content, 5000, True)
    assert (tmp_path / "reader/current").resolve() == got.path
    assert (tmp_path / "reader/status.json").read_bytes() == b'{"version": 1}'
    again = get(objects, tmp_path / "reader")
    assert (again.path, again.received, again.changed) == (got.path, 0, False)
    objects.delete("published/status.json")
    get(objects, tmp_path / "reader")
    assert not (tmp_path / "reader/status.json").exists()  # nobody says how the pipeline is: nobody did


def test_whatever_changes_a_reader_has_the_same_bytes_and_only_changes_travel(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PART_BYTES", 1500)
    seed = random.Random(18)
    content = bytearray(seed.randbytes(16 + 64 * 100 + 17))
    sent: list[int] = []
    received: list[int] = []
    for number in range(1, 13):
        if number > 1:
            for _ in range(seed.randint(1, 4)):
                place = seed.randrange(len(content))
                content[place] ^= 0xFF
            if number % 4 == 0:
                content += seed.randbytes(70)
            if number == 7:
                del content[-200:]
        sent.append(bring(objects, publish(tmp_path / "home", number, bytes(content))).sent)
        if seed.random() < 0.7 or number == 12:
            got = get(objects, tmp_path / "reader")
            received.append(got.received)
            assert got.path.read_bytes() == bytes(content), number
        if number % 4 == 3:
            fresh = get(objects, tmp_path / f"fresh{number}")
            assert fresh.path.read_bytes() == bytes(content), number
    assert (sent[0], received[0]) == (6433, 6433)
    assert max(sent[1:]) < 700
    assert max(received[1:]) < 1500
    # Whole again, once what it is spread over weighs more than twice the file.
    sharing.MOST_SPREAD, before = 1, sharing.MOST_SPREAD
    try:
        assert bring(objects, publish(tmp_path / "home", 13, bytes(content) + b"x")).sent == len(content) + 1
    finally:
        sharing.MOST_SPREAD = before


def test_a_base_that_is_another_file_here_is_not_told_by(objects: Objects, tmp_path: Path) -> None:
    first = publish(tmp_path / "home", 1, os.urandom(900))
    bring(objects, first)
    first.path.write_bytes(os.urandom(900))
    content = os.urandom(900)
    assert bring(objects, publish(tmp_path / "home", 2, content)).sent == 900
    assert get(objects, tmp_path / "reader").path.read_bytes() == content


def test_a_file_that_is_not_the_published_one_is_not_shared(objects: Objects, tmp_path: Path) -> None:
    good = publish(tmp_path / "home", 1, os.urandom(900))
    bring(objects, good)
    for whole in (True, False):
        changed = publish(tmp_path / "home", 2, os.urandom(900))
        changed.path.write_bytes(os.urandom(900))
        with pytest.raises(BookwatchError, match="is not the file that was published"):
            bring(objects, changed, whole=whole)
    pointer = newest_shared(objects)
    assert pointer is not None
    assert pointer.snapshot_id == name_of(1)
    assert objects.get(list_key(name_of(2))) is None


def test_a_download_that_broke_off_is_gone_on_with(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(1000)
    bring(objects, publish(tmp_path / "home", 1, content))
    part, asked = type(objects).part, []

    def breaks_off(self: Objects, key: str, start: int, length: int) -> bytes:
        asked.append(start)
        if len(asked) == 5:
            raise KeyboardInterrupt
        return part(self, key, start, length)

    monkeypatch.setattr(type(objects), "part", breaks_off)
    with pytest.raises(KeyboardInterrupt):
        get(objects, tmp_path / "reader")
    assert not (tmp_path / "reader/current").exists()
    assert list((tmp_path / "reader").glob("*.duckdb")) == []
    got = get(objects, tmp_path / "reader")
    assert (got.path.read_bytes(), got.received) == (content, 600)
    assert sorted(asked) == [0, 100, 200, 300, 400, 400, 500, 600, 700, 800, 900]


def test_bytes_that_are_not_those_published_are_never_shown(objects: Objects, tmp_path: Path) -> None:
    bring(objects, publish(tmp_path / "home", 1, os.urandom(1000)))
    get(objects, tmp_path / "reader")
    bring(objects, publish(tmp_path / "home", 2, os.urandom(1000)), whole=True)
    pointer = newest_shared(objects)
    assert pointer is not None
    for wrong in (os.urandom(1000), os.urandom(400)):
        objects.put(pointer.object, wrong)
        with pytest.raises(BookwatchError):
            get(objects, tmp_path / "reader")
        assert (tmp_path / "reader/current").resolve().stem == name_of(1)
        assert [path.stem for path in (tmp_path / "reader").glob("*.duckdb")] == [name_of(1)]
    objects.put(POINTER, b'{"version": 1}')
    with pytest.raises(DamagedListing):
        get(objects, tmp_path / "reader")


def test_a_kept_file_that_was_changed_here_is_not_built_upon(objects: Objects, tmp_path: Path) -> None:
    content = bytearray(os.urandom(2000))
    bring(objects, publish(tmp_path / "home", 1, bytes(content)))
    got = get(objects, tmp_path / "reader")
    os.chmod(got.path, 0o600)
    got.path.write_bytes(os.urandom(2000))
    content[1000] ^= 1
    bring(objects, publish(tmp_path / "home", 2, bytes(content)))
    again = get(objects, tmp_path / "reader")
    assert (again.path.read_bytes(), again.received) == (bytes(content), 64 + 2000)


def test_an_older_snapshot_never_replaces_a_newer(objects: Objects, tmp_path: Path) -> None:
    bring(objects, publish(tmp_path / "home", 2, b"2" * 100))
    with pytest.raises(BookwatchError, match="has a newer snapshot"):
        bring(objects, publish(tmp_path / "home", 1, b"1" * 100))
    with pytest.raises(BookwatchError, match="another snapshot by the name"):
        bring(objects, publish(tmp_path / "other", 2, b"3" * 100))
    assert get(objects, tmp_path / "reader").path.read_bytes() == b"2" * 100


def test_of_writers_who_race_the_newest_stands(objects: Objects, tmp_path: Path) -> None:
    """Each writer shares its snapshots in order; whatever the order of all, the newest of all is pointed at."""
    told: list[str] = []

    def write(writer: int) -> None:
        for number in range(writer, 12, 3):
            source = publish(tmp_path / f"home{writer}", number, bytes([number]) * 300)
            try:
                bring(objects, source)
            except BookwatchError as outrun:
                told.append(outrun.why.code)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(told) <= {"failure.shared_newer", "failure.store_outrun"}
    got = get(objects, tmp_path / "reader")
    assert (got.snapshot_id, got.path.read_bytes()) == (name_of(11), bytes([11]) * 300)


def test_a_race_that_is_lost_each_time_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = FolderObjects(tmp_path / "store")
    source = publish(tmp_path / "home", 1, b"1" * 100)
    put_if = FolderObjects.put_if

    def always_late(self: FolderObjects, key: str, content: bytes, tag: Tag | None) -> Tag:
        return put_if(self, key, content, Tag("stale") if key == POINTER else tag)

    monkeypatch.setattr(FolderObjects, "put_if", always_late)
    with pytest.raises(StoreFailure, match="changed by another process"):
        bring(objects, source)


def test_a_kill_behind_any_step_is_made_good_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before each of the writes to the store in turn: readers go on with the snapshot before, and the next run
    brings the new one."""
    content = [os.urandom(900)]
    content.append(content[0][:800] + os.urandom(100))

    class Killed(BaseException):
        pass

    for kill_at in range(1, 4):
        objects = FolderObjects(tmp_path / f"store{kill_at}")
        home, reader = tmp_path / f"home{kill_at}", tmp_path / f"reader{kill_at}"
        bring(objects, publish(home, 1, content[0]))
        writes = 0

        def counted(name: str, kill_at: int = kill_at) -> None:
            original = getattr(FolderObjects, name)

            def dying(self: FolderObjects, *given: object) -> object:
                nonlocal writes
                writes += 1
                if writes == kill_at:
                    raise Killed
                return original(self, *given)

            patched.setattr(FolderObjects, name, dying)

        second = publish(home, 2, content[1])
        with monkeypatch.context() as patched:
            counted("put")
            counted("put_if")
            with pytest.raises(Killed):
                bring(objects, second)
        assert get(objects, reader).path.read_bytes() == content[0]
        bring(objects, second)
        assert get(objects, reader).path.read_bytes() == content[1]


def test_old_ones_are_dropped_by_the_rule_of_a_home_and_what_others_rest_on_stays(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path / "store")
    seed = random.Random(3)
    content = bytearray(seed.randbytes(3000))
    contents: dict[str, bytes] = {}
    dropped: set[str] = set()
    for number in range(1, 31):
        content[seed.randrange(len(content))] ^= 1
        source = publish(tmp_path / "home", number, bytes(content))
        contents[source.snapshot_id] = bytes(content)
        told = share(objects, source, changes_only=True, base=tmp_path / "home", now=NOW, cited={name_of(5)})
        dropped |= set(told.dropped)
    assert len(dropped) >= 2 * sharing.DROP_AT_ONCE
    kept = set(contents) - dropped
    assert {name_of(5), name_of(30)} <= kept
    for number, snapshot_id in enumerate(sorted(kept)):
        assert (
            get(objects, tmp_path / f"reader{number}", snapshot_id).path.read_bytes() == contents[snapshot_id]
        )
    with pytest.raises(NothingShared, match="has no snapshot"):
        get(objects, tmp_path / "reader", min(dropped))
    # Bytes that a killed upload left go after a day; those that are listed never.
    objects.put(f"published/{name_of(1)}-{'0' * 12}.changes", b"left")
    left = tmp_path / f"store/published/{name_of(1)}-{'0' * 12}.changes"
    os.utime(left, (1, 1))
    drop_shared(objects, now=NOW + timedelta(days=40), cited=set(), at_once=0)
    assert not left.exists()
    assert get(objects, tmp_path / "late").path.read_bytes() == bytes(content)
    assert withdraw(objects)
    assert list(objects.listed()) == []


def test_a_base_that_is_dropped_amid_the_upload_leaves_a_whole_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = FolderObjects(tmp_path / "store")
    first = publish(tmp_path / "home", 1, os.urandom(900))
    bring(objects, first)
    put_changes = sharing._put_changes

    def dropped_meanwhile(*given: object) -> object:
        made = put_changes(*given)  # type: ignore[arg-type] - as it was given
        objects.delete(list_key(name_of(1)))
        sharing._delete_unlisted(objects, dropped={name_of(1)})
        return made

    monkeypatch.setattr(sharing, "_put_changes", dropped_meanwhile)
    content = first.path.read_bytes()[:-1] + b"x"
    assert bring(objects, publish(tmp_path / "home", 2, content)).sent == 900
    assert get(objects, tmp_path / "reader").path.read_bytes() == content


def test_a_reader_keeps_few_and_what_was_asked_for(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path / "store")
    for number in range(1, 8):
        bring(objects, publish(tmp_path / "home", number, bytes([number]) * 100))
        if number == 2:
            get(objects, tmp_path / "reader", name_of(1))
        get(objects, tmp_path / "reader")
    held = sorted(path.stem for path in (tmp_path / "reader").glob("*.duckdb"))
    assert held == [name_of(number) for number in (1, 5, 6, 7)]
    mark = mark_of(tmp_path / "reader")
    assert mark is not None
    assert (mark.named, mark.snapshot_id) == ((name_of(1),), name_of(7))


def test_a_folder_of_snapshots_that_were_not_fetched_is_left_as_it_is(tmp_path: Path) -> None:
    objects, other = FolderObjects(tmp_path / "store"), tmp_path / "other" / "published"
    bring(objects, publish(tmp_path / "home", 9, os.urandom(500)))
    other.parent.mkdir()
    for number in range(1, 7):
        publish(other, number, os.urandom(50))
    before = {path: path.read_bytes() for path in other.iterdir()}
    with pytest.raises(BookwatchError, match="not fetched"):
        get(objects, other)
    assert {path: path.read_bytes() for path in other.glob("[!.]*")} == before


def test_what_is_written_anew_replaces_what_readers_have(tmp_path: Path) -> None:
    """As `bookwatch forget --rewrite` does: everything is withdrawn, and brought anew."""
    objects = FolderObjects(tmp_path / "store")
    old = [publish(tmp_path / "home", number, bytes([number]) * 300) for number in (1, 2, 3)]
    for source in old:
        bring(objects, source)
        get(objects, tmp_path / "reader")
    get(objects, tmp_path / "reader", name_of(1))
    assert withdraw(objects) == [name_of(3), name_of(2), name_of(1)]
    fresh = [publish(tmp_path / "home", number, bytes([100 + number]) * 300) for number in (1, 3)]
    sharing.restore(objects, fresh[1], newest=True)
    sharing.restore(objects, fresh[0], newest=False)
    assert sharing.shared_hashes(objects) == {source.snapshot_id: source.sha256 for source in reversed(fresh)}
    got = get(objects, tmp_path / "reader")
    assert got.path.read_bytes() == bytes([103]) * 300
    assert sorted(path.stem for path in (tmp_path / "reader").glob("*.duckdb")) == [name_of(3)]


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"snapshot_id": "../../etc"},
        {"sha256": "no"},
        {"bytes": 99},
        {"bytes": True},
        {"objects": ["../../raw.duckdb"]},
        {"objects": []},
        {"pieces": [[0, -1, 100]]},
        {"pieces": [[1, 0, 100]]},
        {"pieces": "all"},
        {"published_at": 5},
    ],
)
def test_a_list_that_was_not_written_here_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path / "store")
    bring(objects, publish(tmp_path / "home", 1, b"1" * 100))
    told = orjson.loads(objects.get(list_key(name_of(1))) or b"")
    with pytest.raises(DamagedListing):
        read_listing(orjson.dumps(told | change), name_of(1))
    for content in (b"{}", b"[]", b"no json"):
        with pytest.raises(DamagedListing):
            read_pointer(content)


def test_a_store_that_has_nothing_says_so(server: Server, tmp_path: Path) -> None:
    objects = server.open(server.bucket())
    with pytest.raises(NothingShared, match="holds no snapshot yet"):
        get(objects, tmp_path / "reader")
    with pytest.raises(NothingShared, match="has no snapshot"):
        get(objects, tmp_path / "reader", "20260101T000000Z-000001")
    with pytest.raises(NothingShared, match="has no snapshot"):
        get(objects, tmp_path / "reader", "../status")
