"""Ten nodes of 2026 and three of the older generation: where they are, what hangs on them, what rules want."""

from __future__ import annotations

from typing import Any

from godkaiser.io.sim.spec import NodeSpec
from godkaiser.model.site import Site

MODERN = [f"ESP_A0000{n:X}" for n in range(10)]
SEED = [f"ESP_B0000{n:X}" for n in range(3)]
ALL = [*MODERN, *SEED]
XIAO = {"ESP_A00008", "ESP_A00009"}
RELAY = {True: 10, False: 16}
FAN = {True: 7, False: 25}
PROBE = {True: 6, False: 4}
LAMP_MOST_S = 86_400  # a lamp may be on for a day at a stretch, then it rests for a moment


def relay_of(node: str) -> int:
    """The pin of the lamp that a rule keeps on all day."""
    return RELAY[node in XIAO]


def bare(node: str) -> NodeSpec:
    """Out of the box: it is told everything by the controller."""
    board: Any = "xiao_esp32c3" if node in XIAO else "esp32_dev"
    return NodeSpec(node, board, "", generation="seed" if node in SEED else "2026")


def _site() -> dict[str, Any]:
    nodes: list[dict[str, Any]] = [
        {
            "id": node,
            "approved": True,
            "zone": f"zone_{node[-1].lower()}",
            "board": "xiao_esp32c3" if node in XIAO else "esp32_dev",
        }
        for node in ALL
    ]
    sensors = [
        {
            "node": node["id"],
            "gpio": PROBE[node["id"] in XIAO],
            "type": "ds18b20",
            "address": "28FF641E8D160301",
        }
        for node in nodes
    ]
    sensors += [
        {"node": n["id"], "gpio": 0, "type": "sht31_temp", "address": 0x44, "name": "air"} for n in nodes
    ]
    actuators = [
        {
            "node": n["id"],
            "gpio": relay_of(n["id"]),
            "type": "relay",
            "kind": "light",
            "max_on_s": LAMP_MOST_S,
            "subzone": "lamps",
        }
        for n in nodes
    ]
    actuators += [
        {"node": n["id"], "gpio": FAN[n["id"] in XIAO], "type": "pwm", "max_on_s": 3600} for n in nodes
    ]
    zones = [{"id": zone} for zone in sorted({n["zone"] for n in nodes})]
    rules = [_always_on(node) for node in ALL]
    return {"zones": zones, "nodes": nodes, "sensors": sensors, "actuators": actuators, "rules": rules}


def _always_on(node: str) -> dict[str, Any]:
    """A lamp that is on from midnight to midnight."""
    return {
        "name": f"lamp of {node}",
        "conditions": [{"type": "time_window", "start_time": "00:00", "end_time": "24:00"}],
        "actions": [{"type": "actuator_command", "esp_id": node, "gpio": relay_of(node), "command": "ON"}],
        "cooldown_seconds": 5,
    }


SITE = Site.model_validate(_site())
