"""Columns of history for clients: as lists, or packed, as base64 of 64-bit integers and floats."""

from __future__ import annotations

import base64
import math
from array import array
from collections.abc import Iterable
from typing import Any, Final

from godkaiser.errors import InvalidValueError
from godkaiser.io.sql.summary import Summary
from godkaiser.model.calendar import Calendar
from godkaiser.model.instant import SECOND, Instant, to_iso
from godkaiser.model.quantity import Quality
from godkaiser.model.rollup import WORST

BUCKETS_MOST: Final = 2_000_000
RANKS: Final = {quality.value: quality.rank for quality in Quality}


def floats(values: Iterable[float | None]) -> str:
    """NaN where there is none."""
    return packed_array(array("d", (math.nan if value is None else value for value in values)))


def packed_array(column: Any) -> str:
    """The bytes of an array, also one of numpy, as text."""
    return base64.b64encode(column.tobytes()).decode()


def worst_rank(least: str | None) -> int:
    """The rank of the worst quality that counts. Raises `InvalidValueError`."""
    if least is None:
        return WORST
    if least not in RANKS:
        raise InvalidValueError(
            field="quality", value=repr(least), problem="no such quality", allowed=", ".join(RANKS)
        )
    return RANKS[least]


def check_buckets(calendar: Calendar, span: tuple[Instant, Instant]) -> None:
    """Raises `InvalidValueError` when they would be too many, or nothing long."""
    number = (span[1] - span[0]) // calendar.every if calendar.every else BUCKETS_MOST + 1
    if number > BUCKETS_MOST:
        raise InvalidValueError(
            field="every",
            value=f"{calendar.every / SECOND:g} s",
            problem="gives too many buckets",
            allowed=f"at most {BUCKETS_MOST} of them",
        )


def bucket_columns(summary: Summary, packed: bool) -> dict[str, Any]:
    """One list or packed array for each column."""
    found = summary.buckets
    begins = [begin for begin, _, _ in found]
    numbers: dict[str, list[float | None]] = {
        "values": [bucket.mean for _, _, bucket in found],
        "minimum": [bucket.minimum for _, _, bucket in found],
        "maximum": [bucket.maximum for _, _, bucket in found],
        "std": [bucket.std for _, _, bucket in found],
        "coverage": [bucket.covered / (end - begin) for begin, end, bucket in found],
    }
    counts = {
        "readings": [bucket.n for _, _, bucket in found],
        "bad": [bucket.bad for _, _, bucket in found],
    }
    if not packed:
        return {"begins": [to_iso(at) for at in begins]} | numbers | counts
    whole = {name: packed_array(array("q", column)) for name, column in ({"begins": begins} | counts).items()}
    return whole | {name: floats(column) for name, column in numbers.items()}
