"""Old rows of the audit are erased where that is wanted: once a day, in batches, each run one row."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from godkaiser.auth.policy import Role
from godkaiser.auth.retention import BATCH, AuditRetention
from godkaiser.engine.effect import Audit
from godkaiser.errors import ForbiddenError, InvalidValueError, RetentionOffError
from godkaiser.model.audited import RETAINED
from godkaiser.model.instant import DAY
from tests.kaiser.house import T0, House, file, house

PASSWORD = "Pump-2026-house"
ON, TRIAL = AuditRetention(enabled=True, dry_run=False), AuditRetention(enabled=True)


@asynccontextmanager
async def aged(data: Path, retention: AuditRetention | None = None, *, rows: int = 3) -> AsyncIterator[House]:
    """With so many rows of severity info that are 40 days old, and one each of now and of what stays."""
    async with house(data, file(), audit=retention or AuditRetention()) as home:
        if retention is not None:
            await home.controller.eraser.look()  # that of the start is over
        old = [Audit(T0 - 40 * DAY, "user:ann", "login", "ann", "") for _ in range(rows)]
        await home.controller.store.append([*old, Audit(T0 - 40 * DAY, "user:ann", "stop", "all", "")])
        await home.controller.store.append([Audit(T0, "user:ann", "login", "ann", "")])
        yield home


async def runs(home: House) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await home.call("audit", since="-30d", wanted={"action": RETAINED})
    return found


async def intact(home: House) -> bool:
    return (await home.controller.store.audits.check())[0].broken == 0


async def test_asked_it_only_counts_unless_told_otherwise_and_each_run_is_a_row(tmp_path: Path) -> None:
    async with aged(tmp_path, ON) as home:
        found = await home.call("audit.retention")
        assert (found["rows"], found["more"], found["dry_run"]) == (3, False, True)
        assert found["before"]["info"] == "2026-12-16T08:00:00Z"
        assert (await home.call("audit.statistics", since="-90d"))["erased"] == 0
        assert (await home.call("audit.retention", dry_run=False))["rows"] == 3
        told = await home.call("audit.statistics", since="-90d")
        assert (told["erased"], told["by"]["action"]["login"], told["by"]["action"]["stop"]) == (3, 1, 1)
        _, trial, run = await runs(home)
        assert (trial["target"], trial["detail"]) == ("nothing", "3 rows would be erased")
        assert run["target"].startswith("info 2026-12-16T08:00:00Z, warning ")
        assert (run["detail"], run["severity"]) == ("3 rows", "critical")
        assert run["correlation"]
        assert await intact(home)
        assert not [row for row in await home.call("audit", since="-90d") if row["action"] == ""]


async def test_many_go_in_batches_with_one_row(tmp_path: Path) -> None:
    async with aged(tmp_path, ON, rows=2 * BATCH + 5) as home:
        found = await home.call("audit.retention", dry_run=False)
        assert (found["rows"], found["more"]) == (2 * BATCH + 5, False)
        assert (await home.call("audit.statistics", since="-90d"))["erased"] == 2 * BATCH + 5
        assert len(await runs(home)) == 2
        assert (await home.call("audit.retention", dry_run=False))["rows"] == 0
        assert len(await runs(home)) == 3
        assert await intact(home)


async def test_by_itself_it_runs_once_a_day_also_over_restarts(tmp_path: Path) -> None:
    async with aged(tmp_path, ON) as home:
        await home.controller.eraser.look()
        assert len(await runs(home)) == 1
        clock = home.clock
    async with house(tmp_path, clock=clock, audit=ON) as home:
        await home.controller.eraser.look()
        assert len(await runs(home)) == 1
        home.pass_time(86_401)
        await home.controller.eraser.look()
        assert len(await runs(home)) == 2
        assert {row["who"] for row in await runs(home)} == {"controller"}
        assert (await home.call("audit.statistics", since="-90d"))["erased"] == 3
        assert await intact(home)


async def test_by_itself_it_only_counts_at_first(tmp_path: Path) -> None:
    async with aged(tmp_path, TRIAL) as home:
        home.pass_time(86_401)
        await home.controller.eraser.look()
        assert (await home.call("audit.statistics", since="-90d"))["erased"] == 0
        assert [row["target"] for row in await runs(home)] == ["nothing", "nothing"]


async def test_off_means_that_nothing_runs(tmp_path: Path) -> None:
    async with aged(tmp_path) as home:
        home.pass_time(3 * 86_400)
        await home.beat()
        assert await runs(home) == []


async def test_only_admins_may_and_nonsense_is_refused(tmp_path: Path) -> None:
    async with aged(tmp_path) as home:
        await home.controller.accounts.add("vera", PASSWORD, Role.OPERATOR)
        session = await home.call("login", name="vera", password=PASSWORD, address="10.0.0.3")
        with pytest.raises(ForbiddenError):
            await home.call("audit.retention", token=session["token"])
        with pytest.raises(InvalidValueError, match="dry_run"):
            await home.call("audit.retention", dry_run="no")
        assert await runs(home) == []


@pytest.mark.parametrize("retention", [None, TRIAL, AuditRetention(dry_run=False)])
async def test_nothing_is_erased_that_the_settings_do_not_want(
    retention: AuditRetention | None, tmp_path: Path
) -> None:
    async with aged(tmp_path, retention) as home:
        with pytest.raises(RetentionOffError, match="settings do not want it"):
            await home.call("audit.retention", dry_run=False)
        assert (await home.call("audit.statistics", since="-90d"))["erased"] == 0


async def test_an_open_page_or_an_api_token_is_not_enough(tmp_path: Path) -> None:
    async with aged(tmp_path, ON) as home:
        await home.controller.accounts.add("root", PASSWORD, Role.ADMIN)
        session = (await home.call("login", name="root", password=PASSWORD, address="10.0.0.3"))["token"]
        made = await home.call("tokens.add", owner="root", label="x", permissions=["manage_users"])
        for token in (session, made["token"]):
            assert (await home.call("audit.retention", token=token))["rows"] == 3
            with pytest.raises(ForbiddenError):
                await home.call("audit.retention", dry_run=False, token=token)
        done = await home.call(
            "audit.retention", dry_run=False, current=PASSWORD, address="10.0.0.3", token=session
        )
        assert done["rows"] == 3
