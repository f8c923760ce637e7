"""What was changed has its row in the audit, also if who asked hangs up in the middle or everything dies at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.table import AuditRow
from tests.kaiser.house import House, file, house

PASSWORD = "Pump-2026-house"
TURNS = 40


async def changes(home: House, name: str) -> int:
    await home.controller.runner.drained()
    return len(await home.call("audit", since="-30d", wanted={"action": "user.changed", "target": name}))


async def test_who_hangs_up_leaves_no_change_without_its_row(tmp_path: Path) -> None:
    """Cancelled after so many turns of the loop: at every place where it waits, as far as those go."""
    async with house(tmp_path, file()) as home:
        await home.call("users.add", name="olga", role="viewer", password=PASSWORD)
        accounts, roles = home.controller.accounts, ["operator", "viewer"]
        expected = 0
        for turns in range(TURNS):
            before = accounts.named("olga").role.value
            asking = asyncio.ensure_future(home.call("users.role", name="olga", role=roles[turns % 2]))
            for _ in range(turns):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait([asking])
            async with asyncio.timeout(60):
                await home.controller.clerk.finished()
            expected += accounts.named("olga").role.value != before
        assert expected > TURNS // 2
        assert await changes(home, "olga") >= expected


async def test_what_was_answered_is_in_the_database(tmp_path: Path) -> None:
    """Looked at by somebody else at once, before anything else can happen."""
    async with house(tmp_path, file()) as home:
        await home.call("users.add", name="olga", role="viewer", password=PASSWORD)
        store = await SqlStore.look(f"sqlite:///{tmp_path / 'godkaiser.db'}")
        try:
            rows = await store.rows(AuditRow)
        finally:
            await store.close()
        assert [row["target"] for row in rows if row["action"] == "user.added"] == ["olga"]


async def test_the_admin_of_the_first_start_is_in_it(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        doorman = home.controller.doorman
        first, second = await doorman.fresh_admin(), await doorman.fresh_admin()
        await home.controller.runner.drained()
        rows = await home.call("audit", wanted={"action": "user."})
        assert [(row["who"], row["action"], row["target"]) for row in rows] == [
            ("controller", "user.added", "admin"),
            ("controller", "user.changed", "admin"),
        ]
        assert not [word for word in (first, second) if word in str(rows)]
