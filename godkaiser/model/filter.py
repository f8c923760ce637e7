"""How a series is smoothed: the stored value is the smoothed one, the raw count stays beside it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Self

from pydantic import Field, model_validator

from godkaiser.model.spec import Number, Spec

MEDIAN_OF: Final = 5
EMA_ALPHA: Final = 0.2
_NAMED: Final[dict[Any, dict[str, float]]] = {"median": {"median": MEDIAN_OF}, "ema": {"ema": EMA_ALPHA}}


class Filter(Spec):
    """Either `median`, of so many readings (odd, 3..31), or `ema`, the weight 0..1 of the newest reading.

    The bare words `median` and `ema` mean a median of 5 and a weight of 0.2.
    """

    median: Annotated[int, Field(ge=3, le=31, strict=True)] | None = None
    ema: Annotated[Number, Field(gt=0, le=1)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        return _NAMED.get(data, data) if isinstance(data, str) else data

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.median is None) == (self.ema is None):
            raise ValueError("give median or ema")
        if self.median is not None and self.median % 2 == 0:
            raise ValueError("median must be odd")
        return self
