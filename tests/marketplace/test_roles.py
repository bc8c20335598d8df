"""Who may do what."""

from __future__ import annotations

import pytest

from marketplace.roles import RIGHTS, Right, Role, allows


@pytest.mark.parametrize("role", Role)
def test_every_role_sees_and_only_an_admin_has_every_right(role: Role) -> None:
    assert allows(role, Right.SEE)
    assert (RIGHTS[role] == frozenset(Right)) == (role is Role.ADMIN)


@pytest.mark.parametrize("right", [Right.CONTACT, Right.READ])
def test_an_operator_reveals_nobody(right: Right) -> None:
    assert [role for role in Role if allows(role, right)] == [Role.SUPPORT, Role.ADMIN]
