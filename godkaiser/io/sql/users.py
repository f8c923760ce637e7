"""Accounts, the tokens of their sessions, and API tokens, beside the readings in the same database.

What depends on other rows (is there an account yet, who else is admin) is decided inside a transaction that nobody
else can write these tables in, also no other process.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import delete, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from godkaiser.auth.keys import Key
from godkaiser.auth.policy import Permission, Role
from godkaiser.auth.register import Entry
from godkaiser.auth.session import Totp, User
from godkaiser.errors import DuplicateAccountError, LastAdminError, SetupDoneError, UnknownUserError
from godkaiser.io.sql.facts import fact, state_fact
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.table import ApiTokenRow, SessionTokenRow, UserRow
from godkaiser.model.instant import Instant

_USER: Final[Any] = UserRow.__table__  # type: ignore[attr-defined]  # SQLModel makes it
_TOKEN: Final[Any] = SessionTokenRow.__table__  # type: ignore[attr-defined]
_KEY: Final[Any] = ApiTokenRow.__table__  # type: ignore[attr-defined]
FORGOTTEN: Final = "session_tokens_forgotten_until"
_HERE: Final = or_(_USER.c.removed.is_(None), _USER.c.removed.is_(False))
# Taken before anything is read: SQLite lets one write, PostgreSQL has to be told.
_FIRST: Final = update(_USER).where(text("1 = 0")).values(active=True)
_LOCK: Final = "LOCK TABLE user_account IN SHARE ROW EXCLUSIVE MODE"


class UserTable:
    """Rows become values here, and values rows."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    # ── looking ────────────────────────────────────────────────────────────────────────────────────────
    async def users(self) -> list[User]:
        """Every account that was not removed."""
        return [_user(row) for row in await self._store.rows(UserRow) if not row["removed"]]

    async def tokens(self) -> list[Entry]:
        """What is known of tokens."""
        return [Entry(**row) for row in await self._store.rows(SessionTokenRow, "hash")]

    async def keys(self) -> list[Key]:
        """Every API token that was not forgotten."""
        return [_key(row) for row in await self._store.rows(ApiTokenRow, "created_at")]

    # ── accounts ───────────────────────────────────────────────────────────────────────────────────────
    async def add(
        self, name: str, role: Role, hashed: str, zones: Iterable[str] = (), *, first: bool = False
    ) -> None:
        """`first`: only if there is no account. Raises `SetupDoneError`, `DuplicateAccountError`."""
        async with self._alone() as connection:
            names = set((await connection.execute(select(_USER.c.name).where(_HERE))).scalars())
            if first and names:
                raise SetupDoneError
            if name.casefold() in {other.casefold() for other in names}:
                raise DuplicateAccountError(name=name)
            row = {"name": name, "role": role.value, "password_hash": hashed, "zones": _list(zones)}
            await connection.execute(_USER.insert().values(row | {"active": True, "version": 0}))

    async def change(self, user_id: int, values: Mapping[str, Any], ended: Iterable[Entry] = ()) -> None:
        """Change a row and void every session of the account; who is not active has no API tokens either.

        Raises `LastAdminError`, `UnknownUserError`.
        """
        async with self._alone() as connection:
            before = (await connection.execute(_USER.select().where(_USER.c.id == user_id, _HERE))).mappings()
            row = before.first()
            if row is None:
                raise UnknownUserError(name=f"no. {user_id}")
            if _leads(row) and not _leads({**row, **values}):
                await _another_admin(connection, row)
            changed = {**_columns(values), "version": row["version"] + 1}
            await connection.execute(update(_USER).where(_USER.c.id == user_id).values(changed))
            await self._put(connection, ended)
            theirs = _KEY.c.user_id == user_id
            if values.get("removed"):
                await connection.execute(delete(_KEY).where(theirs))
            elif "active" in values and not (values["active"] and row["active"]):  # nor brought back later
                await connection.execute(update(_KEY).where(theirs).values(revoked=True))

    async def set_totp(self, user_id: int, totp: Totp | None) -> None:
        """Sessions go on."""
        values: dict[str, Any] = {"totp_secret": None if totp is None else totp.secret}
        values["totp_step"] = None if totp is None else totp.step
        await self._store.execute(update(_USER).where(_USER.c.id == user_id).values(values))

    async def take_code(self, user_id: int, step: int) -> bool:
        """Is this the first code of this time-step or a later one?"""
        fresh = update(_USER).where(_USER.c.id == user_id, _USER.c.totp_step < step)
        async with self._store.writing() as connection:
            return bool((await connection.execute(fresh.values(totp_step=step))).rowcount)

    # ── tokens of sessions ─────────────────────────────────────────────────────────────────────────────
    async def note(self, entries: Iterable[Entry]) -> None:
        """Tokens that were given out, or are void. What is void stays so."""
        async with self._store.writing() as connection:
            await self._put(connection, entries)

    async def renew(self, used: Entry, made: Iterable[Entry]) -> bool:
        """All of it, once: False if that token was used or void already."""
        async with self._store.writing() as connection:
            if not await self._put_one(connection, used):
                return False
            await self._put(connection, made)
        return True

    async def forget_tokens(self, until: Instant) -> None:
        """Those that have ended by themselves until then; that they were is remembered, as the clock may be wrong."""
        async with self._store.writing() as connection:
            gone = await connection.execute(delete(_TOKEN).where(_TOKEN.c.expires_at <= until))
            if gone.rowcount:
                known = int(await fact(connection, FORGOTTEN) or 0)
                await state_fact(connection, FORGOTTEN, str(max(known, until)))

    async def forgotten(self) -> Instant:
        """Up to when tokens were forgotten; 0: none was."""
        async with self._store.writing() as connection:
            return int(await fact(connection, FORGOTTEN) or 0)

    async def end_everybody(self) -> None:
        """End every session there ever was, and with them the need to know which were void."""
        async with self._alone() as connection:
            await connection.execute(update(_USER).values(version=_USER.c.version + 1))
            await state_fact(connection, FORGOTTEN, "0")

    # ── API tokens ─────────────────────────────────────────────────────────────────────────────────────
    async def save_key(self, key: Key) -> None:
        """A new one."""
        row = {**asdict(key), "permissions": _list(key.permissions), "zones": _list(key.zones)}
        await self._store.execute(_KEY.insert().values(row))

    async def change_key(self, prefix: str, **values: Any) -> None:
        """Its end, its last use, that it was revoked, or that somebody was warned."""
        await self._store.execute(update(_KEY).where(_KEY.c.prefix == prefix).values(values))

    async def forget_keys(self, before: Instant) -> None:
        """Those that ended before."""
        await self._store.execute(delete(_KEY).where(_KEY.c.expires_at <= before))

    # ── parts ──────────────────────────────────────────────────────────────────────────────────────────
    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[AsyncConnection]:
        async with self._store.writing() as connection:
            if connection.dialect.name == "postgresql":
                await connection.exec_driver_sql(_LOCK)
            await connection.execute(_FIRST)
            yield connection

    async def _put(self, connection: AsyncConnection, entries: Iterable[Entry]) -> None:
        for entry in entries:
            await self._put_one(connection, entry)

    async def _put_one(self, connection: AsyncConnection, entry: Entry) -> bool:
        """False: it was void already."""
        made = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        there = made(_TOKEN).values(asdict(entry))
        void = there.on_conflict_do_update(
            index_elements=["hash"], set_={"reason": entry.reason}, where=_TOKEN.c.reason == ""
        )
        return bool((await connection.execute(void)).rowcount)


def _leads(row: Mapping[Any, Any]) -> bool:
    return bool(row["role"] == Role.ADMIN and row["active"])


async def _another_admin(connection: AsyncConnection, row: Mapping[Any, Any]) -> None:
    others = select(_USER.c.id).where(
        _USER.c.role == Role.ADMIN.value, _USER.c.active, _USER.c.id != row["id"]
    )
    if (await connection.execute(others.limit(1))).first() is None:
        raise LastAdminError(name=row["name"])


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _list(value) if name == "zones" else value for name, value in values.items()}


def _list(words: Iterable[str] | None) -> str | None:
    """As JSON in order; nothing for none."""
    return json.dumps(sorted(words)) if words else None


def _words(text: str | None) -> frozenset[str]:
    return frozenset() if text is None else frozenset(json.loads(text))


def _user(row: Mapping[str, Any]) -> User:
    totp = None if row["totp_secret"] is None else Totp(row["totp_secret"], row["totp_step"])
    return User(
        row["id"],
        row["name"],
        Role(row["role"]),
        row["password_hash"],
        row["active"],
        row["version"],
        _words(row["zones"]),
        totp,
    )


def _key(row: Mapping[str, Any]) -> Key:
    permissions = frozenset(Permission(word) for word in _words(row["permissions"]))
    zones = None if row["zones"] is None else _words(row["zones"])
    return Key(**{**row, "permissions": permissions, "zones": zones})
