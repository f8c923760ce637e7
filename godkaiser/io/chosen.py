"""Which data folder is meant where nobody names one: the one `godkaiser run` takes, by the same rules.

`Settings` reads the same places; who only asks a controller reads this one setting, so that neither a mistake in
another one nor the time it takes to load them all keeps anybody from a stop. A `.env` that others can have written is
not taken, or it would decide to whom a stop and passwords go.
"""

from __future__ import annotations

import functools
import io
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from godkaiser.io.trusted import read_own

log = logging.getLogger(__name__)
NAME: Final = "GODKAISER_DATA_DIR"
FILE: Final = Path(".env")  # of the folder one works in


class Chosen(NamedTuple):
    """A folder, and where that was said."""

    folder: Path
    origin: str


def chosen_folder() -> Chosen | None:
    """Of the environment, else of `.env`; None: neither names one."""
    if found := _named(os.environ):
        return Chosen(Path(found), f"{NAME} of the environment")
    if found := _named(_written()):
        return Chosen(Path(found), f"{NAME} of {_place()}")
    return None


def files_taken() -> tuple[Path, ...]:
    """The files settings are read from by who must not be kept from a stop: `.env` where it is taken, else none."""
    return () if _text() is None else (FILE,)


def _named(values: Mapping[str, str | None]) -> str | None:
    """In any case of letters, as settings are; an empty one is none. Spelled so, it goes before other spellings."""
    if spelled := values.get(NAME):
        return spelled
    return next((value for name, value in values.items() if name.upper() == NAME and value), None)


def _written() -> Mapping[str, str | None]:
    """What stands in `.env`."""
    text = _text()
    if text is None:
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415 - most folders have none

    return dotenv_values(stream=io.StringIO(text))


def _text() -> str | None:
    """None: there is none, or it is not taken, which is told. That must keep nobody from a stop."""
    try:
        return read_own(FILE)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        _tell(_place(), error.strerror or str(error))
    except ValueError:
        _tell(_place(), "it is not UTF-8")
    return None


def _place() -> str:
    """For people; a folder that was removed under one's feet has no name."""
    try:
        return str(FILE.absolute())
    except OSError:
        return str(FILE)


@functools.cache  # who loses a controller looks for it every second
def _tell(place: str, problem: str) -> None:
    log.warning("%s is not taken: %s", place, problem)
