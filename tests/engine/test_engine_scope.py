"""A stop of one node or one zone: what it holds, what it leaves alone, and how several of them live together."""

from typing import Any

import pytest

from godkaiser.engine import picture
from godkaiser.engine.effect import Effect, Journal, Send
from godkaiser.errors import InvalidError
from godkaiser.io.wire.config import plan_push
from godkaiser.model import event as ev
from godkaiser.model.command import Configure, Move
from godkaiser.model.ids import ActuatorId, NodeId
from godkaiser.model.scope import ALL, Scope
from godkaiser.model.site import Site
from godkaiser.safety.stop import Phase
from tests.engine.bench import (
    AIR,
    CLIMATE,
    COOL,
    FAN,
    GOD,
    HEATER,
    PUMP,
    SITE,
    WATER,
    Desk,
    Fate,
    fates,
    halts,
    moves,
    only,
    releases,
)

NODE, ZONE = Scope("node", CLIMATE), Scope("zone", "roots")
SPLIT = Site.model_validate(
    SITE.model_dump()
    | {
        "zones": [{"id": "bench"}, {"id": "roots"}],
        # The heater warms the roots although its node stands at the bench.
        "actuators": [
            a.model_dump()
            | ({"zone": "roots"} if a.gpio in (26, 14) else {"zone": "bench"} if a.gpio == 27 else {})
            for a in SITE.actuators
        ],
    }
)
BOTH: dict[str, Any] = COOL | {
    "actions": [*COOL["actions"], {"type": "actuator", "esp_id": WATER, "gpio": 14, "command": "ON"}]
}


def stop(desk: Desk, scope: Scope = ALL, reason: str = "leak") -> list[Effect]:
    return desk.handle(ev.StopAsked(desk.now, "ann", reason, scope))


def clear(desk: Desk, scope: Scope = ALL, *, force: bool = False) -> list[Effect]:
    return desk.handle(ev.ClearAsked(desk.now, "ann", force, scope))


def phase(desk: Desk, scope: Scope) -> Phase:
    standing = desk.state.stops.get(scope)
    return Phase.NORMAL if standing is None else standing.stop.phase


def ack(desk: Desk, *nodes: NodeId) -> None:
    for node in nodes:
        desk.handle(ev.ClearAck(desk.now, GOD, node, ok=True))


def done(desk: Desk, effects: list[Effect]) -> list[ActuatorId]:
    """What was moved; the nodes carry it out."""
    desk.obey(effects)
    return [move.actuator for move in moves(effects)]


def test_stopping_one_node_leaves_the_other_working() -> None:
    desk = Desk().ready()
    effects = stop(desk, NODE)
    assert [move.actuator for move in moves(effects)] == [FAN, HEATER]
    assert halts(effects) == [CLIMATE], "never the broadcast"
    assert fates(desk.ask(FAN, 0.5)) == [Fate.REFUSED]
    assert moves(desk.ask(PUMP, 1.0)) == [Move(PUMP, "ON", 1.0, 120)]
    assert not desk.state.stop.phase.value.startswith("ACT")
    shown = picture.stop_picture(desk.state)
    assert shown["phase"] == "NORMAL"
    assert [(s["scope"], s["phase"], s["reason"]) for s in shown["others"]] == [(str(NODE), "ACTIVE", "leak")]


def test_a_zone_that_spans_nodes_is_stopped_by_single_commands() -> None:
    desk = Desk(site=SPLIT).ready()
    effects = stop(desk, ZONE)
    assert [move.actuator for move in moves(effects)] == [HEATER, PUMP]
    assert halts(effects) == []
    assert fates(desk.ask(HEATER, 1.0)) == [Fate.REFUSED]
    assert fates(desk.ask(FAN, 0.5)) == [Fate.SENT]
    desk.report(HEATER, 0.0)
    desk.report(PUMP, 0.0)
    assert picture.stop_picture(desk.state)["others"][0]["unconfirmed"] == []


def test_moving_a_thing_out_of_the_zone_does_not_take_it_out_of_the_stop() -> None:
    desk = Desk(site=SPLIT).ready()
    stop(desk, ZONE)
    known = desk.state.actuators[HEATER]
    known.spec = known.spec.model_copy(update={"zone": "bench"})
    assert fates(desk.ask(HEATER, 1.0)) == [Fate.REFUSED]
    desk.restart()
    assert fates(desk.ask(HEATER, 1.0)) == [Fate.REFUSED]


def test_scoped_stops_survive_the_controller_and_bind_only_theirs() -> None:
    desk = Desk().ready()
    stop(desk, NODE)
    desk.restart()
    effects = desk.link() + desk.beat() + desk.beat(WATER)
    assert {move.actuator for move in moves(effects)} == {FAN, HEATER}
    assert set(halts(effects)) == {CLIMATE}
    desk.wait(3)
    assert fates(desk.ask(FAN, 0.5)) == [Fate.REFUSED]
    assert fates(desk.ask(PUMP, 1.0)) == [Fate.SENT]


def test_each_is_cleared_by_itself() -> None:
    desk = Desk().ready()
    desk.obey(stop(desk))
    stop(desk, NODE)
    desk.wait(6)
    clear(desk)
    desk.wait(1)
    assert releases(desk.log) == [WATER], "the other stop keeps that node latched"
    ack(desk, WATER)
    desk.wait(20)
    assert (phase(desk, ALL), phase(desk, NODE)) == (Phase.NORMAL, Phase.ACTIVE)
    assert fates(desk.ask(FAN, 0.5)) == [Fate.REFUSED]
    assert fates(desk.ask(PUMP, 1.0)) == [Fate.SENT]
    effects = clear(desk, NODE) + desk.wait(1)
    assert releases(effects) == [CLIMATE]
    ack(desk, CLIMATE)
    desk.wait(10)
    assert desk.state.stops == {}
    assert [key for key in desk.journal if key[0] == "stop"] == []
    assert fates(desk.ask(FAN, 0.5)) == [Fate.SENT]


def test_a_clear_of_what_is_not_stopped_changes_nothing() -> None:
    desk = Desk().ready()
    stop(desk, NODE)
    before = len(desk.log)
    clear(desk)
    clear(desk, ZONE, force=True)
    assert only(Send, desk.log[before:]) == []
    assert phase(desk, NODE) is Phase.ACTIVE


def test_a_rule_goes_on_where_nothing_is_stopped_and_comes_back_with_new_readings() -> None:
    desk = Desk(BOTH, site=SPLIT).ready()
    desk.obey(stop(desk, NODE))
    assert done(desk, desk.read(AIR, 29)) == [PUMP]
    clear(desk, NODE, force=True)
    before = len(desk.log)
    desk.wait(20)
    assert phase(desk, NODE) is Phase.NORMAL
    assert not [move for move in moves(desk.log[before:]) if move.actuator == FAN], "nothing new was read"
    assert done(desk, desk.read(AIR, 29)) == [FAN]


def test_wishes_from_before_are_dropped_only_where_it_stops() -> None:
    desk = Desk(BOTH).ready()
    desk.obey(desk.read(AIR, 29))
    effects = stop(desk, NODE)
    assert [move.actuator for move in moves(effects)] == [FAN, HEATER]
    assert list(desk.state.wishes) == [PUMP]
    desk.obey(effects)
    assert [move.actuator for move in moves(desk.read(AIR, 20))] == [PUMP], (
        "the rule lets go of what it still has"
    )


def test_released_actuators_serve_rules_one_after_the_other() -> None:
    both = COOL | {
        "actions": [*COOL["actions"], {"type": "actuator", "esp_id": CLIMATE, "gpio": 26, "command": "ON"}]
    }
    desk = Desk(both).ready()
    desk.obey(stop(desk, NODE))
    desk.wait(6)
    clear(desk, NODE, force=True)
    desk.wait(2.5)
    assert done(desk, desk.read(AIR, 29)) == [FAN]
    desk.wait(2)
    assert phase(desk, NODE) is Phase.NORMAL
    assert done(desk, desk.read(AIR, 29)) == [HEATER]


def test_the_broker_back_tells_the_stop_and_the_others_debts() -> None:
    desk = Desk().ready()
    desk.link(up=False)
    stop(desk, NODE)
    desk.ask(PUMP, 0.0)
    effects = desk.link()
    assert [move.actuator for move in moves(effects)] == [FAN, HEATER, PUMP]
    assert halts(effects) == [CLIMATE]


@pytest.mark.parametrize("text", ["zone", "node:", "room:x", "zone:with space", "node:ESP", "all:x"])
def test_what_is_no_scope(text: str) -> None:
    with pytest.raises(InvalidError):
        Scope.parse(text)


def test_a_scope_is_written_as_it_is_read() -> None:
    for scope in (ALL, NODE, ZONE):
        assert Scope.parse(str(scope)) == scope == Scope.parse(scope.key)


def test_who_does_not_belong_to_us_is_not_told_to_clear() -> None:
    desk = Desk().ready()
    desk.report(PUMP, 0.0, emergency="active")
    desk.handle(ev.NodeDecided(desk.now, WATER, False, "ann"))
    desk.log.clear()
    desk.handle(ev.ClearAsked(desk.now, "ann", True, Scope("node", WATER)))
    assert releases(desk.log) == []
    desk.handle(ev.NodeDecided(desk.now, WATER, True, "ann"))
    desk.report(PUMP, 0.0, emergency="active")
    desk.handle(ev.ClearAsked(desk.now, "ann", True, Scope("node", WATER)))
    assert releases(desk.log) == [WATER]


def test_what_a_node_latched_by_itself_is_lifted_by_a_person() -> None:
    """After its own time limit, say: there is no stop of ours, and without this it would refuse for ever."""
    desk = Desk().ready()
    assert releases(clear(desk, NODE)) == [], "nothing is latched"
    desk.report(HEATER, 0.0, emergency="active")
    effects = clear(desk, NODE)
    assert releases(effects) == [CLIMATE]
    assert not any(send.energising for send in only(Send, effects))
    stop(desk)
    assert releases(clear(desk, NODE)) == [], "a stop of everything keeps it"


# ── P2: the node's own rules ───────────────────────────────────────────────────────────────────────────
def disarming(effects: list[Effect]) -> list[Configure]:
    orders = [send.command.order for send in only(Send, effects)]
    return [
        order
        for order in orders
        if isinstance(order, Configure) and order.part.scope == "offline_rules" and order.part.items == ()
    ]


def test_a_stop_takes_the_nodes_own_rules_off_and_says_until_then_that_it_is_not_proof() -> None:
    desk = Desk()
    desk.state.planner = plan_push
    desk.ready()
    for _ in range(5):  # its configuration first
        head = desk.state.nodes[CLIMATE].lane.correlation
        desk.outcome(CLIMATE, "persisted", head, flow="config")
        desk.handle(ev.ZoneAck(desk.now, GOD, CLIMATE, "zone_assigned", "bench", "", "", "", head))
    assert desk.state.nodes[CLIMATE].lane.converged_at is not None
    effects = stop(desk, NODE)
    (order,) = disarming(effects)
    assert order.node == CLIMATE
    assert not any(send.energising for send in only(Send, effects))
    shown = picture.stop_picture(desk.state)["others"][0]
    assert shown["not_offline_proof"] == [CLIMATE]
    desk.outcome(CLIMATE, "persisted", order.part.correlation, flow="config")
    assert picture.stop_picture(desk.state)["others"][0]["not_offline_proof"] == []
    assert desk.journal["node", CLIMATE]["rules"] == []
    assert disarming(stop(desk, NODE)) == [], "known to have none"


def test_old_firmware_knows_no_such_rules() -> None:
    desk = Desk()
    desk.state.planner = plan_push
    desk.link()
    desk.beat(WATER, boot="")
    desk.wait(2)
    effects = stop(desk, Scope("node", WATER))
    assert disarming(effects) == []
    assert picture.stop_picture(desk.state)["others"][0]["not_offline_proof"] == []


def test_it_comes_before_what_else_waits_in_the_lane() -> None:
    desk = Desk()
    desk.state.planner = plan_push
    desk.ready()
    node = desk.state.nodes[CLIMATE]
    assert node.lane.steps, "being configured"
    head = node.lane.steps[0]
    stop(desk, NODE)
    assert node.lane.steps[0] is head
    part = node.lane.steps[1].part
    assert part is not None
    assert (part.scope, part.items) == ("offline_rules", ())


def test_journal_lines_are_the_scopes_own() -> None:
    desk = Desk().ready()
    keys = [line.key for line in only(Journal, stop(desk, NODE)) if line.kind == "stop"]
    assert keys == [str(NODE)]
    assert desk.journal["stop", str(NODE)]["reason"] == "leak"


def test_a_clear_needs_the_word_of_who_is_away_or_says_so() -> None:
    desk = Desk().ready()
    desk.stop()
    desk.wait(6)
    desk.handle(ev.Will(desk.now, GOD, WATER, retained=False))
    desk.clear()
    desk.handle(ev.ClearAck(desk.now, GOD, CLIMATE, ok=True))
    desk.wait(12)
    held = desk.state.stop
    assert (held.phase, WATER in held.problem, CLIMATE in held.problem) == (Phase.ACTIVE, True, False)
    desk.clear(force=True)
    desk.wait(30)
    assert desk.state.stops == {}


def test_what_is_moved_into_a_stopped_zone_is_stopped() -> None:
    desk = Desk(site=SPLIT).ready()
    stop(desk, ZONE)
    outside = next(a for a in desk.state.actuators.values() if desk.state.stopped(a.id) is None)
    desk.obey(desk.ask(outside.id, 1.0))
    actuators = [
        spec.model_copy(update={"zone": ZONE.name}) if spec.id == outside.id else spec
        for spec in SPLIT.actuators
    ]
    moved = SPLIT.model_copy(update={"actuators": tuple(actuators)})
    said = desk.handle(ev.SiteChanged(desk.now, moved, (), "ann", ()))
    assert [(move.actuator, move.value) for move in moves(said)] == [(outside.id, 0.0)]
