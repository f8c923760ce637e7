"""Looking for probes drives a pin: never one that drives something else, by whatever way it is asked."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.model import event as ev
from godkaiser.model.command import Enquiry
from godkaiser.model.request import Inquiry
from godkaiser.model.site import Site
from tests.engine.bench import CLIMATE, SITE, WATER, Desk, notices, replies


def scan(pin: int | None = None) -> Inquiry:
    return Inquiry("onewire/scan", {} if pin is None else {"pin": pin})


def site_with(board: str | None = None, **actuator: Any) -> Site:
    nodes = [n.model_dump() | ({"board": board} if n.id == CLIMATE else {}) for n in SITE.nodes]
    kept = [a.model_dump() for a in SITE.actuators]
    more = [{"node": CLIMATE, "type": "valve", "max_on_s": 60} | actuator] if actuator else []
    return Site.model_validate(SITE.model_dump() | {"nodes": nodes, "actuators": [*kept, *more]})


@pytest.mark.parametrize(
    ("site", "pin", "refused"),
    [
        (site_with(), 25, True),
        (site_with(), 14, False),  # that of another node
        (site_with(), 4, False),
        (site_with(), None, False),
        (site_with(gpio=32, aux_gpio=33), 33, True),
        (site_with(gpio=32, aux_gpio=33), 32, True),
        (site_with(gpio=32, enabled=False), 32, True),
        (site_with("esp32_dev", gpio=4), None, True),
        (site_with("esp32_dev", gpio=5), None, False),
        (site_with("xiao_esp32c3", gpio=6), None, True),
        (site_with("xiao_esp32c3", gpio=4), None, False),
        (site_with(gpio=4), None, True),  # whatever board it is
        (site_with(gpio=6), None, True),
    ],
)
def test_no_pin_of_an_actuator_is_scanned(site: Site, pin: int | None, refused: bool) -> None:
    desk = Desk(site=site).ready()
    said = desk.request(scan(pin))
    assert [reply.end for reply in replies(said)] == (["refused"] if refused else [])
    assert len(notices(said, Enquiry)) == (0 if refused else 1)


def test_one_that_waited_is_refused_when_the_pin_has_become_an_actuators() -> None:
    desk = Desk(site=site_with()).ready()
    desk.request(Inquiry("status"), request="q1")
    desk.request(scan(32), request="q2")
    desk.handle(ev.SiteChanged(desk.now, site_with(gpio=32, name="mist"), (), "ann"))
    said = desk.wait(10)
    silent, refused = replies(said)
    assert (silent.end, refused.end) == ("silent", "refused")
    assert refused.message == f"pin 32 of {CLIMATE} is an output of mist"
    assert notices(said, Enquiry) == []


def test_other_nodes_do_not_matter() -> None:
    desk = Desk(site=site_with()).ready()
    assert replies(desk.request(scan(25), node=WATER)) == []
