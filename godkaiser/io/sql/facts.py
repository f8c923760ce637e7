"""Facts about the database itself. Every batch states one, so it goes past SQLAlchemy to the driver."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from godkaiser.io.sql import table as t

_META: Final[Any] = t.Meta.__table__  # type: ignore[attr-defined]  # SQLModel makes it
SQLITE: Final = "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
POSTGRES: Final = "INSERT INTO meta VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value"


async def state_fact(connection: AsyncConnection, key: str, value: str) -> None:
    """Instead of what stood there, in the transaction that is open."""
    if connection.dialect.name == "sqlite":
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await driver.execute(SQLITE, (key, value))
    else:
        await connection.exec_driver_sql(POSTGRES, (key, value))


async def fact(connection: AsyncConnection, key: str) -> str:
    """Empty when it was never stated."""
    found = (await connection.execute(select(_META.c.value).where(_META.c.key == key))).scalar()
    return "" if found is None else str(found)
