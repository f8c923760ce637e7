"""Erases what is old of the audit, where that is wanted: once a day, and when an admin asks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

from godkaiser.auth.policy import Permission
from godkaiser.auth.retention import BATCH, BATCHES_MOST, AuditRetention, written
from godkaiser.engine.effect import Audit
from godkaiser.errors import InvalidValueError, RetentionOffError, UnavailableError
from godkaiser.io.asking import ASKING
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.porter import Confirm
from godkaiser.io.runner import Runner
from godkaiser.io.sql.audits import Audits
from godkaiser.model.audited import RETAINED, AuditSeverity
from godkaiser.model.instant import DAY, SECOND, Instant, to_iso

LOOK_EVERY: Final = 60.0  # seconds
RUN_EVERY: Final = DAY
CONTROLLER: Final = "controller"
log = logging.getLogger(__name__)


class Eraser:
    """What is left of an erased row is its place in the chain."""

    def __init__(
        self, runner: Runner, audits: Audits, clerk: Clerk, confirm: Confirm, retention: AuditRetention
    ) -> None:
        """`confirm`: is it really the person whose session this is?"""
        self._runner, self._audits, self._clerk = runner, audits, clerk
        self._confirm, self._retention = confirm, retention
        self._one_at_a_time = asyncio.Lock()

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "audit.retention": self._asked,
        }

    async def run(self) -> None:
        """Until cancelled. Only where it is wanted."""
        while True:
            try:
                await self.look()
            except UnavailableError as error:
                log.info("Old rows of the audit are erased later: %s", error)
            await asyncio.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Once a day, over restarts: the last run is a row of the audit itself."""
        async with self._one_at_a_time:
            now = self._runner.clock.now()
            ours = {"action": RETAINED, "who": CONTROLLER}
            if await self._audits.listed(now - RUN_EVERY, now + SECOND, 1, ours):
                return
            found = await self._run(CONTROLLER, dry_run=self._retention.dry_run)
        log.info(
            "Old rows of the audit: %d%s.", found["rows"], " would go" if found["dry_run"] else " erased"
        )

    async def _asked(
        self,
        dry_run: bool = True,
        current: str | None = None,
        address: str = "",
        token: str | None = None,
    ) -> dict[str, Any]:
        """Erase what is older than its severity is kept for, or only count it.

        Erasing has to be wanted by who runs the controller, and a session says its password once more.
        """
        who = self._clerk.who(token, Permission.MANAGE_USERS)
        if not isinstance(dry_run, bool):
            raise InvalidValueError(
                field="dry_run", value=repr(dry_run)[:40], problem="is neither", allowed="true, false"
            )
        if not dry_run:
            await self._wanted(current, address, token)
        async with self._one_at_a_time:
            return await self._run(who, dry_run=dry_run)

    async def _wanted(self, current: str | None, address: str, token: str | None) -> None:
        if (person := self._clerk.signed_in(token)) is not None:
            await self._confirm(person, current, address)
        if not self._retention.enabled or self._retention.dry_run:
            raise RetentionOffError

    async def _run(self, who: str, *, dry_run: bool) -> dict[str, Any]:
        """One row for each run, stored with its first batch: what was erased without it would be found as a break."""
        await self._runner.depot.committed()
        now, asking, most = self._runner.clock.now(), ASKING.get(), BATCH * BATCHES_MOST
        permit = self._retention.permit(now)
        count = await self._audits.count_erasable(permit, most)
        more = count == most
        detail = f"{count} rows{' would be erased' if dry_run else ''}{' and more' if more else ''}"
        target = "nothing" if dry_run else written(permit)
        told = Audit(now, who, RETAINED, target, detail, "", "", asking.address, asking.correlation)
        await self._erase({} if dry_run else permit, told, count)
        kept = {severity.value: to_iso(before) for severity, before in permit.items()}
        return {"rows": count, "more": more, "dry_run": dry_run, "before": kept}

    async def _erase(self, permit: Mapping[AuditSeverity, Instant], told: Audit, count: int) -> None:
        done = batch = await self._audits.erase(permit, told)
        while batch and done < count:
            await asyncio.sleep(0)  # others may write in between
            batch = await self._audits.erase(permit, None)
            done += batch
