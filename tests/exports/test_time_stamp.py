"""A report's time-stamp: asked for over HTTP of an authority of the tests' own, kept, and proven again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pipelines.exports.time_stamp import STAMP, judge_stamp, stamp
from resources.errors import BookwatchError, UsageError
from tests.exports.time_stamping_authority import Authority

MANIFEST = b'{"report": "month"}\n'
AUTHORITY = Authority()


@pytest.fixture(scope="module")
def stamped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the stamp of MANIFEST, and the authority's root."""
    folder = tmp_path_factory.mktemp("stamped")
    with AUTHORITY.serving() as url:
        told = stamp(folder, MANIFEST, url)
    assert told == "time-stamped at 2026-11-06 02:00:00 UTC by CN=Test TSA"
    (folder / "root.pem").write_bytes(AUTHORITY.root)
    return folder


def test_a_stamp_holds_for_who_trusts_the_authority(stamped: Path) -> None:
    judged = judge_stamp(stamped, MANIFEST, roots=stamped / "root.pem")
    assert judged.stamped == "time-stamped at 2026-11-06 02:00:00 UTC by CN=Test TSA"


def test_without_a_root_the_authority_is_not_believed(stamped: Path) -> None:
    judged = judge_stamp(stamped, MANIFEST)
    assert judged.stamped is None
    assert judged.not_checked is not None
    assert "whether that authority can be believed" in judged.not_checked


def test_a_stamp_of_another_manifest_is_seen(stamped: Path) -> None:
    judged = judge_stamp(stamped, MANIFEST + b" ")
    assert judged.difference == f"{STAMP} does not prove manifest.json: it is of other bytes."


def test_another_authority_is_not_trusted(stamped: Path, tmp_path: Path) -> None:
    (tmp_path / "other.pem").write_bytes(Authority().root)
    assert judge_stamp(stamped, MANIFEST, roots=tmp_path / "other.pem").difference


@pytest.mark.parametrize("what", ["instant", "imprint", "signature", "end"])
def test_an_edited_stamp_is_seen(stamped: Path, tmp_path: Path, what: str) -> None:
    content = bytearray((stamped / STAMP).read_bytes())
    place = {
        "instant": content.index(b"20261106020000Z") + 7,
        "imprint": content.index(hashlib.sha256(MANIFEST).digest()) + 5,
        "signature": len(content) - 9,
        "end": len(content) // 2,
    }[what]
    if what == "end":
        del content[place:]
    else:
        content[place] ^= 1
    (tmp_path / STAMP).write_bytes(content)
    assert judge_stamp(tmp_path, MANIFEST, roots=stamped / "root.pem").difference
    assert judge_stamp(tmp_path, MANIFEST).difference


def test_a_stamp_that_is_gone_is_missed_by_who_trusts_an_authority(stamped: Path, tmp_path: Path) -> None:
    assert judge_stamp(tmp_path, MANIFEST, roots=stamped / "root.pem").difference
    assert judge_stamp(tmp_path, MANIFEST).difference is None


@pytest.mark.parametrize("authority", [Authority(refuses=True), Authority(lies=True)])
def test_nothing_is_kept_of_an_authority_that_gives_no_stamp_of_it(
    tmp_path: Path, authority: Authority
) -> None:
    with authority.serving() as url, pytest.raises(BookwatchError, match="was not time-stamped"):
        stamp(tmp_path, MANIFEST, url)
    assert list(tmp_path.iterdir()) == []


def test_an_authority_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BookwatchError, match=r"was not time-stamped.*ConnectionError"):
        stamp(tmp_path, MANIFEST, "http://127.0.0.1:9/")
    with pytest.raises(UsageError):
        stamp(tmp_path, MANIFEST, "ftp://127.0.0.1/")
    assert list(tmp_path.iterdir()) == []


def test_the_stamp_of_a_manifest_before_an_erasure_holds(stamped: Path) -> None:
    before = hashlib.sha256(MANIFEST).hexdigest()
    judged = judge_stamp(stamped, b"rewritten", earlier_sha256=[before], roots=stamped / "root.pem")
    assert judged.stamped is not None
    assert "of the manifest it took the place of" in judged.stamped
