"""Which data folder is meant where nobody names one: the one `godkaiser run` takes, by the same rules.

`Settings` reads the same places; who only asks a controller reads this one setting, so that neither a mistake in
another one nor the time it takes to load them all keeps anybody from a stop.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

NAME: Final = "GODKAISER_DATA_DIR"
FILE: Final = Path(".env")  # of the folder one works in


def chosen_folder() -> Path | None:
    """Of the environment, else of `.env`; None: neither names one."""
    found = _named(os.environ) or _named(_written())
    return None if found is None else Path(found)


def _named(values: Mapping[str, str | None]) -> str | None:
    """In any case of letters, as settings are; an empty one is none. Spelled so, it goes before other spellings."""
    if spelled := values.get(NAME):
        return spelled
    return next((value for name, value in values.items() if name.upper() == NAME and value), None)


def _written() -> Mapping[str, str | None]:
    """What stands in `.env`. One that cannot be read names nothing: that must keep nobody from a stop."""
    if not FILE.is_file():
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415 - most folders have none

    try:
        return dotenv_values(FILE, encoding="utf8")
    except (OSError, ValueError):
        return {}
