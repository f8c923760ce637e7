"""What SQLite and PostgreSQL keep beside readings; those are in test_store_contract.py."""

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from godkaiser.engine.effect import ActuatorGone, AlarmChange, Audit, Decision, NodeRecord, SeriesRecord
from godkaiser.errors import DatabaseNewerError, RecordRefusedError, SettingsError, StoreAwayError
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.table import (
    ActuatorRow,
    AuditRow,
    DecisionRow,
    HeartbeatRow,
    NodeRow,
    OutcomeRow,
    RuleRow,
)
from godkaiser.model.ids import ActuatorId, KaiserId, NodeId, SeriesId, ZoneId
from godkaiser.model.instant import SECOND
from godkaiser.model.outcome import Fate, Finding, Outcome
from godkaiser.model.quantity import Quality
from godkaiser.model.reading import Reading
from godkaiser.model.report import Heartbeat
from godkaiser.model.site import ActuatorSpec
from tests.services import Postgres

SERIES = SeriesId.parse("ESP_AB12CD/0/sht31_temp@0x44")
NODE = NodeId.parse("ESP_AB12CD")
T0 = 1_800_000_000 * SECOND


def reading(seq: int, value: float | None = 20.0, quality: Quality = Quality.GOOD) -> Reading:
    return Reading(
        series=SERIES,
        value=value,
        raw=26000.5,
        unit="°C",
        quality=quality,
        reason="" if quality is Quality.GOOD else "why",
        measured_at=T0 + seq * SECOND,
        received_at=T0 + seq * SECOND + 7,
        zone=ZoneId.parse("house"),
        boot=1,
        seq=seq,
        cause=seq,
    )


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlStore]:
    url = None
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = await server.fresh("postgresql+asyncpg")
    made = await SqlStore.open(url, tmp_path)
    yield made
    await made.close()


async def test_the_newest_readings_come_back_as_they_were(store: SqlStore) -> None:
    given = [reading(n) for n in range(3)]
    given += [replace(reading(3, None, Quality.ERROR), calibration=2, server_timed=True, coverage=0.5)]
    assert await store.append(given) == (4, 0)
    assert await store.newest(SERIES, 9) == [replace(one, cause=0, usable=False) for one in given]
    assert [one.seq for one in await store.newest(SERIES, 2)] == [2, 3]
    assert await store.newest(SeriesId.of(SERIES.node, 39, "light"), 2) == []


async def test_a_large_batch_is_one_transaction(store: SqlStore) -> None:
    assert await store.append([reading(seq) for seq in range(1700)]) == (1700, 0)
    broken = replace(reading(5000), raw=None)  # type: ignore[arg-type]  # breaks NOT NULL, on purpose
    with pytest.raises(RecordRefusedError):
        await store.append([reading(4000), broken])
    assert await store.count_readings() == 1700


async def test_a_text_no_database_takes_is_refused_and_not_called_an_absence(store: SqlStore) -> None:
    node = NodeRecord(NODE, "pending", "first\0", "house", "boot-1", 1, True, T0)
    if store._postgres:
        with pytest.raises(RecordRefusedError):
            await store.append([node])
    else:
        assert await store.append([node]) == (0, 0)


async def test_the_other_records_come_back(store: SqlStore) -> None:
    actuator = ActuatorId.parse("ESP_AB12CD/25")
    spec = ActuatorSpec(node=NODE, gpio=25, type="relay", declared_by="rule")
    node = NodeRecord(NODE, "pending", "first", "house", "boot-1", 1, True, T0)
    finding = Finding("stop_active", "A stop.")
    await store.append(
        [
            SeriesRecord(SERIES, "°C", "air"),
            node,
            replace(node, status="approved"),
            spec,
            Decision("cool", T0, "true", True, "air 30 > 28", 7),
            Outcome("i1", actuator, 1.0, Fate.REFUSED, T0, "rule:cool", "rule", "no", (finding,), "c1", 7),
            Audit(T0, "me", "node.approved", NODE, ""),
        ]
    )
    assert [(row["id"], row["status"]) for row in await store.rows(NodeRow)] == [(NODE, "approved")]
    stored = (await store.rows(ActuatorRow))[0]["spec"]
    assert ActuatorSpec.model_validate_json(stored) == spec
    assert (await store.rows(DecisionRow))[0]["active"] is True
    assert (await store.rows(OutcomeRow))[0]["findings"] == '["stop_active"]'
    assert (await store.rows(AuditRow))[0]["action"] == "node.approved"


async def test_rules_are_replaced_as_a_whole(store: SqlStore) -> None:
    await store.save_rules([("b", {"name": "bbb"}), ("a", {"name": "aaa"})])
    await store.save_rules([("c", {"name": "ccc"}), ("a", {"name": "again"})])
    rows = await store.rows(RuleRow, "place")
    assert [row["id"] for row in rows] == ["c", "a"]
    assert rows[1]["document"] == '{"name": "again"}'
    await store.save_rules([("a", '{"name": "cut'), ("b", {"name": "good"})])
    rows = await store.rows(RuleRow, "place")
    assert [row["document"] for row in rows] == ['{"name": "cut', '{"name": "good"}'], "a text to the letter"


async def test_reopening_finds_everything(tmp_path: Path) -> None:
    store = await SqlStore.open(None, tmp_path)
    await store.append([reading(1)])
    await store.close()
    again = await SqlStore.open(None, tmp_path)
    assert await again.append([reading(1), reading(2)]) == (1, 1)
    await again.close()
    with sqlite3.connect(tmp_path / "godkaiser.db") as connection:
        assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
    connection.close()


async def test_a_database_of_another_version_is_refused(tmp_path: Path) -> None:
    store = await SqlStore.open(None, tmp_path)
    await store.close()
    with sqlite3.connect(tmp_path / "godkaiser.db") as connection:
        connection.execute("update meta set value = '99' where key = 'schema'")
    connection.close()
    with pytest.raises(DatabaseNewerError, match="schema 99"):
        await SqlStore.open(None, tmp_path)


@pytest.mark.parametrize("url", ["mysql://me@db/x", "oracle://x", "not an address"])
async def test_other_kinds_of_database_are_refused_by_name(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL"):
        await SqlStore.open(url, tmp_path)


async def test_postgresql_that_is_away_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreAwayError):
        await SqlStore.open("postgresql://nobody:nothing@127.0.0.1:1/none", tmp_path)


async def test_the_site_is_kept_together_with_its_rules(store: SqlStore) -> None:
    assert await store.site() is None
    await store.save_site('{"zones": []}', [("a", {"name": "A"}), ("b", {"name": "B"})])
    await store.save_site('{"zones": [1]}', [("b", {"name": "B2"})])
    assert await store.site() == '{"zones": [1]}'
    assert [(row["id"], row["document"]) for row in await store.rows(RuleRow)] == [("b", '{"name": "B2"}')]
    twice: list[tuple[str, dict[str, object]]] = [("a", {}), ("a", {})]
    with pytest.raises(RecordRefusedError):
        await store.save_site("{}", twice)
    assert await store.site() == '{"zones": [1]}', "both or neither"
    assert len(await store.rows(RuleRow)) == 1


async def test_marks_are_found_by_target_action_and_time(store: SqlStore) -> None:
    rows = [
        Audit(T0 + second * SECOND, "ann", action, target, f"{second}")
        for second, action, target in [
            (3, "node.replaced", NODE), (1, "node.replaced", NODE), (2, "sensor.recalibrated", SERIES),
            (4, "node.approved", NODE), (5, "node.replaced", "ESP_FFFFFF"), (9, "node.replaced", NODE),
        ]
    ]  # fmt: skip
    await store.append(rows)
    actions = ("node.replaced", "sensor.recalibrated")
    found = await store.audits.marks((SERIES, NODE), actions, T0, T0 + 9 * SECOND)
    assert found == [(T0 + second * SECOND, f"{second}") for second in (1, 2, 3)]


async def test_an_actuator_that_goes_may_come_back_in_one_batch(store: SqlStore) -> None:
    spec = ActuatorSpec(node=NODE, gpio=25, type="relay", declared_by="node")
    await store.append([spec, ActuatorGone(spec.id)])
    assert await store.rows(ActuatorRow) == []
    await store.append([spec, ActuatorGone(spec.id), spec])
    assert [row["id"] for row in await store.rows(ActuatorRow)] == [spec.id]


async def test_steps_of_alarms_are_read_by_time_the_newest_of_them(store: SqlStore) -> None:
    steps = [
        AlarmChange(T0 + n, "node_silent:ESP_AB12CD", f"step {n}", "UNACK", "high", "ö", "", "")
        for n in range(4)
    ]
    assert await store.append(steps) == (0, 0)
    assert await store.alarm_changes(T0, T0 + 10, 10) == steps
    assert await store.alarm_changes(T0 + 1, T0 + 3, 10) == steps[1:3]
    assert await store.alarm_changes(T0, T0 + 10, 2) == steps[2:]


@pytest.mark.parametrize("lot", [1, 3, 100])
async def test_every_row_of_a_stretch_comes_once_however_many_are_read_at_once(
    store: SqlStore, lot: int
) -> None:
    given = [Decision("r", T0 + n // 4 * SECOND, "true", True, "", n, "") for n in range(20)]
    given += [Decision("other", T0 + 2 * SECOND, "true", True, "", 99, "")]
    await store.append(given)
    mine: Any = DecisionRow.rule
    rows = [row async for row in store.each(DecisionRow, T0 + SECOND, T0 + 4 * SECOND, mine == "r", lot=lot)]
    assert [row["cause"] for row in rows] == list(range(4, 16))
    rows = [row async for row in store.each(DecisionRow, T0, T0 + 9 * SECOND, lot=lot)]
    assert sorted(row["cause"] for row in rows) == [*range(20), 99]
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)


@pytest.mark.parametrize("lot", [1, 2, 100])
async def test_every_heartbeat_of_a_node_comes_in_its_order(store: SqlStore, lot: int) -> None:
    beats = [heartbeat(node, n) for n in range(5) for node in (NODE, NodeId.parse("ESP_AB12CE"))]
    await store.append(beats)
    column: Any = HeartbeatRow.node
    rows = [row async for row in store.each(HeartbeatRow, T0, T0 + 9 * SECOND, column == NODE, lot=lot)]
    assert [(row["node"], row["at"]) for row in rows] == [(NODE, T0 + n * SECOND) for n in range(5)]


def heartbeat(node: NodeId, second: int) -> Heartbeat:
    at, god = T0 + second * SECOND, KaiserId.parse("god")
    return Heartbeat(at, god, node, 1, 1, 1, -60, None, None, None, "b", 0, modern=True)
