"""Connections to PostgreSQL: how many, how long to wait for one, how long for an answer. SQLite has none of this."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from godkaiser.errors import SettingsError

SIZE, OVERFLOW, WAIT_S = 10, 20, 30.0
CONNECT_S = 10.0
PREFIX = "GODKAISER_DB_POOL_"


@dataclass(frozen=True, slots=True)
class Pool:
    """None: not set, so the default counts. `size` connections stay open, `overflow` more may come for a while."""

    size: int | None = None
    overflow: int | None = None
    wait_s: float | None = None

    def options(self, within: float) -> dict[str, Any]:
        """For SQLAlchemy and asyncpg. `within`: seconds for one statement; 0 for as long as it takes."""
        return {
            "pool_size": SIZE if self.size is None else self.size,
            "max_overflow": OVERFLOW if self.overflow is None else self.overflow,
            "pool_timeout": WAIT_S if self.wait_s is None else self.wait_s,
            "pool_pre_ping": True,
            "connect_args": {"timeout": CONNECT_S, "command_timeout": within or None},
        }

    def refuse_for_sqlite(self) -> None:
        """Somebody believes to have set something. Raises `SettingsError`."""
        given = [
            f"{PREFIX}{field.name.upper()}" for field in fields(self) if getattr(self, field.name) is not None
        ]
        if given:
            raise SettingsError(
                field=", ".join(given),
                problem="is for PostgreSQL; SQLite has no pool",
                remedy_text="Leave it out, or set DATABASE_URL to postgresql://…",
            )
