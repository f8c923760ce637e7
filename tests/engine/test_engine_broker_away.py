"""The broker is away for a minute and fifty things are wanted meanwhile: what leaves afterwards, in which order."""

from __future__ import annotations

from collections import Counter
from typing import Any

from godkaiser.engine.effect import Effect, Send
from godkaiser.model import event as ev
from godkaiser.model.command import Move
from godkaiser.model.ids import ActuatorId, NodeId
from godkaiser.model.instant import SECOND
from godkaiser.model.outcome import Fate
from godkaiser.model.site import Site
from tests.engine.bench import AIR, CLIMATE, SITE, Desk, fates, moves, only

PUMPS = [NodeId.parse(f"ESP_C000{n:02X}") for n in range(10)]
PINS = (14, 25, 26, 27, 33)
MANY = Site.model_validate(
    SITE.model_dump()
    | {
        "nodes": [*(n.model_dump() for n in SITE.nodes), *({"id": p, "approved": True} for p in PUMPS)],
        "actuators": [
            {"node": node, "gpio": gpio, "type": "relay", "max_on_s": 600} for node in PUMPS for gpio in PINS
        ],
    }
)
ALL = [ActuatorId.of(node, gpio) for node in PUMPS for gpio in PINS]


def warm(gpio: int, nodes: list[NodeId]) -> dict[str, Any]:
    return {
        "name": f"pin {gpio}",
        "conditions": [
            {"type": "hysteresis", "esp_id": CLIMATE, "gpio": 0, "sensor_type": "sht31_temp",
             "activate_above": 28, "deactivate_below": 25},
        ],
        "actions": [{"type": "actuator", "esp_id": n, "gpio": gpio, "command": "ON"} for n in nodes],
        "cooldown_seconds": 0,
    }  # fmt: skip


def away_for_a_minute(desk: Desk) -> list[Effect]:
    """Rules want 25 things on, people want 25 others off, each several times; then the broker is back."""
    desk.link(up=False)
    before = len(desk.log)
    for _ in range(6):
        desk.wait(5)
        desk.read(AIR, 30)
        for actuator in ALL:
            if actuator.gpio in (25, 26) or (actuator.gpio == 14 and actuator.node in PUMPS[:5]):
                desk.ask(actuator, 0.0)
        desk.wait(5)
        desk.read(AIR, 20)
        desk.read(AIR, 31)
    assert only(Send, desk.log[before:]) == [], "nothing leaves without a broker"
    return desk.link() + desk.wait(2) + desk.wait(1)


def test_at_most_one_command_per_actuator_leaves_and_safe_values_first() -> None:
    rules = [warm(27, PUMPS), warm(33, PUMPS), warm(14, PUMPS[5:])]
    desk = Desk(*rules, site=MANY).ready(CLIMATE, *PUMPS)
    said = moves(away_for_a_minute(desk))
    assert max(Counter(move.actuator for move in said).values()) == 1
    values = [move.value for move in said]
    assert values == sorted(values), "everything that makes safe goes before everything that switches on"
    assert {move.actuator for move in said if move.value == 0} >= {a for a in ALL if a.gpio in (25, 26)}


def test_a_persons_on_is_not_kept_for_later() -> None:
    desk = Desk(site=MANY).ready(CLIMATE, *PUMPS)
    desk.link(up=False)
    assert {fate for actuator in ALL for fate in fates(desk.ask(actuator, 1.0))} == {Fate.REFUSED}
    assert [move for move in moves(desk.link() + desk.wait(30)) if move.value > 0] == []


def test_a_stop_of_fifty_actuators_without_a_broker_is_one_event() -> None:
    desk = Desk(site=MANY).ready(CLIMATE, *PUMPS)
    desk.link(up=False)
    effects = desk.stop()
    assert not [m for m in moves(effects) if m.value > 0]
    desk.now += 60 * SECOND
    desk.handle(ev.Timer(desk.now))
    first = [send.command.order for send in only(Send, desk.link())]
    told = [order.actuator for order in first if isinstance(order, Move)]
    assert sorted(told) == sorted(ALL)
