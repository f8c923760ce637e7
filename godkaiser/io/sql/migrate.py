"""Bring a database to the schema of this program, over a connection and inside its transaction.

Alembic is imported here only, and this module only when there is something to do: it is slow to import.
"""

from __future__ import annotations

from io import StringIO

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def upgrade(connection: Connection) -> None:
    """To the newest version. The caller commits, or rolls back as if nothing had been."""
    command.upgrade(_config(connection), "head")


def plan(connection: Connection, found: str | None) -> str:
    """The SQL that `upgrade` would run from version `found`."""
    config = _config(connection)
    config.output_buffer = StringIO()
    command.upgrade(config, f"{found or 'base'}:head", sql=True)
    return config.output_buffer.getvalue()


def versions() -> list[str]:
    """Every version this program knows, oldest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]


def _config(connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "godkaiser.io.sql:migrations")
    config.set_main_option("path_separator", "os")
    return config
