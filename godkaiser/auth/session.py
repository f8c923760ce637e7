"""From a token's claims to a person: the checks that need the user's row and the deny list."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from enum import StrEnum

from .policy import Permission, Role, allowed
from .tokens import Claims


@dataclass(frozen=True, slots=True)
class User:
    """A row of the users table. `version` counts how often this user was logged out everywhere."""

    id: int
    name: str
    role: Role
    password_hash: str = field(repr=False)
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who is signed in. `session` is the token's id; times are microseconds since 1970."""

    user_id: int
    name: str
    role: Role
    session: str
    expires_at: int

    def may(self, permission: Permission) -> bool:
        """Does this person's role allow it?"""
        return allowed(self.role, permission)


class Denial(StrEnum):
    """Why a well signed token is not good enough. The words are those clients of the old server know."""

    REVOKED = "Token has been revoked"
    INVALID_USER = "Invalid user"


def admit(claims: Claims, user: User | None, revoked: Container[str]) -> Principal | Denial:
    """The person behind the claims, or why not. Ask again each time: rows change while tokens live."""
    if user is None or user.id != claims.user_id or not user.active:
        return Denial.INVALID_USER
    if claims.jti in revoked or claims.version != user.version:
        return Denial.REVOKED
    return Principal(user.id, user.name, user.role, claims.jti, claims.expires_at)
