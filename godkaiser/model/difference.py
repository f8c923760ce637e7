"""What a site file says otherwise than the registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing at `path`. `old` is what counts here, `new` what the file says; None where there is nothing.

    `applied` false: applying the file leaves it as it is, and `meaning` says why and what would change it.
    """

    path: str
    old: Any
    new: Any
    meaning: str
    applied: bool = True

    def __str__(self) -> str:
        return self.meaning
