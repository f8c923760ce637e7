"""The chain of the audit: each row is sealed together with the seal before it, so that none can be changed unseen.

As the digest of a row is kept, what is in it can be erased lawfully later without breaking the chain; a row of the
chain that says so allows it. Rows of another key cannot be told from rows that were changed, so that little explains
them: a row of a key that is here says that the key was changed, and they stand directly before it.

What was cut off at the end cannot be seen from inside: keep the last seal somewhere else, and compare.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from godkaiser.auth.retention import read, widest
from godkaiser.auth.seals import ERASED, FIELDS, FIRST, Former, fits, is_erased, is_sound, name_of
from godkaiser.model.audited import KEY_CHANGED, RETAINED, AuditSeverity
from godkaiser.model.instant import Instant, to_iso

SHOWN: Final = 20
CHANGED: Final = "is not what was sealed"
OUT_OF_TURN: Final = "is sealed with a key of before, and nothing says that it came back"
RENAMED: Final = "stands for the name of the key in the database, which is not the key of the rows"
LATEST: Final = 253_402_300_800_000_000  # the year 10,000


@dataclass(frozen=True, slots=True)
class Break:
    """A row that is not what was sealed, or rows that are missing before it."""

    place: int | None
    problem: str
    row: Mapping[str, Any]


@dataclass(slots=True)
class Check:
    """Rows in the order they were written, then `finish`. `unsealed`: of before there was a chain.

    `key`: the one of now; `others`: of before; `noted`: the name of the key that seals, as the database has it;
    `former`: what was noted of rows without a seal when the chain began.
    `erased`: only their place is left; `other_key`: of a key that is not here: nobody can tell whether they were
    changed; `same_key`: is `key` the one of the newest rows?
    """

    key: bytes = field(repr=False)
    former: str = ""
    noted: str = ""
    others: Sequence[bytes] = field(default=(), repr=False)
    rows: int = 0
    unsealed: int = 0
    erased: int = 0
    broken: int = 0
    other_key: int = 0
    same_key: bool = True
    breaks: list[Break] = field(default_factory=list)
    last: str = FIRST
    place: int = 0
    _found: list[tuple[int, Break]] = field(default_factory=list)
    _doubted: int = 0  # so many rows fit no key, without one that does in between
    _doubts: list[tuple[int, Break]] = field(default_factory=list)
    _claimed: bool = False  # does one of them say that the key was changed?
    _older: bool = False  # is there nothing of a key that is here from the time the chain began?
    _fitted: bool = False
    _turn: bytes | None = field(default=None, repr=False)  # the key of the newest row that fits one
    _newest: bytes | None = field(default=None, repr=False)  # the key of the newest row; None: it fits none
    _permits: dict[AuditSeverity, Instant] = field(default_factory=dict)
    _gaps: list[tuple[int, Instant, str]] = field(default_factory=list)  # erased, and not allowed so far
    _keys: tuple[bytes, ...] = field(init=False, repr=False)
    _before: tuple[Former, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._keys = tuple(dict.fromkeys((self.key, *self.others)))
        self._before = tuple(Former(key) for key in self._keys)

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        names = ("rows", "unsealed", "erased", "broken", "other_key", "same_key", "last")
        shown = [{"place": one.place, "problem": one.problem, "row": _shown(one.row)} for one in self.breaks]
        return {name: getattr(self, name) for name in names} | {"breaks": shown}

    def take(self, row: Mapping[str, Any]) -> None:
        """The next row: `place`, `seal`, `digest` and the fields."""
        self.rows += 1
        if not is_sound(row):
            self._broken(row, "holds what nobody can have written")
            return
        place = row["place"]
        if place is None and not self.place:
            self.unsealed += 1
            for former in self._before:
                former.take(row)
            return
        if place is None:
            self._broken(row, "has no seal")
            return
        missing = place - self.place - 1
        gap = f"{missing} before it are missing" if missing > 0 else "is not in its place" if missing else ""
        self._newest = self._placed(row, gap)
        self.place, self.last = place, row["seal"] or ""

    def _placed(self, row: Mapping[str, Any], gap: str) -> bytes | None:
        """Note what is wrong with it. Whose it is."""
        for key in self._keys:
            sealed, same = fits(key, self.last, row)
            if sealed or same:
                if problem := gap or self._problem(key, row, sealed=sealed, same=same):
                    self._settle()
                    self._broken(row, problem)
                self._fitted = True
                return key
        if gap:
            self._broken(row, gap)
        else:
            self._doubt(row)
        return None

    def _problem(self, key: bytes, row: Mapping[str, Any], *, sealed: bool, same: bool) -> str:
        """What is wrong with a row of this key; or let it count."""
        change = sealed and same and row["action"] == KEY_CHANGED
        if key != self.key and self._turn not in (None, key) and not change:
            return OUT_OF_TURN
        self._turn = key
        if sealed and row["digest"] is not None and is_erased(row):
            self.erased += 1
            self._gaps.append((row["place"], row["at"], row["severity"]))
        elif not (sealed and same):
            return CHANGED
        if change and row["before"] not in [name_of(one) for one in self._keys]:
            self._pardon()
        self._settle()
        if same and row["action"] == RETAINED:  # only what was sealed itself allows anything
            self._permits = widest([self._permits, read(row["target"])])
            self._gaps = [gap for gap in self._gaps if not self._allowed(gap)]
        return ""

    # ── rows that fit no key ───────────────────────────────────────────────────────────────────────────
    def _doubt(self, row: Mapping[str, Any]) -> None:
        """After a row of ours another key begins by saying so; what does not was changed."""
        self._claimed |= row["action"] == KEY_CHANGED
        if self._fitted and not self._claimed:
            self._broken(row, CHANGED)
            return
        self._doubted += 1
        if len(self._doubts) < SHOWN:
            self._doubts.append((self.rows, _break(row, CHANGED)))

    def _pardon(self) -> None:
        """They may be whole: another key sealed them, and whoever wrote the next row has one that is here."""
        self._older |= not self._fitted
        self.other_key += self._doubted
        self._doubted = 0
        self._doubts.clear()

    def _settle(self) -> None:
        """Nothing explains those that are left; and what comes now is another run."""
        self.broken += self._doubted
        self._found = sorted(self._found + self._doubts, key=lambda one: one[0])[:SHOWN]
        self._doubted, self._claimed = 0, False
        self._doubts.clear()

    # ── the end ────────────────────────────────────────────────────────────────────────────────────────
    def _allowed(self, gap: tuple[int, Instant, str]) -> bool:
        _, at, severity = gap
        before = self._permits.get(AuditSeverity(severity)) if severity in set(AuditSeverity) else None
        return before is not None and at < before

    def finish(self) -> None:
        """After the last row: what may be erased was said later than it was written."""
        self._finish_key()
        for place, at, severity in self._gaps:
            self._broken(_bare(place, at, severity), "was erased, and nothing in the audit allowed it")
        self._finish_former()
        self.breaks = [one for _, one in self._found]

    def _finish_key(self) -> None:
        """Rows at the end that fit no key: is the one here the wrong one, or did somebody change them?"""
        name = name_of(self.key)
        wrong = self.noted != name and (self._doubted > 0 or (self.noted != "" and not self.place))
        self.same_key = not wrong and self._newest in (None, self.key)
        if wrong:
            self._pardon()
        self._settle()
        if self.noted not in ("", name) and self._newest == self.key:
            self._broken(_bare(None, 0, ""), RENAMED)

    def _finish_former(self) -> None:
        notes = [one.note() for one in self._before]
        if not self.unsealed or any(
            hmac.compare_digest(self.former.encode(), note.encode()) for note in notes
        ):
            return
        if self._older:  # noted with a key of before
            self.other_key += self.unsealed
            return
        problem = f"stands for {self.unsealed} without a seal, which were not there when the chain began"
        self._broken(_bare(None, 0, ""), problem)

    def _broken(self, row: Mapping[str, Any], problem: str) -> None:
        self.broken += 1
        if len(self._found) < SHOWN:
            self._found.append((self.rows, _break(row, problem)))


def _break(row: Mapping[str, Any], problem: str) -> Break:
    return Break(row["place"], problem, {name: row[name] for name in FIELDS})


def _bare(place: int | None, at: Instant, severity: str) -> dict[str, Any]:
    return {"place": place, "at": at, "severity": severity, **ERASED}


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Whatever stands there, in words."""
    at = row["at"]
    known = isinstance(at, int) and 0 <= at < LATEST
    return {name: str(row[name]) for name in FIELDS} | ({"at": to_iso(at)} if known else {})
