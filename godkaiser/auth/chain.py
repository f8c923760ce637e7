"""The chain of the audit: each row is sealed together with the seal before it, so that none can be changed unseen.

A seal is an HMAC with SHA-256 over the seal before, the row's place in the chain and its fields. Whoever has the
database but not the key cannot make one. What was cut off at the end cannot be seen from inside: keep the last seal
somewhere else, and compare.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from godkaiser.model.instant import to_iso

FIRST: Final = "0" * 64  # before the first row
FIELDS: Final = ("at", "who", "action", "target", "detail")
SHOWN: Final = 20
LATEST: Final = 253_402_300_800_000_000  # the year 10,000
_KINDS: Final[tuple[tuple[str, type | tuple[type, ...]], ...]] = (
    ("place", (int, type(None))),
    ("at", int),
    *((name, str) for name in FIELDS[1:]),
)


def seal(key: bytes, before: str, place: int, row: Mapping[str, Any]) -> str:
    """64 hexadecimal signs."""
    said = json.dumps([before, place, *(row[name] for name in FIELDS)], separators=(",", ":"))
    return hmac.new(key, said.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Break:
    """A row that is not what was sealed, or rows that are missing before it."""

    place: int | None
    problem: str
    row: Mapping[str, Any]


@dataclass(slots=True)
class Check:
    """Rows in the order they were written. `unsealed`: of before there was a chain."""

    key: bytes = field(repr=False)
    rows: int = 0
    unsealed: int = 0
    broken: int = 0
    breaks: list[Break] = field(default_factory=list)
    last: str = FIRST
    place: int = 0

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "rows": self.rows,
            "unsealed": self.unsealed,
            "broken": self.broken,
            "breaks": [
                {"place": one.place, "problem": one.problem, "row": _shown(one.row)} for one in self.breaks
            ],
            "last": self.last,
        }

    def take(self, row: Mapping[str, Any]) -> None:
        """The next row: `place`, `seal` and the fields."""
        self.rows += 1
        place, found = row["place"], row["seal"] or ""
        if any(not isinstance(row[name], kind) for name, kind in _KINDS) or not isinstance(found, str):
            self._broken(row, "holds what nobody can have written")  # SQLite keeps anything in any column
            return
        if place is None and not self.place:
            self.unsealed += 1
            return
        if place is None:
            self._broken(row, "has no seal")
            return
        missing = place - self.place - 1
        if missing:
            self._broken(row, f"{missing} before it are missing" if missing > 0 else "is not in its place")
        elif not hmac.compare_digest(found.encode(), seal(self.key, self.last, place, row).encode()):
            self._broken(row, "is not what was sealed")
        self.place, self.last = place, found

    def _broken(self, row: Mapping[str, Any], problem: str) -> None:
        self.broken += 1
        if len(self.breaks) < SHOWN:
            self.breaks.append(Break(row["place"], problem, {name: row[name] for name in FIELDS}))


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Whatever stands there, in words."""
    at = row["at"]
    known = isinstance(at, int) and 0 <= at < LATEST
    return {name: str(row[name]) for name in FIELDS} | ({"at": to_iso(at)} if known else {})
