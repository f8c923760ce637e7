"""The audit in a database: sealed as it is written, over restarts, and what somebody changes there is found."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from godkaiser.auth.retention import AuditRetention, written
from godkaiser.auth.seals import CONTENT, name_of
from godkaiser.engine.effect import Audit
from godkaiser.io.cipher import Cipher, load_cipher, new_key
from godkaiser.io.sql.audits import QUARTER, Keys
from godkaiser.io.sql.store import SqlStore
from godkaiser.model.audited import RETAINED
from godkaiser.model.instant import DAY, SECOND
from tests.io.test_sql_store import T0
from tests.services import Postgres

KEY = b"not in the database"


def updating(what: str, place: int) -> str:
    return " ".join(("UPDATE audit SET", what, "WHERE place =", str(place)))


ERASING = ", ".join(f"\"{name}\" = ''" for name in CONTENT)


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
        *(
            (updating(f"{name} = {value}", 8), [(8, "no. 7")])
            for name, value in (
                ("severity", "'info'"),
                ("severity", "''"),
                ("address", "'192.0.2.9'"),
                ("correlation", "'x'"),
                ('"before"', "'{}'"),
                ('"after"', "'{}'"),
                ("cipher", "'abcdefgh'"),
                ("digest", "NULL"),
                ("digest", "'x'"),
            )
        ),
        (updating(ERASING, 8), [(8, "")]),
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
    await store.execute(text("UPDATE audit SET seal = NULL, place = NULL, digest = NULL"))
    assert [place for place, _ in await broken(store)] == [None], "somebody took all seals off"
    assert not await store.audits.begin(T0)
    await store.append([Audit(T0, "user:ann", "clear", "all", "the first one sealed")])
    check, _ = await store.audits.check()
    assert (check.rows, check.unsealed, check.broken, check.place) == (16, 15, 0, 1)


SAID = ("same_key", "intact", "broken", "other_key")
OTHER = b"another one"


async def said(store: SqlStore) -> tuple[object, ...]:
    found = await store.audits.verdict()
    return tuple(found[name] for name in SAID)


@asynccontextmanager
async def opened(url: str | None, data: Path, keys: Keys) -> AsyncIterator[SqlStore]:
    store = await SqlStore.open(url, data, keys=keys)
    try:
        yield store
    finally:
        await store.close()


async def name_key(store: SqlStore, name: str) -> None:
    """As somebody does it who has the database."""
    await store.execute(text("DELETE FROM meta WHERE key = 'audit.key'"))
    if name:
        await store.execute(text(f"INSERT INTO meta VALUES ('audit.key', '{name}')"))  # noqa: S608 - the test's own


async def test_another_key_is_told_from_rows_that_were_changed(
    store: SqlStore, url: str | None, tmp_path: Path
) -> None:
    assert not await store.audits.begin(T0), "of a version that did not keep its name"
    assert await said(store) == (True, True, 0, 0)
    async with opened(url, tmp_path, Keys(OTHER)) as other:
        assert await said(other) == (False, False, 0, 15), "it may be the wrong file"
        assert await other.audits.begin(T0)
        assert not await other.audits.begin(T0), "it is said once"
        await other.append([Audit(T0, "user:ann", "clear", "all", "later")])
        assert await said(other) == (True, False, 0, 15)
        (row,) = await other.audits.listed(0, T0 + DAY, 10, {"action": "audit.key_changed"})
        assert (row["target"], row["before"]) == (name_of(OTHER), name_of(KEY))
        async with opened(url, tmp_path, Keys(OTHER, others=(KEY,))) as both:
            assert await said(both) == (True, True, 0, 0), "each row is checked with its own key"
            await other.execute(text("UPDATE audit SET detail = 'no. 70' WHERE place = 8"))
            assert await broken(both) == [(8, "no. 70")]
        await other.execute(text("UPDATE audit SET detail = 'no. 17' WHERE place = 17"))
        assert await broken(other) == [(17, "no. 17")]
    assert (await store.audits.verdict())["same_key"] is False


async def test_a_key_that_was_found_again_goes_on(store: SqlStore, url: str | None, tmp_path: Path) -> None:
    await store.audits.begin(T0)
    async with opened(url, tmp_path, Keys(OTHER)) as other:
        assert await other.audits.begin(T0)
        await other.append([Audit(T0, "user:ann", "clear", "all", "meanwhile")])
    assert await store.audits.begin(T0)
    assert await said(store) == (True, False, 0, 2)
    async with opened(url, tmp_path, Keys(b"a third")) as third:
        assert await third.audits.begin(T0)
        assert await said(third) == (True, False, 0, 18)
    async with opened(url, tmp_path, Keys(b"a third", others=(OTHER, KEY))) as every:
        assert await said(every) == (True, True, 0, 0)


async def test_an_update_with_a_wrong_key_is_another_key_and_no_forgery(
    store: SqlStore, url: str | None, tmp_path: Path
) -> None:
    """The version before did not keep the name of its key."""
    async with opened(url, tmp_path, Keys(OTHER)) as other:
        assert await other.audits.begin(T0)
        await other.append([Audit(T0, "user:ann", "clear", "all", "later")])
        assert await said(other) == (True, False, 0, 15)


@pytest.mark.parametrize("name", ["0123456789abcdef", ""])
async def test_whoever_changes_a_row_and_the_name_of_the_key_is_not_pardoned(
    store: SqlStore, name: str
) -> None:
    await store.audits.begin(T0)
    await store.execute(text(updating("who = 'user:bob'", 4)))
    await name_key(store, name)
    assert not await store.audits.begin(T0), "the newest row says which key it is"
    await store.append([Audit(T0, "user:ann", "clear", "all", "later")])
    assert await store.audits.listed(0, T0 + DAY, 10, {"action": "audit.key_changed"}) == []
    found = await broken(store)
    assert found[0] == (4, "no. 3")
    assert len(found) == (2 if name else 1), "a name that was changed is a break, too"
    assert (await said(store))[3] == 0


@pytest.mark.parametrize("name", ["0123456789abcdef", ""])
async def test_nor_who_changes_the_newest_row(store: SqlStore, name: str) -> None:
    await store.audits.begin(T0)
    for place in (4, 15):
        await store.execute(text(updating("who = 'user:bob', digest = 'x', seal = 'y'", place)))
    await name_key(store, name)
    assert await store.audits.begin(T0)
    assert [place for place, _ in await broken(store)] == [4, 5, 15]
    assert (await said(store))[3] == 0


async def test_a_row_that_was_changed_at_the_end_is_no_other_key(store: SqlStore) -> None:
    await store.audits.begin(T0)
    await store.execute(text(updating("who = 'user:bob', digest = 'x', seal = 'y'", 15)))
    assert not await store.audits.begin(T0)
    assert await broken(store) == [(15, "no. 14")]
    assert await said(store) == (True, False, 1, 0)


async def test_which_key_was_changed_is_not_locked(
    store: SqlStore, url: str | None, tmp_path: Path, cipher: Cipher
) -> None:
    """Or whoever checks without the other key could not tell whether it was this one."""
    await store.audits.begin(T0)
    async with opened(url, tmp_path, Keys(OTHER, cipher)) as other:
        await other.audits.begin(T0)
        question = text("SELECT \"before\", cipher FROM audit WHERE action = 'audit.key_changed'")
        assert [tuple(row) for row in await other.fetch(question)] == [(name_of(KEY), "")]


# ── erasing ────────────────────────────────────────────────────────────────────────────────────────────
RETENTION = AuditRetention()
NOW = T0 + 60 * DAY


def run_of(now: int) -> Audit:
    return Audit(now, "controller", RETAINED, written(RETENTION.permit(now)), "")


async def test_what_is_old_is_erased_by_severity_and_the_chain_stays_whole(
    url: str | None, tmp_path: Path
) -> None:
    store = await SqlStore.open(url, tmp_path, keys=Keys(KEY))
    try:
        for at in (T0, NOW):
            actions = ("login", "denied", "address.blocked", "stop")
            await store.append([Audit(at, "user:ann", action, "x", "why", "1", "2") for action in actions])
        permit, audits = RETENTION.permit(NOW), store.audits
        assert await audits.count_erasable(permit, 10) == 1
        assert await audits.erase(permit, run_of(NOW)) == 1
        later = RETENTION.permit(NOW + 60 * DAY)
        assert await audits.count_erasable(later, 10) == 2
        assert await audits.count_erasable(later, 1) == 1
        assert await audits.erase(later, run_of(NOW + 60 * DAY)) == 2
        check, _ = await audits.check()
        assert (check.rows, check.erased, check.broken) == (10, 3, 0)
        left = await audits.listed(0, 1 << 60, 100, {})
        assert [row["action"] for row in left if row["at"] == T0] == ["address.blocked", "stop"]
        assert len(left) == 7
        found = await store.fetch(text("SELECT count(*) FROM audit WHERE detail = 'why' OR target = 'x'"))
        assert found[0][0] == 5
        assert await audits.erase(later, None) == 0
        await store.append([Audit(NOW, "user:ann", "login", "x", "after it")])
        assert (await audits.check())[0].broken == 0
    finally:
        await store.close()


async def test_nothing_is_erased_without_the_row_that_allows_it(store: SqlStore) -> None:
    await store.append([Audit(T0, "user:ann", "login", "x", "")])
    permit = RETENTION.permit(NOW)
    assert await store.audits.erase(permit, None) == 1
    assert await broken(store) == [(16, "")], "somebody who only has the database did that"
    await store.append([run_of(NOW)])
    assert await broken(store) == []


async def test_a_trial_allows_nothing_and_a_forged_permit_is_a_break_itself(store: SqlStore) -> None:
    await store.append(
        [Audit(T0, "user:ann", "login", "x", ""), Audit(NOW, "ann", RETAINED, "nothing", "1 row")]
    )
    await store.execute(text(updating(ERASING, 16)))
    assert await broken(store) == [(16, "")]
    forged = written(RETENTION.permit(NOW))
    await store.execute(text(updating(f"target = '{forged}'", 17)))
    assert [place for place, _ in await broken(store)] == [17, 16]


async def test_a_row_sealed_as_a_whole_is_not_erased(store: SqlStore) -> None:
    await store.append([Audit(T0, "user:ann", "login", "x", "")])
    await store.execute(text("UPDATE audit SET digest = NULL, severity = '' WHERE place = 16"))
    assert await store.audits.count_erasable(RETENTION.permit(NOW), 10) == 0


# ── locking ────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def cipher(tmp_path: Path) -> Cipher:
    new_key(tmp_path / "audit.keys")
    return load_cipher(tmp_path / "audit.keys")


async def test_details_are_locked_in_the_database_and_read_with_the_key(
    url: str | None, tmp_path: Path, cipher: Cipher
) -> None:
    told = Audit(
        T0, "user:ann", "user.changed", "bob", "role viewer", '{"role":"x"}', "{}", "192.0.2.7", "web-1"
    )
    store = await SqlStore.open(url, tmp_path, keys=Keys(KEY, cipher))
    try:
        await store.append([told, Audit(T0, "user:ann", "stop", "all", ""), run_of(NOW)])
        raw = await store.fetch(text("SELECT * FROM audit ORDER BY id"))
        assert not [word for word in ("role", "viewer") if word in str(raw[0])]
        assert "192.0.2.7" in str(raw[0])
        row, stop, run = await store.audits.listed(0, 1 << 60, 10, {})
        assert (row["detail"], row["before"], row["after"]) == ("role viewer", '{"role":"x"}', "{}")
        assert (stop["detail"], stop["cipher"], run["cipher"]) == ("", "", ""), "what is empty hides nothing"
        assert await store.audits.marks(["bob"], ["user.changed"], T0, T0 + 1) == [(T0, "role viewer")]
        assert (await store.audits.check())[0].broken == 0
    finally:
        await store.close()
    new_key(tmp_path / "other.keys")
    for other in (None, load_cipher(tmp_path / "other.keys")):
        store = await SqlStore.open(url, tmp_path, keys=Keys(KEY, other))
        try:
            assert (await store.audits.check())[0].broken == 0, "checking needs no key of theirs"
            row, *_ = await store.audits.listed(0, 1 << 60, 10, {})
            assert row["detail"] == f"(locked with a key that is not here: {cipher.name})"
            assert (row["before"], row["after"], row["target"]) == ("", "", "bob")
        finally:
            await store.close()


# ── counting ───────────────────────────────────────────────────────────────────────────────────────────
async def test_rows_are_counted_by_field_and_by_quarter_of_an_hour(store: SqlStore) -> None:
    audits, hour = store.audits, 3600 * SECOND
    await store.append([Audit(T0 + hour, "user:bob", "login", "bob", "", "", "", "192.0.2.7")] * 2)
    await store.execute(text(updating(ERASING, 16)))
    await store.execute(text(updating("severity = ''", 15)))
    span = (T0, T0 + 2 * hour)
    assert await audits.counted(*span, "who") == {"user:ann": 15, "user:bob": 1}
    assert await audits.counted(*span, "address") == {"": 15, "192.0.2.7": 1}
    assert await audits.counted(T0 + hour, T0 + 2 * hour, "action") == {"login": 1}
    begins = T0 // QUARTER * QUARTER
    counted = Counter[tuple[int, str]]()
    for at, severity, count in await audits.quarters(*span):
        counted[at, severity] += count
    later = (T0 + hour) // QUARTER * QUARTER
    assert counted == {(begins, "critical"): 15, (later, ""): 1, (later, "info"): 1}


async def test_rows_are_found_by_what_they_say_and_by_nothing_else(store: SqlStore) -> None:
    await store.append([Audit(T0, "user:b%b", "user.added", "x_y", "", "", "", "192.0.2.7", "web-1")])
    for wanted, count in (
        ({"who": "user:b%b"}, 1), ({"who": "user:b%"}, 0), ({"action": "user."}, 1), ({"action": "user%."}, 0),
        ({"target": "x_y"}, 1), ({"target": "x%"}, 0), ({"address": "192.0.2.7", "correlation": "web-1"}, 1),
        ({"severity": "warning"}, 1), ({"severity": "critical"}, 15), ({}, 16),
    ):  # fmt: skip
        assert len(await store.audits.listed(T0, T0 + DAY, 100, wanted)) == count, wanted
    assert len(await store.audits.listed(T0, T0 + DAY, 3, {})) == 3
