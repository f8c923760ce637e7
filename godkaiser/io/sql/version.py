"""Which version of the schema a database has, and whether this program may open it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, inspect
from sqlalchemy.engine import URL
from sqlmodel import SQLModel

from godkaiser.errors import DatabaseBrokenError, DatabaseNewerError
from godkaiser.io.sql import table as _table  # noqa: F401 - fills the metadata
from godkaiser.io.sql.migrations import EARLIER, HEAD, KEPT

VERSIONS: Final = "alembic_version"


@dataclass(frozen=True, slots=True)
class Version:
    """`found` is None before there were versions; `empty`: none of our tables is there."""

    found: str | None
    empty: bool

    @property
    def current(self) -> bool:
        """Nothing to do."""
        return self.found == HEAD

    @property
    def name(self) -> str:
        """For people."""
        return "empty" if self.empty else self.found or "before 0001"


def version_of(connection: Connection) -> Version:
    """Look, change nothing. Raises `DatabaseBrokenError`, `DatabaseNewerError`."""
    there = set(inspect(connection).get_table_names())
    ours = sorted(there & SQLModel.metadata.tables.keys())
    found = _found(connection) if VERSIONS in there else None
    if not ours and found is None:
        return Version(None, empty=True)
    if "meta" not in there:
        problem = f"has tables {', '.join(ours)} that are not ours"
        raise DatabaseBrokenError(where=shown(connection.engine.url), problem=problem)
    schema = connection.exec_driver_sql("SELECT value FROM meta WHERE key = 'schema'").scalar()
    if schema not in {None, EARLIER, KEPT}:
        raise DatabaseNewerError(where=shown(connection.engine.url), found=f"schema {schema}", known=HEAD)
    if found not in {None, HEAD}:
        _known(connection, str(found))
    return Version(found, empty=False)


def shown(url: URL) -> str:
    """A database's address, without a password."""
    return str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string()


def _found(connection: Connection) -> str | None:
    found = connection.exec_driver_sql(f"SELECT version_num FROM {VERSIONS}").scalar()  # noqa: S608 - a constant
    return None if found is None else str(found)


def _known(connection: Connection, found: str) -> None:
    from godkaiser.io.sql.migrate import versions  # noqa: PLC0415 - slow to import, seldom needed

    if found not in versions():
        raise DatabaseNewerError(where=shown(connection.engine.url), found=found, known=HEAD)
