"""Signing in, renewing, signing out: what was decided is stored before it counts.

Somebody must be able to sign in and stop while the database is away; to renew or to end a session it is needed,
because that must be known after a restart, too.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from godkaiser.auth import totp
from godkaiser.auth.origin import origin_of
from godkaiser.auth.passwords import NOBODY, verify_password
from godkaiser.auth.register import LOGOUT, Grant, Register, Theft, digest, forgotten_until, tokens_of
from godkaiser.auth.session import Denial, User
from godkaiser.auth.throttle import LoginThrottle, RateThrottle, retry_after
from godkaiser.auth.tokens import LIFETIME_S, Claims, TokenKind
from godkaiser.errors import (
    AuthenticationFailedError,
    CodeNeededError,
    LogoutUnstoredError,
    ThrottledError,
    UnavailableError,
)
from godkaiser.io.accounts import BEARERS, Accounts, slow
from godkaiser.model.instant import to_iso

PAIR: Final = (TokenKind.ACCESS, TokenKind.REFRESH)
_WRONG: Final = "name or password is wrong"
_WRONG_CODE: Final = "the code is wrong or was used before"


Stolen = Callable[[str, int], None]


class Sessions:
    """Of the people in `accounts`.

    `on_theft` is told whose refresh token came twice, and how many tokens that ended.
    """

    def __init__(self, accounts: Accounts, on_theft: Stolen) -> None:
        self._accounts, self._table, self._clock = accounts, accounts.table, accounts.clock
        self._throttle, self._on_theft = LoginThrottle(), on_theft
        self._renewals, self._renewers = RateThrottle(), RateThrottle()

    @property
    def _register(self) -> Register:
        return self._accounts.register

    # ── in ─────────────────────────────────────────────────────────────────────────────────────────────
    async def login(
        self, name: str, password: str, address: str, code: str = "", *, pair: bool = False
    ) -> dict[str, Any]:
        """For the pages one token, else a pair. The answer never says whether name or password was wrong."""
        user = await self._checked(name, password, address, code)
        await self._accounts.put_right()
        user = self._accounts.users.get(user.id, user)
        grants = self._granted(user, PAIR if pair else (TokenKind.PAGE,))
        entries = [grant.entry for grant in grants]
        self._register.note(entries)
        with contextlib.suppress(UnavailableError):  # it counts without
            await self._table.note(entries)
        return self._told(user, grants)

    async def check(self, name: str, password: str, address: str) -> None:
        """Is this really the person? Throttled as a sign-in."""
        await self._password(name, password, address)
        self._throttle.succeeded(name)

    async def _checked(self, name: str, password: str, address: str, code: str) -> User:
        user = await self._password(name, password, address)
        if user.totp is not None and user.totp.step is not None:
            if not code:
                raise CodeNeededError
            if not await self._code(user, code):
                self._throttle.failed(address, name, self._clock.now())
                raise AuthenticationFailedError(problem=_WRONG_CODE)
        self._throttle.succeeded(name)
        return user

    async def _password(self, name: str, password: str, address: str) -> User:
        now = self._clock.now()
        if wait := self._throttle.admit(address, name, now):
            raise ThrottledError(retry_after=float(retry_after(wait)))
        user = self._accounts.find(name)
        hashed = NOBODY if user is None else user.password_hash
        good = await self._accounts.hashing.run(verify_password, password, hashed)
        # It took its time: the account may be another one by now, or gone.
        if user is None or not good or not user.active or self._accounts.users.get(user.id) != user:
            self._throttle.failed(address, name, now)
            raise AuthenticationFailedError(problem=_WRONG)
        return user

    async def _code(self, user: User, code: str) -> bool:
        """Each code once, also while the database is away."""
        known = self._accounts.users[user.id].totp
        if known is None or known.step is None:
            return False
        step = totp.taken(known.secret, code, known.step, self._clock.now())
        if step is None:
            return False
        # At once, as two may come with it at the same time.
        self._accounts.users[user.id] = replace(user, totp=replace(known, step=step))
        try:
            return await self._table.take_code(user.id, step)
        except UnavailableError:
            return True

    # ── on ─────────────────────────────────────────────────────────────────────────────────────────────
    async def renew(self, token: str, address: str = "") -> dict[str, Any]:
        """A refresh token for a new pair, once.

        Raises `AuthenticationFailedError`, `ThrottledError`, `StoreAwayError`.
        """
        now = self._clock.now()
        if address:
            slow(self._renewers, origin_of(address), now)
        claims = self._register.read(token, (TokenKind.REFRESH,), now)
        slow(self._renewals, digest(claims.family), now)
        found = self._register.renew(token, self._accounts.users, _words(2), now)
        if isinstance(found, Denial):
            raise AuthenticationFailedError(problem=str(found.value))
        if isinstance(found, Theft):
            return await self._stolen(found)
        user, made = self._accounts.users[found.claims.user_id], [grant.entry for grant in found.grants]
        if not await self._table.renew(found.used, made):
            return await self._stolen(self._register.theft(found.claims, now))
        self._register.note([found.used, *made])
        return self._told(user, found.grants)

    async def _stolen(self, theft: Theft) -> dict[str, Any]:
        """Void at once; that the token was used is stored already, so it is found again after a restart."""
        self._register.note(theft.ended)
        user = self._accounts.users.get(theft.claims.user_id)
        self._on_theft("somebody removed" if user is None else user.name, tokens_of(theft.ended))
        await self._table.note(theft.ended)
        raise AuthenticationFailedError(problem=Denial.REVOKED.value)

    # ── out ────────────────────────────────────────────────────────────────────────────────────────────
    async def logout(self, token: str, *, all_devices: bool = False) -> int:
        """End this sign-in, or all of this person; how many tokens that ended. Raises `LogoutUnstoredError`."""
        person = self._accounts.principal(token)
        try:
            if all_devices:
                return await self._accounts.end_sessions(person.name)
            return await self._ended(self._register.read(token, BEARERS, self._clock.now()))
        except UnavailableError as error:
            raise LogoutUnstoredError(problem=str(error)) from None

    async def _ended(self, claims: Claims) -> int:
        ended = self._register.end(claims, self._clock.now(), LOGOUT)
        await self._table.note(ended)
        self._register.note(ended)
        return tokens_of(ended)

    async def forget(self) -> None:
        """Whose time is over. A disk that has nothing to forget is left alone."""
        await self._accounts.put_right()
        now = self._clock.now()
        if self._register.forget(now):
            await self._table.forget_tokens(forgotten_until(now))

    # ── parts ──────────────────────────────────────────────────────────────────────────────────────────
    def _granted(self, user: User, kinds: tuple[TokenKind, ...]) -> tuple[Grant, ...]:
        family, *ids = _words(len(kinds) + 1)
        return self._register.grant(user, kinds, family, ids, self._clock.now())

    def _told(self, user: User, grants: tuple[Grant, ...]) -> dict[str, Any]:
        who = {"user": user.name, "role": user.role.value, "zones": sorted(user.zones)}
        first = grants[0]
        expires = {"expires": to_iso(first.entry.expires_at)}
        if len(grants) == 1:
            return {"token": first.token} | who | expires
        pair = {"access_token": first.token, "refresh_token": grants[1].token, "token_type": "bearer"}
        return pair | {"expires_in": LIFETIME_S[TokenKind.ACCESS]} | who | expires


def _words(number: int) -> list[str]:
    """Random ids."""
    return [secrets.token_urlsafe(18) for _ in range(number)]
