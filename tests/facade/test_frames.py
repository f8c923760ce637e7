"""Readings as frames: gaps stay gaps, doubtful readings are flagged or left out, units are told."""

from __future__ import annotations

import importlib
import math
import sys
from array import array
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import godkaiser
from godkaiser import Farm, InvalidValueError, MissingExtraError
from godkaiser.frames import QUALITIES, Stretch, at_least, broken, need, one_frame, wide_frame
from godkaiser.model.instant import MINUTE, SECOND

START = 1_777_593_600 * SECOND  # 2026-05-01T00:00:00Z


def stretch(
    *points: tuple[float, float, str], name: str = "air", series: str = "s", unit: str = "°C"
) -> Stretch:
    """Points (minute, value, quality)."""
    times = array("q", (START + round(minute * MINUTE) for minute, _, _ in points))
    values = array("d", (value for _, value, _ in points))
    return Stretch(series, name, unit, 120.0, times, values, [quality for _, _, quality in points])


NAN = math.nan
MIXED = stretch(
    (0, 20.0, "good"), (1, 22.0, "uncalibrated"), (2, 99.0, "suspect"), (21, NAN, "error"), (31, 30.0, "good")
)


def test_every_reading_of_one_sensor_with_its_quality() -> None:
    frame = one_frame(MIXED)
    assert frame["quality"].tolist() == ["good", "uncalibrated", "suspect", "error", "good"]
    assert frame["quality"].cat.categories.tolist() == list(QUALITIES)
    assert frame["value"].isna().tolist() == [False, False, False, True, False]
    assert str(frame.index.tz) == "UTC"  # type: ignore[attr-defined]
    assert frame.index.name == "time"
    assert frame.attrs["gap_s"] == {"value": 120.0}


def test_means_use_trusted_readings_and_invent_nothing() -> None:
    frame = one_frame(MIXED, 10 * MINUTE)
    assert frame["value"].tolist()[::3] == [21.0, 30.0]
    assert frame["value"].isna().tolist() == [False, True, True, False]
    assert frame["readings"].tolist() == [2, 0, 0, 1]
    assert frame.attrs["gap_s"] == {"value": 600.0}


@pytest.mark.parametrize(
    ("least", "values", "means"),
    [
        ("good", [20.0, 30.0], [20.0, 30.0]),
        ("uncalibrated", [20.0, 22.0, 30.0], [21.0, 30.0]),
        ("suspect", [20.0, 22.0, 99.0, 30.0], [47.0, 30.0]),
    ],
)
def test_the_worst_quality_that_goes_in_can_be_asked_for(
    least: str, values: list[float], means: list[float]
) -> None:
    assert one_frame(MIXED, quality=least)["value"].tolist() == values
    assert wide_frame([MIXED], quality=least)["air"].tolist() == values
    assert one_frame(MIXED, 10 * MINUTE, least)["value"].tolist()[::3] == means
    assert len(one_frame(MIXED, quality="error")) == 5


def test_an_unknown_quality_is_refused() -> None:
    with pytest.raises(InvalidValueError) as caught:
        at_least("stale")
    assert "uncalibrated" in caught.value.remedy


def test_several_sensors_side_by_side() -> None:
    soil = stretch((1, 50.0, "good"), (31, 40.0, "good"), name="soil", series="t", unit="%")
    raw = wide_frame([MIXED, soil])
    assert raw["soil"].notna().sum() == 2
    assert raw["air"].notna().sum() == 3  # suspect and error are left out
    assert raw.attrs["units"] == {"air": "°C", "soil": "%"}
    means = wide_frame([MIXED, soil], 10 * MINUTE)
    assert means["soil"].tolist()[::3] == [50.0, 40.0]
    assert means["soil"].isna().tolist() == [False, True, True, False]
    assert set(means.dtypes) == {np.dtype("float64")}


def test_two_sensors_of_one_name_go_by_their_ids() -> None:
    frame = wide_frame([stretch((0, 1.0, "good")), stretch((0, 2.0, "good"), series="t")])
    assert frame.columns.tolist() == ["s", "t"]
    assert frame.attrs["names"] == {"s": "air", "t": "air"}


def test_a_repeated_instant_keeps_the_later_reading() -> None:
    frame = wide_frame([stretch((0, 1.0, "good"), (0, 2.0, "good"))])
    assert frame["air"].tolist() == [2.0]


@pytest.mark.parametrize("every", [None, MINUTE])
def test_no_reading_gives_an_empty_frame_of_the_same_kind(every: int | None) -> None:
    for frame in (one_frame(stretch(), every), wide_frame([stretch()], every)):
        assert len(frame) == 0
        assert isinstance(frame.index, pd.DatetimeIndex)
        assert str(frame.index.tz) == "UTC"
        assert frame.iloc[:, 0].dtype == "float64"


points = st.lists(st.tuples(st.integers(0, 300), st.floats(-50, 50), st.sampled_from(QUALITIES)), max_size=40)


@given(points, st.integers(1, 90))
def test_a_bucket_has_a_mean_exactly_when_something_trusted_fell_into_it(
    found: list[tuple[int, float, str]], minutes: int
) -> None:
    trusted = [(minute, value) for minute, value, quality in found if quality in ("good", "uncalibrated")]
    frame = one_frame(stretch(*sorted(found)), minutes * MINUTE)
    assert frame["readings"].sum() == len(trusted)
    assert ((frame["readings"] == 0) == frame["value"].isna()).all()
    if trusted:
        values = [value for _, value in trusted]
        assert min(values) - 1e-6 <= frame["value"].min()
        assert frame["value"].max() <= max(values) + 1e-6


@given(points)
def test_no_line_crosses_a_silence(found: list[tuple[int, float, str]]) -> None:
    frame = one_frame(stretch(*sorted(found)))
    drawn = broken(frame, "value")
    times, here = drawn.index, drawn.notna().tolist()
    for n in range(1, len(drawn)):
        if here[n] and here[n - 1]:
            assert times[n] - times[n - 1] <= timedelta(seconds=122)
    assert drawn.notna().sum() == len(found)


# ── plot ───────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def canvas(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    pyplot = importlib.import_module("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    yield
    pyplot.close("all")


@pytest.mark.usefixtures("canvas")
def test_a_plot_has_a_panel_per_unit_gaps_and_units() -> None:
    soil = stretch((1, 50.0, "good"), (31, 40.0, "good"), name="soil", series="t", unit="%")
    air = stretch((0, 20.0, "good"), (10, 21.0, "good"), name="flowering air", series="u")
    axes = godkaiser.plot(wide_frame([MIXED, soil, air], 10 * MINUTE), title="a day")
    assert len(axes) == 2
    assert axes[0].get_ylabel() == "°C"
    assert axes[1].get_ylabel() == "soil (%)"
    assert axes[1].get_xlabel() == "time (UTC)"
    legend = axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["air", "flowering air"]
    soils = axes[1].lines[0].get_ydata()
    assert np.isnan(soils).sum() == 1
    assert np.asarray(soils)[[0, -1]].tolist() == [50.0, 40.0]
    assert axes[1].lines[0].get_markevery() == [0, 2]  # readings with silence on both sides are dots
    axes[0].figure.canvas.draw()


@pytest.mark.usefixtures("canvas")
def test_a_frame_of_ones_own_is_drawn_too() -> None:
    index = pd.date_range("2026-05-01", periods=3, freq="1min", tz="UTC")
    axes = godkaiser.plot(pd.DataFrame({"x": [1.0, 2.0, 3.0], "word": ["a", "b", "c"]}, index=index))
    assert len(axes) == 1
    assert axes[0].get_ylabel() == "x"
    assert not np.isnan(axes[0].lines[0].get_ydata()).any()
    assert len(godkaiser.plot(one_frame(stretch()))) == 1


# ── without the extra ──────────────────────────────────────────────────────────────────────────────────
async def test_without_pandas_the_extra_is_named(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match="needs the extra 'lab'") as caught:
        await farm.history("bench air")
    assert "pip install 'godkaiser[lab]'" in caught.value.remedy


def test_a_module_that_fails_on_another_one_is_not_called_missing(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open(f"{tmp_path}/half_there.py", "w") as file:  # noqa: PTH123 - a name is enough
        file.write("import not_there_at_all\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="not_there_at_all"):
        need("half_there", "something")
    with pytest.raises(MissingExtraError, match="something"):
        need("not_there_at_all", "something")
