"""Rule documents: what is read, what is refused and where, and that nothing is lost on the way."""

import copy
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.errors import DocumentError
from godkaiser.rules.bounded import DEEPEST
from godkaiser.rules.document import (
    ActuatorPart,
    CompoundPart,
    HysteresisPart,
    ThresholdPart,
    TimeWindowPart,
    read_document,
    write_document,
)

ESP = "ESP_A1B2C3"
ON_AIR: dict[str, Any] = {"esp_id": ESP, "gpio": 0, "sensor_type": "sht31_temp"}
HOT: dict[str, Any] = {"type": "sensor_threshold", **ON_AIR, "operator": ">", "value": 28}
BAND: dict[str, Any] = {"type": "hysteresis", **ON_AIR, "activate_above": 28, "deactivate_below": 25}
CLOCK: dict[str, Any] = {"type": "time_window", "start_time": "06:00", "end_time": "22:00"}
TURN: dict[str, Any] = {"type": "actuator_command", "esp_id": ESP, "gpio": 25, "command": "PWM", "value": 0.8}


def rule(condition: Any = HOT, action: Any = TURN, **fields: Any) -> dict[str, Any]:
    return {"name": "Cool the house", "conditions": [condition], "actions": [action], **fields}


def refused(document: Any) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        read_document(document)
    assert str(caught.value) == f"{caught.value.path}: {caught.value.problem}"
    assert caught.value.path in caught.value.remedy
    return caught.value


# ── what is read ───────────────────────────────────────────────────────────────────────────────────────
def test_names_of_the_existing_system_are_read() -> None:
    old = {
        "rule_name": "Cool the house",
        "trigger_conditions": {
            "type": "sensor",
            **ON_AIR,
            "sensor_type": "SHT31_Temp",
            "operator": ">",
            "value": 28,
        },
        "actions": [
            {"type": "actuator", "esp_id": ESP, "gpio": 25, "command": "PWM", "value": 0.8, "duration": 30}
        ],
        "is_critical": False,
        "escalation_policy": None,
    }
    document = read_document(old)
    assert document.name == "Cool the house"
    (condition,), (action,) = document.conditions, document.actions
    assert isinstance(condition, ThresholdPart)
    assert isinstance(action, ActuatorPart)
    assert condition.sensor_type == "sht31_temp"
    assert action.seconds == 30
    assert (document.logic_operator, document.enabled, document.priority) == ("AND", True, 50)
    assert (document.cooldown_seconds, document.max_executions_per_hour) == (60, None)


def test_an_explicit_zero_is_kept() -> None:
    both = read_document(rule(action=TURN | {"duration_seconds": 0, "duration": 30}))
    (action,) = both.actions
    assert isinstance(action, ActuatorPart)
    assert action.seconds == 0
    assert write_document(both)["actions"][0]["duration_seconds"] == 0
    (zero,) = read_document(rule(HOT | {"value": 0})).conditions
    assert isinstance(zero, ThresholdPart)
    assert zero.value == 0


def test_a_compound_needs_no_type() -> None:
    (part,) = read_document(rule({"logic": "OR", "conditions": [HOT, CLOCK]})).conditions
    assert isinstance(part, CompoundPart)
    assert [type(inner) for inner in part.conditions] == [ThresholdPart, TimeWindowPart]


@pytest.mark.parametrize(
    ("fields", "start", "end"),
    [
        ({"start_hour": 6, "end_hour": 22}, 360, 1320),
        ({"start_hour": 6, "start_minute": 30, "end_hour": 22, "end_minute": 15}, 390, 1335),
        ({"start_hour": 0, "end_hour": 24}, 0, 1440),
        ({"start_time": "6:05", "end_time": "24:00"}, 365, 1440),
        ({"start_time": "22:00", "end_hour": 0}, 1320, 0),
    ],
)
def test_clock_times(fields: dict[str, Any], start: int, end: int) -> None:
    (part,) = read_document(rule({"type": "time", **fields})).conditions
    assert isinstance(part, TimeWindowPart)
    assert (part.start, part.end) == (start, end)


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({"command": "ON"}, 1.0),
        ({"command": "ON", "value": 0.4}, 1.0),
        ({"command": "OFF"}, 0.0),
        ({"command": "OFF", "value": 0}, 0.0),
        ({"command": "PWM", "value": 0}, 0.0),
        ({"command": "PWM", "value": 0.4}, 0.4),
    ],
)
def test_levels(fields: dict[str, Any], level: float) -> None:
    action = {"type": "actuator_command", "esp_id": ESP, "gpio": 25, **fields}
    (part,) = read_document(rule(action=action)).actions
    assert isinstance(part, ActuatorPart)
    assert part.level == level


# ── what is refused ────────────────────────────────────────────────────────────────────────────────────
C = "rule.conditions[0]"
A = "rule.actions[0]"
REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("unknown condition type", rule({"type": "moon_phase"}), f"{C}.type", "'moon_phase' is not supported"),
    ("no type", rule({"operator": ">"}), f"{C}.type", "is missing"),
    ("diagnostics", rule({"type": "diagnostics_status", "check_name": "dns"}), f"{C}.check_name", "'mqtt'"),
    ("notification", rule(action={"type": "notification", "channel": "fax"}), f"{A}.channel", "email"),
    ("unknown operator", rule(HOT | {"operator": "=>"}), f"{C}.operator", "'>'"),
    ("value missing", rule({k: v for k, v in HOT.items() if k != "value"}), f"{C}.value", "value is missing"),
    (
        "value with between",
        rule(HOT | {"operator": "between", "min": 1, "max": 2}),
        f"{C}.value",
        "not value",
    ),
    ("min without between", rule(HOT | {"min": 1}), f"{C}.min", "belong to between"),
    (
        "between without max",
        rule(HOT | {"operator": "between", "value": None, "min": 1}),
        f"{C}.max",
        "min and max",
    ),
    (
        "between without min",
        rule(HOT | {"operator": "between", "value": None, "max": 1}),
        f"{C}.min",
        "min and max",
    ),
    (
        "min > max",
        rule(HOT | {"operator": "between", "value": None, "min": 2, "max": 1}),
        f"{C}.min",
        "exceed",
    ),
    (
        "both pairs",
        rule(BAND | {"activate_below": 1, "deactivate_above": 2}),
        f"{C}.activate_below",
        "activate_above and",
    ),
    ("neither pair", rule({"type": "hysteresis", **ON_AIR}), f"{C}.activate_above", "activate_above and"),
    (
        "half a pair",
        rule({"type": "hysteresis", **ON_AIR, "activate_above": 1}),
        f"{C}.deactivate_below",
        "activate_above and",
    ),
    ("a pair and a half", rule(BAND | {"activate_below": 1}), f"{C}.activate_below", "activate_above and"),
    (
        "crossed pair",
        rule({"type": "hysteresis", **ON_AIR, "activate_above": 2, "deactivate_above": 1}),
        f"{C}.deactivate_below",
        "give",
    ),
    (
        "reversed cooling",
        rule(BAND | {"activate_above": 25, "deactivate_below": 28}),
        f"{C}.deactivate_below",
        "greater",
    ),
    (
        "equal cooling",
        rule(BAND | {"activate_above": 25, "deactivate_below": 25}),
        f"{C}.deactivate_below",
        "greater",
    ),
    (
        "reversed heating",
        rule({"type": "hysteresis", **ON_AIR, "activate_below": 21, "deactivate_above": 18}),
        f"{C}.deactivate_above",
        "less",
    ),
    ("NaN", rule(HOT | {"value": math.nan}), f"{C}.value", "finite"),
    ("infinity", rule(HOT | {"value": -math.inf}), f"{C}.value", "finite"),
    ("NaN as text", rule(HOT | {"value": "nan"}), f"{C}.value", "finite"),
    ("infinity as text", rule(BAND | {"activate_above": "inf"}), f"{C}.activate_above", "finite"),
    ("a number as text", rule(HOT | {"value": "25"}), f"{C}.value", "without quotes"),
    ("a time as text", rule(HOT | {"for_seconds": "25"}), f"{C}.for_seconds", "without quotes"),
    ("a priority as text", rule(priority="5"), "rule.priority", "without quotes"),
    ("true as a priority", rule(priority=True), "rule.priority", "whole number"),
    ("a weekday as text", rule(CLOCK | {"days_of_week": ["0"]}), f"{C}.days_of_week[0]", "without quotes"),
    (
        "an hour as text",
        rule({"type": "time", "start_hour": "6", "end_hour": 8}),
        f"{C}.start_hour",
        "quotes",
    ),
    ("true as a number", rule(HOT | {"value": True}), f"{C}.value", "finite"),
    ("node id", rule(HOT | {"esp_id": "esp_a1b2c3"}), f"{C}.esp_id", "node id 'esp_a1b2c3'"),
    ("node id of an action", rule(action=TURN | {"esp_id": "ESP_TEST001"}), f"{A}.esp_id", "ESP_TEST001"),
    ("pin", rule(HOT | {"gpio": 40}), f"{C}.gpio", "39"),
    ("negative pin", rule(action=TURN | {"gpio": -1}), f"{A}.gpio", "0"),
    ("pin as text", rule(HOT | {"gpio": "0"}), f"{C}.gpio", "not a text"),
    ("pin as bool", rule(HOT | {"gpio": True}), f"{C}.gpio", "must be a whole number"),
    ("empty sensor type", rule(HOT | {"sensor_type": " "}), f"{C}.sensor_type", "1 character"),
    ("sensor type of another kind", rule(HOT | {"sensor_type": 5}), f"{C}.sensor_type", "must be text"),
    ("quality error", rule(HOT | {"min_quality": "error"}), f"{C}.min_quality", "'suspect'"),
    (
        "unknown key",
        rule(HOT | {"zone": "x"}),
        f"{C}.zone",
        "is not known here: a slip of the pen, or it belongs elsewhere",
    ),
    ("empty conditions", rule() | {"conditions": []}, "rule.conditions", "at least 1"),
    ("empty actions", rule() | {"actions": []}, "rule.actions", "at least 1"),
    ("empty compound", rule({"logic": "AND", "conditions": []}), f"{C}.conditions", "at least 1"),
    (
        "inner",
        rule({"logic": "AND", "conditions": [CLOCK, HOT | {"gpio": 99}]}),
        f"{C}.conditions[1].gpio",
        "39",
    ),
    ("too many", rule() | {"conditions": [HOT] * 11}, "rule.conditions", "at most 10"),
    ("no conditions", {"name": "abc", "actions": [TURN]}, "rule.conditions", "is missing"),
    ("a condition that is none", rule("hot"), C, "must be an object with fields"),
    (
        "minute with hour 24",
        rule(CLOCK | {"end_time": None, "end_hour": 24, "end_minute": 1}),
        f"{C}.end_minute",
        "no minute",
    ),
    ("hour 25", rule(CLOCK | {"end_time": "25:00"}), f"{C}.end_time", "HH:MM"),
    ("minute 60", rule(CLOCK | {"end_time": "12:60"}), f"{C}.end_time", "HH:MM"),
    ("one digit of a minute", rule(CLOCK | {"end_time": "12:5"}), f"{C}.end_time", "HH:MM"),
    ("a number for a time", rule(CLOCK | {"end_time": 720}), f"{C}.end_time", "HH:MM"),
    ("start at 24", rule(CLOCK | {"start_time": "24:00"}), f"{C}.start_time", "before 24:00"),
    ("an empty window", rule(CLOCK | {"end_time": "06:00"}), f"{C}.start_time", "differ"),
    ("two starts", rule(CLOCK | {"start_hour": 6}), f"{C}.start_time", "start_time or start_hour"),
    ("no end", rule({"type": "time", "start_hour": 6}), f"{C}.end_time", "end_time or end_hour"),
    ("no day", rule(CLOCK | {"days_of_week": []}), f"{C}.days_of_week", "days_of_week is empty"),
    ("day 7", rule(CLOCK | {"days_of_week": [7]}), f"{C}.days_of_week[0]", "6"),
    (
        "a zone that is none",
        rule(CLOCK | {"timezone": "Mars/Olympus"}),
        f"{C}.timezone",
        "'Mars/Olympus' is not an IANA zone",
    ),
    (
        "a path for a zone",
        rule(CLOCK | {"timezone": "../../etc/passwd"}),
        f"{C}.timezone",
        "is not an IANA zone",
    ),
    ("PWM without value", rule(action={**TURN, "value": None}), f"{A}.value", "PWM needs a value"),
    ("value 1.1", rule(action=TURN | {"value": 1.1}), f"{A}.value", "must be at most 1"),
    ("a command", rule(action=TURN | {"command": "FLIP"}), f"{A}.command", "'TOGGLE'"),
    ("duration of two days", rule(action=TURN | {"duration": 172_800}), f"{A}.duration", "86400"),
    ("negative duration", rule(action=TURN | {"duration_seconds": -1}), f"{A}.duration_seconds", "0"),
    ("short name", rule(name="ab"), "rule.name", "at least 3"),
    ("long name", rule(name="x" * 101), "rule.name", "at most 100"),
    ("priority 0", rule(priority=0), "rule.priority", "1"),
    ("61 an hour", rule(max_executions_per_hour=61), "rule.max_executions_per_hour", "60"),
    ("critical", rule(is_critical=1), "rule.is_critical", "true or false"),
    ("escalation", rule(escalation_policy={"notify": 5}), "rule.escalation_policy.notify", "must be a list"),
    ("unknown policy", rule(when_unknown={"policy": "guess"}), "rule.when_unknown.policy", "'safe'"),
    ("operator XOR", rule(logic_operator="XOR"), "rule.logic_operator", "'AND'"),
]


@pytest.mark.parametrize(
    ("document", "path", "word"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refused_with_its_path_and_a_reason(document: Any, path: str, word: str) -> None:
    error = refused(document)
    assert error.path == path
    assert word in error.problem


@pytest.mark.parametrize("document", [None, 5, "rule", [], [rule()]])
def test_what_is_no_rule_at_all(document: Any) -> None:
    assert refused(document).path == "rule"


def nested(times: int) -> dict[str, Any]:
    deep: dict[str, Any] = HOT
    for _ in range(times):
        deep = {"logic": "AND", "conditions": [deep]}
    return rule(deep)


@pytest.mark.parametrize("times", [DEEPEST, 3000])
def test_a_bottomless_rule_is_refused(times: int) -> None:
    error = refused(nested(times))
    assert error.path == C + ".conditions[0]" * DEEPEST
    assert f"deeper than {DEEPEST}" in error.problem
    assert read_document(nested(DEEPEST - 1)).name


def test_lists_within_lists_are_followed_no_deeper() -> None:
    deep: Any = []
    for _ in range(3000):
        deep = [deep]
    assert refused(rule() | {"conditions": deep}).path == "rule.conditions" + "[0]" * (DEEPEST + 1)


def test_a_part_that_is_used_again_and_again_counts_each_time() -> None:
    """As YAML gives it: every part is there once, and the whole has thousands of millions of them."""
    part: Any = HOT
    for _ in range(10):
        part = {"logic": "AND", "conditions": [part] * 10}
    error = refused(rule(part))
    assert (error.path, "more than" in error.problem) == ("rule", True)


def test_a_part_of_itself_is_refused() -> None:
    part: dict[str, Any] = {"logic": "AND"}
    part["conditions"] = [part]
    assert f"deeper than {DEEPEST}" in refused(rule(part)).problem


# ── two things at once ─────────────────────────────────────────────────────────────────────────────────
ON, OFF = TURN | {"command": "ON", "value": None}, TURN | {"command": "OFF", "value": None}
FLIP = TURN | {"command": "TOGGLE", "value": None}
WAIT = {"type": "delay", "seconds": 1}
TELL = {"type": "notification", "channel": "websocket"}


def sequence(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"type": "sequence", "steps": list(steps)}


@pytest.mark.parametrize(
    ("actions", "place"),
    [
        ([ON, OFF], "[1]"),
        ([ON, ON | {"duration_seconds": 5}], "[1]"),
        ([OFF, TELL, ON], "[2]"),
        ([ON, sequence(OFF)], "[1].steps[0]"),
        ([ON, WAIT, OFF, ON], "[3]"),
        ([ON, sequence(TELL, TELL, OFF)], "[1].steps[2]"),
        ([ON, FLIP], "[1]"),
        ([FLIP, OFF], "[1]"),
        ([FLIP | {"value": 0.8}, TURN], "[1]"),
        ([FLIP, FLIP | {"duration_seconds": 5}], "[1]"),
        ([FLIP, TELL, FLIP], "[2]"),
        ([FLIP, sequence(FLIP)], "[1].steps[0]"),
    ],
)
def test_two_things_of_one_actuator_at_the_same_moment(actions: list[Any], place: str) -> None:
    error = refused(rule() | {"actions": actions})
    assert error.path == f"rule.actions{place}"
    assert "at the same moment: put a delay between" in error.problem


@pytest.mark.parametrize(
    "actions",
    [
        [ON, ON],
        [ON, OFF | {"gpio": 26}],
        [ON, WAIT, OFF],
        [ON, sequence(TELL | {"delay_after_seconds": 1}, OFF)],
        [sequence(ON, OFF), ON],
        [FLIP, FLIP | {"value": 0.5}],
        [FLIP, OFF | {"gpio": 26}],
        [FLIP, WAIT, FLIP],
        [sequence(FLIP, FLIP)],
    ],
)
def test_one_after_the_other_is_accepted(actions: list[Any]) -> None:
    assert len(read_document(rule() | {"actions": actions}).actions) == len(actions)


def escalating(*failover: dict[str, Any], **more: Any) -> dict[str, Any]:
    return rule(escalation_policy={"failover_actions": list(failover)}, **more)


@pytest.mark.parametrize("action", [ON, OFF, sequence(WAIT, ON), sequence(TELL, OFF)])
@pytest.mark.parametrize("also", [ON, OFF, FLIP])
def test_a_failover_that_would_fight_with_the_rule_itself(action: Any, also: Any) -> None:
    error = refused(escalating(TELL, also, action=action))
    assert error.path == "rule.escalation_policy.failover_actions[1]"
    place = "rule.actions[0]" + (".steps[1]" if "steps" in action else "")
    assert f"as {place} does" in error.problem
    assert "leave it out, the safe value comes by itself when the rule ends" in error.problem


OTHER = {"gpio": 26}


@pytest.mark.parametrize(
    "second", [OFF | OTHER, ON | OTHER | {"duration": 5}, TURN | OTHER | {"value": 0.5}, FLIP | OTHER]
)
def test_a_failover_that_contradicts_itself(second: dict[str, Any]) -> None:
    error = refused(escalating(ON | OTHER, TELL, second, action=ON))
    assert error.path == "rule.escalation_policy.failover_actions[2]"
    assert "than rule.escalation_policy.failover_actions[0] at the same moment" in error.problem
    assert "leave one of the two out" in error.problem


def test_a_failover_that_says_the_same_twice_is_accepted() -> None:
    again = ON | OTHER | {"duration": 0}
    flip = FLIP | {"gpio": 27}
    made = read_document(escalating(ON | OTHER, again, flip, flip, action=ON))
    assert made.escalation_policy is not None
    assert len(made.escalation_policy.failover_actions) == 4


# ── round trip ─────────────────────────────────────────────────────────────────────────────────────────
NUMBERS = st.integers(-1000, 1000) | st.floats(-1000, 1000)
SECONDS = st.integers(0, 86400) | st.floats(0, 86400)
PLACES = st.fixed_dictionaries(
    {"esp_id": st.sampled_from([ESP, "MOCK_A"]), "gpio": st.sampled_from([0, 4, 25, 34, 36])},
    optional={
        "sensor_type": st.sampled_from(["ph", "Moisture", "soil_moisture"]),
        "address": st.none() | st.integers(0, 127) | st.just("28FF641E8D3C0C79"),
        "for_seconds": SECONDS,
        "min_quality": st.sampled_from([None, "good", "uncalibrated", "suspect"]),
    },
)
COMPARED = st.one_of(
    st.fixed_dictionaries(
        {"operator": st.sampled_from([">", ">=", "<", "<=", "==", "!="]), "value": NUMBERS}
    ),
    st.tuples(NUMBERS, NUMBERS).map(lambda m: {"operator": "between", "min": min(m), "max": max(m)}),
)
THRESHOLDS = st.builds(
    lambda place, compared, kind: {**place, **compared, "type": kind},
    PLACES, COMPARED, st.sampled_from(["sensor_threshold", "sensor"]),
)  # fmt: skip
PAIRS = st.tuples(NUMBERS, NUMBERS).filter(lambda p: p[0] != p[1]).map(sorted)
HYSTERESES = st.builds(
    lambda place, pair, cooling: {
        **place,
        "type": "hysteresis",
        **({"activate_above": pair[1], "deactivate_below": pair[0]} if cooling else {}),
        **({} if cooling else {"activate_below": pair[0], "deactivate_above": pair[1]}),
    },
    PLACES, PAIRS, st.booleans(),
)  # fmt: skip
CLOCKS = st.tuples(st.integers(0, 1439), st.integers(0, 1440)).filter(lambda c: c[0] != c[1])


def window(clock: tuple[int, int], text: bool, days: list[int], zone: str | None) -> dict[str, Any]:
    (start_hour, start_minute), (end_hour, end_minute) = divmod(clock[0], 60), divmod(clock[1], 60)
    made: dict[str, Any] = {"type": "time_window", "days_of_week": days, "timezone": zone}
    if text:
        return made | {
            "start_time": f"{start_hour:02d}:{start_minute:02d}",
            "end_time": f"{end_hour:02d}:{end_minute:02d}",
        }
    return made | {
        "start_hour": start_hour,
        "start_minute": start_minute,
        "end_hour": end_hour,
        "end_minute": end_minute,
    }


WINDOWS = st.builds(
    window,
    CLOCKS,
    st.booleans(),
    st.lists(st.integers(0, 6), min_size=1, max_size=7),
    st.sampled_from([None, "UTC", "Europe/Berlin"]),
)
LEAVES = THRESHOLDS | HYSTERESES | WINDOWS
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.fixed_dictionaries(
        {"logic": st.sampled_from(["AND", "OR"]), "conditions": st.lists(inner, min_size=1, max_size=3)}
    ),
    max_leaves=5,
)
ACTIONS = st.builds(
    lambda what, seconds: {"type": "actuator", "esp_id": ESP, "gpio": 25, **what, **seconds},
    st.sampled_from([{"command": "ON"}, {"command": "OFF"}, {"command": "PWM", "value": 0.25}]),
    st.fixed_dictionaries({}, optional={"duration": SECONDS, "duration_seconds": SECONDS}),
)


def _pin(action: dict[str, Any]) -> tuple[str, int]:
    """Two things of one actuator at the same moment are refused."""
    return action["esp_id"], action["gpio"]


DOCUMENTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "name": st.text("abc DEF", min_size=3, max_size=20),
        "conditions": st.lists(CONDITIONS, min_size=1, max_size=3),
        "actions": st.lists(ACTIONS, min_size=1, max_size=3, unique_by=_pin),
    },
    optional={
        "description": st.text(max_size=20),
        "logic_operator": st.sampled_from(["AND", "OR"]),
        "enabled": st.booleans(),
        "priority": st.integers(1, 100),
        "cooldown_seconds": SECONDS,
        "max_executions_per_hour": st.none() | st.integers(1, 60),
        "when_unknown": st.fixed_dictionaries(
            {"policy": st.sampled_from(["safe", "hold", "keep"])}, optional={"seconds": SECONDS}
        ),
    },
)


@given(DOCUMENTS)
def test_what_is_written_is_read_as_the_same(data: dict[str, Any]) -> None:
    before = copy.deepcopy(data)
    document = read_document(data)
    assert data == before
    written = write_document(document)
    again = read_document(json.loads(json.dumps(written)))
    assert write_document(again) == written
    for first, second in zip(_behaviour(document), _behaviour(again), strict=True):
        assert first == second


def _behaviour(document: Any) -> list[Any]:
    """What the rule does, apart from how it was spelled."""
    found: list[Any] = [document.name, document.logic_operator, document.priority, document.cooldown_seconds]
    found += [document.enabled, document.max_executions_per_hour, document.when_unknown, document.description]
    found += [(a.esp_id, a.gpio, a.level, a.seconds) for a in document.actions]
    stack = list(document.conditions)
    while stack:
        part = stack.pop()
        if isinstance(part, CompoundPart):
            stack += part.conditions
            found.append(part.logic)
        elif isinstance(part, TimeWindowPart):
            found.append((part.start, part.end, part.days_of_week, part.timezone))
        elif isinstance(part, HysteresisPart):
            found.append(part)
        else:
            found.append(part.model_copy(update={"type": "sensor_threshold"}))
    return found
