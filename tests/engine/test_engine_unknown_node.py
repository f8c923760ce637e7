"""An actuator on a node that nobody has heard of or declared: everything else goes on, and people see all of it."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.engine import picture
from godkaiser.io.wire.config import plan_push
from godkaiser.model import event as ev
from godkaiser.model.outcome import Fate
from godkaiser.model.scope import ALL, Scope
from godkaiser.model.site import Site
from tests.engine.bench import CLIMATE, FAN, GOD, HEATER, SITE, STRANGER, WATER, Desk, fates, moves

LONELY = {"node": STRANGER, "gpio": 14, "type": "relay", "max_on_s": 10, "zone": "bench"}


def with_lonely() -> Site:
    return Site.model_validate(
        SITE.model_dump()
        | {"zones": [{"id": "bench"}], "actuators": [*(a.model_dump() for a in SITE.actuators), LONELY]}
    )


def shown_stop(desk: Desk, scope: Scope) -> Any:
    """As the answer to the command shows it; that of everything as the snapshot does."""
    snapshot = picture.snapshot(desk.state, desk.now, 1)
    return snapshot["stop"] if scope == ALL else picture.standing_picture(desk.state, scope)


@pytest.mark.parametrize("scope", [ALL, Scope("zone", "bench"), Scope("node", STRANGER)])
def test_a_stop_shows_that_an_unknown_node_is_not_offline_proof(scope: Scope) -> None:
    desk = Desk(site=with_lonely()).ready()
    desk.handle(ev.StopAsked(desk.now, "ann", "smoke", scope))
    shown = shown_stop(desk, scope)
    assert (shown["phase"], STRANGER in shown["not_offline_proof"]) == ("ACTIVE", True)


def test_a_stop_with_an_unknown_node_is_lifted_as_ever() -> None:
    desk = Desk(site=with_lonely()).ready()
    assert {FAN, HEATER} <= {move.actuator for move in moves(desk.stop())}
    desk.wait(6)
    desk.clear()
    desk.wait(1)
    for node in (CLIMATE, WATER):
        desk.handle(ev.ClearAck(desk.now, GOD, node, ok=True))
    desk.wait(20)
    assert shown_stop(desk, ALL)["phase"] == "NORMAL"
    assert Fate.SENT in fates(desk.ask(FAN, 0.8))


def test_a_board_that_took_a_nodes_place_leaves_no_timer_behind() -> None:
    """The board was a node of its own, with a configuration on its way."""
    site = Site.model_validate(
        SITE.model_dump()
        | {
            "nodes": [*(n.model_dump() for n in SITE.nodes), {"id": STRANGER, "approved": True}],
            "actuators": [*(a.model_dump() for a in SITE.actuators), LONELY | {"zone": None}],
        }
    )
    desk = Desk(site=site)
    desk.state.planner = plan_push
    desk.ready(CLIMATE, STRANGER)
    assert desk.state.nodes[STRANGER].lane.wishes_wait
    desk.handle(ev.BoardReplaced(desk.now, CLIMATE, STRANGER, "ann"))
    desk.wait(120)
    desk.stop()
    assert STRANGER in shown_stop(desk, ALL)["not_offline_proof"]
