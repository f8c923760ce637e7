"""A stored rule that this program does not take: the others work, it is kept to the letter, and everybody is told."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert
from typer.testing import CliRunner

from godkaiser import blocking
from godkaiser.cli.main import app
from godkaiser.errors import DocumentError, RuleRefusedError, UnknownRuleError
from godkaiser.io.desk import DeskServer
from godkaiser.io.recorder import RECORDINGS
from godkaiser.io.replay import recordings, replay
from godkaiser.io.sql.table import RuleRow
from godkaiser.kaiser.trial import try_rules
from godkaiser.model.instant import HOUR
from tests.kaiser.house import NODE, T0, TEXT, House, file, house

HERE = {"esp_id": NODE, "gpio": 25}
ON, OFF = ({"type": "actuator_command", **HERE, "command": word} for word in ("ON", "OFF"))
DRY: dict[str, Any] = {"type": "sensor", "esp_id": NODE, "gpio": 34, "operator": "<", "value": 35}
WET = DRY | {"operator": ">", "value": 90}
OLD = {"name": "Old rule", "conditions": [DRY], "actions": [ON, OFF]}
GOOD = {"name": "Old rule", "conditions": [WET], "actions": [ON]}
OTHER = {"name": "Dry soil", "conditions": [DRY], "actions": [ON]}
TYPE = {"name": "Old rule", "conditions": [DRY | {"sensor_type": "no type/at all"}], "actions": [ON]}
NOWHERE = {"name": "Old rule", "conditions": [DRY | {"esp_id": "ESP_99AA99"}], "actions": [ON]}
KEY = "rule_refused:old-rule"


async def as_before(data: Path, text: str, key: str = "old-rule", *, beside: bool = True) -> None:
    """A folder with a good rule, and one as an earlier program may have left it."""
    async with house(data, file()) as made:
        await made.call("rules.disable", rule="Cool")
        if beside:
            await made.call("rules.import", documents=[OTHER])
        row = {"id": key, "place": -1, "document": text}
        await made.controller.store.execute(insert(RuleRow).values(row))


async def rows(made: House) -> dict[str, str]:
    return {row["id"]: row["document"] for row in await made.controller.store.rows(RuleRow, "place")}


async def rules(made: House) -> dict[str, dict[str, Any]]:
    return {rule["id"]: rule for rule in (await made.call("snapshot"))["rules"]}


async def dry(made: House) -> None:
    """Long enough for a decision to be carried out."""
    await made.beat()
    for _ in range(3):
        made.pass_time(60)
        await made.beat()
        await made.soil(2700)


async def alarms(made: House) -> dict[str, dict[str, Any]]:
    return {one["key"]: one for one in (await made.call("alarms.list"))["standing"]}


REFUSED = [
    (json.dumps(OLD, indent=3), "Old rule", "rule.actions[1]", "at the same moment"),
    (json.dumps(TYPE), "Old rule", "rule.conditions[0].sensor_type", "no type/at all"),
    (json.dumps(NOWHERE), "Old rule", "rule.conditions[0].sensor_type", ""),
    (json.dumps(OLD | {"actions": [{"type": "beam"}]}), "Old rule", "rule.actions[0].type", ""),
    (json.dumps(OLD | {"name": "Dry soil", "actions": [ON]}), "Dry soil", "rule.name", "dry-soil"),
    ('{"name": "Old rule", ', "old-rule", "rule", ""),
    ("[" * 100_000, "old-rule", "rule", ""),
    ('"only a text"', "old-rule", "rule", ""),
    ("{}", "old-rule", "rule.name", ""),
]


@pytest.mark.parametrize(("text", "name", "path", "word"), REFUSED)
async def test_the_others_act_and_it_is_said_everywhere(
    text: str, name: str, path: str, word: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await as_before(tmp_path, text)
    with caplog.at_level(logging.WARNING):
        async with house(tmp_path) as made:
            await dry(made)
            told = await rules(made)
            assert told["dry-soil"]["acting"]
            assert told["dry-soil"]["refused"] is None
            assert (await made.call("snapshot"))["actuators"][0]["wished"] == 1.0
            mine = told["old-rule"]
            assert (mine["state"], mine["truth"], mine["acting"]) == ("refused", "unknown", False)
            assert (mine["name"], mine["refused"]["path"], mine["alarm"]) == (name, path, KEY)
            assert word in mine["refused"]["problem"]
            assert mine["degraded"] == f"{path}: {mine['refused']['problem']}"
            alarm = (await alarms(made))[KEY]
            assert (alarm["state"], alarm["priority"], alarm["name"]) == ("UNACK", "high", name)
            assert name in alarm["text"]
            assert mine["degraded"] in alarm["text"]
            assert "rules import" in alarm["remedy"]
            assert "rules remove" in alarm["remedy"]
            assert (await rows(made))["old-rule"] == text
    assert [record.getMessage() for record in caplog.records if "not carried out" in record.getMessage()] == [
        f"Rule {name} is stored and not carried out: {mine['degraded']}"
    ]


@pytest.mark.parametrize("text", [json.dumps(OLD), '{"name": "Old rule", '])
async def test_every_change_of_others_leaves_it_as_it_is_stored(text: str, tmp_path: Path) -> None:
    await as_before(tmp_path, text)
    async with house(tmp_path) as made:
        answer = await made.call("rules.import", documents=[OTHER | {"priority": 7}])
        assert (answer["imported"], answer["rules"]) == (["dry-soil"], 2)
        assert [one["rule"] for one in answer["refused"]] == ["old-rule"]
        assert (await rows(made))["old-rule"] == text
        assert not (await made.call("rules.disable", rule="Dry soil"))["enabled"]
        assert (await made.call("rules.enable", rule="dry-soil"))["enabled"]
        zones = "zones: [{id: bench, name: South bench}]"
        answer = await made.call("site.apply", text=zones)
        assert answer["applied"]
        stays = [one for one in answer["differences"] if one["path"] == "rules.old-rule"]
        assert [one["applied"] for one in stays] == [False]
        assert "stays; `godkaiser rules remove old-rule` takes it out" in stays[0]["meaning"]
        answer = await made.call("site.apply", text=TEXT)
        assert answer["applied"]
        assert list(await rules(made)) == ["cool", "old-rule"]
        whole = (await made.call("site.export"))["text"]
        assert "# Rules that are stored and not carried out" in whole
        assert not (await made.call("site.diff", text=whole))["changes"]
        assert (await rows(made))["old-rule"] == text
        await made.controller.runner.drained()
        assert (await made.call("rules.export"))[-1] == (json.loads(text) if text.endswith("}") else text)
        assert KEY in await alarms(made)
    async with house(tmp_path, file()) as again:
        assert (await rules(again))["old-rule"]["state"] == "refused"
        assert (await rows(again))["old-rule"] == text


async def test_a_corrected_one_acts_and_the_alarm_clears(tmp_path: Path) -> None:
    await as_before(tmp_path, json.dumps(OLD))
    async with house(tmp_path) as made:
        await made.beat()
        await made.call("alarms.ack", key=KEY)
        with pytest.raises(DocumentError, match=r"rules\[0\].actions\[1\]"):
            await made.call("rules.import", documents=[OLD])
        assert KEY in await alarms(made)
        assert (await made.call("rules.import", documents=[GOOD]))["refused"] == []
        assert KEY not in await alarms(made)
        assert (await rules(made))["old-rule"]["refused"] is None
        await made.soil(1200)
        assert (await rules(made))["old-rule"]["acting"]
        assert ("rules.changed", "old-rule") in [(action, target) for _, action, target in await made.audit()]
        clock = made.clock
    async with house(tmp_path, clock=clock) as again:
        assert (await rules(again))["old-rule"]["refused"] is None


async def test_the_alarm_survives_and_clears_by_itself_when_nobody_saw_it(tmp_path: Path) -> None:
    await as_before(tmp_path, json.dumps(OLD | {"enabled": False}))
    async with house(tmp_path) as made:
        await made.beat()
        first = (await alarms(made))[KEY]
        assert first["priority"] == "low", "nobody wants it to act"
        clock = made.clock
    async with house(tmp_path, clock=clock) as again:
        assert (await alarms(again))[KEY]["since"] == first["since"]
        removed = await again.call("rules.remove", rule="old rule")
        assert removed == {"removed": "old-rule", "name": "Old rule", "rules": 2}
        assert (await alarms(again))[KEY]["state"] == "RTNUN"
        again.pass_time(HOUR / 1e6)
        await again.beat()
        assert KEY not in await alarms(again)
        assert "old-rule" not in await rules(again)
        assert "old-rule" not in await rows(again)
        assert ("rules.changed", "old-rule") in [(a, target) for _, a, target in await again.audit()]


async def test_a_rule_is_removed_and_what_it_wanted_is_withdrawn(tmp_path: Path) -> None:
    await as_before(tmp_path, json.dumps(OLD | {"name": "Dry soil"}))
    async with house(tmp_path) as made:
        await dry(made)
        assert (await made.call("rules.remove", rule="Dry soil"))["removed"] == "dry-soil", (
            "the one that acts"
        )
        assert (await made.call("snapshot"))["actuators"][0]["wished"] == 0.0
        assert [*await rows(made)] == ["old-rule", "cool"]
        assert (await made.call("rules.remove", rule="Dry soil"))["removed"] == "old-rule"
        with pytest.raises(UnknownRuleError):
            await made.call("rules.remove", rule="Dry soil")


@pytest.mark.parametrize("method", ["rules.enable", "rules.trace", "rules.why", "rules.try"])
async def test_who_asks_for_it_hears_why(method: str, tmp_path: Path) -> None:
    await as_before(tmp_path, json.dumps(OLD))
    async with house(tmp_path) as made:
        with pytest.raises(RuleRefusedError, match=r"Old rule.*rule\.actions\[1\]"):
            await made.call(method, rule="OLD-rule" if method != "rules.try" else "old-rule")


async def test_a_site_that_says_what_was_missing_brings_it_back(tmp_path: Path) -> None:
    await as_before(tmp_path, json.dumps(NOWHERE))
    sensor = "  - {node: ESP_99AA99, gpio: 34, type: moisture, name: far}\n"
    text = TEXT[: TEXT.index("rules:")].replace("actuators:", f"{sensor}actuators:")
    text = text.replace("sensors:", "  - {id: ESP_99AA99, approved: true}\nsensors:", 1)
    async with house(tmp_path) as made:
        await made.beat()
        assert (await rules(made))["old-rule"]["refused"]
        answer = await made.call("site.apply", text=text)
        assert "rule “Old rule”: was refused, is carried out again" in [
            one["meaning"] for one in answer["differences"]
        ]
        assert (await rules(made))["old-rule"]["refused"] is None
        assert (await alarms(made))[KEY]["state"] == "RTNUN"
        assert not (await made.call("site.diff", text=text))["differences"]


async def test_a_site_that_takes_from_a_rule_what_it_reads_is_refused_with_the_path(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await made.call("rules.import", documents=[OTHER])
        gone = TEXT[: TEXT.index("rules:")]
        start, end = gone.index("sensors:"), gone.index("actuators:")
        with pytest.raises(DocumentError, match=r"rules\.1\.conditions\.0"):
            await made.call("site.apply", text=gone[:start] + "sensors: []\n" + gone[end:])
        assert (await rules(made))["dry-soil"]["refused"] is None


async def test_a_recording_in_which_one_is_refused_is_played_to_the_byte(tmp_path: Path) -> None:
    await as_before(tmp_path, json.dumps(OLD))
    async with house(tmp_path, record_most=1 << 30) as made:
        await made.beat()
        await made.soil(2700)
        await made.call("rules.import", documents=[GOOD])
        await made.call("rules.remove", rule="old-rule")
        await made.soil(1200)
    (path,) = recordings(tmp_path / RECORDINGS)
    report = replay(path)
    assert (report.different, report.cut) == (0, False)
    assert report.said > 0


async def test_one_whose_id_was_made_otherwise_then_goes_by_the_one_of_today(tmp_path: Path) -> None:
    await as_before(tmp_path, json.dumps(GOOD), key="rule-7")
    async with house(tmp_path) as made:
        assert [*await rules(made)] == ["old-rule", "cool", "dry-soil"]
        assert not (await made.call("rules.disable", rule="old-rule"))["enabled"]
        assert [*await rows(made)] == ["old-rule", "cool", "dry-soil"]


async def test_what_runs_goes_on_though_its_document_could_not_be_bound_again(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await made.call("rules.import", documents=[OTHER])
        made.controller.rulebook.documents["dry-soil"] = NOWHERE | {"name": "Dry soil"}
        await made.call("rules.import", documents=[GOOD])
        assert (await rules(made))["dry-soil"]["refused"] is None
        assert not (await made.call("rules.disable", rule="dry-soil"))["enabled"]


async def test_what_is_tried_from_the_database_leaves_it_out_and_says_so(tmp_path: Path) -> None:
    await as_before(tmp_path, json.dumps(OLD))
    async with house(tmp_path) as made:
        await dry(made)
        await made.controller.runner.drained()
        trial = await try_rules(made.controller.store, None, (T0, made.clock.now()))
    assert [rule.id for rule in trial.rules] == ["cool", "dry-soil"]
    assert "rule “Old rule” was left out" in trial.document()["assumed"][-1]


# ── other doors ────────────────────────────────────────────────────────────────────────────────────────────
def command(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "400"})
    assert done.exit_code == 0, done.exception
    return done.stdout


def from_a_notebook(data: Path) -> list[object]:
    with blocking.connect(data) as farm:
        rule = farm.rules["Old rule"]
        seen = [rule.refused, rule.degraded, rule.row()[-1], farm.rules["Dry soil"].refused]
        farm.rules.remove("Old rule")
        return [*seen, [one.id for one in farm.rules]]


async def test_on_the_command_line_and_in_a_notebook(tmp_path: Path) -> None:
    await as_before(tmp_path, json.dumps(OLD))
    async with house(tmp_path) as made:
        server = DeskServer(tmp_path, made.controller.clerk)
        await server.start()
        try:
            more = "--data", str(tmp_path)
            reason = (await rules(made))["old-rule"]["degraded"]
            (line,) = (
                one for one in (await asyncio.to_thread(command, "rules", "list", *more)).splitlines()
                if "Old rule" in one
            )  # fmt: skip
            assert "refused" in line
            assert "rule.actions[1]: wants something else" in line
            shown = json.loads(await asyncio.to_thread(command, "rules", "list", "--json", *more))
            assert [one["refused"]["path"] for one in shown if one["state"] == "refused"] == [
                "rule.actions[1]"
            ]
            status = await asyncio.to_thread(command, "status", *more)
            assert f"rule Old rule: unknown, refused – {reason}" in " ".join(status.split())
            given = tmp_path / "given.json"
            given.write_text(json.dumps(OTHER))
            said = await asyncio.to_thread(command, "rules", "import", str(given), *more)
            assert "note: the stored rule old-rule stays refused: rule.actions[1]" in " ".join(said.split())
            assert await asyncio.to_thread(from_a_notebook, tmp_path) == [
                True, reason, f"refused: {reason}", False, ["cool", "dry-soil"],
            ]  # fmt: skip
            said = await asyncio.to_thread(command, "rules", "remove", "Cool", *more)
            assert "Cool is removed; 1 rules run." in said
        finally:
            await server.stop()
