"""Readings as pandas frames, and a plot of them. The extra `lab` (pandas, matplotlib) is loaded when used.

Times are a UTC `DatetimeIndex` named `time`, values float64. `frame.attrs` says what the columns are:
`units`, `series` (ids), `names`, `gap_s` (seconds of silence that make a gap), `marks` (when board or calibration
were changed: `at` and `text`), `calibrations` (the versions that made these values) and `provenance` (which database,
as of when, and the `source` of buckets: `readings` or roll-ups of `1 min`, `15 min`, `1 h`, `1 d`), each by column.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from godkaiser.errors import InvalidValueError, MissingExtraError
from godkaiser.model.instant import SECOND, Duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame, Series

QUALITIES: Final = ("good", "uncalibrated", "suspect", "error")
TRUSTED: Final = ("good", "uncalibrated")
GAP_S: Final = 300.0  # when a frame does not say: five minutes of silence are a gap


@dataclass(frozen=True, slots=True)
class Buckets:
    """What buckets have besides their begins, means and coverage, which are `times`, `values`, `coverage`."""

    minimum: array[float]
    maximum: array[float]
    std: array[float]
    readings: array[int]
    bad: array[int]
    tz: str = "UTC"
    source: str = "readings"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of one sensor's readings, oldest first. `times` are microseconds since 1970 UTC.

    `quality`: words, or a byte each with their rank. With `buckets` it is a stretch in buckets.
    """

    series: str
    name: str
    unit: str
    gap_s: float = GAP_S
    times: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    quality: Sequence[str] | bytes = ()
    marks: Sequence[dict[str, str]] = ()
    calibration: Sequence[int] = ()  # version of each; empty: not known
    calibrations: Sequence[dict[str, Any]] = ()
    raw: array[float] = field(default_factory=lambda: array("d"))  # before conversion; empty: not known
    coverage: array[float] = field(default_factory=lambda: array("d"))  # of sums; empty: it is none
    buckets: Buckets | None = None
    origin: Mapping[str, str] = field(default_factory=dict)  # which database, as of when


def need(module: str, feature: str) -> Any:
    """Load a module of the extra `lab`. Raises `MissingExtraError`."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".", maxsplit=1)[0]:
            raise
        raise MissingExtraError(feature=feature, extra="lab") from None


def need_pandas() -> Any:
    """Load pandas. Raises `MissingExtraError`."""
    return need("pandas", "history as a pandas frame")


def at_least(quality: str | None) -> tuple[str, ...]:
    """The qualities as good as `quality` or better; None: what is trusted. Raises `InvalidValueError`."""
    if quality is None:
        return TRUSTED
    if quality not in QUALITIES:
        allowed = ", ".join(QUALITIES)
        raise InvalidValueError(
            field="quality", value=repr(quality), problem="no such quality", allowed=allowed
        )
    return QUALITIES[: QUALITIES.index(quality) + 1]


def one_frame(stretch: Stretch, every: Duration | None = None, quality: str | None = None) -> DataFrame:
    """One sensor; only readings of `quality` or better, if it is given.

    Without `every`: every reading, columns `value` (NaN where the sensor could not measure), `quality`
    (categorical: good, uncalibrated, suspect, error), `raw` (what the node said, before conversion and filters) and
    `calibration` (the version; 0: none); of a light sum `coverage`, the part
    0..1 of its time that was measured. With `every` (microseconds): columns `value`, the mean of the readings of
    each bucket [t, t + every), by default the good and uncalibrated ones, NaN where there are none, and `readings`,
    how many went into it. Buckets reach from the first reading to the last; nothing is filled in.
    """
    pandas = need_pandas()
    if stretch.buckets is not None:
        frame = _bucket_frame(stretch, stretch.buckets)
    elif every is None:
        frame = _reading_frame(stretch)
        frame = frame if quality is None else frame[frame["quality"].isin(at_least(quality))]
    else:
        buckets = _trusted(stretch, quality).resample(_step(every), origin="epoch")
        frame = pandas.DataFrame({"value": buckets.mean(), "readings": buckets.count()})
        frame.index.name = "time"
    return _described(frame, {"value": stretch}, every)


def _reading_frame(stretch: Stretch) -> DataFrame:
    pandas = need_pandas()
    qualities = pandas.Categorical.from_codes(_codes(stretch), categories=QUALITIES)
    frame: DataFrame = pandas.DataFrame({"value": _raw(stretch), "quality": qualities})
    if stretch.raw:
        frame["raw"] = _numbers(stretch.raw, "float64")
    if stretch.calibration:
        frame["calibration"] = _numbers(array("q", stretch.calibration), "int64")
    if len(stretch.coverage):
        frame["coverage"] = _numbers(stretch.coverage, "float64")
    return frame


def _bucket_frame(stretch: Stretch, buckets: Buckets) -> DataFrame:
    """One row per bucket, NaN where there was no value; `coverage`: the part 0..1 of it that had one."""
    columns = {
        "value": _numbers(stretch.values, "float64"),
        "min": _numbers(buckets.minimum, "float64"),
        "max": _numbers(buckets.maximum, "float64"),
        "std": _numbers(buckets.std, "float64"),
        "readings": _numbers(buckets.readings, "int64"),
        "bad": _numbers(buckets.bad, "int64"),
        "coverage": _numbers(stretch.coverage, "float64"),
    }
    pandas = need_pandas()
    frame: DataFrame = pandas.DataFrame(columns, index=_index(pandas, stretch.times))
    return frame.tz_convert(buckets.tz)


def _numbers(column: array[Any], kind: str) -> Any:
    """As numpy sees them, copied once."""
    numpy = need("numpy", "history as a pandas frame")
    return numpy.frombuffer(column, dtype=kind).copy() if column else numpy.empty(0, dtype=kind)


def _codes(stretch: Stretch) -> Any:
    """The rank of each reading's quality."""
    numpy = need("numpy", "history as a pandas frame")
    if isinstance(stretch.quality, bytes):
        return numpy.frombuffer(stretch.quality, dtype="int8")
    return numpy.fromiter(map(QUALITIES.index, stretch.quality), dtype="int8", count=len(stretch.quality))


def wide_frame(
    stretches: Sequence[Stretch], every: Duration | None = None, quality: str | None = None
) -> DataFrame:
    """Several sensors, one column each, named after the sensor (its id where two have one name).

    Only good and uncalibrated readings, or those of `quality` or better; NaN where a sensor has none at that
    instant or in that bucket.
    """
    pandas = need_pandas()
    names = [stretch.name for stretch in stretches]
    columns = {s.name if names.count(s.name) == 1 else s.series: s for s in stretches}
    if stretches and all(stretch.buckets is not None for stretch in stretches):
        return _described(_wide_buckets(columns), columns, every)
    series = {column: _trusted(stretch, quality) for column, stretch in columns.items()}
    if every is not None:
        series = {
            column: values.resample(_step(every), origin="epoch").mean() for column, values in series.items()
        }
    kept = {column: values[~values.index.duplicated(keep="last")] for column, values in series.items()}
    frame = pandas.DataFrame(kept, index=_union(pandas, kept, every), dtype="float64")
    frame.index.name = "time"
    return _described(frame, columns, every)


def _wide_buckets(columns: dict[str, Stretch]) -> DataFrame:
    """All buckets lie by one calendar, so what one sensor has not is NaN."""
    pandas = need_pandas()
    found = {
        column: pandas.Series(_numbers(stretch.values, "float64"), index=_index(pandas, stretch.times))
        for column, stretch in columns.items()
    }
    frame: DataFrame = pandas.DataFrame(found, dtype="float64").sort_index()
    frame.index.name = "time"
    tz = next(stretch.buckets.tz for stretch in columns.values() if stretch.buckets is not None)
    return frame.tz_convert(tz)


def _union(pandas: Any, series: dict[str, Series[float]], every: Duration | None) -> Any:
    """All instants, or all buckets from the first to the last of any sensor."""
    index = _index(pandas, array("q"))
    for values in series.values():
        index = index.union(values.index)
    return (
        index if every is None or index.empty else pandas.date_range(index[0], index[-1], freq=_step(every))
    )


def _index(pandas: Any, times: array[int]) -> Any:
    numpy = need("numpy", "history as a pandas frame")
    stamps = numpy.frombuffer(times, dtype="int64") if times else numpy.empty(0, dtype="int64")
    return pandas.DatetimeIndex(stamps.astype("datetime64[us]"), tz="UTC", name="time")


def _raw(stretch: Stretch) -> Series[float]:
    pandas = need_pandas()
    series: Series[float] = pandas.Series(
        _numbers(stretch.values, "float64"), index=_index(pandas, stretch.times), dtype="float64"
    )
    return series


def _trusted(stretch: Stretch, least: str | None) -> Series[float]:
    kept: Series[float] = _raw(stretch)[_codes(stretch) < len(at_least(least))].dropna()
    return kept


def _step(every: Duration) -> Any:
    return need_pandas().Timedelta(every, unit="us")


def _described(frame: DataFrame, columns: dict[str, Stretch], every: Duration | None) -> DataFrame:
    frame.attrs["units"] = {column: stretch.unit for column, stretch in columns.items()}
    frame.attrs["series"] = {column: stretch.series for column, stretch in columns.items()}
    frame.attrs["names"] = {column: stretch.name for column, stretch in columns.items()}
    frame.attrs["marks"] = {column: list(stretch.marks) for column, stretch in columns.items()}
    frame.attrs["calibrations"] = {column: list(stretch.calibrations) for column, stretch in columns.items()}
    frame.attrs["provenance"] = {
        column: {
            **stretch.origin,
            "source": "readings" if stretch.buckets is None else stretch.buckets.source,
        }
        for column, stretch in columns.items()
    }
    gap = {column: stretch.gap_s for column, stretch in columns.items()}
    frame.attrs["gap_s"] = gap if every is None else dict.fromkeys(columns, every / SECOND)
    return frame


def in_zone(frame: DataFrame, tz: str) -> DataFrame:
    """The same instants by the clock of a zone."""
    attrs = frame.attrs
    shown = frame.tz_convert(tz)
    shown.attrs = attrs
    return shown


def table_frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> DataFrame:
    """What happened, one row each, oldest first, with a UTC index named `time`."""
    pandas = need_pandas()
    index = pandas.DatetimeIndex(
        pandas.to_datetime([row["at"] for row in rows], utc=True, format="ISO8601"), name="time"
    )
    frame: DataFrame = pandas.DataFrame(
        {column: [row[column] for row in rows] for column in columns}, index=index
    )
    return frame


# ── plot ───────────────────────────────────────────────────────────────────────────────────────────────
def plot(
    frame: DataFrame, *, title: str | None = None, width: float = 9.0, height: float = 2.6
) -> list[Axes]:
    """Draw a frame of `farm.history`: one panel per unit, gaps as gaps, units on the axes, time in UTC.

    `width` and `height` (of one panel) are in inches. Returns the axes, one per panel, to adorn them further.
    Raises `MissingExtraError` without matplotlib.
    """
    pyplot = need("matplotlib.pyplot", "plotting")
    dates = need("matplotlib.dates", "plotting")
    units: dict[str, str] = frame.attrs.get("units", dict.fromkeys(frame.select_dtypes("number").columns, ""))
    panels: dict[str, list[str]] = {}
    for column, unit in units.items():
        panels.setdefault(unit, []).append(column)
    size = (width, height * max(1, len(panels)))
    figure, grid = pyplot.subplots(
        max(1, len(panels)), 1, sharex=True, squeeze=False, figsize=size, layout="constrained"
    )
    axes: list[Axes] = list(grid[:, 0])
    for axis, (unit, columns) in zip(axes, panels.items(), strict=False):
        for column in columns:
            _draw(axis, frame, column)
        _label(axis, frame, columns, unit)
    axes[-1].xaxis.set_major_formatter(dates.ConciseDateFormatter(axes[-1].xaxis.get_major_locator()))
    axes[-1].set_xlabel("time (UTC)")
    if title:
        figure.suptitle(title)
    return axes


def _label(axis: Axes, frame: DataFrame, columns: list[str], unit: str) -> None:
    names = [frame.attrs.get("names", {}).get(column, column) for column in columns]
    if len(columns) == 1:
        axis.set_ylabel(f"{names[0]} ({unit})" if unit else names[0])
    else:
        axis.set_ylabel(unit)
        axis.legend(axis.lines, names, loc="upper right", fontsize="small")
    axis.grid(visible=True, alpha=0.3)


def _draw(axis: Axes, frame: DataFrame, column: str) -> None:
    """A line that breaks where nothing was heard; a lone reading is a dot."""
    values = broken(frame, column)
    here = values.notna().to_numpy()
    alone = [
        n
        for n in range(len(here))
        if here[n] and not (n and here[n - 1]) and not (n + 1 < len(here) and here[n + 1])
    ]
    times = values.index.tz_convert("UTC").tz_localize(None).to_numpy()  # type: ignore[attr-defined]
    axis.plot(times, values.to_numpy(), linewidth=1.2, marker=".", markevery=alone, markersize=4)


def broken(frame: DataFrame, column: str) -> Series[float]:
    """A column without its empty cells, and with one NaN in each stretch of silence longer than `gap_s`."""
    pandas = need_pandas()
    values = frame[column].dropna()
    gap = pandas.Timedelta(seconds=1.01 * frame.attrs.get("gap_s", {}).get(column, GAP_S))
    silent = values.index.to_series().diff() > gap
    holes = pandas.Series(float("nan"), index=values.index[silent] - gap / 2, dtype="float64")
    both: Series[float] = pandas.concat([values.astype("float64"), holes]) if len(holes) else values
    return both.sort_index()
