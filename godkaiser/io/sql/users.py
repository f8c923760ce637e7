"""Users and signed-out tokens."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, update

from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.table import DeniedRow, UserRow
from godkaiser.model.instant import Instant


class UserTable:
    """Accounts, beside the readings in the same database."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def users(self) -> list[dict[str, Any]]:
        """Every account."""
        return await self._store.rows(UserRow)

    async def add(self, name: str, role: str, hashed: str) -> None:
        """A new account."""
        row = {"name": name, "role": role, "password_hash": hashed, "active": True, "version": 0}
        await self._store.execute(insert(UserRow).values(row))

    async def set_password(self, user_id: int, hashed: str, version: int) -> None:
        """A new password and a new version, which voids every token."""
        change = update(UserRow).where(UserRow.id == user_id)  # type: ignore[arg-type]  # a column, says SQLModel
        await self._store.execute(change.values(password_hash=hashed, version=version))

    async def denied(self) -> set[str]:
        """Tokens that were signed out."""
        return {row["jti"] for row in await self._store.rows(DeniedRow, "jti")}

    async def deny(self, jti: str, expires: Instant) -> None:
        """Sign a token out."""
        if jti not in await self.denied():
            await self._store.execute(insert(DeniedRow).values(jti=jti, expires=expires))

    async def forget_denials(self, now: Instant) -> None:
        """Expired tokens need no denial."""
        await self._store.execute(delete(DeniedRow).where(DeniedRow.expires < now))  # type: ignore[arg-type]
