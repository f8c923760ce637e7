"""The decoder never raises, whatever the bytes, and what it lets through is well formed."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.io.wire.decode import decode
from godkaiser.io.wire.topic import TOPICS
from godkaiser.model.event import ActuatorReport, Malformed, Report, SensorReport
from godkaiser.model.ids import ActuatorId, SeriesId
from tests.examples import examples
from tests.wire.corpus import lines
from tests.wire.test_wire_corpus import FILES

AT = 1_777_593_600_000_000
CORPUS = [line for file in FILES for line in lines(file)]
OBJECTS = [line for line in CORPUS if line.payload.startswith(b'{"') and line.code != "bad_json"]
CODES = {"bad_json", "missing_field", "wrong_type", "bad_value", "id_pattern", "unknown_topic", "too_large"}
ROOT = "kaiser/god/esp/ESP_AB12CD/"
KNOWN = [row.pattern.replace("~", ROOT).replace("#", "4").replace("{k}", "god") for row in TOPICS]
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**400), max_value=10**400)
    | st.floats()
    | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


def check_event(topic: str, payload: bytes, *, retained: bool = False) -> Report:
    """Decode twice: the same event both times, with text that can be written and ids that can be read."""
    event = decode(topic, payload, AT, retained=retained)
    assert repr(decode(topic, payload, AT, retained=retained)) == repr(event)
    assert event.at == AT
    if isinstance(event, Malformed):
        assert event.code in CODES
        (event.topic + event.excerpt + event.why).encode()
    if isinstance(event, SensorReport):
        series = SeriesId.of(event.node, event.gpio, "ph", event.address)
        assert SeriesId.parse(series) == series
        assert math.isfinite(event.raw)
        assert event.value is None or math.isfinite(event.value)
        assert math.isfinite(event.ts)
        (event.sensor_type + event.unit + event.quality + event.zone).encode()
    if isinstance(event, ActuatorReport):
        actuator = ActuatorId.of(event.node, event.gpio)
        assert ActuatorId.parse(actuator) == actuator
        assert event.value is None or 0.0 <= event.value <= 1.0
    return event


@given(st.text(st.characters(exclude_categories=()), max_size=80), st.binary(max_size=200), st.booleans())
def test_arbitrary_topics_and_bytes(topic: str, payload: bytes, retained: bool) -> None:
    check_event(topic, payload, retained=retained)


@given(st.sampled_from(KNOWN), st.binary(max_size=200), st.booleans())
def test_arbitrary_bytes_on_known_topics(topic: str, payload: bytes, retained: bool) -> None:
    check_event(topic, payload, retained=retained)


@examples(150)
@given(st.sampled_from(KNOWN), st.dictionaries(st.text(max_size=12), JSON_VALUES, max_size=6))
def test_arbitrary_objects_on_known_topics(topic: str, body: dict[str, Any]) -> None:
    check_event(topic, json.dumps(body).encode())


@examples(150)
@given(st.sampled_from(CORPUS), st.data())
def test_flipped_and_cut_bytes(line: Any, data: st.DataObject) -> None:
    payload = bytearray(line.payload)
    for place in data.draw(st.lists(st.integers(0, max(0, len(payload) - 1)), max_size=4)):
        payload[place] ^= data.draw(st.integers(1, 255))
    check_event(line.topic, bytes(payload[: data.draw(st.integers(0, len(payload)))]))


@examples(300)
@given(st.sampled_from(OBJECTS), st.data())
def test_deleted_keys_and_swapped_values(line: Any, data: st.DataObject) -> None:
    body = line.body
    key = data.draw(st.sampled_from(sorted(body)))
    if data.draw(st.booleans()):
        del body[key]
    else:
        body[key] = data.draw(JSON_VALUES)
    check_event(line.topic, json.dumps(body).encode())


NASTY: dict[str, Callable[[str], str]] = {
    "NaN": lambda key: f'{{"{key}":NaN}}',
    "Infinity": lambda key: f'{{"{key}":-Infinity}}',
    "1e999": lambda key: f'{{"{key}":1e999}}',
    "huge int": lambda key: f'{{"{key}":{"9" * 400}}}',
    "too huge int": lambda key: f'{{"{key}":{"9" * 5000}}}',
    "deep list": lambda key: f'{{"{key}":{"[" * 30_000}',
    "deep object": lambda key: f'{{"{key}":' * 10_000,
    "closed deep": lambda key: f'{{"{key}":{"[" * 20_000}{"]" * 20_000}}}',
    "lone surrogate": lambda key: f'{{"{key}":"\\ud800"}}',
    "surrogate key": lambda key: f'{{"\\udfff{key}":1}}',
    "null byte": lambda key: f'{{"{key}":"\\u0000"}}',
    "twice": lambda key: f'{{"{key}":1,"{key}":"x"}}',
}


@pytest.mark.parametrize("name", NASTY)
def test_nasty_values_in_every_field_of_every_line(name: str) -> None:
    """Each field of each recorded object is replaced in turn."""
    whole = NASTY[name]
    for line in OBJECTS:
        for key in line.body:
            fragment = whole(key)
            others = {k: v for k, v in line.body.items() if k != key}
            check_event(
                line.topic, (json.dumps(others)[:-1] + ("," if others else "") + fragment[1:]).encode()
            )


def test_infinity_is_never_a_number() -> None:
    for line in OBJECTS:
        if line.valid and "/sensor/" in line.topic and line.topic.endswith("data"):
            text = json.dumps(line.body | {"raw": 1.5}).replace("1.5", "1e999")
            assert isinstance(check_event(line.topic, text.encode()), Malformed)
