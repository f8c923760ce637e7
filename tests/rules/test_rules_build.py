"""Documents bound to a site, and rules told in sentences."""

from typing import Any

import pytest
from hypothesis import given

from godkaiser.errors import DocumentError, UnboundError
from godkaiser.model.ids import ActuatorId, SeriesId
from godkaiser.model.instant import MINUTE, SECOND
from godkaiser.model.quantity import Quality
from godkaiser.model.site import ActuatorSpec
from godkaiser.model.sun import SunWindow
from godkaiser.model.window import TimeWindow
from godkaiser.rules.build import build_rule
from godkaiser.rules.document import read_document, write_document
from godkaiser.rules.evaluate import Memory, evaluate
from godkaiser.rules.explain import describe, sentence, tell
from godkaiser.rules.rule import (
    Every,
    Hysteresis,
    Rule,
    Threshold,
    Turn,
    WhenUnknown,
    inputs_of,
    series_of,
    watched,
)
from godkaiser.rules.surroundings import Surroundings
from godkaiser.sensors.types import canonical
from tests.rules.bench import AIR, FAN, NODE, NOW, PUMP, SOIL, View, unit
from tests.rules.test_rules_document import BAND, CLOCK, DOCUMENTS, ESP, HOT, TURN, rule

WEEK = frozenset(range(7))
NAMES = View().name_of


def built(document: dict[str, Any], **options: Any) -> Rule:
    given: dict[str, Any] = {"timezone": "UTC", "canonical": canonical, **options}
    return build_rule(read_document(document), **given)


def refused(document: dict[str, Any], **options: Any) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        built(document, **options)
    return caught.value


# ── build ──────────────────────────────────────────────────────────────────────────────────────────────
def test_a_whole_rule() -> None:
    made = built(
        rule(
            HOT | {"address": 68, "for_seconds": 90},
            priority=7, cooldown_seconds=30, max_executions_per_hour=4, enabled=False, description="why",
            when_unknown={"policy": "hold", "seconds": 60},
        )
    )  # fmt: skip
    assert made == Rule(
        made.id, "Cool the house", Threshold(AIR, ">", 28.0, None, 90 * SECOND), (Turn(FAN, 0.8),), False, 7,
        30 * SECOND, 4, WhenUnknown("hold", MINUTE), "why",
    )  # fmt: skip
    assert made.id == "cool-the-house"


@pytest.mark.parametrize("least", ["good", "uncalibrated", "suspect"])
def test_the_worst_quality_a_condition_looks_at(least: str) -> None:
    for part in (HOT, BAND):
        when = built(rule(part | {"min_quality": least})).when
        assert isinstance(when, Threshold | Hysteresis)
        assert when.least is Quality(least)
        assert inputs_of(when) == {(when.series, Quality(least))}


def test_conditions_become_one_tree() -> None:
    document = rule() | {
        "conditions": [BAND, CLOCK, {"logic": "OR", "conditions": [HOT]}],
        "logic_operator": "OR",
    }
    when = built(document, timezone="Europe/Berlin").when
    bare = SeriesId.of(NODE, 0, "sht31_temp")
    assert when == Every(
        (
            Hysteresis(bare, True, 28, 25),
            TimeWindow(360, 1320, WEEK, "Europe/Berlin"),
            Every((Threshold(bare, ">", 28),), False),
        ),
        False,
    )


def test_a_stated_zone_outranks_the_site() -> None:
    when = built(rule(CLOCK | {"timezone": "Asia/Kathmandu"})).when
    assert isinstance(when, TimeWindow)
    assert when.timezone == "Asia/Kathmandu"


def test_between_and_heating() -> None:
    between = {**HOT, "operator": "between", "value": None, "min": 0, "max": 5}
    assert built(rule(between)).when == Threshold(SeriesId.of(NODE, 0, "sht31_temp"), "between", 0, 5)
    heating = {"type": "hysteresis", "esp_id": ESP, "gpio": 34, "sensor_type": "Soil_Moisture",
               "activate_below": 35, "deactivate_above": 55}  # fmt: skip
    assert built(rule(heating)).when == Hysteresis(SOIL, False, 35, 55)


def test_an_explicit_zero_duration_is_bounded_by_the_actuator() -> None:
    assert built(rule(action=TURN | {"duration": 0})).actions == (Turn(FAN, 0.8, None),)
    assert built(rule(action=TURN | {"duration": 90})).actions == (Turn(FAN, 0.8, 90 * SECOND),)


def test_a_sensor_type_that_was_left_out_is_found_on_its_pin() -> None:
    condition = {"type": "sensor", "esp_id": ESP, "gpio": 34, "operator": "<", "value": 35}
    assert built(rule(condition), known=[AIR, SOIL]).when == Threshold(SOIL, "<", 35)
    nobody = refused(rule(condition), known=[AIR])
    assert nobody.path == "rule.conditions[0].sensor_type"
    assert "none known" in nobody.problem
    several = refused(
        rule(condition | {"gpio": 0}), known=[AIR, SeriesId.of(NODE, 0, "sht31_humidity", "0x44")]
    )
    assert "sht31_humidity, sht31_temp" in several.problem


def test_an_unknown_sensor_type_names_the_known_ones() -> None:
    error = refused(rule({"logic": "AND", "conditions": [HOT | {"sensor_type": "brix"}]}), path="rules[3]")
    assert error.path == "rules[3].conditions[0].conditions[0].sensor_type"
    assert "'brix'" in error.problem
    assert "moisture" in error.problem


@pytest.mark.parametrize("address", ["north", "28ff", 4096, "0x4", -5])
def test_an_address_that_is_none(address: object) -> None:
    """It would become part of a series id, which everything later trusts."""
    error = refused(rule(HOT | {"address": address}))
    assert error.path == "rule.conditions[0].address"


def test_on_without_any_bound_for_a_pump() -> None:
    on = {"type": "actuator", "esp_id": ESP, "gpio": 14, "command": "ON", "duration": 10}
    unbounded = ActuatorSpec(node=ESP, gpio=14, type="pump", declared_by="node")
    bounded = ActuatorSpec(node=ESP, gpio=14, type="pump", max_on_s=300)
    specs = {PUMP: unbounded}
    error = refused(rule(action=on), spec_of=specs.get)
    assert error.path == "rule.actions[0]"
    assert "states no max_on_s" in error.problem
    assert built(rule(action={**on, "command": "OFF"}), spec_of=specs.get).actions[0].value == 0.0
    assert built(rule(action=on), spec_of={PUMP: bounded}.get).actions == (Turn(PUMP, 1.0, 10 * SECOND),)
    assert built(rule(action=on)).actions[0].actuator == ActuatorId.of(NODE, 14)


@given(DOCUMENTS)
def test_written_and_read_again_a_rule_does_the_same(data: dict[str, Any]) -> None:
    document = read_document(data)
    options: dict[str, Any] = {"timezone": "UTC", "canonical": lambda _: "ph", "known": ()}
    if "'sensor_type': None" in repr(document.model_dump()):
        with pytest.raises(DocumentError, match="sensor_type: is missing"):
            build_rule(document, **options)
        return
    made = build_rule(document, **options)
    assert build_rule(read_document(write_document(document)), **options) == made
    text = sentence(made, str, lambda _: "pH")
    assert text.startswith("When ")
    assert text.endswith(".")
    evaluation = evaluate(made.when, Memory(), View(), NOW)
    assert tell(evaluation.trace, str, lambda _: "pH")


# ── explain ────────────────────────────────────────────────────────────────────────────────────────────
def said(when: Any, *turns: Turn) -> str:
    made = Rule(built(rule()).id, "x", when, turns or (Turn(FAN, 0.8),))
    return sentence(made, NAMES, unit)


@pytest.mark.parametrize(
    ("when", "text"),
    [
        (Hysteresis(AIR, True, 28, 25), "north bench air is above 28 °C (until below 25 °C)"),
        (Hysteresis(SOIL, False, 35, 55), "soil is below 35 % (until above 55 %)"),
        (Threshold(AIR, ">=", 0), "north bench air is at least 0 °C"),
        (Threshold(AIR, "!=", -1.5), "north bench air is not -1.5 °C"),
        (Threshold(AIR, "<", 5, lasting=90 * SECOND), "north bench air is below 5 °C for 90 s"),
        (Threshold(AIR, "<=", 5, lasting=2 * MINUTE), "north bench air is at most 5 °C for 2 min"),
        (Threshold(AIR, "==", 5, lasting=1_500_000), "north bench air is exactly 5 °C for 1.5 s"),
        (Threshold(AIR, "between", 0, 5), "north bench air is between 0 and 5 °C"),
        (Threshold(AIR, "<", 5, least=Quality.GOOD), "north bench air is below 5 °C (good readings only)"),
        (
            Hysteresis(SOIL, False, 35, 55, MINUTE, Quality.SUSPECT),
            "soil is below 35 % (until above 55 %) for 1 min (suspect readings and better)",
        ),
        (TimeWindow(360, 1320, WEEK, "UTC"), "it is 06:00–22:00 (UTC)"),
        (TimeWindow(0, 1440, frozenset({6, 0}), "UTC"), "it is 00:00–24:00 (UTC) on Mon, Sun"),
    ],
)
def test_sentences(when: Any, text: str) -> None:
    assert said(when) == f"When {text}, set fan to 80 %."
    assert describe(when, NAMES, unit) == text


def test_and_within_or_stands_in_brackets() -> None:
    day = TimeWindow(360, 1320, WEEK, "UTC")
    hot, dry = Threshold(AIR, ">", 28), Threshold(SOIL, "<", 35)
    inner = Every((dry, day), every=False)
    assert "above 28 °C and (soil is below 35 % or it is 06:00–22:00 (UTC))" in said(Every((hot, inner)))
    view = View({AIR: 29.0, SOIL: 50.0})
    trace = evaluate(Every((hot, inner)), Memory(), view, NOW).trace
    assert tell(trace, NAMES, unit) == (
        "north bench air is above 28 °C: 29 °C ✔ and "
        "(soil is below 35 %: 50 °C ✘ or it is 06:00–22:00 (UTC) ✘)"
    )


def test_deeds() -> None:
    text = said(
        Threshold(AIR, ">", 28), Turn(FAN, 1.0, 90 * SECOND), Turn(PUMP, 0.0), Turn(FAN, 0.125, 7200 * SECOND)
    )
    assert text.endswith(
        "turn on fan for at most 90 s and turn off pump and set fan to 12.5 % for at most 2 h."
    )


def test_a_trace_says_what_it_saw_and_what_it_lacks() -> None:
    unknown = evaluate(Threshold(AIR, ">", 28), Memory(), View(), NOW).trace
    assert tell(unknown, NAMES, unit) == "north bench air is above 28 °C ? (no reading yet)"
    band = evaluate(Hysteresis(AIR, True, 28, 25), Memory(), View({AIR: 26.0}), NOW).trace
    assert tell(band, NAMES, unit).endswith("26 °C ? (between the two limits, and not decided before)")
    young = evaluate(Threshold(AIR, ">", 28, lasting=MINUTE), Memory(), View({AIR: 29.0}), NOW).trace
    assert tell(young, NAMES, unit).endswith("29 °C ✘ (true, but not for long enough yet)")
    bare = describe(Threshold(AIR, ">", 28), NAMES, lambda _: "")
    assert bare == "north bench air is above 28"


# ── what only a site says ──────────────────────────────────────────────────────────────────────────────────
SUN: dict[str, Any] = {"type": "sun", "start_event": "sunrise", "end_event": "sunset"}


def test_the_sun_wants_a_place() -> None:
    error = refused(rule(SUN))
    assert isinstance(error, UnboundError)
    assert error.path == "rule.conditions[0].latitude"
    here = built(rule(SUN), around=Surroundings(position=(52.5, 13.4))).when
    there = built(
        rule(SUN | {"latitude": 1.0, "longitude": 2.0}), around=Surroundings(position=(52.5, 13.4))
    ).when
    assert isinstance(here, SunWindow)
    assert isinstance(there, SunWindow)
    assert (here.latitude, there.latitude) == (52.5, 1.0)


def test_a_name_that_two_sensors_bear_is_refused() -> None:
    both = Surroundings(names={"air": (AIR, SOIL), "soil": (SOIL,)})
    part = {"type": "sensor_diff", "sensor_a_id": "soil", "sensor_b_id": "Air", "operator": ">", "value": 1}
    error = refused(rule(part), around=both)
    assert error.path == "rule.conditions[0].sensor_b_id"
    assert "may be" in error.problem


def test_what_a_step_waits_for_is_watched_too() -> None:
    wet = {
        "type": "sensor",
        "esp_id": ESP,
        "gpio": 34,
        "sensor_type": "moisture",
        "operator": ">",
        "value": 60,
    }
    wait = {"type": "wait_until", "condition": wet, "timeout_seconds": 60}
    made = built(rule(action={"type": "sequence", "steps": [TURN, wait]}))
    assert watched(made) == {*series_of(made.when), SeriesId.of(NODE, 34, "moisture")}
    assert watched(built(rule())) == series_of(made.when)


def test_a_difference_is_of_one_unit() -> None:
    def told(one: SeriesId) -> str:
        return {"ds18b20": "°C", "sht31_temp": "°C", "moisture": "%"}.get(one.sensor_type, "")

    def between(a: str, b: str) -> dict[str, Any]:
        part = {"type": "sensor_diff", "sensor_a_id": f"{ESP}/4/{a}", "sensor_b_id": f"{ESP}/34/{b}"}
        return rule(part | {"operator": ">", "value": 1})

    error = refused(between("ds18b20", "moisture"), around=Surroundings(unit_of=told))
    assert error.path == "rule.conditions[0].sensor_b_id"
    assert "is in %" in error.problem
    assert "in °C: compare two of one unit" in error.problem
    for a, b in (("ds18b20", "sht31_temp"), ("ds18b20", "co2")):
        built(between(a, b), around=Surroundings(unit_of=told))
    built(between("ds18b20", "moisture"))  # where nobody knows the units
