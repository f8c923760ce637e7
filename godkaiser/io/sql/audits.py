"""The audit's rows: written in a chain of seals, checked, listed, counted, and erased when they are old."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import and_, false, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from godkaiser.auth.chain import Check
from godkaiser.auth.retention import BATCH, Permit
from godkaiser.auth.seals import ERASED, FIRST, Former, digest, fits, is_sound, name_of, seal
from godkaiser.engine.effect import Audit
from godkaiser.io.cipher import LOCKED, Cipher
from godkaiser.io.sql import table as t
from godkaiser.io.sql.access import Access
from godkaiser.io.sql.facts import fact, state_fact
from godkaiser.io.sql.rows import audit_row
from godkaiser.model.audited import KEY_CHANGED, RETAINED, severity_of
from godkaiser.model.instant import MINUTE, Instant

_AUDIT: Final[Any] = t.AuditRow.__table__  # type: ignore[attr-defined]  # SQLModel makes it
LOT: Final = 2000
FORMER: Final = "audit.former"  # what was there before the chain
KEY_NAME: Final = "audit.key"  # of the key that seals
QUARTER: Final = 15 * MINUTE  # no time zone begins its day in between
UNREADABLE: Final = "locked with a key that is not here"
FILTERS: Final = ("who", "action", "target", "address", "correlation", "severity")


@dataclass(frozen=True, slots=True)
class Keys:
    """What rows are sealed with, and, if wanted, locked. `others`: of before, only to check."""

    seal: bytes = field(default=b"", repr=False)
    cipher: Cipher | None = None
    others: tuple[bytes, ...] = field(default=(), repr=False)


class Audits:
    """The one table. Who writes has the transaction, so that a row is stored with what it tells of."""

    def __init__(self, access: Access, keys: Keys) -> None:
        self._access, self._keys = access, keys

    @property
    def key(self) -> bytes:
        """What rows are sealed with."""
        return self._keys.seal

    # ── writing ────────────────────────────────────────────────────────────────────────────────────────
    async def add(self, connection: AsyncConnection, audits: Sequence[Audit]) -> None:
        """In the transaction that is open; there is one writer."""
        newest = select(_AUDIT.c.place, _AUDIT.c.seal).where(_AUDIT.c.place.is_not(None))
        found = (await connection.execute(newest.order_by(_AUDIT.c.id.desc()).limit(1))).first()
        place, last = (0, FIRST) if found is None else (found[0], found[1] or "")
        rows = []
        for audit in audits:
            place += 1
            row = self._locked(audit_row(audit))
            row |= {"place": place, "digest": digest(self._keys.seal, place, row)}
            last = row["seal"] = seal(self._keys.seal, last, place, row)
            rows.append(row)
        await connection.execute(_AUDIT.insert(), rows)

    def _locked(self, row: dict[str, Any]) -> dict[str, Any]:
        """What a run of the retention allows, and which key was changed, can be read by whoever checks."""
        cipher, texts = self._keys.cipher, {name: row[name] for name in LOCKED}
        if cipher is None or not any(texts.values()) or row["action"] in (RETAINED, KEY_CHANGED):
            return row
        return row | dict.fromkeys(LOCKED, "") | {"detail": cipher.lock(texts), "cipher": cipher.name}

    async def count_erasable(self, permit: Permit, most: int) -> int:
        """How many rows a run could erase, at most so many."""
        some = select(_AUDIT.c.id).where(_erasable(permit)).limit(most).subquery()
        async with self._access.reading() as connection:
            return int((await connection.execute(select(func.count()).select_from(some))).scalar_one())

    async def erase(self, permit: Permit, told: Audit | None) -> int:
        """One batch, the oldest first, and the row that allows it: both or neither. How many it was."""
        oldest = select(_AUDIT.c.id).where(_erasable(permit)).order_by(_AUDIT.c.id).limit(BATCH)
        async with self._access.writing() as connection:
            if told is not None:
                await self.add(connection, [told])
            ids = [row[0] for row in await connection.execute(oldest)]
            if ids:
                await connection.execute(update(_AUDIT).where(_AUDIT.c.id.in_(ids)).values(dict(ERASED)))
        return len(ids)

    # ── reading ────────────────────────────────────────────────────────────────────────────────────────
    def readable(self, row: Mapping[Any, Any]) -> dict[str, Any]:
        """A row as it was told; what no key here opens says so. The severity of an old row is that of its action."""
        told = dict(row) | {"severity": _severity(row["severity"], row["action"])}
        if not row["cipher"]:
            return told
        cipher = self._keys.cipher
        opened = None if cipher is None else cipher.open(row["cipher"], row["detail"])
        return told | (opened or {"detail": f"({UNREADABLE}: {row['cipher']})"})

    async def fetch(self, query: Any) -> Sequence[Mapping[Any, Any]]:
        """The rows of a question about the table."""
        async with self._access.reading() as connection:
            return (await connection.execute(query)).mappings().all()

    async def listed(
        self, since: Instant, until: Instant, limit: int, wanted: Mapping[str, str]
    ) -> list[dict[str, Any]]:
        """Rows with since ≤ at < until that are not erased, oldest first; the newest `limit` of them.

        `wanted`: what fields of `FILTERS` must be; an action that ends with a dot: all that begin so.
        """
        query = select(_AUDIT).where(_AUDIT.c.at >= since, _AUDIT.c.at < until, _AUDIT.c.action != "")
        for name, value in wanted.items():
            column = _AUDIT.c[name]
            begins = name == "action" and value.endswith(".")
            query = query.where(column.startswith(value, autoescape=True) if begins else column == value)
        rows = await self.fetch(query.order_by(_AUDIT.c.at.desc(), _AUDIT.c.id.desc()).limit(limit))
        return [self.readable(row) for row in reversed(rows)]

    async def marks(
        self, targets: Sequence[str], actions: Sequence[str], since: Instant, until: Instant
    ) -> list[tuple[Instant, str]]:
        """When any of these things was done to any of these targets, and the words about it, oldest first."""
        of = _AUDIT.c
        query = (
            select(_AUDIT)
            .where(of.at >= since, of.at < until)
            .where(of.target.in_(list(targets)), of.action.in_(list(actions)))
            .order_by(of.at, of.id)
        )
        return [(row["at"], self.readable(row)["detail"]) for row in await self.fetch(query)]

    async def counted(self, since: Instant, until: Instant, by: str) -> dict[str, int]:
        """How many rows there are with each value of a field, the most first; without what is erased."""
        of, count = _AUDIT.c, func.count()
        query = select(of[by], count).where(of.at >= since, of.at < until, of.action != "").group_by(of[by])
        async with self._access.reading() as connection:
            rows = (await connection.execute(query.order_by(count.desc(), of[by]))).all()
        return {row[0]: row[1] for row in rows}

    async def quarters(self, since: Instant, until: Instant) -> list[tuple[Instant, str, int]]:
        """How many rows of which severity there are in each quarter of an hour; the empty severity: erased."""
        of, quarter = _AUDIT.c, _AUDIT.c.at // QUARTER
        query = select(quarter, of.severity, of.action, func.count()).where(of.at >= since, of.at < until)
        async with self._access.reading() as connection:
            rows = (
                await connection.execute(query.group_by(quarter, of.severity, of.action).order_by(quarter))
            ).all()
        return [(row[0] * QUARTER, _severity(row[1], row[2]), row[3]) for row in rows]

    # ── checking ───────────────────────────────────────────────────────────────────────────────────────
    async def verdict(self, head: str | None = None) -> dict[str, Any]:
        """As a document: the check, whether `head` was found, and `intact`: there is nothing to say against it."""
        check, seen = await self.check(head)
        intact = check.same_key and not check.broken and not check.other_key and seen is not False
        return check.document() | {"head_found": seen, "intact": intact}

    async def check(self, head: str | None = None) -> tuple[Check, bool | None]:
        """All of them, oldest first. And whether one has the seal `head`; None: none was asked for."""
        check, seen = await self._begun(), None if head is None else head == FIRST
        after: int | None = None
        while True:
            query = select(_AUDIT).order_by(_AUDIT.c.id).limit(LOT)
            query = query if after is None else query.where(_AUDIT.c.id > after)
            async with self._access.reading() as connection:
                rows = (await connection.execute(query)).mappings().all()
            for row in rows:
                check.take(dict(row))
                seen = seen or row["seal"] == head if head is not None else None
            if len(rows) < LOT:
                check.finish()
                return check, seen
            after = rows[-1]["id"]

    async def _begun(self) -> Check:
        async with self._access.reading() as connection:
            former, noted = await fact(connection, FORMER), await fact(connection, KEY_NAME)
        return Check(self._keys.seal, former, noted, self._keys.others)

    async def begin(self, at: Instant) -> bool:
        """Before anything is written: is the key another one than before? Then a row says so.

        The newest row decides it, not the name in the database: whoever has that could change the name, and so have
        another key explain what they changed. With the first key it is noted what is there without a seal; any other
        row without one is a break from then on.
        """
        name = name_of(self._keys.seal)
        async with self._access.writing() as connection:
            known, ours = await fact(connection, KEY_NAME), await self._newest_fits(connection)
            if known == name or (known and ours):  # a name that does not fit the rows is left to be found
                return False
            changed = ours is False or bool(known)
            if changed:
                await self.add(connection, [Audit(at, "controller", KEY_CHANGED, name, "", known)])
            elif ours is None:
                await self._note_former(connection)
            await state_fact(connection, KEY_NAME, name)
        return changed

    async def _newest_fits(self, connection: AsyncConnection) -> bool | None:
        """Is the newest sealed row of the key here? None: there is none."""
        newest = select(_AUDIT).where(_AUDIT.c.place.is_not(None)).order_by(_AUDIT.c.id.desc()).limit(2)
        rows = [dict(row) for row in (await connection.execute(newest)).mappings()]
        if not rows:
            return None
        before = rows[1]["seal"] if len(rows) > 1 else FIRST
        return is_sound(rows[0]) and any(fits(self._keys.seal, before or "", rows[0]))

    async def _note_former(self, connection: AsyncConnection) -> None:
        former = Former(self._keys.seal)
        query = select(_AUDIT).where(_AUDIT.c.place.is_(None)).order_by(_AUDIT.c.id)
        for row in (await connection.execute(query)).mappings():
            former.take(dict(row))
        if former.rows:
            await state_fact(connection, FORMER, former.note())


def _severity(stored: str, action: str) -> str:
    return (stored or severity_of(action).value) if action else ""


def _erasable(permit: Permit) -> Any:
    """What was sealed as a whole stays: without a digest nothing could be checked any more."""
    of = _AUDIT.c
    old = [and_(of.severity == severity.value, of.at < before) for severity, before in permit.items()]
    return and_(of.digest.is_not(None), of.action != "", or_(false(), *old))
