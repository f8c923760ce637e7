"""What seals a row of the audit: what is signed, with which key, and how rows of before the chain are noted.

A seal is an HMAC with SHA-256 over the seal before, the row's place in the chain, its time and severity, and the
digest of everything else in it. Whoever has the database but not the key cannot make one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

FIRST: Final = "0" * 64  # before the first row
FORM: Final = 2  # how seals are made now; rows without a digest have the form of before
CONTENT: Final = (
    "who", "action", "target", "address", "correlation", "detail", "before", "after", "cipher",
)  # fmt: skip
_FORMER: Final = ("at", "who", "action", "target", "detail")
LATER: Final = ("severity", "address", "correlation", "before", "after", "cipher")
FIELDS: Final = ("at", "severity", *CONTENT)
ERASED: Final[Mapping[str, str]] = dict.fromkeys(CONTENT, "")
_KINDS: Final[tuple[tuple[str, type | tuple[type, ...]], ...]] = (
    ("place", (int, type(None))),
    ("at", int),
    ("digest", (str, type(None))),
    ("seal", (str, type(None))),
    *((name, str) for name in ("severity", *CONTENT)),
)


def name_of(key: bytes) -> str:
    """16 hexadecimal signs by which a key is told from another one; nothing can be sealed with them."""
    return _signed(key, ["name"])[:16]


def digest(key: bytes, place: int, row: Mapping[str, Any]) -> str:
    """64 hexadecimal signs of what can be erased. With the key, or what was erased could be guessed and compared."""
    return _signed(key, ["content", place, *(row[name] for name in CONTENT)])


def seal(key: bytes, before: str, place: int, row: Mapping[str, Any]) -> str:
    """64 hexadecimal signs; `row` has its `digest`."""
    return _signed(key, [FORM, before, place, row["at"], row["severity"], row["digest"]])


def former_seal(key: bytes, before: str, place: int, row: Mapping[str, Any]) -> str:
    """As rows without a digest were sealed."""
    return _signed(key, [before, place, *(row[name] for name in _FORMER)])


def _signed(key: bytes, said: list[Any]) -> str:
    text = json.dumps(said, separators=(",", ":"))
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def is_erased(row: Mapping[str, Any]) -> bool:
    """Is only its place left? Every row that was written has an action."""
    return all(row[name] == "" for name in CONTENT)


def is_sound(row: Mapping[str, Any]) -> bool:
    """Could we have written what stands in it? SQLite keeps anything in any column."""
    return all(isinstance(row[name], kind) for name, kind in _KINDS)


def fits(key: bytes, before: str, row: Mapping[str, Any]) -> tuple[bool, bool]:
    """Did this key make its seal, with the seal `before`? And is what stands in it what this key sealed?

    Any of the two says that the row is of this key: nobody without it can make either.
    """
    if row["digest"] is None:
        sealed = _same(row["seal"], former_seal(key, before, row["place"], row))
        return sealed, sealed and not any(row[name] for name in LATER)
    sealed = _same(row["seal"], seal(key, before, row["place"], row))
    return sealed, _same(row["digest"], digest(key, row["place"], row))


def _same(found: str | None, made: str) -> bool:
    return hmac.compare_digest((found or "").encode("utf-8", "surrogatepass"), made.encode())


@dataclass(slots=True)
class Former:
    """Rows of before there was a chain, oldest first: what is noted of them when it begins."""

    key: bytes = field(default=b"", repr=False)
    rows: int = 0
    _seal: str = FIRST

    def take(self, row: Mapping[str, Any]) -> None:
        """The next one."""
        self.rows += 1
        self._seal = _signed(self.key, ["former", self._seal, *(row[name] for name in FIELDS)])

    def note(self) -> str:
        """Their number, and what only the key can make of them."""
        return f"{self.rows} {self._seal}"
