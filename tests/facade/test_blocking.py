"""Every public call of the blocking face, against the same simulated greenhouse."""

import asyncio
import threading
from itertools import islice

import pytest

from godkaiser import CommandRefusedError, FarmClosedError, InvalidValueError, UnknownZoneError, blocking
from tests.facade.process import eventually


def test_looking_and_history(plain: blocking.Farm) -> None:
    assert len(plain.sensors) == 9
    since, until = "2026-05-01T01:00:00Z", "2026-05-01T02:00:00Z"
    assert len(plain.history("bench air", since, until)) == 120
    wide = plain.history([plain.sensor("bench air"), "bench soil"], since, until, every="5min")
    assert len(wide) == 12
    assert list(wide.columns) == ["bench air", "bench soil"]


def test_setting_checking_and_why(plain: blocking.Farm) -> None:
    fan = plain.actuator("exhaust fan")
    assert fan.check(0.5)
    assert fan.set(0.5, duration="20min", hold="20min").confirmed
    assert "50%" in fan.why().text
    fan.release()
    assert fan.off().confirmed
    with pytest.raises(CommandRefusedError):
        fan.set(3)


def test_a_rule_says_why_it_does_nothing(plain: blocking.Farm) -> None:
    rule = plain.rules[0]
    assert plain.rules[rule.name].why_not().text.startswith(f"Rule “{rule.name}” is ")


def test_following(plain: blocking.Farm) -> None:
    readings = list(plain.sensor("bench air").follow(limit=2))
    assert readings[0].measured_at < readings[1].measured_at
    kinds = [change.kind for change in islice(plain.changes(kind="sensor"), 3)]
    assert kinds == ["snapshot", "sensor", "sensor"]


def test_measuring_and_asking(plain: blocking.Farm) -> None:
    air = plain.sensor("bench air")
    before = air.latest
    assert before is not None
    assert before.received_at is not None
    measured = air.measure(within="2s")
    assert measured.received_at is not None
    assert measured.received_at > before.received_at, "nodes say whole seconds, we do not"
    node = plain.node("climate node")
    assert isinstance(node, blocking.Node)
    assert node.ask("status")["esp_id"] == node.id
    assert [probe.rom for probe in node.scan(pin=4)] == ["28FF641E8D3C0C79"]
    with pytest.raises(InvalidValueError):
        node.ask("reboot")


def test_stopping_one_node_leaves_the_others_working(plain: blocking.Farm) -> None:
    node = plain.node("irrigation node")
    assert isinstance(node, blocking.Node)
    said = node.stop("leak")
    assert (said.scope, said.phase) == (f"node:{node.id}", "ACTIVE")
    assert eventually(lambda: plain.stopped.others)
    assert not plain.stopped
    refused = plain.actuator("irrigation pump").check(1.0)
    assert "stop_active" in [finding.code for finding in refused.findings]
    assert plain.actuator("exhaust fan").check(0.5)
    assert plain.stop("draught", zone="Flowering room").scope == "zone:flowering"
    assert eventually(lambda: len(plain.stopped.others) == 2)
    assert "zone:flowering ACTIVE" in str(plain.stopped)
    plain.clear(force=True, zone="flowering")
    node.clear(force=True)
    assert eventually(lambda: not plain.stopped.others)
    with pytest.raises(UnknownZoneError, match="cellar"):
        plain.stop(zone="cellar")
    with pytest.raises(InvalidValueError, match="beside a node"):
        plain.stop(zone="flowering", node="irrigation node")


def test_stop_rules_and_nodes(plain: blocking.Farm) -> None:
    assert plain.stop("test").phase == "ACTIVE"
    assert eventually(lambda: plain.stopped)
    assert plain.clear().phase != "ACTIVE"
    assert eventually(lambda: not plain.stopped)
    documents = plain.rules.export()
    assert len(plain.rules.check(documents)) == 3
    assert plain.rules.import_(documents) == [rule.id for rule in plain.rules]
    plain.reject("ESP_0A1B2C")
    plain.approve("ESP_0A1B2C")
    assert plain.nodes["ESP_0A1B2C"].status == "approved"


async def test_it_works_beside_a_running_loop(plain: blocking.Farm) -> None:
    assert asyncio.get_running_loop().is_running()
    assert plain.actuator("exhaust fan").off().confirmed


def test_closing_ends_the_thread_and_may_be_repeated() -> None:
    with blocking.connect("sim://greenhouse?history=5min") as farm:
        assert any(thread.name == f"godkaiser {farm.name}" for thread in threading.enumerate())
        fan = farm.actuator("exhaust fan")
        assert fan.set(0.5).confirmed
    assert not any(thread.name == f"godkaiser {farm.name}" for thread in threading.enumerate())
    farm.close()
    with pytest.raises(FarmClosedError):
        fan.off()
    assert "This connection is closed" in repr(farm)
    assert fan.reported == 0.0  # left safe, and what was known last can still be looked at
