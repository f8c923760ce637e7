"""The chain of the audit: each row is sealed together with the seal before it, so that none can be changed unseen.

A seal is an HMAC with SHA-256 over the seal before, the row's place in the chain, its time and severity, and the
digest of everything else in it. Whoever has the database but not the key cannot make one. As the digest is kept, too,
what is in a row can be erased lawfully later without breaking the chain; a row of the chain that says so allows it.

What was cut off at the end cannot be seen from inside: keep the last seal somewhere else, and compare.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from godkaiser.auth.retention import read, widest
from godkaiser.model.audited import KEY_CHANGED, RETAINED, AuditSeverity
from godkaiser.model.instant import Instant, to_iso

FIRST: Final = "0" * 64  # before the first row
SHOWN: Final = 20
CHANGED: Final = "is not what was sealed"
LATEST: Final = 253_402_300_800_000_000  # the year 10,000
FORM: Final = 2  # how seals are made now; rows without a digest have the form of before
CONTENT: Final = (
    "who", "action", "target", "address", "correlation", "detail", "before", "after", "cipher",
)  # fmt: skip
_FORMER: Final = ("at", "who", "action", "target", "detail")
_LATER: Final = ("severity", "address", "correlation", "before", "after", "cipher")
FIELDS: Final = ("at", "severity", *CONTENT)
ERASED: Final[Mapping[str, str]] = dict.fromkeys(CONTENT, "")
_KINDS: Final[tuple[tuple[str, type | tuple[type, ...]], ...]] = (
    ("place", (int, type(None))),
    ("at", int),
    ("digest", (str, type(None))),
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


@dataclass(frozen=True, slots=True)
class Break:
    """A row that is not what was sealed, or rows that are missing before it."""

    place: int | None
    problem: str
    row: Mapping[str, Any]


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


@dataclass(slots=True)
class Check:
    """Rows in the order they were written, then `finish`. `unsealed`: of before there was a chain.

    `erased`: only their place is left; `former`: what was noted of rows without a seal when the chain began;
    `other_key`: sealed with a key of before, as a row of this key says: nobody can tell whether they were changed.
    """

    key: bytes = field(repr=False)
    former: str = ""
    rows: int = 0
    unsealed: int = 0
    erased: int = 0
    broken: int = 0
    other_key: int = 0
    breaks: list[Break] = field(default_factory=list)
    last: str = FIRST
    place: int = 0
    _changed: int = 0  # of the broken ones those that another key would explain
    _found: dict[bool, list[tuple[int, Break]]] = field(default_factory=lambda: {True: [], False: []})
    _permits: dict[AuditSeverity, Instant] = field(default_factory=dict)
    _gaps: list[tuple[int, Instant, str]] = field(default_factory=list)  # erased, and not allowed so far
    _before: Former = field(init=False)

    def __post_init__(self) -> None:
        self._before = Former(self.key)

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "rows": self.rows,
            "unsealed": self.unsealed,
            "erased": self.erased,
            "broken": self.broken,
            "other_key": self.other_key,
            "breaks": [
                {"place": one.place, "problem": one.problem, "row": _shown(one.row)} for one in self.breaks
            ],
            "last": self.last,
        }

    def take(self, row: Mapping[str, Any]) -> None:
        """The next row: `place`, `seal`, `digest` and the fields."""
        self.rows += 1
        place, found = row["place"], row["seal"] or ""
        if any(not isinstance(row[name], kind) for name, kind in _KINDS) or not isinstance(found, str):
            self._broken(row, "holds what nobody can have written")  # SQLite keeps anything in any column
            return
        if place is None and not self.place:
            self.unsealed += 1
            self._before.take(row)
            return
        if place is None:
            self._broken(row, "has no seal")
            return
        missing = place - self.place - 1
        if missing:
            self._broken(row, f"{missing} before it are missing" if missing > 0 else "is not in its place")
        elif problem := self._problem(row, place, found):
            self._broken(row, problem)
        self.place, self.last = place, found

    def _problem(self, row: Mapping[str, Any], place: int, found: str) -> str:
        former = row["digest"] is None
        made = (former_seal if former else seal)(self.key, self.last, place, row)
        if not hmac.compare_digest(found.encode("utf-8", "surrogatepass"), made.encode()):
            return CHANGED
        if former:
            return CHANGED if any(row[name] for name in _LATER) else ""
        if is_erased(row):
            self.erased += 1
            self._gaps.append((place, row["at"], row["severity"]))
            return ""
        same = hmac.compare_digest(
            row["digest"].encode("utf-8", "surrogatepass"), digest(self.key, place, row).encode()
        )
        if same and row["action"] == KEY_CHANGED:
            self._forgive()
        if same and row["action"] == RETAINED:  # only what was sealed itself allows anything
            self._permits = widest([self._permits, read(row["target"])])
            self._gaps = [gap for gap in self._gaps if not self._allowed(gap)]
        return "" if same else CHANGED

    def _forgive(self) -> None:
        """What does not fit so far may be whole: another key sealed it, and whoever wrote this row has this one."""
        self.other_key, self.broken = self.other_key + self._changed, self.broken - self._changed
        self._changed = 0
        self._found[True].clear()

    def _allowed(self, gap: tuple[int, Instant, str]) -> bool:
        _, at, severity = gap
        before = self._permits.get(AuditSeverity(severity)) if severity in set(AuditSeverity) else None
        return before is not None and at < before

    def finish(self) -> None:
        """After the last row: what may be erased was said later than it was written."""
        for place, at, severity in self._gaps:
            self._broken(_bare(place, at, severity), "was erased, and nothing in the audit allowed it")
        self._finish_former()
        found = sorted(self._found[True] + self._found[False], key=lambda one: one[0])
        self.breaks = [one for _, one in found[:SHOWN]]

    def _finish_former(self) -> None:
        if not self.unsealed or hmac.compare_digest(self.former.encode(), self._before.note().encode()):
            return
        if self.other_key:  # noted with a key of before
            self.other_key += self.unsealed
            return
        row = {"place": None, "at": 0, "severity": ""} | dict(ERASED)
        problem = f"stands for {self.unsealed} without a seal, which were not there when the chain began"
        self._broken(row, problem)

    def _broken(self, row: Mapping[str, Any], problem: str) -> None:
        self.broken += 1
        self._changed += problem == CHANGED
        found = self._found[problem == CHANGED]
        if len(found) < SHOWN:
            found.append((self.rows, Break(row["place"], problem, {name: row[name] for name in FIELDS})))


def _bare(place: int | None, at: Instant, severity: str) -> dict[str, Any]:
    return {"place": place, "at": at, "severity": severity, **ERASED}


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Whatever stands there, in words."""
    at = row["at"]
    known = isinstance(at, int) and 0 <= at < LATEST
    return {name: str(row[name]) for name in FIELDS} | ({"at": to_iso(at)} if known else {})
