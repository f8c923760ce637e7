"""Addresses that are kept out, as a new process must know them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from godkaiser.auth.blocks import Block
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.table import AddressBlockRow

_BLOCK: Final[Any] = AddressBlockRow.__table__  # type: ignore[attr-defined]  # SQLModel makes it


class BlockTable:
    """Rows become values here, and values rows."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def all(self) -> list[Block]:
        """Those that stand, and those that still make the next one longer."""
        return [Block(**row) for row in await self._store.rows(AddressBlockRow, "address")]

    async def keep(self, block: Block) -> None:
        """The newest of its address."""
        async with self._store.writing() as connection:
            made = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            row = made(_BLOCK).values(asdict(block))
            fresh = {name: row.excluded[name] for name in ("since", "until", "times")}
            await connection.execute(row.on_conflict_do_update(index_elements=["address"], set_=fresh))

    async def drop(self, address: str) -> bool:
        """It is let in again. Was there one?"""
        async with self._store.writing() as connection:
            there = await connection.execute(select(_BLOCK.c.address).where(_BLOCK.c.address == address))
            found = there.first() is not None
            await connection.execute(delete(_BLOCK).where(_BLOCK.c.address == address))
            return found
