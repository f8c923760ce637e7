"""Zones and subzones as a node takes them."""

from typing import Any

import pytest

from tests.sim.rig import NODE, Rig, named, online, outcomes, topics

ZONE = {"zone_id": "north", "master_zone_id": "site", "zone_name": "North", "kaiser_id": ""}
NOT_FOUND = "SUBZONE_NOT_FOUND"


def zone(rig: Rig, **fields: Any) -> dict[str, Any]:
    (ack,) = named(rig.send("zone/assign", ZONE | {"correlation_id": "z1"} | fields), "zone/ack")
    return dict(ack)


def subzone(rig: Rig, verb: str, **fields: Any) -> list[dict[str, Any]]:
    body = {"subzone_id": "bed", "correlation_id": "s1"} | fields
    return named(rig.send(f"subzone/{verb}", body), "subzone/ack")


def test_an_assigned_zone_is_acknowledged_and_told_at_once() -> None:
    rig = online()
    said = rig.send("zone/assign", ZONE | {"correlation_id": "z1", "intent_id": "z1"})
    assert topics(said) == ["zone/ack", "system/intent_outcome", "system/heartbeat"]
    (ack,) = named(said, "zone/ack")
    assert list(ack) == ["esp_id", "status", "zone_id", "master_zone_id", "ts", "seq", "correlation_id"]
    assert (ack["esp_id"], ack["status"], ack["zone_id"]) == (NODE, "zone_assigned", "north")
    assert (ack["master_zone_id"], ack["correlation_id"]) == ("site", "z1")
    (beat,) = named(said, "system/heartbeat")
    assert (beat["zone_id"], beat["zone_assigned"], beat["config_status"]["state"]) == ("north", True, 6)
    assert named(said, "system/intent_outcome")[0]["flow"] == "zone"
    assert outcomes(said) == [("persisted", "NONE")]
    assert {data["zone_id"] for data in named(rig.run(30), "sensor/4/data")} == {"north"}


def test_a_zone_moves_no_plant() -> None:
    rig = online()
    zone(rig)
    rig.command(14, "ON")
    assert rig.world.driven["pump"] == 1.0


def test_a_removed_zone_takes_its_subzones_along_and_waits_for_approval() -> None:
    rig = online()
    subzone(rig, "assign", safe_mode_active=False)
    assert zone(rig, zone_id="")["status"] == "zone_removed"
    (beat,) = named(rig.log[-1:], "system/heartbeat")
    assert (beat["zone_assigned"], beat["config_status"]["state"]) == (False, 10)
    assert beat["config_status"]["subzone_count"] == 0
    rejected = named(rig.command(14, "ON"), "actuator/14/response")[0]
    assert "PENDING_APPROVAL_BLOCKED" in rejected["message"]
    rig.ack()
    assert named(rig.command(14, "ON"), "actuator/14/response")[0]["success"] is True


def test_absent_keys_are_read_as_the_word_null() -> None:
    rig = online()
    (ack,) = named(rig.send("zone/assign", {"zone_id": "north"}), "zone/ack")
    assert (ack["status"], ack["master_zone_id"]) == ("zone_assigned", "null")
    assert named(rig.send("zone/assign", {}), "zone/ack")[0]["zone_id"] == "null"


@pytest.mark.parametrize("zone_id", ["z" * 33, "north east", "é"])
def test_refused_zones_change_nothing(zone_id: str) -> None:
    rig = online()
    ack = zone(rig, zone_id=zone_id)
    assert (ack["status"], ack["reason_code"], ack["zone_id"]) == ("error", "VALIDATION_ERROR", "propagation")
    assert ack["message"]


def test_a_zone_that_cannot_be_read() -> None:
    said = online().send("zone/assign", b"{")
    (ack,) = named(said, "zone/ack")
    assert (ack["status"], ack["reason_code"]) == ("error", "JSON_PARSE_ERROR")
    assert ack["correlation_id"].startswith(f"fw_{NODE}_")
    assert outcomes(said) == [("rejected", "JSON_PARSE_ERROR")]


def test_zones_pass_the_gate() -> None:
    rig = Rig()
    rig.connect()
    said = rig.send("zone/assign", ZONE)
    assert topics(said) == ["zone/ack", "system/heartbeat"]
    assert topics(rig.send("subzone/assign", {"subzone_id": "bed"})) == ["subzone/ack"]


def test_a_subzone_is_acknowledged_and_named_in_what_belongs_to_it() -> None:
    rig = online()
    (ack,) = subzone(rig, "assign", assigned_gpios=[4, 14], safe_mode_active=False)
    assert list(ack) == ["esp_id", "status", "subzone_id", "timestamp", "seq", "correlation_id"]
    assert (ack["status"], ack["subzone_id"], ack["correlation_id"]) == ("subzone_assigned", "bed", "s1")
    said = rig.run(60)
    assert {d["subzone_id"] for d in named(said, "sensor/4/data")} == {"bed"}
    assert {d["subzone_id"] for d in named(said, "sensor/34/data")} == {""}
    assert {s["subzone_id"] for s in named(said, "actuator/14/status")} == {"bed"}
    assert named(said, "system/heartbeat")[-1]["config_status"]["subzone_count"] == 1


@pytest.mark.parametrize(("fields", "level"), [({}, 0.0), ({"safe_mode_active": False}, 1.0)])
def test_safe_mode_is_the_default_and_stops_what_runs(fields: dict[str, Any], level: float) -> None:
    rig = online()
    rig.command(14, "ON")
    rig.command(25, "ON")
    subzone(rig, "assign", assigned_gpios=[14, 4], **fields)
    assert (rig.node.level(14), rig.node.level(25)) == (level, 1.0)


@pytest.mark.parametrize(
    ("fields", "trouble"),
    [
        ({"subzone_id": ""}, {"reason_code": "VALIDATION_ERROR", "subzone_id": "unknown"}),
        ({"subzone_id": 7}, {"reason_code": "VALIDATION_ERROR", "subzone_id": "unknown"}),
        ({"subzone_id": "s" * 33}, {"reason_code": "VALIDATION_ERROR"}),
        ({"parent_zone_id": "elsewhere"}, {"reason_code": "VALIDATION_ERROR"}),
        ({"assigned_gpios": [14, 0]}, {"error_code": 2506}),
        ({"assigned_gpios": ["14"]}, {"error_code": 2506}),
        ({"assigned_gpios": 14}, {"error_code": 2506}),
        ({"pad": "x" * 1000}, {"reason_code": "JSON_PARSE_ERROR", "subzone_id": "unknown"}),
    ],
)
def test_refused_subzones(fields: dict[str, Any], trouble: dict[str, Any]) -> None:
    rig = online()
    (ack,) = subzone(rig, "assign", **fields)
    assert ack["status"] == "error"
    assert trouble.items() <= ack.items()
    assert ack["message"]
    assert ("error_code" in ack) is not ("reason_code" in ack)
    assert [ack["reason_code"] for ack in subzone(rig, "remove")] == [NOT_FOUND]


def test_a_node_without_a_zone_takes_no_subzone() -> None:
    rig = online()
    zone(rig, zone_id="")
    assert subzone(rig, "assign")[0]["reason_code"] == "VALIDATION_ERROR"


def test_a_node_keeps_eight_subzones() -> None:
    rig = online()
    for n in range(8):
        assert subzone(rig, "assign", subzone_id=f"s{n}")[0]["status"] == "subzone_assigned"
    assert subzone(rig, "assign", subzone_id="s8")[0]["error_code"] == 2506
    assert subzone(rig, "assign", subzone_id="s0")[0]["status"] == "subzone_assigned"
    assert subzone(rig, "remove", subzone_id="s0")[0]["status"] == "subzone_removed"
    assert subzone(rig, "assign", subzone_id="s8")[0]["status"] == "subzone_assigned"


def test_a_removed_subzone_is_gone() -> None:
    rig = online()
    subzone(rig, "assign", assigned_gpios=[4], safe_mode_active=False)
    assert subzone(rig, "remove", reason="moved")[0]["status"] == "subzone_removed"
    assert named(rig.run(30), "sensor/4/data")[0]["subzone_id"] == ""
    assert subzone(rig, "remove")[0]["reason_code"] == NOT_FOUND


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({"safe_mode": True}, 0.0),
        ({"action": "enable"}, 0.0),
        ({"enable": True}, 0.0),
        ({"action": "disable"}, 1.0),
        ({"action": "disable", "safe_mode": True}, 0.0),
    ],
)
def test_safe_mode_is_set_without_an_ack(fields: dict[str, Any], level: float) -> None:
    rig = online()
    subzone(rig, "assign", assigned_gpios=[14], safe_mode_active=False)
    rig.command(14, "ON")
    said = rig.send("subzone/safe", {"subzone_id": "bed"} | fields)
    assert not named(said, "subzone/ack")
    assert outcomes(said) == [("applied", "NONE")]
    assert rig.node.level(14) == level


def test_safe_mode_of_an_unknown_subzone() -> None:
    assert subzone(online(), "safe", action="enable")[0]["reason_code"] == NOT_FOUND
    assert subzone(online(), "safe", subzone_id="")[0]["reason_code"] == "VALIDATION_ERROR"
    broken = named(online().send("subzone/safe", b"["), "subzone/ack")
    assert broken[0]["reason_code"] == "JSON_PARSE_ERROR"
