"""What is known of the tokens of people: which were given out, and which are void before their time.

A sign-in begins a *family*; renewing it goes on in the same family. A refresh token is good for one renewal: if it
comes a second time, two hold it, nobody can say who of them is the thief, and the whole family ends. The end of a
family is an entry of its own, so a token that is being made while its family ends is void as well.

What has ended by itself is forgotten a day later, and up to when it was forgotten is remembered: a clock that stood
ahead makes that be forgotten which is needed when it is set back. Then none of them is accepted any more.

Only hashes are kept. A token nobody noted is judged by its signature, its time and its user alone, so that people can
sign in while the database is away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from godkaiser.errors import AuthenticationFailedError
from godkaiser.model.instant import DAY

from .session import Denial, Principal, User, admit
from .tokens import LIFETIME_S, SECOND, Claims, TokenKind, issue, read_any

USED: Final = "used"
REUSED: Final = "reused"
LOGOUT: Final = "logout"
EVERYWHERE: Final = "everywhere"
FAMILY: Final = "family"  # the kind of the entry that ends one
FORGOTTEN_AFTER: Final = DAY  # so far may a clock be set back without harm
_LONGEST: Final = max(LIFETIME_S.values()) * SECOND


def digest(word: str) -> str:
    """64 hexadecimal signs for the id of a token or a family; both are random, so nobody can go back."""
    return hashlib.sha256(word.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """One token, or the end of a family. `reason`: why it is void; empty while it stands."""

    hash: str
    kind: str
    family: str
    user_id: int
    expires_at: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """A token that was made, and what is to be noted of it."""

    token: str = field(repr=False)
    entry: Entry


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a refresh token is exchanged for."""

    claims: Claims
    used: Entry
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class Theft:
    """A refresh token came a second time: all of its family is void. `claims` are those of the token."""

    claims: Claims
    ended: tuple[Entry, ...]


@dataclass(slots=True)
class Register:
    """Decides; whoever uses it stores what was decided, and then notes it here.

    `horizon`: tokens that end before it may be forgotten, void ones too.
    """

    secret: str = field(repr=False)
    horizon: int = 0
    _entries: dict[str, Entry] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._entries)

    def note(self, entries: Iterable[Entry]) -> None:
        """What is stored now. An entry that is void stays void."""
        for entry in entries:
            known = self._entries.get(entry.hash)
            if known is None or not known.reason:
                self._entries[entry.hash] = entry

    def forget(self, now: int) -> int:
        """What has ended by itself a day ago; how many."""
        before, until = len(self._entries), forgotten_until(now)
        self._entries = {name: entry for name, entry in self._entries.items() if entry.expires_at > until}
        gone = before - len(self._entries)
        if gone:
            self.horizon = max(self.horizon, until)
        return gone

    def behind(self, now: int) -> bool:
        """Was the clock set back behind what was forgotten? Then nobody knows which tokens are void."""
        return now < self.horizon

    def grant(
        self, user: User, kinds: Iterable[TokenKind], family: str, ids: Iterable[str], now: int
    ) -> tuple[Grant, ...]:
        """A token of each kind. `family` and `ids` are fresh random words."""
        made = []
        for kind, jti in zip(kinds, ids, strict=True):
            token = issue(
                user.id, kind, jti=jti, family=family, version=user.version, secret=self.secret, now=now
            )
            ends = (now // SECOND + LIFETIME_S[kind]) * SECOND
            made.append(Grant(token, Entry(digest(jti), kind.value, digest(family), user.id, ends)))
        return tuple(made)

    def read(self, token: str, kinds: Iterable[TokenKind], now: int) -> Claims:
        """What a token of one of these kinds says. Raises `AuthenticationFailedError`."""
        claims = read_any(token, tuple(kinds), secret=self.secret, now=now)
        if self.behind(now):
            raise AuthenticationFailedError(problem="the session has ended")
        return claims

    def principal(self, claims: Claims, users: Mapping[int, User]) -> Principal | Denial:
        """The person behind it, as of now."""
        return admit(claims, users.get(claims.user_id), revoked=self._void(claims))

    def renew(
        self, token: str, users: Mapping[int, User], ids: Iterable[str], now: int
    ) -> Renewal | Theft | Denial:
        """A refresh token for two new ones, once. Raises `AuthenticationFailedError`."""
        claims = self.read(token, (TokenKind.REFRESH,), now)
        over = digest(claims.family) in self._entries
        found = admit(claims, users.get(claims.user_id), revoked=over)
        if isinstance(found, Denial):
            return found
        known = self._entries.get(digest(claims.jti))
        if known is not None and known.reason:  # its family stands, so it was used
            return self.theft(claims, now)
        kinds = (TokenKind.ACCESS, TokenKind.REFRESH)
        grants = self.grant(users[claims.user_id], kinds, claims.family, ids, now)
        return Renewal(claims, replace(_entry(claims), reason=USED), grants)

    def theft(self, claims: Claims, now: int) -> Theft:
        """What is void because this came twice."""
        return Theft(claims, self.end(claims, now, REUSED))

    def end(self, claims: Claims, now: int, reason: str) -> tuple[Entry, ...]:
        """The entries that end a sign-in: its family, the token itself, and all that stand of it."""
        family = digest(claims.family)
        own = _entry(claims)
        standing = {own.hash: own} | {entry.hash: entry for entry in self._standing(now, family=family)}
        gone = Entry(family, FAMILY, family, claims.user_id, now + _LONGEST, reason)
        return (gone, *(replace(entry, reason=reason) for entry in standing.values()))

    def end_all(self, user_id: int, now: int, reason: str) -> tuple[Entry, ...]:
        """The entries that end every sign-in of somebody; the tokens are void by the user's new version."""
        return tuple(replace(entry, reason=reason) for entry in self._standing(now, user_id=user_id))

    def _standing(self, now: int, *, family: str | None = None, user_id: int | None = None) -> list[Entry]:
        return [
            entry
            for entry in self._entries.values()
            if not entry.reason
            and entry.expires_at > now
            and (entry.family == family or entry.user_id == user_id)
        ]

    def _void(self, claims: Claims) -> bool:
        known = self._entries.get(digest(claims.jti))
        return digest(claims.family) in self._entries or (known is not None and bool(known.reason))


def _entry(claims: Claims) -> Entry:
    family = digest(claims.family)
    return Entry(digest(claims.jti), claims.kind.value, family, claims.user_id, claims.expires_at)


def forgotten_until(now: int) -> int:
    """What ended until then may be forgotten now."""
    return now - FORGOTTEN_AFTER


def tokens_of(ended: Iterable[Entry]) -> int:
    """How many tokens these entries void."""
    return sum(entry.kind != FAMILY for entry in ended)
