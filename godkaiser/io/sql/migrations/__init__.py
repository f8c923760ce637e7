"""The schema's versions, oldest first, as Alembic scripts. A script that was released is never changed."""

from __future__ import annotations

from typing import Final

HEAD: Final = "0009"  # the newest; kept here so that an up-to-date database is recognised without Alembic
KEPT: Final = "2"  # meta.schema since Alembic keeps the version; programs of before refuse such a database
EARLIER: Final = "1"  # meta.schema of before
