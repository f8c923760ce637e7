"""The audit in a database: sealed as it is written, over restarts, and what somebody changes there is found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from godkaiser.engine.effect import Audit
from godkaiser.io.sql.audits import Keys
from godkaiser.io.sql.store import SqlStore
from godkaiser.model.instant import SECOND
from tests.io.test_sql_store import T0
from tests.services import Postgres

KEY = b"not in the database"


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest) -> str | None:
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        return await server.fresh("postgresql+asyncpg")
    return None


@pytest.fixture
async def store(url: str | None, tmp_path: Path) -> AsyncIterator[SqlStore]:
    """Fifteen rows, written in five batches and by two starts of the controller."""
    for start in range(2):
        made = await SqlStore.open(url, tmp_path, keys=Keys(KEY))
        for batch in range(start * 3, 5 if start else 3):
            numbers = range(batch * 3, batch * 3 + 3)
            await made.append(
                [Audit(T0 + n * SECOND, "user:ann", "stop", "all", f"no. {n}") for n in numbers]
            )
        if not start:
            await made.close()
    yield made
    await made.close()


async def broken(store: SqlStore) -> list[tuple[int | None, str]]:
    check, _ = await store.audits.check()
    return [(one.place, str(one.row["detail"])) for one in check.breaks]


async def test_what_nobody_touched_is_whole_also_over_starts(store: SqlStore) -> None:
    check, seen = await store.audits.check()
    assert (check.rows, check.unsealed, check.broken, seen) == (15, 0, 0, None)
    assert await store.audits.check(check.last) == (check, True)
    assert (await store.audits.check("f" * 64))[1] is False


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE audit SET detail = 'no. 17' WHERE place = 8", [(8, "no. 17")]),
        ("UPDATE audit SET at = at + 1 WHERE place = 8", [(8, "no. 7")]),
        ("UPDATE audit SET who = 'user:bob' WHERE place = 15", [(15, "no. 14")]),
        ("DELETE FROM audit WHERE place = 8", [(9, "no. 8")]),
        ("DELETE FROM audit WHERE place <= 3", [(4, "no. 3")]),
        ("UPDATE audit SET seal = NULL, place = NULL WHERE place = 8", [(None, "no. 7"), (9, "no. 8")]),
    ],
)
async def test_what_somebody_changed_is_found_and_named(
    store: SqlStore, change: str, found: list[tuple[int, str]]
) -> None:
    before = (await store.audits.check())[0].last
    await store.execute(text(change))
    assert await broken(store) == found
    await store.append([Audit(T0, "user:ann", "clear", "all", "later")])
    assert await broken(store) == found, "what comes later does not hide it"
    assert (await store.audits.check(before))[1] is True


async def test_rows_cut_off_at_the_end_are_seen_with_a_seal_that_was_noted(store: SqlStore) -> None:
    before = (await store.audits.check())[0].last
    await store.execute(text("DELETE FROM audit WHERE place > 12"))
    check, seen = await store.audits.check(before)
    assert (check.broken, seen) == (0, False)


async def test_rows_of_before_the_chain_stay(store: SqlStore) -> None:
    await store.execute(text("UPDATE audit SET seal = NULL, place = NULL"))
    await store.append([Audit(T0, "user:ann", "clear", "all", "the first one sealed")])
    check, _ = await store.audits.check()
    assert (check.rows, check.unsealed, check.broken, check.place) == (16, 15, 0, 1)
