"""What grows and has grown in the zones, as a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from godkaiser.frames import need_pandas
from godkaiser.handles.line import Line

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS: Final = (
    "zone", "name", "variety", "substrate", "phase", "planted", "expected_harvest", "ended", "days",
)  # fmt: skip


async def listed(line: Line) -> list[dict[str, Any]]:
    """Every cycle of the site."""
    found: list[dict[str, Any]] = await line.ask("cycles")
    return found


def cycles_frame(found: list[dict[str, Any]]) -> DataFrame:
    """One row each; days are dates of the site, NaT where there is none."""
    pandas = need_pandas()
    frame = pandas.DataFrame(found, columns=list(COLUMNS))
    for column in ("planted", "expected_harvest", "ended"):
        frame[column] = pandas.to_datetime(frame[column])
    framed: DataFrame = frame
    return framed
