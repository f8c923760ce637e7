"""Traces of rules do not fill the disk: so many of each rule, none for ever, and the newest are those that stay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlmodel import SQLModel

from godkaiser.engine.effect import Decision, RuleTrace
from godkaiser.io.clock import VirtualClock
from godkaiser.io.roller import Roller
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.traces import AGE_MOST, LOOKED_AT, LOT, NEWEST
from godkaiser.model.instant import DAY, MINUTE, SECOND, Instant
from tests.services import Postgres

NOW = 1_800_000_000 * SECOND
TRACE = SQLModel.metadata.tables["rule_trace"].c


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlStore]:
    url = None
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = await server.fresh()
    made = await SqlStore.open(url, tmp_path)
    yield made
    await made.close()


def trace(rule: str, at: Instant) -> RuleTrace:
    return RuleTrace(rule, at, "sample", "false", False, None, [], 1)


def minutes(rule: str, count: int) -> list[RuleTrace]:
    """Of a rule that changes every minute, the last one now."""
    return [trace(rule, NOW - n * MINUTE) for n in range(count)]


async def kept(store: SqlStore) -> dict[str, tuple[int, Instant]]:
    query = select(TRACE.rule, func.count(), func.min(TRACE.at)).group_by(TRACE.rule)
    return {rule: (count, oldest) for rule, count, oldest in await store.fetch(query)}


async def test_of_very_many_the_newest_stay_in_small_lots(store: SqlStore) -> None:
    await store.append([*minutes("busy", NEWEST + LOT + 7), *minutes("calm", NEWEST)])
    await store.append([Decision("busy", NOW - 200 * DAY, "true", True, "", 1)])
    before, sizes = await kept(store), list[int]()
    while size := await store.traces.tidy(NOW):
        sizes.append(size)
        left = await kept(store)
        assert before["busy"][0] - left["busy"][0] == size, "what it says is what it does"
        before = left
    assert sizes == [LOT, 7]
    assert await kept(store) == dict.fromkeys(("busy", "calm"), (NEWEST, NOW - (NEWEST - 1) * MINUTE))
    decisions = SQLModel.metadata.tables["decision"]
    assert (await store.fetch(select(func.count()).select_from(decisions)))[0][0] == 1, (
        "decisions stay for ever"
    )


async def test_none_is_older_than_it_may_be(store: SqlStore) -> None:
    edge = NOW - AGE_MOST
    await store.append(
        [trace("old", edge - 1), trace("old", edge), trace("gone", edge - DAY), trace("new", NOW)]
    )
    roller = Roller(store.rollups, VirtualClock(NOW), lambda _: MINUTE, store.traces)
    for _ in range(4):
        await roller.catch_up()
    assert await kept(store) == {"old": (1, edge), "new": (1, NOW)}


async def test_everything_that_is_too_much_goes_round_after_round(store: SqlStore) -> None:
    """More rules than are looked at in one pass, and every one of them has its turn again."""
    names = [f"rule {number:03d}" for number in range(LOOKED_AT + 3)]
    for days in (0, 100):
        now = NOW + days * DAY
        await store.append([trace(name, at) for name in names for at in (now - AGE_MOST - 1, now)])
        for _ in range(len(names) + 2):
            await store.traces.tidy(now)
        assert await kept(store) == dict.fromkeys(names, (1, now))


async def test_a_pass_deletes_all_whole_lots(store: SqlStore) -> None:
    """What comes faster than a lot in a pass must not grow without end."""
    await store.append(minutes("busy", NEWEST + 3 * LOT))
    await Roller(store.rollups, VirtualClock(NOW), lambda _: MINUTE, store.traces).catch_up()
    assert (await kept(store))["busy"][0] == NEWEST
