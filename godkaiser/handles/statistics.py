"""What actuators did, as a frame, and how it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from godkaiser.frames import need_pandas
from godkaiser.handles.line import Line
from godkaiser.handles.values import when
from godkaiser.model.instant import SECOND, Duration

if TYPE_CHECKING:
    from pandas import DataFrame

UNITS: Final = {
    "on_s": "s", "starts": "", "duty": "", "longest_s": "s", "level_s": "s", "litres": "L", "energy_wh": "Wh",
    "unknown_s": "s", "on_left_s": "s", "starts_left": "",
}  # fmt: skip
COUNTS: Final = ("starts", "starts_left")
PAST: Final = ("on_s", "starts", "duty", "longest_s", "level_s", "litres", "energy_wh", "unknown_s")
LEFT: Final = ("on_left_s", "starts_left")


async def account(
    line: Line, actuators: Sequence[str] | None, span: Mapping[str, str], every: Duration | None
) -> list[dict[str, Any]]:
    """What each did in a span of time."""
    params: dict[str, Any] = dict(span)
    if actuators is not None:
        params["actuators"] = list(actuators)
    if every is not None:
        params["every"] = every / SECOND
    found: list[dict[str, Any]] = await line.ask("actuators.statistics", **params)
    return found


def statistics_frame(accounts: Sequence[Mapping[str, Any]], every: Duration | None) -> DataFrame:
    """One row per actuator, or with `every` one per bucket and actuator, by time."""
    frame = _per_actuator(accounts) if every is None else _per_bucket(accounts)
    frame.attrs["units"] = {column: UNITS[column] for column in frame.columns if column in UNITS}
    frame.attrs["names"] = {account["actuator"]: account["name"] for account in accounts}
    return frame


def _per_actuator(accounts: Sequence[Mapping[str, Any]]) -> DataFrame:
    pandas = need_pandas()
    index = pandas.Index([account["actuator"] for account in accounts], name="actuator", dtype="object")
    past = _numbers(PAST, [account["rows"][0] for account in accounts], index)
    left = _numbers(LEFT, [account["limits"] for account in accounts], index)
    named = {"name": _objects([account["name"] for account in accounts], index)}
    locked = [when(account["limits"]["locked_until"]) for account in accounts]
    stamps = pandas.Series(pandas.DatetimeIndex(locked, tz="UTC"), index=index)
    timed = _objects([account["timed_by"] for account in accounts], index)
    made: DataFrame = pandas.DataFrame(
        named | past | left | {"locked_until": stamps, "timed_by": timed}, index=index
    )
    return made


def _per_bucket(accounts: Sequence[Mapping[str, Any]]) -> DataFrame:
    pandas = need_pandas()
    rows = [(account["actuator"], account["name"], row) for account in accounts for row in account["rows"]]
    rows.sort(key=lambda row: row[2]["since"])
    index = pandas.DatetimeIndex([when(row["since"]) for _, _, row in rows], tz="UTC", name="time")
    who = {
        "actuator": _objects([actuator for actuator, _, _ in rows], index),
        "name": _objects([name for _, name, _ in rows], index),
    }
    made: DataFrame = pandas.DataFrame(who | _numbers(PAST, [row for _, _, row in rows], index), index=index)
    return made


def _numbers(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], index: Any) -> dict[str, Any]:
    """Numbers, NaN where nobody knows; counts stay whole."""
    pandas = need_pandas()
    kinds = {column: "Int64" if column in COUNTS else "float64" for column in columns}
    return {
        column: pandas.Series([row[column] for row in rows], index=index, dtype=kind)
        for column, kind in kinds.items()
    }


def _objects(values: Sequence[str | None], index: Any) -> Any:
    return need_pandas().Series(list(values), index=index, dtype="object")
