"""What databases and their drivers complain of, in our words."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from godkaiser.errors import GodkaiserError, RecordRefusedError, StoreAwayError

# ArithmeticError: a number SQLite cannot hold; UnicodeError: half of a sign.
_REFUSED: Final = (
    DataError,
    IntegrityError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    ArithmeticError,
    UnicodeError,
)
_ALWAYS: Final = (SQLAlchemyError, sqlite3.Error, OSError, ArithmeticError, UnicodeError)
_VALUES: Final = ("22", "23")  # PostgreSQL's classes of complaints about values


@contextmanager
def in_our_words() -> Iterator[None]:
    """Raises `RecordRefusedError` for what no database would take, else `StoreAwayError`."""
    try:
        yield
    except GodkaiserError:
        raise
    except _ALWAYS as error:
        raise told(error) from None
    except _postgres() as error:
        raise told(error) from None


def told(error: BaseException) -> GodkaiserError:
    """Is it the record, or is it the database?"""
    # What asyncpg itself cannot encode is a ValueError as well.
    encoding = isinstance(error, ValueError) and isinstance(error, _postgres())
    if encoding or isinstance(error, _REFUSED) or sqlstate(error).startswith(_VALUES):
        return RecordRefusedError(problem=first_line(error))
    return StoreAwayError(problem=first_line(error))


def _postgres() -> tuple[type[Exception], ...]:
    """The errors of a driver that may not be installed, and is not imported for them alone."""
    driver: Any = sys.modules.get("asyncpg")
    return () if driver is None else (driver.PostgresError, driver.InterfaceError)


def sqlstate(error: BaseException) -> str:
    """PostgreSQL's five signs for what went wrong; empty if it was nothing of its own."""
    return str(getattr(getattr(error, "orig", None) or error, "sqlstate", None) or "")


def first_line(error: BaseException) -> str:
    """The complaint itself; SQLAlchemy would add the statement and its values."""
    cause = getattr(error, "orig", None) or error
    return (str(cause) or type(cause).__name__).splitlines()[0]
