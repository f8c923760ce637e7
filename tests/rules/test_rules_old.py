"""Rules of the existing system: what is accepted round-trips and fires, what is refused says where and why."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from godkaiser.cli.main import app
from godkaiser.engine.effect import Effect, RuleNotice
from godkaiser.errors import DocumentError
from godkaiser.model.event import Will
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import SECOND
from godkaiser.model.site import Site
from godkaiser.rules.build import build_rule
from godkaiser.rules.caution import cautions
from godkaiser.rules.document import RuleDocument, hash_of, read_document, write_document
from godkaiser.rules.explain import sentence
from godkaiser.rules.rule import Notify, Rule
from godkaiser.rules.schema import rule_schema
from godkaiser.rules.surroundings import Surroundings
from godkaiser.sensors.catalogue import BUILT_IN
from godkaiser.sensors.types import canonical
from tests.engine.bench import CLIMATE, GOD, SITE, SOIL, WATER, Desk, moves, stored
from tests.rules.drive import Plan, plan

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
BERLIN = (52.52, 13.405)


def _cases(name: str) -> dict[str, Any]:
    cases: dict[str, Any] = yaml.safe_load((HERE / name).read_text())
    return {title: case for title, case in cases.items() if not title.startswith(".")}


def _examples() -> dict[str, Any]:
    """Those of the reference."""
    blocks = (ROOT / "docs/reference/rules.md").read_text().split("```yaml\n")[1:]
    return {
        f"reference: {one['name']}": one for block in blocks for one in yaml.safe_load(block.split("```")[0])
    }


ACCEPTED: Final = _cases("old_accepted.yaml") | _examples()
REFUSED: Final = _cases("old_refused.yaml")


def _site() -> Site:
    data = SITE.model_dump()
    data["sensors"] = [
        {
            "node": CLIMATE,
            "gpio": 0,
            "type": "sht31_temp",
            "address": 68,
            "name": "bench air",
            "subzone": "north",
        },
        {"node": CLIMATE, "gpio": 0, "type": "sht31_humidity", "address": 68, "name": "humidity"},
        {"node": CLIMATE, "gpio": 4, "type": "ds18b20", "name": "roof air"},
        {"node": WATER, "gpio": 4, "type": "ds18b20", "name": "tank"},
        {"node": WATER, "gpio": 34, "type": "moisture", "calibration": {"dry": 2800, "wet": 1200}},
    ]
    unbounded = {"node": WATER, "gpio": 32, "type": "pump", "declared_by": "node"}
    data["actuators"] = [*data["actuators"], unbounded]
    return Site.model_validate(
        data | {"timezone": "Europe/Berlin", "latitude": BERLIN[0], "longitude": BERLIN[1]}
    )


HOUSE: Final = _site()
SPECS: Final = {spec.id: spec for spec in HOUSE.actuators}


def bound(document: RuleDocument) -> Rule:
    return build_rule(
        document,
        timezone=HOUSE.timezone,
        canonical=canonical,
        known=[spec.series for spec in HOUSE.sensors],
        spec_of=SPECS.get,
        around=replace(
            Surroundings.of(HOUSE.sensors, HOUSE.derived, HOUSE.position),
            unit_of=lambda one: BUILT_IN.unit_of(one, {}),
        ),
    )


def test_there_are_enough_of_them() -> None:
    assert len(_examples()) == 6
    assert len(ACCEPTED) >= 50
    assert len(REFUSED) >= 60


# ── what is accepted ───────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("title", ACCEPTED)
def test_accepted_ones_are_written_and_read_again_as_the_same(title: str) -> None:
    document = read_document(ACCEPTED[title])
    written = write_document(document)
    again = read_document(json.loads(json.dumps(written)))
    assert again == document
    assert write_document(again) == written
    assert read_document(yaml.safe_load(yaml.safe_dump(written))) == document
    assert bound(again) == bound(document)
    assert hash_of(again) == hash_of(document)


@pytest.mark.parametrize("title", ACCEPTED)
def test_accepted_ones_fire(title: str) -> None:
    """The world is made as the rule wants it, and its command leaves the engine."""
    rule = bound(read_document(ACCEPTED[title]))
    made = plan(rule.when)
    desk = Desk(rule, site=HOUSE)
    desk.now = made.time(desk.now)
    desk.ready()
    for turn in rule.actions:
        if turn.toggles:
            desk.report(turn.actuator, 0.0)
    sent = _live(desk, made, minutes=45)
    for turn in rule.actions:
        assert (turn.actuator, turn.value) in sent
    told = [step.action for step in rule.steps if isinstance(step.action, Notify)]
    assert bool(stored(RuleNotice, desk.log)) is bool(told)
    assert desk.state.rules[rule.id].starts


@pytest.mark.parametrize("title", ACCEPTED)
def test_accepted_ones_wait_for_their_conditions(title: str) -> None:
    """The same clock, but no sensor says anything and no node goes: only what looks at neither may fire."""
    rule = bound(read_document(ACCEPTED[title]))
    made = plan(rule.when)
    desk = Desk(rule, site=HOUSE)
    desk.now = made.time(desk.now)
    desk.ready()
    sent = _live(desk, Plan(), minutes=10)
    needs = made.wanted or made.ramps or made.silent or False in made.nodes.values()
    assert bool(sent) is not bool(needs)


def _live(desk: Desk, made: Plan, minutes: int) -> set[tuple[str, float]]:
    """Everything is said twice a minute; nodes that are to be away leave first."""
    for node, online in made.nodes.items():
        if not online:
            desk.handle(Will(desk.now, GOD, node, False))
    there = [node for node in (CLIMATE, WATER) if made.nodes.get(node, True)]
    series = [s for s in {**made.wanted, **made.ramps} if s not in made.silent]
    for step in range(2 * minutes):
        for one in series:
            said = len(desk.log)
            _say(desk, one, made.value(one, step / 2))
            _obeyed(desk, desk.log[said:])
        parts = 15 if desk.state.courses else 1  # nodes answer sooner than a step's patience ends
        for _ in range(parts):
            _obeyed(desk, desk.live(30 / parts, *there))
    return {(move.actuator, move.value) for move in moves(desk.log)}


def _obeyed(desk: Desk, effects: list[Effect]) -> None:
    """Whatever the rules do next when the nodes have confirmed it."""
    while effects:
        effects = desk.obey(effects)


def _say(desk: Desk, series: SeriesId, value: float) -> None:
    heard = series
    if series.sensor_type.startswith("sht31") and not series.address:
        heard = SeriesId.of(series.node, series.gpio, series.sensor_type, "0x44")
    if series == SOIL:
        desk.read(heard, round(2800 - 16 * value), raw_mode=True)  # its calibration
    else:
        desk.read(heard, value)


# ── what is refused ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("title", REFUSED)
def test_refused_ones_name_the_field_and_why(title: str) -> None:
    document, path, word = REFUSED[title]
    with pytest.raises(DocumentError) as caught:
        bound(read_document(document))
    assert caught.value.path == f"rule.{path}"
    assert word in caught.value.problem
    assert caught.value.problem


def test_a_step_that_may_be_retried_is_and_gives_up_in_the_end() -> None:
    rule = bound(read_document(ACCEPTED["what steps do when they fail"]))
    assert [(step.retry, step.goes_on) for step in rule.steps] == [(2, True), (0, False), (1, False)]


def test_what_is_not_looked_at_is_said() -> None:
    told = cautions(read_document(ACCEPTED["on and off whatever stands beside it"]))
    assert [words.split(":")[0] for words in told] == ["rule.actions[0].value", "rule.actions[1].value"]
    told = cautions(read_document(ACCEPTED["checks that are never known, beside one that is"]))
    assert [words.split(":")[0] for words in told] == [
        f"rule.conditions[{place}].check_name" for place in ("1", "2", "3].conditions[0")
    ]
    waits = {
        "type": "wait_until",
        "timeout_seconds": 5,
        "condition": ACCEPTED["a check that is well"]["conditions"][0],
    }
    waits["condition"] = waits["condition"] | {"check_name": "Monitoring"}
    one = ACCEPTED["a sequence as it came"] | {"actions": {"type": "sequence", "steps": [waits]}}
    assert cautions(read_document(one))[0].startswith("rule.actions[0].steps[0].condition.check_name: ")
    assert cautions(read_document(ACCEPTED["a sequence as it came"])) == ()
    told = cautions(read_document(ACCEPTED["a whole escalation"]))
    places = ("notify[0]", "notify[1]", "notify[2]", "failover_actions[2]")
    assert [words.split(":")[0] for words in told] == [
        f"rule.escalation_policy.{place}.channel" for place in places
    ]


def test_what_follows_a_failure_is_in_the_sentence() -> None:
    told = sentence(bound(read_document(ACCEPTED["a whole escalation"])), str, lambda _: "")
    assert told.partition(". It is critical. ")[2] == (
        "If that is not carried out, try 3 times more, every 1 min, then tell everybody by email and "
        "ann@example.org by email and http://example.org/hook by webhook and ann by websocket and ben by "
        "websocket, then turn on ESP_A1B2C3/26, then toggle ESP_D4E5F6/14 (to the opposite of what it is at "
        "then) for at most 30 s, then tell “{rule_name} failed”."
    )
    for title in ("an escalation of nothing", "an escalation of empty lists"):
        assert sentence(bound(read_document(ACCEPTED[title])), str, lambda _: "").endswith(
            "set ESP_A1B2C3/25 to 80 %."
        )


def test_whom_an_escalation_tells_shows_in_what_is_written() -> None:
    written = write_document(read_document(ACCEPTED["a whole escalation"]))["escalation_policy"]
    assert written["notify"] == [
        {"channel": "email"},
        {"channel": "email", "target": "ann@example.org"},
        {"channel": "webhook", "target": "http://example.org/hook"},
        {"channel": "websocket", "target": "ann"},
        {"channel": "websocket", "target": "ben"},
    ]
    assert [one["type"] for one in written["failover_actions"]] == ["actuator_command"] * 2 + ["notification"]


@pytest.mark.parametrize(("stated", "counts"), [(0, 1), (0.5, 1), (1, 1), (1.5, 1.5), (86400, 86400)])
def test_a_retry_at_once_is_kept_as_it_was_written_and_counts_as_a_second(
    stated: float, counts: float
) -> None:
    policy = {"retry_interval_s": stated, "max_retries": 100}
    document = read_document(ACCEPTED["an escalation of nothing"] | {"escalation_policy": policy})
    assert write_document(document)["escalation_policy"] == policy
    made = bound(document).escalation
    assert made is not None
    assert (made.interval, made.retries) == (counts * SECOND, 100)


# ── the published schema ───────────────────────────────────────────────────────────────────────────────
def test_the_published_schema_is_the_one_of_the_program() -> None:
    published = json.loads((ROOT / "docs/reference/rule.schema.json").read_text())
    assert published == rule_schema(), "run: godkaiser rules schema > docs/reference/rule.schema.json"
    shown = CliRunner().invoke(app, ["rules", "schema"])
    assert shown.exit_code == 0
    assert json.loads(shown.stdout) == published


@pytest.mark.parametrize("title", ACCEPTED)
def test_accepted_ones_fit_the_schema_as_they_came_and_as_they_are_written(title: str) -> None:
    judge = jsonschema.Draft202012Validator(rule_schema())
    judge.check_schema(judge.schema)
    for data in (ACCEPTED[title], write_document(read_document(ACCEPTED[title]))):
        assert [error.message for error in judge.iter_errors(data)] == []


@pytest.mark.parametrize(
    "title",
    [
        "name too short", "no name", "no conditions", "eleven conditions", "priority 101", "unknown key",
        "unknown condition", "unknown action", "unknown operator", "pin 40", "weekday 7", "logic NOR",
        "delay of nothing", "a sequence of nothing", "diagnostics", "PWM of 2", "two days",
        "critical in words", "an escalation by pigeon", "a failover that is none",
        "an escalation of more tries than there may be", "an escalation over more than a day",
        "a command there is not",
    ],
)  # fmt: skip
def test_the_schema_refuses_what_one_field_tells(title: str) -> None:
    judge = jsonschema.Draft202012Validator(rule_schema())
    assert not judge.is_valid(REFUSED[title][0])
