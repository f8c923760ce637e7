"""What can move actuators without being an actuator command passes the gate like everything else."""

from dataclasses import replace
from typing import Any

import pytest

from godkaiser.model.command import Configure, FactoryReset, SafeMode, SubzoneSafe
from godkaiser.model.ids import ActuatorId
from godkaiser.model.nodeconfig import ActuatorItem, ConfigPart, Hardware, OfflineRule
from godkaiser.model.outcome import Severity
from godkaiser.safety.gate import Denied, Passed, permit
from godkaiser.safety.permit import NodeOrder
from tests.safety.bench import FAN, NODE, NOW, READY, View, spec_of

ITEM = ActuatorItem(25, "pwm", "fan", max_runtime_ms=700_000)
FIELDS: dict[str, Any] = {"max_on_s": 600}


def actuators(*items: ActuatorItem) -> Configure:
    return Configure(ConfigPart(NODE, Hardware(True, "esp32_dev"), "actuators", items, 7, "g1"))


def rules(*items: OfflineRule) -> Configure:
    return Configure(ConfigPart(NODE, Hardware(True, "esp32_dev"), "offline_rules", items, 7, "g1"))


RULE = OfflineRule("cool", 25, 0, "sht31_temp", activate_above=28, deactivate_below=25)
FINE = View(spec_of(**FIELDS))
EVERY: list[NodeOrder] = [
    actuators(ITEM),
    rules(RULE),
    SubzoneSafe(NODE, "north", on=True),
    SubzoneSafe(NODE, "north", on=False),
    SafeMode(NODE, on=False),
    FactoryReset(NODE),
]
SAFER: list[NodeOrder] = [SafeMode(NODE, on=True), rules()]


def codes(order: NodeOrder, view: View) -> list[str]:
    verdict = permit(order, view, NOW, "c1", who="ann", cause=3)
    if isinstance(verdict, Denied):
        return [f.code for f in verdict.findings if f.severity is Severity.REFUSE]
    assert (verdict.command.order, verdict.command.id, verdict.command.who) == (order, "c1", "ann")
    assert verdict.lease is None
    return []


@pytest.mark.parametrize("order", EVERY + SAFER, ids=repr)
def test_nothing_stands_in_the_way(order: NodeOrder) -> None:
    assert codes(order, FINE) == []
    assert isinstance(permit(order, FINE, NOW, "c1", who="ann", cause=3), Passed)


@pytest.mark.parametrize(
    ("view", "code"),
    [
        (replace(FINE, stop="smoke"), "stop_active"),
        (replace(FINE, up=False), "link_down"),
        (replace(FINE, journal_problem="No space left on device."), "journal_down"),
        (replace(FINE, at=None), "node_not_approved"),
        (replace(FINE, at=replace(READY, approved=False)), "node_not_approved"),
        (replace(FINE, at=replace(READY, online=False)), "node_offline"),
        (replace(FINE, at=replace(READY, online=None)), "node_offline"),
    ],
)
@pytest.mark.parametrize("order", EVERY, ids=repr)
def test_what_refuses_every_order(order: NodeOrder, view: View, code: str) -> None:
    assert code in codes(order, view)


@pytest.mark.parametrize("order", SAFER, ids=repr)
def test_what_only_makes_things_safer_passes_always(order: NodeOrder) -> None:
    """It says all the same what is odd about it."""
    worst = View(None, replace(READY, approved=False, online=False), "smoke", up=False, restless=(FAN,))
    verdict = permit(order, worst, NOW, "c1", who="ann", cause=3)
    assert isinstance(verdict, Passed)
    assert {f.severity for f in verdict.findings} == {Severity.WARN}
    assert {f.code for f in verdict.findings} >= {"node_not_approved", "stop_active", "link_down"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"default_state": True}, "unsafe_default"),
        ({"default_pwm": 90}, "unsafe_default"),
        ({"max_runtime_ms": 600_000}, "max_runtime_short"),
        ({"max_runtime_ms": 1}, "max_runtime_short"),
        ({"actuator_type": "relay"}, "wrong_type"),
    ],
)
def test_a_configuration_must_leave_the_actuator_safe(change: dict[str, Any], code: str) -> None:
    assert codes(actuators(replace(ITEM, **change)), FINE) == [code]


def test_the_default_is_the_safe_value_whatever_it_is() -> None:
    vent = View(spec_of(safe_value=0.3, **FIELDS))
    assert codes(actuators(ITEM), vent) == ["unsafe_default"]
    assert codes(actuators(replace(ITEM, default_state=True, default_pwm=round(0.3 * 255))), vent) == []
    normally_open = View(spec_of(type="relay", safe_value=1.0, **FIELDS))
    assert codes(actuators(replace(ITEM, actuator_type="relay", default_state=True)), normally_open) == []


def test_a_pump_without_a_limit_is_not_configured() -> None:
    endless = View(spec_of(type="pump", declared_by="node"))
    assert codes(actuators(replace(ITEM, actuator_type="pump")), endless) == ["max_runtime_short"]


def test_what_is_unknown_is_neither_configured_nor_switched_by_the_node() -> None:
    assert codes(actuators(ITEM), View(None)) == ["unknown_actuator"]
    assert codes(rules(RULE), View(None)) == ["unknown_actuator"]
    assert codes(rules(RULE), View(spec_of(enabled=False))) == ["unknown_actuator"]


def test_nobody_leaves_while_something_is_on() -> None:
    on = replace(FINE, restless=(FAN, ActuatorId.of(NODE, 14)))
    assert codes(FactoryReset(NODE), on) == ["not_safe", "not_safe"]
    assert codes(SubzoneSafe(NODE, "north", on=True), on) == ["not_safe", "not_safe"]
    assert codes(actuators(replace(ITEM, active=False)), on) == ["not_safe"], "only what is taken away"
    assert codes(actuators(ITEM), on) == []
    assert codes(rules(RULE), on) == []
    assert codes(SafeMode(NODE, on=False), on) == []
