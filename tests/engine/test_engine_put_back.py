"""An actuator that is taken out of the site and put back goes on where it was: nobody gets around a limit so."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.model import event as ev
from godkaiser.model.instant import DAY, HOUR, SECOND
from godkaiser.model.outcome import Fate
from godkaiser.model.site import Site
from tests.engine.bench import CLIMATE, FAN, Desk, fates, moves
from tests.engine.test_engine_pauses import LIMITS, ON, desk_with, refusal, used_up

EACH = pytest.mark.parametrize(
    ("limits", "wait"), LIMITS, ids=[str(next(iter(one))) for one, _ in LIMITS]
)  # fmt: skip


def apply(desk: Desk, site: Site) -> None:
    desk.site = site
    desk.handle(ev.SiteChanged(desk.now, site, (), "ann"))


def without_fan(site: Site) -> Site:
    return site.model_copy(update={"actuators": tuple(a for a in site.actuators if a.id != FAN)})


def taken_out(limits: dict[str, Any]) -> tuple[Desk, Site]:
    """It has used up what the limits allow, is off, and gone; the site that had it."""
    desk = used_up(**limits)
    desk.report(FAN, 0.0)
    whole = desk.site
    apply(desk, without_fan(whole))
    assert FAN not in desk.state.actuators
    return desk, whole


@EACH
def test_put_back_it_waits_as_long_as_it_would_have(limits: dict[str, Any], wait: int) -> None:
    desk, whole = taken_out(limits)
    desk.live(100)
    apply(desk, whole)
    assert f"{wait - 100} s are left" in refusal(desk.ask(FAN, 0.8))
    desk.live(wait - 100)
    assert moves(desk.ask(FAN, 0.8)) == [ON]


@EACH
def test_over_restarts_too(limits: dict[str, Any], wait: int) -> None:
    desk, whole = taken_out(limits)
    for _ in range(2):
        desk.restart()
        desk.ready()
    apply(desk, whole)
    desk.restart()
    desk.ready()
    assert f"{wait - 9} s are left" in refusal(desk.ask(FAN, 0.8))


@EACH
def test_a_clock_set_back_meanwhile_gives_nothing_back(limits: dict[str, Any], wait: int) -> None:
    desk, whole = taken_out(limits)
    desk.now -= HOUR
    desk.restart()
    desk.ready()
    apply(desk, whole)
    assert fates(desk.ask(FAN, 0.8)) == [Fate.REFUSED]
    desk.live(3600)
    assert moves(desk.ask(FAN, 0.8)) == [ON]


@EACH
def test_its_node_that_still_reports_it_changes_nothing(limits: dict[str, Any], wait: int) -> None:
    """Then it is one of the node's, until the site has it again."""
    desk, whole = taken_out(limits)
    desk.report(FAN, 0.0)
    assert desk.state.actuators[FAN].spec.declared_by == "node"
    apply(desk, whole)
    assert f"{wait} s are left" in refusal(desk.ask(FAN, 0.8))


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({}, 3600),  # a start counts for an hour
        ({"min_off_s": 7200}, 7200),
        ({"on_budget_s": 200, "on_window_s": DAY // SECOND}, DAY // SECOND),
    ],
)
@pytest.mark.parametrize("restarted", [False, True])
def test_it_is_forgotten_when_nothing_is_counted_from_it_any_more(
    limits: dict[str, Any], kept: int, restarted: bool
) -> None:
    desk, whole = taken_out(limits)
    if restarted:
        desk.restart()
        desk.link()
    desk.wait(kept - 1)
    assert ("history", FAN) in desk.journal
    desk.wait(1)
    assert ("history", FAN) not in desk.journal
    apply(desk, whole)
    assert (desk.state.history(FAN).runs, desk.state.history(FAN).starts) == ((), ())


def test_a_new_one_has_no_past() -> None:
    desk = desk_with()
    apply(desk, without_fan(desk.site))
    assert ("history", FAN) not in desk.journal
    assert desk.state.nodes[CLIMATE].online
    assert "fan" not in str(desk.journal)
