"""Rules on what is stored: the production engine decides as it did, and says what it could not know."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from godkaiser.engine.effect import Decision
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.table import OutcomeRow, RuleRow
from godkaiser.kaiser.backtest import Backtest, backtest
from godkaiser.kaiser.simulation import simulation
from godkaiser.kaiser.trial import Trial, try_rules
from godkaiser.model.instant import HOUR, MINUTE, Instant, parse_instant, to_iso
from godkaiser.model.outcome import Fate
from godkaiser.model.reading import Reading
from godkaiser.model.truth import Truth
from godkaiser.rules.build import build_rule
from godkaiser.rules.document import read_document
from tests.engine.bench import AIR, COOL, FAN, SITE, START
from tests.io.test_sql_store import reading
from tests.kaiser.house import file, house

BEGIN = parse_instant("2026-05-01T07:00:00Z", 0)
END = BEGIN + 4 * HOUR


@dataclass
class Past:
    """A simulated morning that was lived, and what was decided and sent in it."""

    data: Path
    decisions: list[Decision]
    sent: list[tuple[Instant, str, float]]
    documents: list[dict[str, Any]]

    def try_(self, documents: list[Any] | None = None, span: tuple[Instant, Instant] = (BEGIN, END)) -> Trial:
        async def tried() -> Trial:
            store = await SqlStore.look(f"sqlite:///{self.data / 'godkaiser.db'}")
            try:
                return await try_rules(store, documents, span)
            finally:
                await store.close()

        return asyncio.run(tried())


async def lived(data: Path) -> Past:
    decisions: list[Decision] = []
    async with simulation(data, 7, start=BEGIN, lock_step=True, desk=False) as world:
        await world.pacer.run_until(END)
        decisions += world.decisions
        await world.controller.runner.drained()
        store = world.controller.store
        sent = [
            (row["at"], row["actuator"], row["value"])
            for row in await store.between(OutcomeRow, BEGIN, END, 10_000)
            if row["fate"] == Fate.SENT.value
        ]
        documents = [json.loads(row["document"]) for row in await store.rows(RuleRow, "place")]
    return Past(data, [one for one in decisions if one.at < END], sent, documents)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    return asyncio.run(lived(tmp_path_factory.mktemp("past")))


def told(decisions: list[Decision]) -> list[tuple[Any, ...]]:
    """Without what counts events, and without the first word of a rule, which comes when its node is there."""
    return [(d.at, d.rule, d.truth, d.active, d.note) for d in decisions if d.at >= BEGIN + MINUTE]


def test_rules_that_ran_decide_as_they_did_and_send_the_same(past: Past) -> None:
    trial = past.try_()
    assert len(told(past.decisions)) > 10
    assert told(trial.result.decisions) == told(past.decisions)
    assert [(s.at, s.actuator, s.value) for s in trial.result.commands] == past.sent
    assert trial.departures == ()
    assert trial.result.assumed == []


def test_twice_gives_the_same(past: Past) -> None:
    assert past.try_().document() == past.try_().document()


def test_another_rule_does_something_else_and_that_is_told(past: Past) -> None:
    changed = json.loads(json.dumps(past.documents))
    for document in changed:
        for condition in document["conditions"]:
            for key in ("activate_above", "deactivate_below"):
                if key in condition:
                    condition[key] += 50
    trial = past.try_(changed)
    cool = next(d["name"] for d in past.documents if "activate_above" in d["conditions"][0])
    assert {one.rule for one in trial.departures} == {build(cool, changed)}
    assert all(one.now is None for one in trial.departures), "it never begins"
    assert {one.kind for one in trial.departures} == {"document"}
    assert all(
        "what is tried is not the rule that ran" in one.cause and "changed: conditions" in one.cause
        for one in trial.departures
    )


def build(name: str, documents: list[dict[str, Any]]) -> str:
    document = next(d for d in documents if d["name"] == name)
    return str(build_rule(read_document(document), timezone="UTC", known=[AIR]).id)


def test_a_span_within_is_as_the_whole(past: Past) -> None:
    """An hour before it is enough to remember what the rules of the demo remember."""
    inner = (BEGIN + 2 * HOUR, BEGIN + 3 * HOUR)
    part, whole = past.try_(span=inner), past.try_()
    among = [one for one in whole.result.commands if inner[0] <= one.at < inner[1]]
    assert part.result.commands == among
    assert among


# ── gaps ───────────────────────────────────────────────────────────────────────────────────────────────────
HOT = 30.0


def readings(minutes: range, value: float = HOT) -> Iterator[Reading]:
    for minute in minutes:
        at = START + minute * MINUTE
        yield replace(reading(1, value), series=AIR, measured_at=at, received_at=at, unit="°C")


def tried(minutes: list[range], **changes: Any) -> Backtest:
    rule = build_rule(read_document(COOL | changes), timezone="UTC", known=[AIR])
    told = (one for part in minutes for one in readings(part))
    return backtest(SITE, [rule], told, (START, START + 75 * MINUTE))


def test_silence_is_a_gap_and_leads_to_the_declared_action() -> None:
    result = tried([range(20), range(50, 75)])
    (gap,) = [gap for gap in result.gaps if gap.since > START]
    assert gap.series == "ESP_A1B2C3/0/sht31_temp", "as the rule names it"
    assert gap.since == START + 19 * MINUTE + 3 * MINUTE, "three minutes old, it is stale"
    assert gap.until == START + 50 * MINUTE
    values = [(sent.value, to_iso(sent.at)) for sent in result.commands if sent.actuator == FAN]
    assert [value for value, _ in values] == [0.8, 0.0, 0.8]
    assert values[1][1] == to_iso(gap.since)
    (rule,) = result.document()["rules"]
    assert rule["unknown_s"] == pytest.approx(28 * 60, abs=61)


def test_what_a_rule_was_when_the_span_begins_is_what_it_had_become_before() -> None:
    assert tried([range(-30, 20)]).first == {"cool-the-bench": (Truth.TRUE, True)}
    assert tried([range(-30, -20)]).first == {"cool-the-bench": (Truth.UNKNOWN, False)}
    assert tried([range(20)]).first == {"cool-the-bench": (Truth.UNKNOWN, False)}, (
        "what comes later does not count"
    )


def test_a_rule_that_holds_goes_on_for_its_time() -> None:
    held = tried([range(10)], when_unknown={"policy": "hold", "seconds": 600})
    assert [s.at for s in held.commands][-1] == START + 12 * MINUTE + 10 * MINUTE


def test_without_heartbeats_it_says_what_it_assumes() -> None:
    result = tried([range(70)])
    assert any("was there all the time" in words for words in result.assumed)


def test_what_comes_late_is_not_looked_at_before_it_came() -> None:
    """No look ahead: a reading counts from when it was received."""
    late = [replace(one, received_at=one.measured_at + 100_000_000) for one in readings(range(20, 40))]
    rule = build_rule(read_document(COOL), timezone="UTC", known=[AIR])
    result = backtest(SITE, [rule], late, (START, START + HOUR))
    assert result.commands[0].at == START + 20 * MINUTE + 100_000_000


# ── then and now ───────────────────────────────────────────────────────────────────────────────────────────
async def test_a_stop_is_named_as_the_cause(tmp_path: Path) -> None:
    rule = {
        "name": "Water",
        "conditions": [
            {"type": "sensor", "esp_id": "ESP_AB12CD", "gpio": 34, "sensor_type": "moisture",
             "operator": "<", "value": 40},
        ],
        "actions": [{"type": "actuator", "esp_id": "ESP_AB12CD", "gpio": 25, "command": "ON"}],
        "cooldown_seconds": 0,
    }  # fmt: skip
    async with house(tmp_path, file()) as home:
        await home.call("rules.import", documents=[rule])
        begin = home.clock.now()
        await home.beat()
        home.pass_time(20)
        await home.soil(1300)
        await home.call("stop", reason="smoke")
        home.pass_time(30)
        await home.soil(2700)
        await home.beat()
        home.pass_time(30)
        await home.soil(2700)
        await home.controller.runner.drained()
        end = home.clock.now() + MINUTE
    store = await SqlStore.look(f"sqlite:///{tmp_path / 'godkaiser.db'}")
    trial = await try_rules(store, None, (begin, end))
    await store.close()
    (one,) = [d for d in trial.departures if d.rule == "water"]
    assert (one.then, one.now) == (None, True)
    assert "stop by" in one.cause


def test_where_nothing_was_heard_that_is_the_cause(past: Past) -> None:
    """A day after it all, with a clock that goes on."""
    later = past.try_(span=(END + 12 * HOUR, END + 40 * HOUR))
    assert later.departures, "the lamp goes by the clock"
    assert {one.kind for one in later.departures} == {"silence"}
    assert later.departures[0].cause.startswith("nothing was heard from ")


# ── the command ────────────────────────────────────────────────────────────────────────────────────────────
def command(data: Path, *words: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("GODKAISER", "DATABASE"))}
    return subprocess.run(
        [sys.executable, "-m", "godkaiser.cli.main", "rules", "try", *words, "--data", str(data)],
        capture_output=True, text=True, timeout=120, env=clean, check=False,
    )  # fmt: skip


def test_the_command_tells_people_and_programs(past: Past, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump(past.documents))
    span = ["--since", to_iso(BEGIN), "--until", to_iso(END)]
    told = command(past.data, str(rules), *span)
    assert told.returncode == 0, told.stderr
    assert "readings from 2026-05-01T07:00:00Z to 2026-05-01T11:00:00Z" in told.stdout
    document = json.loads(command(past.data, *span, "--json").stdout)
    assert document["departures"] == []
    assert len(document["commands"]) == len(past.sent)


@pytest.mark.parametrize(
    ("text", "words"),
    [("- {name: x}", "rules[0]"), ("[]", "holds no rule"), (None, "is not there")],
    ids=["no rule", "empty", "no database"],
)
def test_the_command_refuses_with_the_place(text: str | None, words: str, past: Past, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(text or yaml.safe_dump(past.documents))
    done = command(past.data if text else tmp_path / "nowhere", str(rules))
    assert words in done.stderr
    assert done.returncode == 2


def test_what_is_toggled_was_at_its_safe_value_at_first() -> None:
    """Its node says so whenever it is back; the opposite is settled from that."""
    flip = COOL | {"actions": [COOL["actions"][0] | {"command": "TOGGLE"}], "cooldown_seconds": 0}
    rule = build_rule(read_document(flip), timezone="UTC", known=[AIR])
    told = [*readings(range(10, 20)), *readings(range(20, 60), 20.0), *readings(range(60, 70))]
    beats = [START + minute * MINUTE for minute in range(-60, 75) if not 30 <= minute < 50]
    span = (START, START + 75 * MINUTE)
    found = backtest(SITE, [rule], told, span, beats={AIR.node: beats})
    assert f"{FAN} was at its safe value at first: it is toggled" in found.assumed
    assert [sent.value for sent in found.commands] == [1.0, 0.0, 1.0, 0.0]
    assert [sent.at for sent in found.commands][:3:2] == [START + 10 * MINUTE, START + 60 * MINUTE]
