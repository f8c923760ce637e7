"""Sites at random: valid ones, as people might write them, with names of every kind."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from godkaiser.model.board import BOARDS, Board
from godkaiser.model.site import Site

NODES = [f"ESP_{n:06X}" for n in range(2)]
ZONES = ["bench", "roof", "north-2", "off"]
NAMES = st.one_of(
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12),
    st.sampled_from(
        ["on", "null", "1e3", "0x44", "a: b", "# no", "'", '"', "{", "two\nlines", "\x85", "\u2028"]
    ),
)
FACTORS = st.floats(-1e4, 1e4).filter(lambda x: abs(x) > 1e-6)
OUTPUTS: dict[Board, list[int]] = {
    name: sorted(pins.usable - pins.inputs - set(pins.i2c) - {pins.onewire}) for name, pins in BOARDS.items()
}


@st.composite
def sensors(draw: st.DrawFn, node: str) -> list[dict[str, Any]]:
    found = []
    for address in draw(st.lists(st.sampled_from([68, "0x45", 118]), unique=True)):
        kind = draw(st.sampled_from(["sht31_temp", "temperature_sht31", "sht31_humidity"]))
        found.append({"node": node, "gpio": 0, "type": kind, "address": address})
    roms = draw(st.sets(st.sampled_from(["28FF641E8D3C0C79", "2800000000000012", "281E000000000000"])))
    found += [{"node": node, "gpio": 4, "type": "ds18b20", "address": rom} for rom in sorted(roms)]
    if draw(st.booleans()):
        kind, adc = (
            draw(st.sampled_from(["moisture", "soil_moisture"])),
            draw(st.sampled_from(["esp32", "ads1115"])),
        )
        found.append({"node": node, "gpio": 34, "type": kind, "adc": adc})
    return [spec | draw(MODES) | draw(described()) | draw(_calibrated(str(spec["type"]))) for spec in found]


def _calibrated(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """What its type takes."""
    counts = st.integers(0, 4095)
    ends = st.tuples(counts, counts).filter(lambda pair: pair[0] != pair[1])
    soil = kind in ("moisture", "soil_moisture")
    made = (
        ends.map(lambda pair: {"dry": pair[0], "wet": pair[1]})
        if soil
        else st.builds(dict, offset=st.floats(-50, 50))
    )
    return st.one_of(st.just({}), made.map(lambda one: {"calibration": one}))


MODES = st.sampled_from(
    [
        {},
        {"mode": "continuous"},
        {"mode": "on_demand"},
        {"mode": "paused"},
        {"mode": "scheduled", "schedule": "0 6,18 * * *"},
    ]
)


@st.composite
def described(draw: st.DrawFn) -> dict[str, Any]:
    return draw(
        st.fixed_dictionaries(
            {},
            optional={
                "name": NAMES,
                "zone": st.sampled_from(ZONES),
                "subzone": st.sampled_from(ZONES),
                "interval_s": st.integers(1, 179),
                "stale_after_s": st.floats(180, 1e5),
                "filter": st.sampled_from(["median", "ema", {"median": 7}, {"ema": 0.125}]),
                "spike_mad": st.floats(0, 1000),
                "flat_after_s": st.floats(0, 604800),
                "warm_up": st.integers(0, 100),
            },
        )
    )


@st.composite
def actuators(draw: st.DrawFn, node: str) -> list[dict[str, Any]]:
    pins = draw(st.sets(st.sampled_from(OUTPUTS["esp32_dev"]), max_size=3))
    return [
        {"node": node, "gpio": pin, "type": draw(st.sampled_from(["pump", "relay", "pwm"]))} | draw(limits())
        for pin in sorted(pins)
    ]


PERMISSIVES = st.sampled_from(
    [
        {"window": {"start": "22:00", "end": "06:30"}},
        {"series": f"{NODES[0]}/34/moisture", "op": "<=", "value": 60},
        {"series": f"{NODES[0]}/0/sht31_temp@0x44", "op": ">", "value": -1.5},
    ]
)


def limits() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"max_on_s": st.floats(1, 86400)},
        optional={
            "name": NAMES,
            "kind": st.sampled_from(["fan", "heater", "light"]),
            "safe_value": st.sampled_from([0, 1.0]),
            "min_value": st.floats(0, 0.4),
            "max_value": st.floats(0.5, 1),
            "inverted": st.booleans(),
            "critical": st.booleans(),
            "enabled": st.booleans(),
            "subzone": st.sampled_from(ZONES),
            "min_on_s": st.sampled_from([0, 0.5, 1]),
            "min_off_s": st.floats(0, 86400),
            "cooldown_s": st.floats(0, 3600),
            "starts_per_hour": st.integers(1, 360),
            "on_budget_s": st.floats(1, 3600),
            "on_window_s": st.floats(3600, 604800),
            "interlocks": st.lists(st.sampled_from(ZONES), unique=True),
            "changeover_s": st.floats(0, 3600),
            "permissives": st.lists(PERMISSIVES, max_size=2),
            "on_lost": st.sampled_from(["safe", "keep"]),
            "litres_per_min": st.floats(0.01, 100),
            "watts": st.floats(0.5, 5000),
        },
    )


@st.composite
def rules(draw: st.DrawFn, names: list[str]) -> list[dict[str, Any]]:
    window = {"type": "time_window", "start_time": "06:00", "end_time": "22:30"}
    action = {"type": "actuator", "esp_id": NODES[0], "gpio": 19, "command": "ON", "duration_seconds": 60}
    condition = {
        "type": "sensor", "esp_id": NODES[1], "gpio": 34, "sensor_type": "moisture", "operator": "<",
        "value": draw(FACTORS),
    }  # fmt: skip
    more = st.fixed_dictionaries({}, optional={"description": NAMES, "priority": st.integers(1, 100)})
    parts = st.lists(st.sampled_from([window, condition]), min_size=1, max_size=2)
    return [{"name": n, "conditions": draw(parts), "actions": [action]} | draw(more) for n in names]


AIR = [f"{NODES[0]}/0/sht31_temp@0x44", f"{NODES[0]}/0/sht31_humidity@0x44"]
MADE: list[dict[str, Any]] = [
    {"name": "vpd", "kind": "air_vpd", "of": AIR},
    {"name": "leaf", "kind": "leaf_vpd", "of": AIR, "leaf_offset": -1.5, "max_age_s": 90},
    {"name": "ppfd", "kind": "ppfd", "of": [f"{NODES[0]}/35/light"], "lamp": "hps"},
    {"name": "sum", "kind": "dli", "of": [f"{NODES[0]}/35/light"], "lamp": "hps", "since": "06:30"},
    {"name": "own", "kind": "ppfd", "of": [f"{NODES[0]}/36/light"], "lamp": 0.0125},
]


@st.composite
def sites(draw: st.DrawFn) -> Site:
    """A whole site."""
    nodes = draw(st.lists(st.sampled_from(NODES), unique=True))
    spec: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
        {},
        optional={
            "name": NAMES,
            "zone": st.sampled_from(ZONES),
            "master_zone": NAMES,
            "board": st.sampled_from(["esp32_dev", None]),
            "approved": st.booleans(),
        },
    )
    zones = draw(st.lists(st.sampled_from(ZONES), unique=True))
    document = {
        "timezone": draw(st.sampled_from(["UTC", "Europe/Berlin"])),
        "zones": [{"id": zone, "name": draw(NAMES)} for zone in zones],
        "subzones": [{"node": node, "id": zone, "name": draw(NAMES)} for node in nodes[:1] for zone in zones],
        "nodes": [{"id": node, **draw(spec)} for node in nodes],
        "sensors": [s for node in NODES for s in draw(sensors(node))],
        "actuators": [a for node in NODES for a in draw(actuators(node))],
        "derived": draw(st.lists(st.sampled_from(MADE), unique_by=lambda made: str(made["name"]))),
        "rules": draw(rules(sorted(draw(st.sets(st.sampled_from(["cool", "heat", "licht"])))))),
    }
    return Site.model_validate(document)
