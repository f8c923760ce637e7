"""Ids that only `parse` can make."""

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.errors import InvalidIdError
from godkaiser.model.ids import (
    ActuatorId,
    KaiserId,
    NodeId,
    RuleId,
    SeriesId,
    ZoneId,
    is_address,
    parse_gpio,
)

NODES = st.from_regex(r"ESP_[A-F0-9]{6,8}|MOCK_[A-Z0-9]{1,8}", fullmatch=True)
NODE = NodeId.parse("ESP_A1B2C3")
Parsed = NodeId | KaiserId | ZoneId | RuleId | ActuatorId | SeriesId


@pytest.mark.parametrize("text", ["ESP_A1B2C3", "ESP_12AB34CD", "MOCK_X1", "ESP_0000000"])
def test_node_ids(text: str) -> None:
    assert NodeId.parse(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "ESP_", "ESP_A1B2C", "ESP_A1B2C3D4E", "esp_a1b2c3", "ESP_GGGGGG", "ESP_A1B2C3\n", " ESP_A1B2C3",
     "MOCK_",
     "MOCK_x", "ESP_A1B2C3/4", "ESP_TEST001", "ESP_٣٣٣٣٣٣"],
)  # fmt: skip
def test_what_is_no_node_id(text: str) -> None:
    with pytest.raises(InvalidIdError) as caught:
        NodeId.parse(text)
    assert caught.value.field == "node id"
    assert "ESP_ and 6 to 8" in caught.value.remedy


@pytest.mark.parametrize("value", [None, 5, b"ESP_A1B2C3", True])
def test_what_is_no_text_is_no_id(value: object) -> None:
    with pytest.raises(InvalidIdError):
        NodeId.parse(value)  # type: ignore[arg-type]  # what arrives from outside


def test_other_ids() -> None:
    assert KaiserId.parse("god") == "god"
    assert ZoneId.parse("North-1_a") == "North-1_a"
    for parse, wrong in (
        (KaiserId.parse, "a-b"),
        (KaiserId.parse, "x" * 64),
        (ZoneId.parse, "z" * 33),
        (ZoneId.parse, ""),
    ):
        with pytest.raises(InvalidIdError):
            parse(wrong)


@pytest.mark.parametrize("cls", [NodeId, KaiserId, ZoneId, RuleId, ActuatorId, SeriesId])
def test_nobody_makes_an_id_without_parsing(cls: type[Parsed]) -> None:
    with pytest.raises(TypeError, match="parse"):
        cls("ESP_A1B2C3")


def test_the_base_parses_nothing() -> None:
    base = NodeId.__mro__[1]
    with pytest.raises(NotImplementedError):
        base.parse("x")  # type: ignore[attr-defined]


@given(NODES, st.integers(0, 39))
def test_actuator_ids_round_trip(node: str, gpio: int) -> None:
    made = ActuatorId.of(NodeId.parse(node), gpio)
    assert ActuatorId.parse(str(made)) == made
    assert (made.node, made.gpio) == (node, gpio)


@pytest.mark.parametrize(
    "text",
    [
        "ESP_A1B2C3",
        "ESP_A1B2C3/",
        "ESP_A1B2C3/40",
        "ESP_A1B2C3/-1",
        "x/4",
        "ESP_A1B2C3/4/5",
        "ESP_A1B2C3/0004",
    ],
)
def test_what_is_no_actuator_id(text: str) -> None:
    with pytest.raises(InvalidIdError):
        ActuatorId.parse(text)


@given(
    NODES,
    st.integers(0, 39),
    st.sampled_from(["ph", "sht31_temp"]),
    st.sampled_from(["", "0x44", "28FF641E8D3C0C79"]),
)
def test_series_ids_round_trip(node: str, gpio: int, kind: str, address: str) -> None:
    made = SeriesId.of(NodeId.parse(node), gpio, kind, address)
    again = SeriesId.parse(str(made))
    assert again == made
    assert (again.node, again.gpio, again.sensor_type, again.address) == (node, gpio, kind, address)


@pytest.mark.parametrize(
    "text",
    ["ESP_A1B2C3/0", "ESP_A1B2C3/0/", "ESP_A1B2C3/0/PH", "ESP_A1B2C3/40/ph", "ESP_A1B2C3/x/ph",
     "ESP_A1B2C3/0/ph@44",
     "ESP_A1B2C3/0/ph@0x4", "ESP_A1B2C3/0/ph@28ff641e8d3c0c79", "x/0/ph", "ESP_A1B2C3/0/ph/x"],
)  # fmt: skip
def test_what_is_no_series_id(text: str) -> None:
    with pytest.raises(InvalidIdError):
        SeriesId.parse(text)


@pytest.mark.parametrize(
    ("text", "good"), [("", True), ("0x44", True), ("0X44", False), ("28FF641E8D3C0C79", True), ("x", False)]
)
def test_bus_addresses(text: str, good: bool) -> None:
    assert is_address(text) is good


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Cool the house", "cool-the-house"),
        ("  A -- b! ", "a-b"),
        ("Kühlen", "k-hlen"),
        ("漢字", "rule-9961bbaf"),
    ],
)
def test_rule_ids_from_names(name: str, expected: str) -> None:
    assert RuleId.from_name(name) == expected
    assert RuleId.parse(expected) == expected


@given(st.text(min_size=3, max_size=100))
def test_every_name_gives_a_rule_id(name: str) -> None:
    made = RuleId.from_name(name)
    assert RuleId.parse(made) == made


@pytest.mark.parametrize("gpio", [-1, 40, True, "4", 4.0, None])
def test_what_is_no_pin(gpio: object) -> None:
    with pytest.raises(InvalidIdError) as caught:
        parse_gpio(gpio)
    assert "0..39" in caught.value.remedy


def test_ids_are_text_and_survive_the_journey() -> None:
    for made in (NODE, ActuatorId.of(NODE, 4), SeriesId.of(NODE, 0, "ph"), KaiserId.parse("god")):
        for again in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):  # noqa: S301 - our own bytes
            assert again == made
            assert type(again) is type(made)
        assert json.loads(json.dumps({made: made})) == {str(made): str(made)}
