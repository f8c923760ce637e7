"""Accounts at work: who there is, what they may, and that what changes ends their sessions.

Time here is the wall clock, also where the greenhouse runs on simulated time.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from godkaiser.auth import totp
from godkaiser.auth.keys import Key, admit_key, is_secret, prefix_of
from godkaiser.auth.origin import origin_of
from godkaiser.auth.passwords import (
    ENTROPY_BYTES,
    SALT_BYTES,
    check_policy,
    generate_password,
    good_name,
    hash_password,
)
from godkaiser.auth.policy import Permission, Role
from godkaiser.auth.register import EVERYWHERE, Register, forgotten_until, tokens_of
from godkaiser.auth.session import Denial, Principal, Totp, User
from godkaiser.auth.throttle import RateThrottle, retry_after
from godkaiser.auth.tokens import TokenKind
from godkaiser.errors import (
    AuthenticationFailedError,
    ForbiddenError,
    InvalidValueError,
    ThrottledError,
    UnavailableError,
    UnknownUserError,
)
from godkaiser.io.clock import WallClock
from godkaiser.io.hashing import Hashing
from godkaiser.io.sql.users import UserTable
from godkaiser.model.instant import Instant
from godkaiser.ports import Clock

log = logging.getLogger(__name__)
BEARERS: Final = (TokenKind.PAGE, TokenKind.ACCESS)  # what opens anything; a refresh token is only exchanged
_NOBODY: Final = "!"  # no hash, so no password belongs to it


class Accounts:
    """Everybody there is. What changes is stored first, and counts from then on."""

    def __init__(self, table: UserTable, secret: str, clock: Clock | None = None) -> None:
        self.table, self.clock = table, clock or WallClock()
        self.register = Register(secret)
        self.users: dict[int, User] = {}
        self.keys: dict[str, Key] = {}
        self.uses: dict[str, Instant] = {}  # of API tokens, still to be written
        self.seen: dict[int, Instant] = {}  # people with a session, since the start
        self._loading, self._righting = asyncio.Lock(), asyncio.Lock()
        self.hashing = Hashing()
        self._guesses, self._setups = RateThrottle(), RateThrottle()
        self.on_set_back: Callable[[], None] = lambda: None  # all sessions end, as the clock was set back
        self._owed = False  # that is still to be stored

    async def load(self) -> None:
        """Read everything; forget what has ended by itself."""
        async with self._loading:  # what was read last is the newest
            await self.table.forget_tokens(forgotten_until(self.clock.now()))
            self.register.horizon = await self.table.forgotten()
            users = {user.id: user for user in await self.table.users()}
            self.register.note(await self.table.tokens())
            keys = {key.prefix: key for key in await self.table.keys()}
            self.users = {user.id: self._kept(user) for user in users.values()}
            self.keys = {key.prefix: self._seen(key) for key in keys.values()}
        self.register.forget(self.clock.now())

    async def put_right(self) -> None:
        """After the clock was set back behind what was forgotten: end every session, as nobody knows which were void.

        Counts at once, and is stored as soon as it can be.
        """
        async with self._righting:  # else two who notice it would end the sessions that began between them
            behind = self.register.behind(self.clock.now())
            if behind:
                log.warning("The clock was set back behind what was forgotten of sessions: all of them end.")
                self.on_set_back()
            if behind or self._owed:
                await self._end_everybody(behind)

    async def _end_everybody(self, behind: bool) -> None:
        try:
            await self.table.end_everybody()
            self._owed = False
            await self.load()
        except UnavailableError:
            if behind:
                ended = (replace(user, version=user.version + 1) for user in self.users.values())
                self.users = {user.id: user for user in ended}
                self.register.horizon = 0
            self._owed = True

    def _kept(self, user: User) -> User:
        """A code that was taken while the database was away is not taken again."""
        known = self.users.get(user.id)
        now, before = user.totp, None if known is None else known.totp
        if (
            now is None
            or before is None
            or now.secret != before.secret
            or now.step is None
            or before.step is None
        ):
            return user
        return replace(user, totp=replace(now, step=max(now.step, before.step)))

    def _seen(self, key: Key) -> Key:
        """With a use that is not written yet."""
        return replace(key, last_used=self.uses.get(key.prefix, key.last_used))

    @property
    def empty(self) -> bool:
        """No account at all yet?"""
        return not self.users

    def named(self, name: str) -> User:
        """Raises `UnknownUserError`."""
        found = self.find(name)
        if found is None:
            raise UnknownUserError(name=str(name)[:80])
        return found

    def find(self, name: str) -> User | None:
        """The account of this name."""
        return next((user for user in self.users.values() if user.name == name), None)

    def principal(self, token: str, kind: TokenKind | None = None) -> Principal:
        """Who comes with it, as of now: a person with a session, or a program with an API token.

        `kind`: only a session's token of this kind is accepted.
        """
        now = self.clock.now()
        prefix = prefix_of(token) if kind is None else None
        if prefix is not None:
            found = self._program(token, self.keys.get(prefix), now)
        else:
            kinds = BEARERS if kind is None else (kind,)
            found = self.register.principal(self.register.read(token, kinds, now), self.users)
        if isinstance(found, Denial):
            raise AuthenticationFailedError(problem=str(found.value))
        if not found.key:
            self.seen[found.user_id] = now
        return found

    def _program(self, token: str, key: Key | None, now: Instant) -> Principal | Denial:
        found = admit_key(token, key, None if key is None else self.users.get(key.user_id), now)
        if key is not None and isinstance(found, Principal) and key.use_is_news(now):
            self.keys[key.prefix] = replace(key, last_used=now)
            self.uses[key.prefix] = now
        if isinstance(found, Denial):  # the right one is never hindered by those who guess
            slow(self._guesses, "unknown" if key is None else key.prefix, now)
        return found

    def is_guess(self, token: str) -> bool:
        """Has it the form of an API token, and was never one that is known? One that has ended is no guess."""
        prefix = prefix_of(token)
        key = None if prefix is None else self.keys.get(prefix)
        return prefix is not None and (key is None or not is_secret(token, key))

    # ── coming and going ───────────────────────────────────────────────────────────────────────────────
    async def add(self, name: str, password: str, role: Role, zones: Iterable[str] = ()) -> None:
        """A new account. Raises `InvalidValueError` with every objection, `DuplicateAccountError`."""
        hashed = await self._hashed(_named(name), password)
        await self.table.add(name, role, hashed, _zones(role, zones))
        await self.load()

    async def set_up(self, name: str, password: str, address: str = "") -> None:
        """The first account, an admin. Of two that try at once one is told `SetupDoneError`."""
        slow(self._setups, origin_of(address), self.clock.now())  # hashing is slow on purpose
        hashed = await self._hashed(_named(name), password)
        await self.table.add(name, Role.ADMIN, hashed, first=True)
        await self.load()

    async def fresh_admin(self) -> str:
        """An admin with a freshly generated password; an existing `admin` gets the new one."""
        password = generate_password(secrets.token_bytes(ENTROPY_BYTES))
        if self.find("admin") is None:
            await self.add("admin", password, Role.ADMIN)
        else:
            await self.set_password("admin", password)
        return password

    async def remove(self, name: str) -> None:
        """For good: the name is free again, the API tokens are gone. Raises `LastAdminError`."""
        user = self.named(name)
        gone = {"name": f"#{user.id}", "password_hash": _NOBODY, "totp_secret": None, "totp_step": None}
        await self._change(user, **gone, active=False, role=Role.VIEWER.value, removed=True)

    # ── what is changed of one ─────────────────────────────────────────────────────────────────────────
    async def set_password(self, name: str, password: str) -> int:
        """A new password; how many tokens that ended."""
        user = self.named(name)
        return await self._change(user, password_hash=await self._hashed(name, password))

    async def set_role(self, name: str, role: Role) -> int:
        """Another role; an admin has every zone. Raises `LastAdminError`."""
        user = self.named(name)
        zones = frozenset() if role is Role.ADMIN else user.zones
        return await self._change(user, role=role.value, zones=zones)

    async def set_zones(self, name: str, zones: Iterable[str]) -> int:
        """Where they may act; none for everywhere."""
        user = self.named(name)
        return await self._change(user, zones=_zones(user.role, zones))

    async def set_active(self, name: str, active: bool) -> int:
        """Let them in again, or no more: then their API tokens are revoked for good. Raises `LastAdminError`."""
        return await self._change(self.named(name), active=active)

    async def end_sessions(self, name: str) -> int:
        """Log out everywhere; how many tokens that ended."""
        return await self._change(self.named(name))

    async def _change(self, user: User, **values: Any) -> int:
        """Stored together with the end of every session."""
        ended = self.register.end_all(user.id, self.clock.now(), EVERYWHERE)
        await self.table.change(user.id, values, ended)
        await self.load()
        return tokens_of(ended)

    async def _hashed(self, name: str, password: str) -> str:
        objections: Sequence[str] = check_policy(password, name)
        if objections:
            allowed = "a password that meets the policy"
            raise InvalidValueError(
                field="password", value="***", problem=" ".join(objections), allowed=allowed
            )
        return await self.hashing.run(hash_password, password, secrets.token_bytes(SALT_BYTES))

    # ── the second factor ──────────────────────────────────────────────────────────────────────────────
    async def begin_totp(self, name: str) -> str:
        """A new secret for their phone; it is asked for once a code of it has come. Returns its address."""
        user = self.named(name)
        if user.totp is not None and user.totp.step is not None:
            allowed = "an account without one; an admin can take it away first"
            raise InvalidValueError(
                field="name", value=name, problem="has a second factor already", allowed=allowed
            )
        secret = totp.make_secret(secrets.token_bytes(totp.ENTROPY_BYTES))
        await self._set_totp(user, Totp(secret))
        return totp.address(secret, name)

    async def confirm_totp(self, name: str, code: str) -> None:
        """From now on it is asked for. Raises `InvalidValueError`."""
        user = self.named(name)
        begun = user.totp is not None and user.totp.step is None
        step = totp.taken(user.totp.secret, code, 0, self.clock.now()) if begun and user.totp else None
        if user.totp is None or step is None:
            allowed = "the six digits the phone shows now, after a second factor was begun"
            raise InvalidValueError(field="code", value="***", problem="is not right", allowed=allowed)
        await self._set_totp(user, replace(user.totp, step=step))

    async def remove_totp(self, name: str) -> None:
        """The password alone counts again: for somebody whose phone is lost."""
        await self._set_totp(self.named(name), None)

    async def _set_totp(self, user: User, made: Totp | None) -> None:
        await self.table.set_totp(user.id, made)
        await self.load()


def slow(throttle: RateThrottle, about: str, now: Instant) -> None:
    """Raises `ThrottledError`."""
    if wait := throttle.admit(about, now):
        raise ThrottledError(retry_after=float(retry_after(wait)))


def _named(name: str) -> str:
    if not good_name(name):
        allowed = "1 to 64 letters, digits, . _ @ -, the first a letter or a digit"
        raise InvalidValueError(
            field="name", value=name[:80], problem="cannot be an account", allowed=allowed
        )
    return name


def _zones(role: Role, zones: Iterable[str]) -> frozenset[str]:
    found = frozenset(zones)
    if found and role is Role.ADMIN:
        shown = ", ".join(sorted(found))
        raise InvalidValueError(
            field="zones", value=shown, problem="cannot bind an admin", allowed="an operator or a viewer"
        )
    return found


def require(principal: Principal, permission: Permission, zones: Iterable[str | None] | None = None) -> None:
    """Raise `ForbiddenError` unless it is allowed in all these zones; None: in the whole house."""
    asked = None if zones is None else tuple(zones)
    if principal.may(permission, asked):
        return
    action = permission.value.replace("_", " ")
    if permission in principal.permissions:
        action += " outside " + (", ".join(sorted(principal.zones or ())) or "its zones")
    elif principal.key:
        action += f" with the API token {principal.key}"
    raise ForbiddenError(who=principal.name, role=principal.role.value, action=action)
