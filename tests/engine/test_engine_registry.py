"""Who belongs to us: rejected and asking again, flapping, removed, given a new board."""

from godkaiser.engine.effect import Audit, NodeRecord
from godkaiser.engine.picture import node_picture, snapshot
from godkaiser.engine.state import Confirmed, Lane
from godkaiser.model import event as ev
from godkaiser.model.command import HeartbeatAck, Move
from godkaiser.model.ids import NodeId
from godkaiser.model.reading import Reading
from tests.engine.bench import (
    AIR,
    CLIMATE,
    COOL,
    FAN,
    GOD,
    HEATER,
    STRANGER,
    WATER,
    Desk,
    Fate,
    fates,
    moves,
    notices,
    stored,
)

NEW = NodeId.parse("ESP_FF00AA")


def actions(effects: list) -> list[str]:  # type: ignore[type-arg]
    return [audit.action for audit in stored(Audit, effects)]


# ── asking again ───────────────────────────────────────────────────────────────────────────────────────
def test_a_rejected_node_may_ask_again_after_five_minutes() -> None:
    desk = Desk().ready()
    desk.beat(STRANGER)
    desk.handle(ev.NodeDecided(desk.now, STRANGER, False, "ann"))
    desk.wait(299)
    (ack,) = notices(desk.beat(STRANGER), HeartbeatAck)
    assert ack.status == "rejected"
    desk.wait(1)
    effects = desk.beat(STRANGER)
    assert notices(effects, HeartbeatAck)[0].status == "pending_approval"
    assert actions(effects) == ["node.discovered"]
    assert actions(desk.beat(STRANGER)) == []


def test_flapping_is_shown_and_passes() -> None:
    desk = Desk().ready()

    def problems() -> list[str]:
        return list(node_picture(desk.state, desk.state.nodes[CLIMATE], desk.now)["problems"])

    desk.handle(ev.Will(desk.now, GOD, CLIMATE, retained=False))
    desk.beat()
    desk.handle(ev.Will(desk.now, GOD, CLIMATE, retained=True))
    assert problems() == [], "one loss, and an old word about it"
    desk.wait(100)
    desk.handle(ev.Will(desk.now, GOD, CLIMATE, retained=False))
    assert problems() == ["its connection flaps: lost 2 times in 5 minutes"]
    desk.beat()
    desk.live(400)
    desk.handle(ev.Will(desk.now, GOD, CLIMATE, retained=False))
    assert problems() == []


# ── removed ────────────────────────────────────────────────────────────────────────────────────────────
def test_a_removed_node_is_made_safe_first_and_keeps_its_past() -> None:
    desk = Desk(COOL).ready()
    desk.obey(desk.read(AIR, 29))
    desk.report(HEATER, 1.0)
    effects = desk.handle(ev.NodeRemoved(desk.now, CLIMATE, "ann"))
    assert moves(effects) == [Move(FAN, "OFF", 0.0), Move(HEATER, "OFF", 0.0)]
    assert actions(effects) == ["node.removed"]
    assert stored(NodeRecord, effects)[-1].status == "removed"
    assert CLIMATE not in [n["id"] for n in snapshot(desk.state, desk.now, 0)["nodes"]]
    assert AIR in desk.state.sensors
    assert stored(Reading, desk.read(AIR, 30)) == [], "what it says now is not stored"
    assert fates(desk.ask(FAN, 0.5)) == [Fate.REFUSED]
    assert ("node", CLIMATE) not in desk.journal
    desk.handle(ev.NodeRemoved(desk.now, STRANGER, "ann"))
    assert STRANGER not in desk.state.nodes


def test_a_removed_node_that_speaks_waits_for_approval_like_a_new_one() -> None:
    desk = Desk().ready()
    desk.obey(desk.handle(ev.NodeRemoved(desk.now, CLIMATE, "ann")))
    (ack,) = notices(desk.beat(), HeartbeatAck)
    assert ack.status == "pending_approval"
    desk.handle(ev.NodeDecided(desk.now, CLIMATE, True, "ann"))
    assert len(stored(Reading, desk.read(AIR, 20))) == 1


# ── another board ──────────────────────────────────────────────────────────────────────────────────────
def replaced() -> Desk:
    desk = Desk(COOL).ready()
    desk.state.nodes[CLIMATE].confirmed = Confirmed(zone=["bench", ""], config="abc", generation=7)
    desk.read(AIR, 20)
    desk.handle(ev.Will(desk.now, GOD, CLIMATE, retained=False))
    desk.beat(NEW, boot="n1")
    effects = desk.handle(ev.BoardReplaced(desk.now, CLIMATE, NEW, "ann"))
    assert actions(effects) == ["node.replaced"]
    return desk


def test_the_node_goes_on_under_its_own_name() -> None:
    desk = replaced()
    assert NEW not in desk.state.nodes
    effects = desk.beat(NEW, boot="n1")
    (ack,) = notices(effects, HeartbeatAck)
    assert (ack.node, ack.status) == (CLIMATE, "online")
    node = desk.state.nodes[CLIMATE]
    assert (node.online, node.board_id, node.name) == (True, NEW, "climate node")
    assert node.confirmed.config == "", "what the old board had says nothing about this one"
    desk.wait(3)
    event = ev.SensorReport(
        desk.now, GOD, NEW, 0, "sht31_temp", 29.0, desk.now // 10**6, False, "good", None, "", True, "0x44", None, ""
    )  # fmt: skip
    effects = desk.handle(event)
    (reading,) = stored(Reading, effects)
    assert reading.series == AIR
    assert [move.actuator for move in moves(effects)] == [FAN]
    shown = node_picture(desk.state, node, desk.now)
    assert (shown["id"], shown["board_id"]) == (CLIMATE, NEW)
    assert "was replaced by" in shown["notes"][0]["text"]


def test_the_old_board_has_no_voice_any_more() -> None:
    desk = replaced()
    before = len(desk.log)
    assert desk.beat(CLIMATE) == []
    assert desk.read(AIR, 99) == []
    assert len(desk.log) == before
    assert desk.state.counters["retired_boards"] == 2
    assert desk.state.nodes[CLIMATE].online is None


def test_it_is_remembered_over_a_restart() -> None:
    desk = replaced()
    desk.restart()
    desk.link()
    desk.beat(NEW, boot="n1")
    assert desk.state.nodes[CLIMATE].online
    assert desk.state.nodes[CLIMATE].board_id == NEW
    assert NEW not in desk.state.nodes


def test_the_first_board_may_come_back() -> None:
    desk = replaced()
    desk.handle(ev.BoardReplaced(desk.now, CLIMATE, CLIMATE, "ann"))
    assert desk.state.nodes[CLIMATE].board_id is None
    desk.beat(CLIMATE)
    assert desk.state.nodes[CLIMATE].online
    desk.beat(NEW)
    assert desk.state.nodes[NEW].status == "pending"


def test_others_speak_as_before() -> None:
    desk = replaced()
    desk.beat(WATER)
    assert desk.state.nodes[WATER].online
    desk.handle(ev.BoardReplaced(desk.now, STRANGER, NEW, "ann"))
    assert STRANGER not in desk.state.nodes


def test_its_lane_begins_anew() -> None:
    desk = replaced()
    assert desk.state.nodes[CLIMATE].lane == Lane()
    assert desk.state.due.get(("lane", CLIMATE)) is None
