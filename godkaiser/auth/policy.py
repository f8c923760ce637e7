"""Who may do what: one table from roles to permissions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Role(StrEnum):
    """What somebody is in this house."""

    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"


class Permission(StrEnum):
    """What somebody may do. Stopping is apart from switching, because everybody may stop."""

    LOOK = "look"
    STOP = "stop"
    SWITCH = "switch"
    CLEAR = "clear"
    APPROVE = "approve"
    EDIT_RULES = "edit_rules"
    CALIBRATE = "calibrate"
    ACKNOWLEDGE = "acknowledge_alarms"
    RETIRE_ALARMS = "take_alarms_out_of_service"
    MANAGE_USERS = "manage_users"


_VIEWER: Final = frozenset({Permission.LOOK, Permission.STOP})
_OPERATOR: Final = _VIEWER | {
    Permission.SWITCH,
    Permission.CLEAR,
    Permission.APPROVE,
    Permission.EDIT_RULES,
    Permission.CALIBRATE,
    Permission.ACKNOWLEDGE,
}

POLICY: Final[Mapping[Role, frozenset[Permission]]] = MappingProxyType(
    {
        Role.VIEWER: _VIEWER,
        Role.OPERATOR: _OPERATOR,
        Role.ADMIN: frozenset(Permission),
    }
)


def allowed(role: Role, permission: Permission) -> bool:
    """May somebody of this role do this?"""
    return permission in POLICY[role]


# Not bound to zones: the house is seen as a whole, because anyone signed in may stop any part of it.
EVERYWHERE: Final = frozenset({Permission.LOOK, Permission.STOP})


def within(zones: frozenset[str] | None, permission: Permission, asked: Iterable[str | None] | None) -> bool:
    """Does this reach that far? `zones`: None for all of them; `asked`: None for the whole house.

    What has no zone belongs to the whole house, and so does what names no zone at all.
    """
    if zones is None or permission in EVERYWHERE:
        return True
    named = frozenset(asked or ())
    return bool(named) and named <= zones
