"""The registry as a file and back; every difference in words."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given

from godkaiser.engine.state import ActuatorState, NodeState, State, from_site
from godkaiser.kaiser.site import bind_rules, demo_site, parse_site
from godkaiser.kaiser.sitediff import completed, diff, kept, standing_of
from godkaiser.kaiser.sitefile import export_site, site_of
from godkaiser.model.difference import Difference
from godkaiser.model.ids import KaiserId, NodeId, SeriesId
from godkaiser.model.site import ActuatorSpec, Site
from godkaiser.rules.document import write_document
from tests.examples import examples
from tests.kaiser.sites import sites

GOD = KaiserId.parse("god")
NODE, OTHER = "ESP_A1B2C3", "ESP_D4E5F6"
FAN: dict[str, Any] = {
    "node": NODE,
    "gpio": 25,
    "type": "pwm",
    "kind": "fan",
    "name": "fan",
    "max_on_s": 1800,
}
AIR: dict[str, Any] = {"node": NODE, "gpio": 0, "type": "sht31_temp", "address": 68, "name": "air"}
SOIL: dict[str, Any] = {
    "node": NODE,
    "gpio": 34,
    "type": "moisture",
    "calibration": {"dry": 2800, "wet": 1200},
}
COOL: dict[str, Any] = {
    "name": "Cool",
    "conditions": [{"type": "time_window", "start_time": "06:00", "end_time": "22:00"}],
    "actions": [{"type": "actuator", "esp_id": NODE, "gpio": 25, "command": "ON"}],
}


def documents(site: Site) -> dict[str, dict[str, Any]]:
    return {str(rule.id): write_document(document) for document, rule in bind_rules(site)}


def state_of(site: Site) -> tuple[State, dict[str, dict[str, Any]]]:
    """A registry that was given the site, every node heard."""
    state = from_site(site)
    for node in state.nodes.values():
        node.first_seen = 1
    return state, documents(site)


def site(**parts: Any) -> Site:
    return Site.model_validate(parts)


def compared(here: Site, new: Site) -> list[Difference]:
    state, rules = state_of(here)
    return diff(site_of(state, rules), completed(new, here), standing_of(state))


@given(sites())
@examples(60, deadline=None)
def test_what_is_exported_says_nothing_else_when_it_comes_back(given_site: Site) -> None:
    state, rules = state_of(given_site)
    text = export_site(state, rules)
    again = parse_site(text, "export")
    here = site_of(state, rules)
    assert diff(here, completed(again, here), standing_of(state)) == []
    second, known = state_of(again)
    assert export_site(second, known) == text, "exported again it is the same to the letter"


@given(sites(), sites())
@examples(40, deadline=None)
def test_two_sites_differ_unless_they_export_the_same(one: Site, other: Site) -> None:
    text = export_site(*state_of(other))
    assert (compared(one, parse_site(text, "x")) == []) == (export_site(*state_of(one)) == text)


def test_the_demo_site_comes_back() -> None:
    text = export_site(*state_of(demo_site()))
    assert compared(demo_site(), parse_site(text, "x")) == []
    lines = text.splitlines()
    assert sum("ESP_D4E5F6, gpio: 34" in line for line in lines) == 1 + 1, "one line per thing, and one rule"
    assert "max_on_s: 21600, watts: 35}" in text


def test_what_was_only_heard_stands_in_comments() -> None:
    state, rules = state_of(site(nodes=[{"id": NODE, "approved": True}]))
    state.add_sensor(SeriesId.parse(f"{NODE}/0/sht31_temp@0x44"))
    for number, (status, seen) in enumerate({"pending": 1, "approved": 1, "removed": 1}.items()):
        node = NodeId.parse(f"ESP_00000{number}")
        state.nodes[node] = NodeState(node, GOD, status, first_seen=seen)  # type: ignore[arg-type]
    for by, gpio, enabled in (("node", 26, True), ("rule", 27, True), ("node", 25, False)):
        spec = ActuatorSpec.model_validate(
            {"node": NODE, "gpio": gpio, "type": "relay", "declared_by": by, "enabled": enabled}
        )
        state.actuators[spec.id] = ActuatorState(spec.id, spec)
    text = export_site(state, rules)
    below = text.split("# Heard, not declared")[1]
    assert '#   - {node: ESP_A1B2C3, gpio: 0, type: sht31_temp, address: "0x44"}'.replace('"', "'") in below
    assert "#   - {id: ESP_000000}  # pending" in below
    assert "gpio: 26, type: relay}  # found on the node" in below
    assert "gpio: 27, type: relay}  # named by a rule" in below
    assert "gpio: 25, type: relay}  # taken out, not yet gone" in below
    assert "ESP_000002" not in text
    assert "  - {id: ESP_000001, board: null, approved: true}" in text
    again = parse_site(text, "x")
    here = site_of(state, rules)
    assert diff(here, completed(again, here), standing_of(state)) == []
    lines = [line.removeprefix("# ") for line in below.splitlines()[1:]]
    uncommented = yaml.safe_load("\n".join(lines))
    assert set(uncommented) == {"nodes", "sensors", "actuators"}


def test_a_section_that_is_left_out_stays_as_it_is() -> None:
    here = site(zones=[{"id": "roof"}], actuators=[FAN], timezone="Europe/Berlin", rules=[COOL])
    assert compared(here, site()) == []
    assert compared(here, parse_site("zones: [{id: roof}]", "x")) == []
    (gone,) = compared(here, site(zones=[]))
    assert (gone.path, gone.new, gone.applied) == ("zones.roof", None, True)


# ── words ──────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            {"actuators": [FAN]},
            {"actuators": [FAN | {"max_on_s": 600}]},
            "fan ESP_A1B2C3/25 (fan): max_on_s 1800 → 600; a run in progress ends earlier",
        ),
        ({"actuators": [FAN]}, {"actuators": [FAN | {"max_on_s": 3600}]}, "a run in progress keeps its end"),
        ({"actuators": [FAN]}, {"actuators": [FAN | {"cooldown_s": 60}]}, "cooldown_s 0 → 60"),
        ({"actuators": [FAN]}, {"actuators": [FAN | {"starts_per_hour": 6}]}, "starts_per_hour 60 → 6"),
        (
            {"actuators": [FAN]},
            {"actuators": [FAN | {"on_budget_s": 600}]},
            "on_budget_s none → 600; a run in progress keeps to it",
        ),
        (
            {"actuators": [FAN]},
            {"actuators": [FAN | {"interlocks": ["air"]}]},
            "interlocks changed; of what runs together the eldest stays",
        ),
        (
            {"actuators": [FAN]},
            {"actuators": [FAN | {"permissives": [{"window": {"start": "06:00", "end": "22:00"}}]}]},
            "permissives changed; a run they forbid ends",
        ),
        (
            {"actuators": [FAN]},
            {"actuators": [FAN | {"enabled": False}]},
            "enabled yes → no; it is made safe",
        ),
        ({"actuators": [FAN]}, {"actuators": [FAN | {"name": ""}]}, "fan ESP_A1B2C3/25: name fan → none"),
        ({"actuators": [FAN]}, {"actuators": []}, "goes, made safe first; its history stays"),
        ({}, {"actuators": [FAN]}, "fan ESP_A1B2C3/25 (fan): new"),
        ({"sensors": [AIR]}, {"sensors": []}, "no longer declared; its history stays"),
        (
            {"sensors": [SOIL]},
            {"sensors": [SOIL | {"calibration": {"dry": 2900, "wet": 1200}}]},
            "calibration dry 2800, wet 1200 → dry 2900, wet 1200; counts from the next reading",
        ),
        (
            {"sensors": [SOIL]},
            {"sensors": [SOIL | {"filter": "median"}]},
            "filter none → median 5; counts from the next reading",
        ),
        (
            {"sensors": [SOIL | {"filter": {"ema": 0.1}}]},
            {"sensors": [SOIL]},
            "filter ema 0.1 → none",
        ),
        (
            {"sensors": [SOIL]},
            {"sensors": [SOIL | {"spike_mad": 0}]},
            "spike_mad as usual for its type → off",
        ),
        (
            {"sensors": [SOIL]},
            {"sensors": [SOIL | {"flat_after_s": 600}]},
            "flat_after_s as usual for its type → 600",
        ),
        ({"sensors": [SOIL]}, {"sensors": [SOIL | {"warm_up": 5}]}, "→ 5; counts when its node comes back"),
        ({"sensors": [SOIL]}, {"sensors": [SOIL | {"calibration": None}]}, "dry 2800, wet 1200 → none"),
        ({"zones": [{"id": "a"}]}, {"zones": [{"id": "a", "name": "A"}]}, "zone a: name a → A"),
        ({"nodes": [{"id": NODE}]}, {"nodes": [{"id": NODE, "zone": "b"}]}, "zone none → b; it is told"),
        ({"nodes": [{"id": NODE}]}, {"nodes": [{"id": NODE, "approved": True}]}, f"node {NODE}: is approved"),
        ({}, {"nodes": [{"id": NODE}]}, f"node {NODE}: new, waits for approval"),
        ({}, {"nodes": [{"id": NODE, "approved": True}]}, f"node {NODE}: new, approved"),
        ({}, {"timezone": "Europe/Berlin"}, "timezone UTC → Europe/Berlin; rules without a time zone"),
        ({}, {"kaiser_id": "hall"}, "kaiser_id god → hall"),
        ({}, {"subzones": [{"node": NODE, "id": "left"}]}, f"subzone left of {NODE}: new"),
        ({"actuators": [FAN]}, {"rules": [COOL]}, "rule “Cool”: new"),
        (
            {"actuators": [FAN], "rules": [COOL]},
            {"rules": []},
            "rule “Cool”: goes, what it wants is withdrawn",
        ),
        (
            {"actuators": [FAN], "rules": [COOL]},
            {"rules": [COOL | {"priority": 10}]},
            "rule “Cool”: priority none → 10",
        ),
        (
            {"actuators": [FAN], "rules": [COOL]},
            {"rules": [COOL | {"actions": [COOL["actions"][0] | {"command": "OFF"}]}]},
            "rule “Cool”: actions changed",
        ),
    ],
)
def test_each_difference_is_a_sentence(old: dict[str, Any], new: dict[str, Any], words: str) -> None:
    (found,) = compared(site(**old), site(**new))
    assert words in str(found)
    assert found.applied


@pytest.mark.parametrize(
    ("status", "listed", "words"),
    [
        ("approved", {"approved": False}, "godkaiser nodes reject"),
        ("approved", None, "approved here and not in the file: stays; `godkaiser nodes remove"),
        ("pending", None, "pending here and not in the file: stays"),
        ("rejected", {"approved": True}, "rejected by a person: stays out; `godkaiser nodes approve"),
        ("removed", {"approved": True}, "removed by a person: stays out; `godkaiser nodes approve"),
    ],
)
def test_what_a_person_decided_is_not_undone_by_a_file(
    status: Any, listed: dict[str, Any] | None, words: str
) -> None:
    state, rules = state_of(site(nodes=[{"id": NODE}]))
    state.nodes[NodeId.parse(NODE)].status = status
    new = site(nodes=[] if listed is None else [{"id": NODE} | listed])
    (found,) = diff(site_of(state, rules), new, standing_of(state))
    assert words in str(found)
    assert not found.applied
    stays = [node.id for node in kept(new, site_of(state, rules), standing_of(state)).nodes]
    assert stays == [NODE]


def test_a_node_nobody_ever_heard_goes_with_its_line() -> None:
    state = from_site(site(nodes=[{"id": NODE}, {"id": OTHER}]))
    new = site(nodes=[{"id": OTHER}])
    (found,) = diff(site_of(state, {}), new, standing_of(state))
    assert str(found) == f"node {NODE}: goes, it was never heard"
    assert found.applied
    assert [node.id for node in kept(new, site_of(state, {}), standing_of(state)).nodes] == [OTHER]
