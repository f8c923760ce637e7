"""One table says who may do what."""

from __future__ import annotations

import pytest

from godkaiser.auth.policy import POLICY, Permission, Role, allowed

P = Permission
EXPECTED = {
    Role.VIEWER: {P.LOOK, P.STOP},
    Role.OPERATOR: {P.LOOK, P.STOP, P.SWITCH, P.CLEAR, P.APPROVE, P.EDIT_RULES, P.CALIBRATE, P.ACKNOWLEDGE},
    Role.ADMIN: set(Permission),
}


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("permission", list(Permission))
def test_the_table(role: Role, permission: Permission) -> None:
    assert allowed(role, permission) is (permission in EXPECTED[role])


def test_everybody_who_is_signed_in_may_look_and_stop() -> None:
    assert all(allowed(role, p) for role in Role for p in (P.LOOK, P.STOP))


def test_only_admins_manage_users() -> None:
    assert [role for role in Role if allowed(role, P.MANAGE_USERS)] == [Role.ADMIN]


def test_only_admins_take_alarms_out_of_service() -> None:
    assert [role for role in Role if allowed(role, P.RETIRE_ALARMS)] == [Role.ADMIN]


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        POLICY[Role.VIEWER] = frozenset(Permission)  # type: ignore[index]


def test_unknown_words_are_refused() -> None:
    with pytest.raises(ValueError, match="root"):
        Role("root")
