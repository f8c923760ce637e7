"""One rule by hand: on and off for good, its evaluation part by part, tried on the last day beside the control."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from godkaiser import blocking
from godkaiser.auth.policy import Role
from godkaiser.cli.main import app
from godkaiser.engine.effect import Decision
from godkaiser.errors import ForbiddenError, TrialError, UnknownRuleError
from godkaiser.io.desk import DeskServer
from godkaiser.kaiser import trying
from godkaiser.kaiser.backtest import Backtest
from godkaiser.model.ids import RuleId
from godkaiser.model.instant import HOUR, SECOND, to_iso
from godkaiser.model.truth import Truth
from tests.kaiser.house import NODE, SOIL, T0, House, file, house
from tests.kaiser.test_accounts_desk import people

FAN = f"{NODE}/25"
SOIL_PIN = {"esp_id": NODE, "gpio": 34}
DRY: dict[str, Any] = {
    "name": "Dry soil",
    "conditions": [
        {"type": "sensor", **SOIL_PIN, "operator": "<", "value": 35},
        {"logic": "NOT", "conditions": [{"type": "no_data", **SOIL_PIN, "seconds": 600}]},
        {"logic": "OR", "conditions": [
            {"type": "node_online", "esp_id": NODE},
            {"type": "rate_of_change", **SOIL_PIN, "operator": ">", "value": 5, "window_seconds": 600},
        ]},
    ],
    "actions": [{"type": "actuator", "esp_id": NODE, "gpio": 25, "command": "ON"}],
    "cooldown_seconds": 0,
}  # fmt: skip


async def acting(made: House) -> None:
    """The rule wants the fan, and its node has done it."""
    await made.call("rules.import", documents=[DRY])
    await made.call("rules.disable", rule="Cool")
    await made.beat()
    for _ in range(3):
        made.pass_time(60)
        await made.beat()
        await made.soil(2700)


async def rule(made: House, name: str = DRY["name"]) -> dict[str, Any]:
    shot = await made.call("snapshot")
    return next(each for each in shot["rules"] if each["name"] == name)


async def test_one_that_acts_is_switched_off_withdrawn_written_down_and_stays_off(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await acting(made)
        assert (await rule(made))["acting"]
        assert (await made.call("snapshot"))["actuators"][0]["wished"] == 1.0
        told = await made.call("rules.disable", rule="Dry soil")
        assert (told["enabled"], told["acting"], told["state"]) == (False, False, "off")
        assert (await made.call("snapshot"))["actuators"][0]["wished"] == 0.0
        who, action, target = (await made.audit())[-1]
        assert (who.partition(":")[0], action, target) == ("local", "rules.changed", "dry-soil")
        exported = await made.call("rules.export")
        assert [document.get("enabled", True) for document in exported] == [False, False]
        clock = made.clock
    async with house(tmp_path, clock=clock) as again:
        await again.beat()
        await again.soil(2700)
        assert (await rule(again))["state"] == "off"
        told = await again.call("rules.enable", rule="dry-soil")
        assert told["enabled"]
        await again.soil(2700)
        assert (await rule(again))["acting"]
        assert [d.get("enabled", True) for d in await again.call("rules.export")] == [False, True]


async def test_the_audit_says_what_became_of_each_rule_and_nothing_of_the_others(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        said = len(await made.call("audit"))
        await made.call("rules.import", documents=[DRY])
        await made.call("rules.import", documents=[DRY])
        await made.call("rules.disable", rule="Cool")
        await made.call("rules.enable", rule="Cool")
        amended = DRY | {
            "priority": 10,
            "cooldown_seconds": 90,
            "max_executions_per_hour": 6,
            "enabled": False,
        }
        cool = next(one for one in await made.call("rules.export") if one["name"] == "Cool")
        warm = [{"type": "sensor", **SOIL_PIN, "operator": "<", "value": 20}]
        await made.call(
            "rules.import", documents=[amended, cool | {"conditions": warm, "description": "dry"}]
        )
        rows = [(row["target"], row["detail"]) for row in (await made.call("audit"))[said:]]
    assert rows[:4] == [
        ("dry-soil", "“Dry soil” added"),
        ("cool", "“Cool” switched off"),
        ("cool", "“Cool” switched on"),
        ("cool", "“Cool” changed: conditions, description"),
    ]
    more = "priority 50 → 10, cooldown 0 s → 90 s, executions per hour none → 6"
    assert rows[4:] == [("dry-soil", f"“Dry soil” switched off; changed: {more}")]


async def test_what_is_so_already_changes_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        before = await made.audit()
        assert (await made.call("rules.enable", rule="Cool"))["enabled"]
        assert await made.audit() == before


@pytest.mark.parametrize("method", ["rules.enable", "rules.disable", "rules.trace", "rules.try"])
async def test_one_that_is_not_there_is_named(tmp_path: Path, method: str) -> None:
    async with house(tmp_path, file()) as made:
        with pytest.raises(UnknownRuleError, match="nobody"):
            await made.call(method, rule="nobody")


async def test_who_may_only_look_switches_nothing_and_may_ask(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await made.controller.accounts.add("vera", "Long-enough-7", Role.VIEWER)
        token = (await made.call("login", name="vera", password="Long-enough-7", address="x"))["token"]
        for method in ("rules.enable", "rules.disable"):
            with pytest.raises(ForbiddenError):
                await made.call(method, rule="Cool", token=token)
        assert (await rule(made, "Cool"))["enabled"]
        assert (await made.call("rules.trace", rule="Cool", token=token))["rule"] == "cool"


async def test_the_evaluation_is_a_tree_with_value_age_and_quality(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await acting(made)
        made.pass_time(7)
        told = await made.call("rules.trace", rule="Dry soil")
        assert (told["truth"], told["when"]["kind"]) == ("true", "all")
        below, silence, either = told["when"]["parts"]
        assert (below["kind"], below["truth"], below["text"]) == ("leaf", "true", "soil is below 35 %")
        assert below["value"] == pytest.approx(6.25)
        assert below["reading"] == {
            "series": SOIL, "value": below["value"], "unit": "%", "quality": "good", "calibration": 1,
            "measured_at": to_iso(made.clock.now() - 7 * SECOND), "age_s": 7.0,
        }  # fmt: skip
        assert (silence["kind"], silence["truth"], silence["parts"][0]["truth"]) == ("not", "true", "false")
        assert (either["kind"], [part["truth"] for part in either["parts"]]) == ("any", ["true", "unknown"])
        assert (either["parts"][1]["value"], either["parts"][1]["unit"]) == (None, "%/h")
        assert either["parts"][1]["note"]


async def test_before_the_first_evaluation_there_is_no_tree(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await made.call("rules.import", documents=[DRY | {"enabled": False}])
        assert (await made.call("rules.trace", rule="Dry soil"))["when"] is None


# ── trying ─────────────────────────────────────────────────────────────────────────────────────────────────
async def tried(made: House, **asked: Any) -> dict[str, Any]:
    begun = await made.call("rules.try", **asked)
    async with asyncio.timeout(300):
        while True:
            told = await made.call("rules.tried", trial=begun["trial"])
            assert 0.0 <= told["progress"] <= 1.0
            if told["result"] is not None:
                return dict(told["result"])
            await asyncio.sleep(0.05)


async def test_one_that_is_off_is_tried_on_the_last_day_in_another_process(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await made.beat()
        for minute in range(180):
            made.pass_time(60)
            await made.beat()
            if not 100 <= minute < 130:
                await made.soil(2700 if 60 <= minute < 100 else 1300)
        await made.call("rules.import", documents=[DRY | {"enabled": False}])
        before = (await made.call("snapshot"))["actuators"], len(made.link.published)
        told = await tried(made, rule="Dry soil")
        assert (told["rule"], told["readings"], told["starts"]) == ("dry-soil", 150, 2)
        minutes = [to_iso(T0 + minute * 60 * SECOND) for minute in (65, 105, 110)]
        assert told["active"] == [{"since": minutes[0], "until": minutes[1]}]
        assert told["unknown"][-1] == {
            "since": minutes[1],
            "until": minutes[2],
        }  # then there is no data, which is known
        assert told["actuators"][0]["actuator"] == FAN
        assert (1.0, "rule:dry-soil") in [(one["value"], one["who"]) for one in told["commands"]]
        assert told["gaps"][-1]["seconds"] == 26 * 60
        assert not (await rule(made))["enabled"]
        assert ((await made.call("snapshot"))["actuators"], len(made.link.published)) == before


async def test_a_trial_that_cannot_be_carried_out_says_why(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        with pytest.raises(TrialError, match="no trial 7"):
            await made.call("rules.tried", trial=7)
        made.controller.trying._url = "sqlite:////nowhere/at/all.db"
        with pytest.raises(Exception, match="nowhere"):
            await tried(made, rule="Cool")
        made.controller.trying._within = 0.0
        with pytest.raises(TrialError, match="longer than 0 s"):
            await tried(made, rule="Cool")


async def test_a_few_wait_and_more_are_refused_and_all_end_with_the_controller(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        for _ in range(trying.WAITING_MOST):
            await made.call("rules.try", rule="Cool")
        with pytest.raises(TrialError, match="waiting already"):
            await made.call("rules.try", rule="Cool")
        await asyncio.sleep(0)  # the first one has begun
        tasks = set(made.controller.trying._tasks)
    assert all(task.done() for task in tasks)


async def test_whoever_may_look_may_try_one_rule_at_a_time(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        tokens = await people(made, "olaf", "vera")
        begun = await made.call("rules.try", rule="Cool", token=tokens["vera"])
        with pytest.raises(TrialError, match=f"trial {begun['trial']} of yours is under way") as caught:
            await made.call("rules.try", rule="Cool", token=tokens["vera"])
        assert caught.value.kind.http_status == 409
        await made.call("rules.try", rule="Cool", token=tokens["olaf"])  # nobody keeps others waiting
        for number in (1, 2):
            async with asyncio.timeout(120):
                await made.controller.trying._jobs[number].done.wait()
        await made.call("rules.try", rule="Cool", token=tokens["vera"])


def test_old_trials_are_forgotten(tmp_path: Path) -> None:
    async def many() -> list[int]:
        async with house(tmp_path, file()) as made:
            made.controller.trying._within = 0.0
            for _ in range(trying.KEPT + 5):
                begun = await made.call("rules.try", rule="Cool")
                await made.controller.trying._jobs[begun["trial"]].done.wait()
            return list(made.controller.trying._jobs)

    assert len(asyncio.run(many())) == trying.KEPT + 1


def test_an_error_of_the_process_comes_as_it_was() -> None:
    lines: list[str] = []
    order = {"url": "sqlite:////nowhere/at/all.db", "rule": "cool", "documents": [], "span": [T0, T0 + HOUR]}
    trying.serve(order, lines.append)
    assert [sorted(json.loads(line)) for line in lines] == [["error"]]


def decision(at: int, truth: str, active: bool) -> Decision:
    return Decision("cool", T0 + at * SECOND, truth, active, "", 0, "")


@pytest.mark.parametrize(
    ("first", "turns", "active", "unknown"),
    [
        (("false", False), [], [], []),
        (("true", True), [], [(0, 100)], []),
        (("true", False), [], [], []),  # its cooldown, or a stronger rule's hold
        (("unknown", False), [], [], [(0, 100)]),
        (("unknown", True), [(40, "unknown", False)], [(0, 40)], [(0, 100)]),  # held for a time
        (("false", False), [(20, "true", True), (30, "false", False)], [(20, 30)], []),
        (("true", False), [(20, "true", True), (30, "false", False)], [(20, 30)], []),
        (("true", True), [(40, "false", False)], [(0, 40)], []),
        (("unknown", False), [(40, "false", False)], [], [(0, 40)]),
        (("true", True), [(40, "unknown", True), (50, "true", True)], [(0, 100)], [(40, 50)]),
    ],
)
def test_when_it_was_active_and_when_unknown(
    first: tuple[str, bool], turns: list[tuple[int, str, bool]],
    active: list[tuple[int, int]], unknown: list[tuple[int, int]],
) -> None:  # fmt: skip
    result = Backtest(T0, T0 + 100 * SECOND, decisions=[decision(*turn) for turn in turns])
    rule = RuleId.known("cool")
    result.first[rule] = Truth(first[0]), first[1]
    truths = trying._truths(rule, result.decisions, result)
    spans = trying._active(rule, result.decisions, result), [(at, word == "unknown") for at, word in truths]
    for found, wanted in zip(spans, (active, unknown), strict=True):
        assert trying._spans(found, result.until) == [
            {"since": to_iso(T0 + a * SECOND), "until": to_iso(T0 + b * SECOND)} for a, b in wanted
        ]


# ── other doors ────────────────────────────────────────────────────────────────────────────────────────────
def command(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["rules", *arguments])
    assert done.exit_code == 0, done.exception
    return done.stdout


def from_a_notebook(data: Path) -> list[bool]:
    seen = []
    with blocking.connect(data) as farm:
        farm.rules.disable("Cool")
        seen.append(farm.rules.export()[0].get("enabled", True))
        farm.rules.enable("Cool")
        seen.append(farm.rules.export()[0].get("enabled", True))
    return seen


async def test_on_the_command_line_and_from_a_notebook(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        server = DeskServer(tmp_path, made.controller.clerk)
        await server.start()
        try:
            more = "--data", str(tmp_path)
            assert "Cool is switched off." in await asyncio.to_thread(command, "disable", "Cool", *more)
            said = await asyncio.to_thread(command, "enable", "cool", "--json", *more)
            assert (json.loads(said)["id"], json.loads(said)["enabled"]) == ("cool", True)
            assert await asyncio.to_thread(from_a_notebook, tmp_path) == [False, True]
        finally:
            await server.stop()
