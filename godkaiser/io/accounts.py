"""Accounts at work: users in the database, tokens signed with this installation's secret, a deny list.

Time here is the wall clock, also where the greenhouse runs on simulated time.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from pathlib import Path
from typing import Any, Final

from godkaiser.auth.passwords import (
    ENTROPY_BYTES,
    NOBODY,
    SALT_BYTES,
    check_policy,
    generate_password,
    hash_password,
    verify_password,
)
from godkaiser.auth.policy import Permission, Role
from godkaiser.auth.session import Denial, Principal, User, admit
from godkaiser.auth.throttle import LoginThrottle, retry_after
from godkaiser.auth.tokens import TokenKind, issue, read
from godkaiser.errors import (
    AuthenticationFailedError,
    DataFolderError,
    ForbiddenError,
    InvalidValueError,
    ThrottledError,
)
from godkaiser.io.clock import WallClock
from godkaiser.io.sql.users import UserTable
from godkaiser.model.instant import to_iso

SESSION_S: Final = 12 * 3600
AUDIT_KEY: Final = "audit.key"  # of the data folder
_WRONG: Final = "name or password is wrong"


def installation_secret(data: Path, configured: str | None) -> str:
    """The configured secret, or one made for this data folder and kept there. Never a default."""
    return configured or _kept(data / "secret.key")


def audit_key(data: Path) -> bytes:
    """What the audit is sealed with. Not in the database, so that who has that cannot forge a row."""
    return _kept(data / AUDIT_KEY).encode()


def _kept(path: Path) -> str:
    """Made at the first run, mode 0600, whole or not there. Raises `DataFolderError`."""
    try:
        if not path.exists():
            part = path.with_name(f"{path.name}.part")
            part.unlink(missing_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        found = path.read_text().strip()
    except OSError as error:
        raise DataFolderError(path=str(path), problem=error.strerror or str(error)) from None
    if not found:  # nothing may be signed or sealed with what everybody knows
        raise DataFolderError(path=str(path), problem="is empty; without it a new one is made")
    return found


class Accounts:
    """Users and their sessions."""

    def __init__(self, table: UserTable, secret: str) -> None:
        self._table, self._secret = table, secret
        self._clock = WallClock()
        self._throttle = LoginThrottle()
        self._users: dict[int, User] = {}
        self._revoked: set[str] = set()

    async def load(self) -> None:
        """Read users and the deny list; forget denials that have expired by themselves."""
        await self._table.forget_denials(self._clock.now())
        self._users = {row["id"]: _user(row) for row in await self._table.users()}
        self._revoked = await self._table.denied()

    @property
    def empty(self) -> bool:
        """No account at all yet?"""
        return not self._users

    async def add(self, name: str, password: str, role: Role) -> None:
        """A new account. Raises `InvalidValueError` with every objection to the password."""
        objections = check_policy(password, name)
        if objections:
            allowed = "a password that meets the policy"
            raise InvalidValueError(
                field="password", value="***", problem=" ".join(objections), allowed=allowed
            )
        if any(user.name == name for user in self._users.values()):
            raise InvalidValueError(field="name", value=name, problem="exists already", allowed="a new name")
        hashed = await asyncio.to_thread(hash_password, password, secrets.token_bytes(SALT_BYTES))
        await self._table.add(name, role.value, hashed)
        await self.load()

    async def set_password(self, name: str, password: str) -> None:
        """A new password; every session of the account ends."""
        user = self._named(name)
        if user is None:
            raise InvalidValueError(
                field="name", value=name, problem="no such account", allowed="an existing name"
            )
        hashed = await asyncio.to_thread(hash_password, password, secrets.token_bytes(SALT_BYTES))
        await self._table.set_password(user.id, hashed, user.version + 1)
        await self.load()

    async def fresh_admin(self) -> str:
        """An admin with a freshly generated password; an existing `admin` gets the new one."""
        password = generate_password(secrets.token_bytes(ENTROPY_BYTES))
        if self._named("admin") is None:
            await self.add("admin", password, Role.ADMIN)
        else:
            await self.set_password("admin", password)
        return password

    def _named(self, name: str) -> User | None:
        return next((user for user in self._users.values() if user.name == name), None)

    async def login(self, name: str, password: str, address: str) -> dict[str, Any]:
        """Check name and password; the answer never says which of them was wrong."""
        now = self._clock.now()
        if wait := self._throttle.admit(address, name, now):
            raise ThrottledError(retry_after=float(retry_after(wait)))
        user = self._named(name)
        hashed = NOBODY if user is None else user.password_hash
        good = await asyncio.to_thread(verify_password, password, hashed)
        if user is None or not good or not user.active:
            self._throttle.failed(address, name, now)
            raise AuthenticationFailedError(problem=_WRONG)
        self._throttle.succeeded(name)
        token = issue(
            user.id,
            TokenKind.ACCESS,
            jti=secrets.token_urlsafe(18),
            version=user.version,
            secret=self._secret,
            now=now,
            lifetime_s=SESSION_S,
        )
        expires = to_iso(now + SESSION_S * 1_000_000)
        return {"token": token, "user": user.name, "role": user.role.value, "expires": expires}

    def principal(self, token: str) -> Principal:
        """The person behind a token, as of now."""
        claims = read(token, TokenKind.ACCESS, secret=self._secret, now=self._clock.now())
        found = admit(claims, self._users.get(claims.user_id), self._revoked)
        if isinstance(found, Denial):
            raise AuthenticationFailedError(problem=str(found.value))
        return found

    async def logout(self, token: str) -> None:
        """The token is void from now on, also after a restart."""
        principal = self.principal(token)
        await self._table.deny(principal.session, principal.expires_at)
        self._revoked.add(principal.session)


def _user(row: dict[str, Any]) -> User:
    return User(
        row["id"], row["name"], Role(row["role"]), row["password_hash"], row["active"], row["version"]
    )


def require(principal: Principal, permission: Permission) -> None:
    """Raise `ForbiddenError` unless the role allows it."""
    if not principal.may(permission):
        action = permission.value.replace("_", " ")
        raise ForbiddenError(who=principal.name, role=principal.role.value, action=action)
