"""A progress bar for what takes its time; drawn by whoever waits, so it appears in their cell."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from typing import Any

from godkaiser.handles.owner import Progress


class Bar:
    """Shows progress in a notebook or on a terminal if tqdm is there; silent otherwise."""

    def __init__(self, progress: Progress, what: str = "simulating", unit: str = "h") -> None:
        self._progress, self._what, self._unit = progress, what, unit
        self._bar: Any = None

    def draw(self) -> None:
        """Bring it up to date."""
        if not self._progress.total:
            return
        if self._bar is None:
            self._bar = _tqdm(self._progress.total, self._what, self._unit)
        if self._bar is not None:
            self._bar.n = round(self._progress.done, 1)
            self._bar.refresh()

    def close(self) -> None:
        """Take it away."""
        if self._bar is not None:
            self._bar.close()


def _tqdm(total: float, what: str, unit: str) -> Any:
    in_notebook = "ipykernel" in sys.modules
    if not in_notebook and not sys.stderr.isatty():
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it misses widgets; plain text will do
            tqdm = import_module("tqdm.auto").tqdm
    except ModuleNotFoundError:
        return None
    form = f"{{desc}} {{percentage:3.0f}} %|{{bar}}| {{n:.1f}} of {{total:.0f}} {unit}, {{remaining}} left"
    return tqdm(total=total, desc=what, leave=False, bar_format=form)
