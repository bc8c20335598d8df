"""The key pair of a home that reports are signed with: made, kept and used here. Ed25519, in the files of minisign
(https://jedisct1.github.io/minisign), so that nobody needs bookwatch to prove a signature.

What is signed, and where a signature lies, is pipelines/exports/signature.py's.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import minisign  # pyright: ignore[reportMissingTypeStubs] - it has types, and no py.typed

from resources.errors import BookwatchError, UsageError
from resources.home import Home
from resources.own_files import no_link
from resources.own_files import replace as put

_SECRET: Final = "report.key"
_PUBLIC: Final = "report.pub"
_RETIRED: Final = "retired"


@dataclass(frozen=True)
class PublicKey:
    """``text``: the public key as minisign's ``-P`` takes it; ``key_id``: the 16 letters people compare."""

    key_id: str
    text: str

    @property
    def file(self) -> bytes:
        """The key as minisign's ``-p`` reads it."""
        return f"untrusted comment: minisign public key {self.key_id}\n{self.text}\n".encode()


class Signer:
    """A secret key that was read; it says nothing of itself."""

    def __init__(self, key: minisign.SecretKey) -> None:
        self._key = key
        self.public: Final = _told(key.get_public_key())

    def sign(self, data: bytes, comment: str) -> bytes:
        """The signature of ``data`` as minisign writes it. ``comment``: signed as well; ASCII, one line."""
        made = self._key.sign(
            data,
            untrusted_comment=f"signature of a bookwatch report, key {self.public.key_id}",
            trusted_comment=comment,
        )
        return bytes(made) + b"\n"


def make_keys(home: Home, *, replace: bool = False) -> PublicKey:
    """Make the home's key pair: the secret key is for its owner only. ``replace``: the key that is there is retired:
    what it signed is still proven by it, its secret half is gone.

    Raises UsageError where there is a key and it is not to be replaced.
    """
    secret, public = home.keys / _SECRET, home.keys / _PUBLIC
    if os.path.lexists(secret) and not replace:
        raise UsageError(
            f"There is a key for reports in {home.keys} already.",
            "`bookwatch keys show` shows it; `bookwatch keys make --replace` retires it and makes another.",
        )
    home.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    old = read_public_key(public) if public.is_file() else public_key(home)
    if old is not None:
        retired = home.keys / _RETIRED
        retired.mkdir(exist_ok=True, mode=0o700)
        put(retired / f"{old.key_id}.pub", old.file)
    pair = minisign.KeyPair.generate()
    with pair.secret_key as made:
        told, content = _told(pair.public_key), bytes(made) + b"\n"
    # The secret key first: a public one without it would say that reports are signed.
    public.unlink(missing_ok=True)
    put(secret, content)
    put(public, told.file)
    return told


def signer(home: Home) -> Signer | None:
    """What signs the home's reports; None where no key was made. Raises BookwatchError where the key cannot be used."""
    path = home.keys / _SECRET
    if not os.path.lexists(path):
        return None
    try:
        with open(path, "rb", opener=no_link) as file:
            key = minisign.SecretKey.from_bytes(file.read())
        if key.is_encrypted():
            raise _unusable(path, "it is locked with a password")
        return Signer(key)
    except minisign.Error:
        raise _unusable(path, "it is no key of minisign's") from None
    except OSError as refused:
        raise _unusable(path, refused.strerror or type(refused).__name__) from None


def public_key(home: Home) -> PublicKey | None:
    """The public half of the home's key; None where there is none. Raises BookwatchError where it cannot be read."""
    made = signer(home)
    if made is not None:
        return made.public
    path = home.keys / _PUBLIC
    return read_public_key(path) if path.is_file() else None


def known_keys(home: Home) -> list[PublicKey]:
    """The public keys the home's reports may be signed with: today's, then the retired ones. The secret key need not be
    there, nor be readable."""
    paths = [home.keys / _PUBLIC, *sorted((home.keys / _RETIRED).glob("*.pub"))]
    return [read_public_key(path) for path in paths if path.is_file()]


def read_public_key(given: Path | str) -> PublicKey:
    """A public key from a file of minisign's, or from its text. Raises UsageError."""
    try:
        if isinstance(given, Path):
            return _told(minisign.PublicKey.from_bytes(given.read_bytes()))
        return _told(minisign.PublicKey.from_base64(given.strip()))
    except minisign.Error:
        raise UsageError(
            f"{given if isinstance(given, Path) else 'What was given'} is no public key of minisign's.",
            "Give the file that `bookwatch keys export` writes, or the line in it that begins with RW.",
        ) from None
    except OSError as refused:
        raise UsageError(
            f"The public key {given} cannot be read ({refused.strerror}).", "Give the path of its file."
        ) from None


def _told(key: minisign.PublicKey) -> PublicKey:
    text = key.to_base64().decode()
    # What minisign prints is the number of the eight bytes, which stand with the lowest first.
    return PublicKey(base64.b64decode(text)[2:10][::-1].hex().upper(), text)


def _unusable(path: Path, why: str) -> BookwatchError:
    return BookwatchError(
        f"The key for reports {path} cannot be used: {why}.",
        "Put it back from a backup, or retire it with `bookwatch keys make --replace`.",
    )
