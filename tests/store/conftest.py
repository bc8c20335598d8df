"""An S3 server (moto's) on a free port of this machine, one for each process of tests; a bucket for each test."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx
import pytest

from resources.objects import BucketObjects, FolderObjects, Objects

NUMBERS = count(1)
FOR_EVER = "1000000000"


@dataclass(frozen=True)
class Server:
    """The server. ``url`` is what BOOKWATCH_STORE_ENDPOINT names."""

    url: str

    def bucket(self) -> str:
        """The address of a new bucket, and a folder in it."""
        name = f"bucket-{next(NUMBERS)}"
        httpx.put(f"{self.url}/{name}", timeout=60).raise_for_status()
        return f"s3://{name}/some/where"

    def open(self, address: str) -> BucketObjects:
        return BucketObjects.open(address, endpoint=self.url)

    def refuse(self, *, from_now: bool) -> None:
        """Whether only known credentials are let in: the server knows none."""
        httpx.post(f"{self.url}/moto-api/reset-auth", content="0" if from_now else FOR_EVER, timeout=60)


@pytest.fixture(scope="session")
def running_server() -> Iterator[Server]:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    served = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    served.start()
    host, port = served.get_host_and_port()
    yield Server(f"http://{host}:{port}")
    served.stop()


@pytest.fixture
def server(running_server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server, and credentials for it in the environment, where obstore looks for them."""
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAPLANTEDIDENTITY1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret-of-the-store")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return running_server


@pytest.fixture(params=["folder", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    """A new store: in a folder, and behind an address."""
    if request.param == "folder":
        return FolderObjects(tmp_path / "store")
    server: Server = request.getfixturevalue("server")
    return server.open(server.bucket())
