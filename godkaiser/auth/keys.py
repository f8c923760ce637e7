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
WARN_MOST: Final = 14 * DAY  # before the end, of long lives
WARN_SHARE: Final = 10  # else the last tenth of its life
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
        """Is it to be rotated? In the last tenth of its life, at most 14 days before its end."""
        return self.standing(now) and self.expires_at - now <= warned_before(
            self.expires_at - self.created_at
        )

    def use_is_news(self, now: int) -> bool:
        """Is this use to be written? At most once a minute."""
        return self.last_used is None or now - self.last_used >= USE_EVERY


def make(entropy: bytes, prefix: str | None = None) -> tuple[str, str]:
    """The prefix and the whole token, from 36 random bytes; `prefix`: take this one."""
    if len(entropy) != PREFIX_BYTES + SECRET_BYTES:
        raise ValueError(f"a token needs {PREFIX_BYTES + SECRET_BYTES} bytes of entropy, got {len(entropy)}")
    prefix = prefix or f"gk_{entropy[:PREFIX_BYTES].hex()}"
    return prefix, f"{prefix}_{entropy[PREFIX_BYTES:].hex()}"


def successor_of(key: Key) -> str:
    """The prefix of the one that takes its place when it is rotated, so that one sees later that it was.

    Made of the hash, which nobody is shown: who knows a prefix cannot tell the next.
    """
    return f"gk_{hash_of(f'after {key.hash}')[: 2 * PREFIX_BYTES]}"


def warned_before(lasting: int) -> int:
    """How long before its end one that is good for `lasting` is to be rotated, in microseconds."""
    return min(lasting // WARN_SHARE, WARN_MOST)


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
    """What this token may do now, or why nothing. Of one that is not known it is not said what is wrong in it."""
    if key is None or not is_secret(token, key):
        return Denial.UNKNOWN
    if not key.standing(now):
        return Denial.REVOKED if key.revoked else Denial.OVER
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


def too_much(permissions: Iterable[Permission], zones: frozenset[str] | None, owner: User) -> tuple[str, str]:
    """What an owner cannot give (owner, permissions or zones) and why; two empty texts: all of it is theirs."""
    if not owner.active:
        return "owner", f"{owner.name} is not active"
    beyond = sorted(set(permissions) - POLICY[owner.role])
    if beyond:
        return "permissions", f"{owner.name} ({owner.role}) may not {', '.join(beyond)}"
    if owner.reach is not None and zones is not None and not zones <= owner.reach:
        return "zones", f"{owner.name} may not act in {', '.join(sorted(zones - owner.reach))}"
    return "", ""
