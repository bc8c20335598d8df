"""Who may do what, and which role a person has."""

from __future__ import annotations

from typing import Any

import pytest

from marketplace.roles import RIGHTS, Right, Role, RoleRules, allows


@pytest.mark.parametrize("role", Role)
def test_every_role_sees_and_only_an_admin_has_every_right(role: Role) -> None:
    assert allows(role, Right.SEE) == (role is not Role.PROVIDER)
    assert (RIGHTS[role] == frozenset(Right)) == (role is Role.ADMIN)


@pytest.mark.parametrize("right", [Right.CONTACT, Right.READ])
def test_an_operator_reveals_nobody(right: Right) -> None:
    assert [role for role in Role if allows(role, right)] == [Role.SUPPORT, Role.ADMIN]


RULES = RoleRules(
    {"sari@example.test": Role.SUPPORT},
    (("bookwatch-admins", Role.ADMIN), ("everybody", Role.VIEWER)),
    (("department.name", "finance", Role.AUDITOR), ("https://app.test/staff", "true", Role.OPERATOR)),
)
SARI = {"sub": "1", "email": "Sari@Example.test", "email_verified": True}


@pytest.mark.parametrize(
    ("said", "role"),
    [
        (SARI, Role.SUPPORT),
        (SARI | {"groups": ["bookwatch-admins"]}, Role.SUPPORT),  # an e-mail wins over a group
        (SARI | {"email_verified": False}, None),  # anybody may write that into a form
        (SARI | {"email_verified": "true"}, None),
        (SARI | {"email": "nobody@example.test"}, None),
        (
            {"groups": ["everybody", "bookwatch-admins"]},
            Role.ADMIN,
        ),  # the first of the file, not of the token
        ({"groups": ["everybody"], "department": {"name": "finance"}}, Role.VIEWER),  # a group over a claim
        ({"groups": "everybody"}, Role.VIEWER),
        ({"department": {"name": "finance"}}, Role.AUDITOR),
        ({"department": "finance"}, None),
        ({"department": {"name": {"finance": 1}}}, None),
        ({"https://app.test/staff": True}, Role.OPERATOR),
        ({"https://app.test/staff": False}, None),
        ({"email": ["sari@example.test"], "email_verified": True}, None),
        ({}, None),
    ],
)
def test_the_first_rule_that_fits_gives_the_role_and_whom_none_fits_has_none(
    said: dict[str, Any], role: Role | None
) -> None:
    assert RULES.role_of(said) == role


KETUT = {"sub": "2", "email": "Ketut@example.test", "email_verified": True}
AS_PROVIDER = RoleRules(
    {"sari@example.test": Role.SUPPORT},
    (("everybody", Role.VIEWER),),
    providers={"ketut@example.test": "t1", "sari@example.test": "t2"},
)


@pytest.mark.parametrize(
    ("said", "role", "provider"),
    [
        (KETUT, Role.PROVIDER, "t1"),
        (KETUT | {"groups": ["everybody"]}, Role.PROVIDER, "t1"),
        (KETUT | {"email_verified": False}, None, None),
        (SARI, Role.SUPPORT, None),  # of two that one address has, the one that is nobody's page
        (KETUT | {"email": "other@example.test"}, None, None),
    ],
)
def test_a_provider_is_who_the_file_says_by_an_address_that_was_verified(
    said: dict[str, Any], role: Role | None, provider: str | None
) -> None:
    assert (AS_PROVIDER.role_of(said), AS_PROVIDER.provider_of(said)) == (role, provider)


def test_an_address_that_nobody_verified_counts_only_where_the_file_says_so() -> None:
    unverified = RoleRules({"sari@example.test": Role.SUPPORT}, unverified=True)
    assert unverified.role_of({"email": "sari@example.test"}) is Role.SUPPORT
