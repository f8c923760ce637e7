"""How long rows of the audit are kept, if they are not kept for ever: by severity, and what is critical always."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from godkaiser.model.audited import AuditSeverity
from godkaiser.model.instant import DAY, Duration, Instant, from_datetime, to_iso

Permit = Mapping[AuditSeverity, Instant]  # of each severity, what happened before then may be erased
BATCH: Final = 1000  # rows in one transaction
BATCHES_MOST: Final = 100  # in one run; the next goes on
ERASABLE: Final = (AuditSeverity.INFO, AuditSeverity.WARNING, AuditSeverity.ERROR)


def _defaults() -> dict[AuditSeverity, Duration]:
    info, warning, error = ERASABLE
    return {info: 30 * DAY, warning: 90 * DAY, error: 365 * DAY}


@dataclass(frozen=True, slots=True)
class AuditRetention:
    """`enabled`: once a day by itself, too; `dry_run`: then it only counts what it would erase."""

    enabled: bool = False
    dry_run: bool = True
    keep: Mapping[AuditSeverity, Duration] = field(default_factory=_defaults)

    def permit(self, now: Instant) -> dict[AuditSeverity, Instant]:
        """Of each severity, what happened before then may be erased."""
        return {severity: max(0, now - self.keep[severity]) for severity in ERASABLE if severity in self.keep}


def written(permit: Permit) -> str:
    """As it stands in the row of a run, by which the chain is checked."""
    return ", ".join(f"{severity.value} {to_iso(before)}" for severity, before in permit.items())


def read(text: str) -> dict[AuditSeverity, Instant]:
    """The other way. What was not written so allows nothing."""
    found = {}
    for part in text.split(", "):
        word, _, before = part.partition(" ")
        with suppress(ValueError, OverflowError):
            at = from_datetime(datetime.fromisoformat(before))
            found[AuditSeverity(word)] = at
    return {severity: at for severity, at in found.items() if severity in ERASABLE}


def widest(permits: Iterable[Permit]) -> dict[AuditSeverity, Instant]:
    """What any of them allows."""
    found: dict[AuditSeverity, Instant] = {}
    for permit in permits:
        for severity, before in permit.items():
            found[severity] = max(before, found.get(severity, before))
    return found
