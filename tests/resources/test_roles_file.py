"""The file of roles: what it says, and that a wrong one gives nobody a role."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from marketplace.roles import Role
from resources.errors import UsageError
from resources.roles_file import load_roles

GOOD = """
group_claim = "realm_access.roles"

[email]
"Sari@example.test" = "support"

[group]
"admins" = "admin"

[claim.hd]
"example.test" = "viewer"

[provider]
"Ketut@example.test" = "665f1c0b0022"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "roles.toml"


def test_a_file_says_who_has_which_role_and_is_read_anew_where_it_changed(path: Path) -> None:
    path.write_text(GOOD)
    rules = load_roles(path)
    assert rules.role_of({"email": "sari@example.test", "email_verified": True}) is Role.SUPPORT
    assert rules.role_of({"realm_access": {"roles": ["admins"]}}) is Role.ADMIN
    assert rules.role_of({"hd": "example.test"}) is Role.VIEWER
    ketut = {"email": "ketut@example.test", "email_verified": True, "hd": "example.test"}
    assert (rules.role_of(ketut), rules.provider_of(ketut)) == (Role.PROVIDER, "665f1c0b0022")
    path.write_text(GOOD.replace('"support"', '"viewer"'))
    assert load_roles(path).emails == {"sari@example.test": Role.VIEWER}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[email]\n"secret@example.test" = "boss"', "wrong at email: a role is one of viewer, operator"),
        ('[email]\n"secret" = "admin"', "an e-mail has an @"),
        ('[email]\n"Secret@x.test" = "admin"\n"secret@x.test" = "viewer"', "stands there twice"),
        ('[emails]\n"secret@example.test" = "admin"', "wrong at emails: it is none of email, group"),
        ('email = "secret@example.test"', "it must be a table"),
        ('[claim]\nhd = "secret"', "wrong at claim.hd: it must be a table"),
        ('[claim.hd]\n"secret" = "root"', "wrong at claim.hd: a role is one of"),
        ('[group]\nsecret = ["admin"]', "a role is one of"),
        ('group_claim = 1\n[group]\nsecret = "admin"', "must be the name of a claim"),
        ('unverified_emails = "yes"\n[group]\nsecret = "admin"', "must be true or false"),
        ('[email]\n"secret@x.test" = "provider"', "wrong at email: a role is one of viewer, operator"),
        ('[group]\n"secret" = "provider"', "a role is one of viewer"),
        ('[provider]\n"secret" = "t1"', "wrong at provider: an e-mail has an @"),
        ('[provider]\n"secret@x.test" = "guest"', "a provider is given by its id in Appwrite"),
        ('[provider]\n"secret@x.test" = ["t1"]', "a provider is given by its id"),
        ('[provider]\n"secret@x.test" = "t1"\n"Secret@x.test" = "t2"', "stands there twice"),
        ('[email]\n"secret@x.test" = "viewer"\n[provider]\n"secret@x.test" = "t1"', "stands there twice"),
        ("[email]\n", "nobody has a role"),
        ("[email\nsecret", "is no TOML"),
        ("\udcff", "is no TOML"),
    ],
)
def test_a_wrong_file_is_one_sentence_and_gives_nobody_a_role(path: Path, text: str, said: str) -> None:
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError) as error:
        load_roles(path)
    assert said in str(error.value)
    assert "Nobody gets in" in str(error.value)
    assert "secret" not in str(error.value).lower()


def test_a_file_that_is_not_there_or_that_everybody_may_write_gives_nobody_a_role(path: Path) -> None:
    with pytest.raises(UsageError, match="could not be read"):
        load_roles(path)
    path.write_text(GOOD)
    os.chmod(path, 0o606)
    with pytest.raises(UsageError, match="can be written by everybody"):
        load_roles(path)
