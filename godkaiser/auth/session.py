"""From a token's claims to a person: the checks that need the user's row and the deny list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from .policy import POLICY, Permission, Role, within
from .tokens import Claims, TokenKind


@dataclass(frozen=True, slots=True)
class Totp:
    """The second factor: base32 of what both sides know, and the last time-step whose code was taken.

    `step`: None until the first code has shown that the phone knows it; only then is it asked for.
    """

    secret: str = field(repr=False)
    step: int | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A row of the users table. `version` counts how often this user was logged out everywhere.

    `zones`: where an operator may act; empty means all of them.
    """

    id: int
    name: str
    role: Role
    password_hash: str = field(repr=False)
    active: bool
    version: int
    zones: frozenset[str] = frozenset()
    totp: Totp | None = None

    @property
    def reach(self) -> frozenset[str] | None:
        """None: every zone."""
        return self.zones or None


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who is signed in. `session` is the token's id; times are microseconds since 1970.

    `zones`: None for all of them. `key`: the prefix of the API token this came with, empty for a person. `by_page`:
    the pages ask for them.
    """

    user_id: int
    name: str
    role: Role
    session: str
    expires_at: int
    zones: frozenset[str] | None = None
    permissions: frozenset[Permission] = frozenset()
    key: str = ""
    by_page: bool = False

    @property
    def who(self) -> str:
        """For the audit."""
        return f"user:{self.name}" + (f"/{self.key}" if self.key else "")

    def may(self, permission: Permission, zones: Iterable[str | None] | None = None) -> bool:
        """Is it allowed in all these zones? None: in the whole house."""
        return permission in self.permissions and within(self.zones, permission, zones)


class Denial(StrEnum):
    """Why a well signed token is not good enough. The first two are words clients of the old server know."""

    REVOKED = "Token has been revoked"
    INVALID_USER = "Invalid user"
    UNKNOWN = "this API token is not known"
    OVER = "this API token has ended"


def admit(claims: Claims, user: User | None, *, revoked: bool) -> Principal | Denial:
    """The person behind the claims, or why not. Ask again each time: rows change while tokens live."""
    if user is None or user.id != claims.user_id or not user.active:
        return Denial.INVALID_USER
    if revoked or claims.version != user.version:
        return Denial.REVOKED
    by_page, rights = claims.kind is TokenKind.PAGE, POLICY[user.role]
    return Principal(
        user.id, user.name, user.role, claims.jti, claims.expires_at, user.reach, rights, by_page=by_page
    )
