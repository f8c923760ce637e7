"""Series made of others: worst quality, oldest time, and no value that anybody made up."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from godkaiser.engine import picture
from godkaiser.engine.effect import SeriesRecord
from godkaiser.kaiser.making import making_faults
from godkaiser.kaiser.sitefile import export_site, site_of
from godkaiser.model import event as ev
from godkaiser.model.derived import DERIVED_TYPES, DerivedKind, DerivedSpec
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import SECOND
from godkaiser.model.quantity import Quality
from godkaiser.model.site import Site
from godkaiser.sensors.types import TYPES
from tests.engine.bench import AIR, CLIMATE, COOL, FAN, SITE, START, Desk, Reading, moves, stored

GOOD, UNCALIBRATED, SUSPECT, ERROR = Quality
DAMP = SeriesId.of(CLIMATE, 0, "sht31_humidity", "0x44")
OTHER = SeriesId.of(CLIMATE, 0, "sht31_temp", "0x45")
THIRD = SeriesId.of(CLIMATE, 0, "sht31_temp", "0x46")
LIGHT = SeriesId.of(CLIMATE, 35, "light")
VPD = SeriesId.of(CLIMATE, 0, "vpd", "0x44")


def spec(kind: str, *of: SeriesId, **fields: Any) -> DerivedSpec:
    return DerivedSpec.model_validate({"name": f"my {kind}", "kind": kind, "of": of, **fields})


def desk(*specs: DerivedSpec, rules: tuple[dict[str, Any], ...] = ()) -> Desk:
    return Desk(*rules, site=SITE.model_copy(update={"derived": specs})).ready()


def made(effects: Any) -> list[Reading]:
    """What was stored besides the reading that came."""
    return stored(Reading, effects)[1:]


@pytest.mark.parametrize(
    ("kind", "inputs", "fields", "value", "unit"),
    [
        ("air_vpd", {AIR: 25.0, DAMP: 60.0}, {}, 1.2671, "kPa"),
        ("leaf_vpd", {AIR: 25.0, DAMP: 60.0}, {"leaf_offset": -2}, 0.9087, "kPa"),
        ("dew_point", {AIR: 25.0, DAMP: 60.0}, {}, 16.6956, "°C"),
        ("absolute_humidity", {AIR: 25.0, DAMP: 60.0}, {}, 13.8143, "g/m³"),
        ("ppfd", {LIGHT: 20_000.0}, {"lamp": "sunlight"}, 370.0, "µmol/m²/s"),
        ("ppfd", {LIGHT: 20_000.0}, {"lamp": 0.02}, 400.0, "µmol/m²/s"),
        ("difference", {AIR: 25.0, OTHER: 26.5}, {}, -1.5, "°C"),
        ("mean", {AIR: 25.0, OTHER: 25.1, THIRD: 25.8}, {}, 25.3, "°C"),
        ("vote", {AIR: 25.0, OTHER: 25.5, THIRD: 60.0}, {}, 25.25, "°C"),
    ],
)
def test_each_kind(
    kind: str, inputs: dict[SeriesId, float], fields: dict[str, Any], value: float, unit: str
) -> None:
    declared = spec(kind, *inputs, **fields)
    one = desk(declared)
    for series, given_value in inputs.items():
        said = one.read(series, given_value)
    (reading,) = made(said)
    assert reading.value == pytest.approx(value, abs=1e-3)
    assert (reading.series, reading.unit, reading.quality) == (declared.series, unit, GOOD)
    assert (reading.usable, reading.zone) == (True, "bench")
    records = [record for record in stored(SeriesRecord, one.log) if record.id == declared.series]
    assert records == [SeriesRecord(declared.series, unit, f"my {kind}")]
    shown = picture.sensor_picture(one.state, one.state.sensors[declared.series], one.now)
    assert (shown["name"], shown["unit"], shown["node"]) == (f"my {kind}", unit, CLIMATE)


def test_it_is_made_whenever_an_input_reports_and_has_the_oldest_time() -> None:
    one = desk(spec("air_vpd", AIR, DAMP))
    assert made(one.read(AIR, 25.0)) == []
    first = one.now
    one.wait(30)
    (reading,) = made(one.read(DAMP, 60.0))
    assert reading.measured_at == first
    one.wait(5)
    (again,) = made(one.read(AIR, 26.0))
    assert again.measured_at == one.now - 5 * SECOND
    assert again.seq != reading.seq
    assert one.state.counters["readings_received"] == 3


@pytest.mark.parametrize(("age", "count"), [(60, 1), (61, 0)])
def test_an_old_partner_makes_no_value(age: int, count: int) -> None:
    one = desk(spec("air_vpd", AIR, DAMP))
    one.read(AIR, 25.0)
    one.wait(age)
    assert len(made(one.read(DAMP, 60.0))) == count


def test_a_partner_without_a_value_makes_none_and_a_late_reading_none_either() -> None:
    one = desk(spec("air_vpd", AIR, DAMP))
    one.read(AIR, 25.0)
    one.read(DAMP, 60.0)
    one.wait(1)
    assert made(one.read(AIR, 300.0)) == []
    assert made(one.read(DAMP, 61.0)) == []
    one.wait(1)
    assert len(made(one.read(AIR, 25.0))) == 1
    assert made(one.read(AIR, 25.0, ts=one.now // SECOND - 40)) == []


def test_where_it_is_undefined_it_is_an_error_with_the_reason() -> None:
    one = desk(spec("dew_point", AIR, DAMP))
    one.read(AIR, 25.0)
    (reading,) = made(one.read(DAMP, 0.0))
    assert (reading.value, reading.quality, reading.usable) == (None, ERROR, False)
    assert "humidity" in reading.reason


def test_doubt_is_passed_on_with_its_origin() -> None:
    one = desk(spec("air_vpd", AIR, DAMP))
    one.read(DAMP, 60.0)
    (reading,) = made(one.read(AIR, 25.0, quality="poor"))
    assert (reading.quality, reading.usable) == (SUSPECT, False)
    assert reading.reason == "bench air: the node says poor"


def test_in_a_vote_the_silent_and_the_suspect_have_no_voice() -> None:
    one = desk(spec("vote", AIR, OTHER, THIRD))
    one.read(AIR, 25.0)
    (reading,) = made(one.read(OTHER, 25.5))
    assert (reading.value, reading.quality) == (25.25, GOOD)
    (reading,) = made(one.read(THIRD, 25.6, quality="poor"))
    assert (reading.value, reading.quality) == (25.25, GOOD)
    (reading,) = made(one.read(AIR, 40.0))
    assert (reading.value, reading.quality) == (None, ERROR)
    words = f"air temperature {CLIMATE}/0 {OTHER.address} (25.5 °C) and bench air (40 °C) do not agree within 0.9 °C"
    assert reading.reason == f"no majority agrees: {words}"
    one.wait(90)
    assert made(one.read(AIR, 25.0)) == []


@pytest.mark.parametrize(
    ("kind", "fields", "other", "quality"),
    [
        ("mean", {}, 25.9, GOOD),
        ("mean", {}, 25.91, SUSPECT),
        ("mean", {"agree_within": 15}, 40.0, GOOD),
        ("mean", {"agree_within": 0.2}, 25.3, SUSPECT),
        ("difference", {}, 60.0, GOOD),
        ("difference", {"agree_within": 1}, 26.1, SUSPECT),
    ],
)
def test_sensors_that_do_not_agree_make_nothing_a_rule_may_use(
    kind: str, fields: dict[str, Any], other: float, quality: Quality
) -> None:
    one = desk(spec(kind, AIR, OTHER, **fields))
    one.read(AIR, 25.0)
    (reading,) = made(one.read(OTHER, other))
    assert reading.value is not None
    assert (reading.quality, reading.usable) == (quality, quality is GOOD)
    if quality is SUSPECT:
        limit = fields.get("agree_within", 0.9)
        names = f"bench air (25 °C) and air temperature {CLIMATE}/0 {OTHER.address} ({other:g} °C)"
        assert reading.reason == f"{names} do not agree within {limit} °C"
    else:
        assert reading.reason == ""


def test_of_a_type_without_a_stated_accuracy_nothing_says_when_two_agree_unless_the_site_does() -> None:
    lights = [SeriesId.of(CLIMATE, gpio, "light") for gpio in (32, 33, 35)]
    for fields, kind, quality in (
        ({}, "mean", GOOD),
        ({"agree_within": 500}, "mean", SUSPECT),
        ({"agree_within": 500}, "vote", GOOD),
    ):
        one = desk(spec(kind, *lights, **fields))
        for series, lux in zip(lights, (100.0, 200.0, 1000.0), strict=True):
            said = one.read(series, lux)
        (reading,) = made(said)
        assert (reading.value, reading.quality) == (
            150.0 if kind == "vote" else pytest.approx(1300 / 3),
            quality,
        )


def test_several_of_one_kind_have_ids_of_their_own() -> None:
    inside, outside = spec("difference", AIR, OTHER), spec("difference", AIR, THIRD, id="outside")
    pair, all_of_them = spec("mean", AIR, OTHER), spec("mean", AIR, OTHER, THIRD, id="all")
    one = desk(inside, outside, pair, all_of_them)
    for series, value in ((AIR, 25.0), (OTHER, 25.2), (THIRD, 25.6)):
        said = one.read(series, value)
    assert {reading.series: reading.value for reading in made(said)} == {
        f"{CLIMATE}/0/difference@outside": pytest.approx(-0.6),
        f"{CLIMATE}/0/mean@all": pytest.approx(25.2667, abs=1e-3),
    }
    assert {made_of for made_of in one.state.sensors if "mean" in made_of} == {
        f"{CLIMATE}/0/mean@0x44",
        f"{CLIMATE}/0/mean@all",
    }


def test_the_types_that_may_have_an_id_are_those_that_are_made_here() -> None:
    assert {row.name for row in TYPES.values() if row.derived} | {"ppfd"} == DERIVED_TYPES


def test_a_rule_reads_one_of_several_by_its_id() -> None:
    condition = {"sensor_type": "mean", "address": "all", "operator": ">", "value": 20}
    document = HUMID | {"conditions": [HUMID["conditions"][0] | condition]}
    specs = spec("mean", AIR, OTHER), spec("mean", AIR, OTHER, THIRD, id="all")
    one = desk(*specs, rules=(document,))
    said = one.read(AIR, 25.0) + one.read(OTHER, 25.2)
    assert moves(said) == []
    (move, *_) = moves(one.read(THIRD, 25.6))
    assert move.actuator == FAN


def test_an_input_named_without_its_address_is_the_only_one_on_that_pin() -> None:
    bare = [SeriesId.of(s.node, s.gpio, s.sensor_type) for s in (AIR, DAMP)]
    one = desk(spec("air_vpd", *bare))
    one.read(AIR, 25.0)
    (reading,) = made(one.read(DAMP, 60.0))
    assert reading.series == SeriesId.of(CLIMATE, 0, "vpd")


HUMID = COOL | {
    "conditions": [
        {"type": "sensor", "esp_id": CLIMATE, "gpio": 0, "sensor_type": "vpd", "operator": "<", "value": 0.5}
    ]
}


def test_rules_read_it_like_any_other() -> None:
    one = desk(spec("air_vpd", AIR, DAMP), rules=(HUMID,))
    one.read(AIR, 25.0)
    (move, *_) = moves(one.read(DAMP, 95.0))
    assert move.actuator == FAN
    one.obey(one.log)
    one.obey(one.live(180))
    assert one.state.actuators[FAN].reported == 0.0


def test_no_node_can_send_one() -> None:
    one = desk(spec("air_vpd", AIR, DAMP))
    assert stored(Reading, one.read(VPD, 1.0)) == []
    assert one.state.malformed_by_code["unknown_sensor_type"] == 1


def test_the_site_may_change_it_while_everything_runs() -> None:
    one = desk()
    one.read(AIR, 25.0)
    declared = spec("air_vpd", AIR, DAMP)
    with_it: Site = one.site.model_copy(update={"derived": (declared,)})
    for site, count in ((with_it, 1), (one.site, 0)):
        one.handle(ev.SiteChanged(one.now, site, (), "ann"))
        assert len(made(one.read(DAMP, 60.0))) == count
        assert site_of(one.state, {}).derived == site.derived
    assert "vpd" not in export_site(one.state, {})


# ── light ──────────────────────────────────────────────────────────────────────────────────────────────
def shine(one: Desk, lux: float, hours: float, every: float = 300) -> Reading:
    """Light for a while; the last sum of it."""
    found: list[Reading] = []
    for _ in range(round(hours * 3600 / every)):
        one.live(every)
        found = made(one.read(LIGHT, lux)) or found
    return found[-1]


def test_the_light_of_the_last_day_needs_a_day_to_be_good() -> None:
    one = desk(spec("dli", LIGHT, lamp="sunlight"))
    half = shine(one, 20_000.0, 12)
    assert (half.quality, half.reason, half.usable) == (SUSPECT, "measured 49% of the time", False)
    assert half.coverage == pytest.approx(0.4965, abs=1e-3)
    assert half.value == pytest.approx(370e-6 * 11.9167 * 3600, rel=1e-3)
    whole = shine(one, 0.0, 12)
    assert (whole.quality, whole.unit, whole.usable) == (GOOD, "mol/m²", True)
    assert whole.reason == "measured 99% of the time"
    assert whole.coverage == pytest.approx(1, abs=0.004)
    full = shine(one, 0.0, 1)
    assert (full.coverage, full.reason, full.quality) == (1.0, "", GOOD)
    assert whole.value == pytest.approx(370e-6 * 12 * 3600, rel=1e-2)


def test_the_light_of_the_local_day_begins_anew_and_knows_its_holes() -> None:
    one = desk(spec("dli", LIGHT, lamp=0.01, since="06:00"))
    shine(one, 10_000.0, 6)
    noon = shine(one, 10_000.0, 6)
    assert noon.value == pytest.approx(100e-6 * 6 * 3600, rel=1e-2)
    assert noon.quality is GOOD
    one.live(6 * 3600)
    evening = shine(one, 10_000.0, 0.5)
    assert evening.value == pytest.approx(100e-6 * 6.42 * 3600, rel=1e-2)
    assert (evening.quality, evening.reason) == (SUSPECT, "measured 51% of the time")


def lit_day(one: Desk, dark: tuple[float, float] = (0, 0)) -> dict[str, Reading]:
    """From midnight on 500 µmol between six and six, nothing heard in `dark`; the last sums at midnight."""
    one.live(300 - (one.now - START) / SECOND)
    found: dict[str, Reading] = {}
    for n in range(1, 24 * 12 + 1):
        hour = n / 12
        if not dark[0] < hour < dark[1]:
            said = made(one.read(PPFD, 500.0 if 6 <= hour <= 18 else 0.0))
            found |= {reading.series.partition("@")[2]: reading for reading in said}
        one.live(300)
    return found


PPFD = SeriesId.of(CLIMATE, 35, "ppfd")
BOTH_VIEWS = (
    spec("dli", PPFD, id="rolling"),
    spec("dli", PPFD, since="06:00", until="18:00", id="photoperiod"),
)


def test_six_dark_hours_are_half_of_a_photoperiod_and_a_quarter_of_a_day() -> None:
    """The figures of the reference: 500 µmol for 12 h with a hole of 6 h."""
    found = lit_day(desk(*BOTH_VIEWS), dark=(9, 15))
    photoperiod, rolling = found["photoperiod"], found["rolling"]
    assert photoperiod.value == pytest.approx(10.8)
    assert photoperiod.coverage == pytest.approx(0.5)
    assert rolling.value == pytest.approx(10.8, abs=0.2)
    assert rolling.coverage == pytest.approx(0.75, abs=0.005)
    assert (photoperiod.quality, photoperiod.usable) == (SUSPECT, False)
    assert photoperiod.reason == "measured 50% of the time"


def test_a_short_hole_is_told_and_stays_good_in_the_long_view_only() -> None:
    found = lit_day(desk(*BOTH_VIEWS), dark=(11, 13))
    assert {name: (reading.quality, reading.reason) for name, reading in found.items()} == {
        "rolling": (GOOD, "measured 91% of the time"),
        "photoperiod": (SUSPECT, "measured 83% of the time"),
    }
    assert found["photoperiod"].coverage == pytest.approx(10 / 12)


def test_a_photoperiod_keeps_its_sum_until_the_next_begins() -> None:
    one = desk(spec("dli", PPFD, since="06:00", until="18:00"))
    evening = lit_day(one)[""]
    assert evening.value == pytest.approx(21.6)
    assert (evening.coverage, evening.reason) == (1.0, "")
    one.live(5 * 3600)
    one.read(PPFD, 0.0)
    one.live(1200)
    (before,) = made(one.read(PPFD, 0.0))
    assert before.value == evening.value
    one.live(3600)
    one.read(PPFD, 100.0)
    one.live(300)
    (after,) = made(one.read(PPFD, 100.0))
    assert after.value == pytest.approx(100e-6 * 300)


def test_doubtful_light_is_not_summed_and_too_much_is_an_error() -> None:
    one = desk(spec("dli", LIGHT, lamp=0.5))
    shine(one, 100.0, 1)
    assert made(one.read(LIGHT, 100.0, quality="poor")) == []
    one.wait(1)
    (reading,) = made(one.read(LIGHT, 90_000.0))
    assert (reading.value, reading.quality) == (None, ERROR)
    assert "PPFD" in reading.reason


def test_close_samples_are_thinned() -> None:
    one = desk(spec("dli", LIGHT, lamp="hps"))
    reading = shine(one, 20_000.0, 1, every=5)
    assert reading.value == pytest.approx(244e-6 * 3595)
    assert len(one.state.light[LIGHT]) <= 3600 / 15 + 1


# ── whatever is made ───────────────────────────────────────────────────────────────────────────────────
SOILS = tuple(SeriesId.of(CLIMATE, gpio, "moisture") for gpio in (32, 33, 36))
INPUTS = ((AIR, DAMP), (LIGHT,), (PPFD,), (AIR, OTHER), (AIR, OTHER, THIRD), SOILS[:2], SOILS)
EXTRAS: tuple[dict[str, Any], ...] = ({}, {"lamp": "hps"}, {"leaf_offset": -2}, {"agree_within": 5})


def recipes(kind: str) -> Iterator[DerivedSpec]:
    """Every way the site file allows to make a kind of these inputs."""
    for of, more in product(INPUTS, EXTRAS):
        with suppress(ValidationError):
            made_of = spec(kind, *of, **more)
            if not list(making_faults(SITE.model_copy(update={"derived": (made_of,)}))):
                yield made_of


KINDS = get_args(DerivedKind)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_tried_below(kind: str) -> None:
    assert next(recipes(kind), None) is not None, "INPUTS and EXTRAS lack what it is made of"


@st.composite
def stories(draw: st.DrawFn, made_of: DerivedSpec) -> list[tuple[SeriesId, float, str, int]]:
    """Readings of its inputs, some of them doubtful, wrong or late."""

    def values(series: SeriesId) -> st.SearchStrategy[float]:
        row = TYPES[series.sensor_type]
        return st.floats(1500, 3200) if row.probe else st.floats(row.low, min(row.high, 1e4))

    said = st.sampled_from(made_of.inputs).flatmap(
        lambda series: st.tuples(
            st.just(series),
            values(series),
            st.sampled_from(["good", "good", "good", "fair", "poor", "error", "suspect"]),
            st.integers(0, 70),
        )
    )
    return draw(st.lists(said, max_size=12))


@pytest.mark.parametrize("made_of", [one for kind in KINDS for one in recipes(kind)], ids=repr)
@given(st.data())
def test_it_is_never_better_or_newer_than_what_it_is_made_of(
    made_of: DerivedSpec, data: st.DataObject
) -> None:
    one = desk(made_of)
    for series, value, word, late in data.draw(stories(made_of)):
        one.wait(1)
        raw_mode = TYPES[series.sensor_type].probe
        said = one.read(series, value, quality=word, ts=one.now // SECOND - late, raw_mode=raw_mode)
        for reading in made(said):
            latest = [one.state.sensors[i].latest for i in made_of.inputs if i in one.state.sensors]
            held = [i for i in latest if i is not None and i.value is not None]
            assert (reading.value is None) == (reading.quality is ERROR)
            if made_of.kind == "vote":  # some may be outvoted, so it is held against most of them
                as_good = [i for i in held if i.quality.rank <= reading.quality.rank]
                assert 2 * len(as_good) > len(made_of.inputs)
                assert 2 * sum(i.usable for i in held) > len(made_of.inputs) or not reading.usable
                assert reading.measured_at <= max(i.measured_at for i in held)
                continue
            assert len(held) == len(made_of.inputs)
            assert reading.quality.rank >= max(i.quality.rank for i in held)
            assert reading.measured_at == min(i.measured_at for i in held)
            assert reading.received_at == one.now
            assert reading.usable <= all(i.usable for i in held)


def test_an_input_that_two_chips_could_be_makes_nothing() -> None:
    bare = SeriesId.of(CLIMATE, 0, "sht31_temp"), SeriesId.of(CLIMATE, 0, "sht31_humidity")
    one = desk(spec("air_vpd", *bare))
    assert len(made(one.read(AIR, 25.0) + one.read(DAMP, 60.0))) >= 1
    one.read(OTHER, 26.0)
    other_damp = SeriesId.of(CLIMATE, 0, "sht31_humidity", "0x45")
    assert stored(Reading, one.read(other_damp, 61.0))[1:] == []


@pytest.mark.parametrize(
    ("kind", "celsius", "humidity"), [("air_vpd", 60.0, 10.0), ("dew_point", 25.0, 1e-300)]
)
def test_beyond_its_own_range_there_is_no_value(kind: str, celsius: float, humidity: float) -> None:
    one = desk(spec(kind, AIR, DAMP))
    one.read(AIR, celsius)
    (reading,) = made(one.read(DAMP, humidity))
    assert (reading.value, reading.quality, reading.usable) == (None, ERROR, False)
    assert "is outside" in reading.reason


def test_the_least_humidity_there_is_ends_nothing() -> None:
    one = desk(spec("dew_point", AIR, DAMP))
    one.read(AIR, 25.0)
    (reading,) = made(one.read(DAMP, 5e-324))
    assert (reading.value, reading.quality) == (None, ERROR)
