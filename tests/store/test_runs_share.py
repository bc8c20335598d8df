"""A run brings its snapshot to an S3 server; where that fails the snapshot stands, it is told, and the next run brings
it. A reader elsewhere fetches it by command. Nothing anywhere holds a credential of the store."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from resources.home import Home
from resources.shared.sharing import newest_shared
from tests.bookwatch_process import Bookwatch, settings_for
from tests.personal_values import everything_under, texts_in
from tests.sandbox_server import SandboxProcess
from tests.store.conftest import Server

PLANTED = ("AKIAPLANTEDIDENTITY1", "planted-secret-of-the-store")


def test_a_run_shares_what_it_published_and_a_reader_elsewhere_fetches_it(
    server: Server, tmp_path: Path
) -> None:
    address = server.bucket()
    store = {
        "BOOKWATCH_STORE": address,
        "BOOKWATCH_STORE_ENDPOINT": server.url,
        "BOOKWATCH_SHARE_SNAPSHOTS": "changes",
    }
    objects = server.open(address)
    said: list[str] = []
    with SandboxProcess("--seed", "3", "--days", "1") as market:
        bookwatch = Bookwatch(tmp_path / "home", {**settings_for(market), **store})
        # The store refuses first: the run publishes all the same, says so, and alarms.
        server.refuse(from_now=True)
        try:
            first = bookwatch("run", "--json")
        finally:
            server.refuse(from_now=False)
        assert first.returncode == 10, first.stderr
        status = bookwatch.status()
        (warning,) = status["run"]["warnings"]
        assert (warning["step"], "refuses these credentials" in warning["problem"]) == (
            "shared snapshot",
            True,
        )
        assert status["run"]["outcome"] == "published"
        assert newest_shared(objects) is None
        # Nothing changed since; the next run brings it.
        second = bookwatch("run", "--json", "--full-refresh")
        assert "sent" in second.stderr
        third = bookwatch("run", "--json")
        home = Home(tmp_path / "home")
        pointer = newest_shared(objects)
        assert pointer is not None
        assert pointer.snapshot_id == home.current.resolve().stem
        assert json.loads(objects.get("published/status.json") or b"") == bookwatch.status()
        exported = bookwatch(
            "export", "table", "core.bookings", "--out", str(tmp_path / "x"), "--store", "--json"
        )
        assert exported.returncode == 0, exported.stderr
        said += [done.stdout + done.stderr for done in (first, second, third, exported)]
    assert json.loads(exported.stdout)["stored"] == f"{address}/exports/x"
    stored = {one.key.rpartition("/")[2]: objects.get(one.key) for one in objects.listed("exports/x")}
    assert stored == {path.name: path.read_bytes() for path in (tmp_path / "x").iterdir()}
    assert not any("private" in one.key for one in objects.listed())

    reader = Bookwatch(
        tmp_path / "reader", {"BOOKWATCH_FOLLOW": address, "BOOKWATCH_STORE_ENDPOINT": server.url}
    )
    got = reader("fetch", "--json")
    assert got.returncode == 0, got.stderr
    told = json.loads(got.stdout)
    assert (told["snapshot_id"], told["sha256"]) == (pointer.snapshot_id, pointer.sha256)
    assert Path(told["path"]).read_bytes() == home.current.resolve().read_bytes()
    again = reader("fetch")
    assert "it was here" in again.stdout
    # An analyst's own folder, and any tool on the file.
    to = reader("fetch", "--to", str(tmp_path / "analyst"), "--snapshot", pointer.snapshot_id)
    assert to.returncode == 0, to.stderr
    with duckdb.connect(str(tmp_path / "analyst/current"), read_only=True) as con:
        assert con.execute("SELECT snapshot_id FROM ops.snapshot").fetchall() == [(pointer.snapshot_id,)]
    refused = bookwatch("fetch", BOOKWATCH_FOLLOW="", BOOKWATCH_SHARE_SNAPSHOTS="off")
    assert (refused.returncode, "has a pipeline of its own" in refused.stderr) == (1, True)
    said += [done.stdout + done.stderr for done in (got, again, to, refused)]

    everywhere = "".join(said) + "".join(
        text
        for folder in (home.root, tmp_path / "reader", tmp_path / "analyst")
        for path in everything_under(folder)
        for text in texts_in(path)
    )
    assert [secret for secret in PLANTED if secret in everywhere] == []


def test_settings_of_a_store_are_told_apart(tmp_path: Path) -> None:
    bookwatch = Bookwatch(tmp_path / "home")
    for settings, sentence in (
        ({"BOOKWATCH_SHARE_SNAPSHOTS": "whole"}, "needs BOOKWATCH_STORE"),
        ({"BOOKWATCH_STORE_ENDPOINT": "https://a:b@host"}, "is no address of a server"),
        ({"BOOKWATCH_FOLLOW": "s3://key@bucket"}, "credentials of a store stand in variables"),
        (
            {"BOOKWATCH_FOLLOW": "/a", "BOOKWATCH_STORE": "/b", "BOOKWATCH_SHARE_SNAPSHOTS": "whole"},
            "either makes snapshots or follows",
        ),
        ({}, "There is no store to fetch from"),
    ):
        told = bookwatch("fetch", **settings)
        assert (told.returncode, told.stderr.count("\n")) == (2, 1), told.stderr
        assert sentence in told.stderr
    assert not (tmp_path / "home").exists()


def test_a_folder_is_a_store_as_well(tmp_path: Path) -> None:
    told = Bookwatch(tmp_path / "home")("fetch", BOOKWATCH_FOLLOW=str(tmp_path / "store"))
    assert (told.returncode, "holds no snapshot yet" in told.stderr) == (1, True)
    assert not (tmp_path / "store").exists()
