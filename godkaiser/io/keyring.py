"""API tokens at work: made, rotated, revoked; when one was used last, and which end soon."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from godkaiser.auth import keys
from godkaiser.auth.keys import Key
from godkaiser.auth.policy import Permission
from godkaiser.auth.session import User
from godkaiser.errors import InvalidValueError, TokenLimitError, UnknownTokenError
from godkaiser.io.accounts import Accounts
from godkaiser.model.instant import DAY, Duration, Instant

LABEL_MOST: Final = 80
SHOWN_AFTER: Final = 30 * DAY  # how long one that has ended is still listed


class Keyring:
    """Of the people in `accounts`."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts, self._table, self._clock = accounts, accounts.table, accounts.clock
        self._making = asyncio.Lock()  # one after the other, or two would both be the last that may be

    def named(self, prefix: str) -> Key:
        """Raises `UnknownTokenError`."""
        found = self._accounts.keys.get(str(prefix))
        if found is None:
            raise UnknownTokenError(prefix=str(prefix)[:20])
        return found

    def all(self) -> list[Key]:
        """Also those that ended within the last month."""
        return list(self._accounts.keys.values())

    def standing(self) -> list[Key]:
        """Those that have not ended."""
        now = self._clock.now()
        return [key for key in self.all() if key.standing(now)]

    def successor(self, key: Key) -> str | None:
        """The prefix of the one it was replaced by; None: it was not rotated, or what replaced it has ended."""
        now = self._clock.now()
        return next((after.prefix for after in self._successors(key) if after.standing(now)), None)

    def _successors(self, key: Key) -> Iterator[Key]:
        """The one that took its place, the one that took that one's, and so on."""
        after = self._accounts.keys.get(keys.successor_of(key))
        while after is not None:
            yield after
            after = self._accounts.keys.get(keys.successor_of(after))

    def ends_soon(self, key: Key, now: Instant) -> bool:
        """Is it to be rotated, and was not yet?"""
        return key.ends_soon(now) and self.successor(key) is None

    async def add(
        self,
        owner: User,
        label: str,
        permissions: Iterable[Permission],
        zones: Iterable[str],
        lasting: Duration,
    ) -> tuple[str, Key]:
        """The whole token, this once, and what is kept of it. Raises `InvalidValueError`, `TokenLimitError`."""
        rights, reach = frozenset(permissions), frozenset(zones) or None
        _check_rights(rights, reach, owner)
        if not 0 < lasting <= keys.LONGEST:
            days = f"{lasting / DAY:g} d"
            raise InvalidValueError(
                field="lasting", value=days, problem="is no such time", allowed="up to 366 days"
            )
        return await self._made(owner, _label(label), rights, reach, lasting)

    async def rotate(self, prefix: str, overlap: Duration) -> tuple[str, Key]:
        """Another one that may the same for as long; the old one is good for `overlap` more.

        Raises `InvalidValueError`, also if its owner may less by now or it was rotated before, `TokenLimitError`.
        """
        old = self.named(prefix)
        now = self._clock.now()
        if not old.standing(now):
            allowed = "one that has not ended"
            raise InvalidValueError(field="prefix", value=prefix, problem="has ended", allowed=allowed)
        owner = self._accounts.users[old.user_id]  # of a removed account no token is left
        _check_rights(old.permissions, old.zones, owner)
        lasting = old.expires_at - old.created_at
        token, made = await self._made(owner, old.label, old.permissions, old.zones, lasting, old)
        await self._table.change_key(prefix, expires_at=min(old.expires_at, now + overlap), warned=True)
        await self._accounts.load()
        return token, made

    async def revoke(self, prefix: str) -> Key:
        """It opens nothing any more."""
        key = self.named(prefix)
        await self._table.change_key(prefix, revoked=True)
        await self._accounts.load()
        return key

    async def _made(
        self,
        owner: User,
        label: str,
        rights: frozenset[Permission],
        zones: frozenset[str] | None,
        lasting: Duration,
        before: Key | None = None,
    ) -> tuple[str, Key]:
        now, entropy = self._clock.now(), secrets.token_bytes(keys.PREFIX_BYTES + keys.SECRET_BYTES)
        async with self._making:
            prefix, token = keys.make(entropy, None if before is None else self._next_prefix(before))
            made = Key(prefix, keys.hash_of(token), label, owner.id, rights, zones, now, now + lasting)
            count = sum(key.user_id == owner.id for key in self.standing())
            if count >= keys.MOST:
                raise TokenLimitError(owner=owner.name, count=count, most=keys.MOST)
            await self._table.save_key(made)
            await self._accounts.load()
        return token, made

    def _next_prefix(self, before: Key) -> str:
        """At the end of the line, so that `before` leads to it also where an earlier successor was revoked."""
        if after := self.successor(before):
            problem = f"was replaced by {after} already"
            allowed = f"one that was not rotated; rotate {after}, or revoke it first"
            raise InvalidValueError(field="prefix", value=before.prefix, problem=problem, allowed=allowed)
        *_, newest = (before, *self._successors(before))
        return keys.successor_of(newest)

    # ── by and by ──────────────────────────────────────────────────────────────────────────────────────
    async def write_uses(self) -> None:
        """When each was used last; what could not be written is written next time."""
        for prefix, at in tuple(self._accounts.uses.items()):
            await self._table.change_key(prefix, last_used=at)
            if self._accounts.uses.get(prefix) == at:
                del self._accounts.uses[prefix]

    async def ending(self) -> list[Key]:
        """Those that end soon and were not spoken of yet. Of one that was replaced nothing is left to be done."""
        now = self._clock.now()
        found = [key for key in self.all() if self.ends_soon(key, now) and not key.warned]
        for key in found:
            await self._table.change_key(key.prefix, warned=True)
            self._accounts.keys[key.prefix] = replace(key, warned=True)
        return found

    async def forget(self) -> None:
        """Those that ended a month ago."""
        before = self._clock.now() - SHOWN_AFTER
        if any(key.expires_at <= before for key in self.all()):
            await self._table.forget_keys(before)
            await self._accounts.load()


def _check_rights(rights: frozenset[Permission], zones: frozenset[str] | None, owner: User) -> None:
    field, problem = keys.too_much(rights, zones, owner)
    if not rights:
        field, problem = "permissions", "an API token without rights opens nothing"
    if problem:
        asked = {"owner": [owner.name], "permissions": rights, "zones": zones or ()}[field]
        shown, allowed = ", ".join(sorted(asked)) or "none", "at most what its owner may"
        raise InvalidValueError(field=field, value=shown, problem=problem, allowed=allowed)


def _label(label: str) -> str:
    text = str(label).strip()
    if not 0 < len(text) <= LABEL_MOST or not text.isprintable():
        allowed = f"1 to {LABEL_MOST} characters that can be seen"
        raise InvalidValueError(field="label", value=text[:80], problem="is no label", allowed=allowed)
    return text
