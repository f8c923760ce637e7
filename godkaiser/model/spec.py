"""What the models of a site file have in common."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _finite(value: Any) -> Any:
    if isinstance(value, bool | str) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError("must be a finite number")
    return value


Number = Annotated[float, BeforeValidator(_finite)]


class Spec(BaseModel):
    """Base: frozen, unknown keys refused, strings not coerced to numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
