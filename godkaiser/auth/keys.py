"""API tokens: for programs, not for people. `gk_PREFIX_SECRET`: the prefix is shown, of the whole a hash is kept.

One may do less than its owner, never more: what it was given is cut by what the owner may now. It ends by its
time, by being revoked, and with its owner.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from .policy import POLICY, Permission
from .session import Denial, Principal, User
from .tokens import SECOND

PREFIX_BYTES: Final = 4
SECRET_BYTES: Final = 32
DAY: Final = 86_400 * SECOND
LONGEST: Final = 366 * DAY
MOST: Final = 20  # standing ones of one owner
WARN_BEFORE: Final = 7 * DAY
USE_EVERY: Final = 60 * SECOND  # how often the time of the last use is written, at most
_FORM: Final = re.compile(r"(gk_[0-9a-f]{8})_[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Key:
    """An API token as it is kept. `zones`: None for all of its owner's; times are microseconds since 1970.

    `warned`: it was said that it ends soon.
    """

    prefix: str
    hash: str = field(repr=False)
    label: str
    user_id: int
    permissions: frozenset[Permission]
    zones: frozenset[str] | None
    created_at: int
    expires_at: int
    last_used: int | None = None
    revoked: bool = False
    warned: bool = False

    def standing(self, now: int) -> bool:
        """Is it neither over nor revoked?"""
        return not self.revoked and now < self.expires_at

    def ends_soon(self, now: int) -> bool:
        """Is it to be rotated within a week?"""
        return self.standing(now) and self.expires_at - now <= WARN_BEFORE

    def use_is_news(self, now: int) -> bool:
        """Is this use to be written? At most once a minute."""
        return self.last_used is None or now - self.last_used >= USE_EVERY


def make(entropy: bytes) -> tuple[str, str]:
    """The prefix and the whole token, from 36 random bytes."""
    if len(entropy) != PREFIX_BYTES + SECRET_BYTES:
        raise ValueError(f"a token needs {PREFIX_BYTES + SECRET_BYTES} bytes of entropy, got {len(entropy)}")
    prefix = f"gk_{entropy[:PREFIX_BYTES].hex()}"
    return prefix, f"{prefix}_{entropy[PREFIX_BYTES:].hex()}"


def hash_of(token: str) -> str:
    """64 hexadecimal signs. Nobody guesses 256 random bits, so it need not be slow."""
    return hashlib.sha256(token.encode()).hexdigest()


def prefix_of(token: str) -> str | None:
    """None: it has not the form of an API token."""
    found = _FORM.fullmatch(token)
    return None if found is None else found[1]


def is_secret(token: str, key: Key) -> bool:
    """Is it this one, whether it has ended or not?"""
    return hmac.compare_digest(hash_of(token), key.hash)


def admit_key(token: str, key: Key | None, user: User | None, now: int) -> Principal | Denial:
    """What this token may do now, or why nothing."""
    if key is None or not is_secret(token, key) or not key.standing(now):
        return Denial.REVOKED
    if user is None or user.id != key.user_id or not user.active:
        return Denial.INVALID_USER
    rights = key.permissions & POLICY[user.role]
    zones = common(key.zones, user.reach)
    return Principal(user.id, user.name, user.role, key.prefix, key.expires_at, zones, rights, key.prefix)


def common(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    """The zones in both; None stands for all of them, and the empty set for none."""
    if one is None or other is None:
        return other if one is None else one
    return one & other


def too_much(permissions: Iterable[Permission], zones: frozenset[str] | None, owner: User) -> str:
    """Why an owner cannot give this, or nothing."""
    if not owner.active:
        return f"{owner.name} is not active"
    beyond = sorted(set(permissions) - POLICY[owner.role])
    if beyond:
        return f"{owner.name} ({owner.role}) may not {', '.join(beyond)}"
    if owner.reach is not None and zones is not None and not zones <= owner.reach:
        return f"{owner.name} may not act in {', '.join(sorted(zones - owner.reach))}"
    return ""
