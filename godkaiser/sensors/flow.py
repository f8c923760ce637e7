"""Water by a turbine that gives pulses: flow and volume."""

from __future__ import annotations

import math
from typing import Final

from godkaiser.errors import InvalidValueError

PULSES_PER_LITRE: Final = 450.0  # YF-S201


def flow_of_frequency(hertz: float, per_litre: float = PULSES_PER_LITRE) -> float:
    """Hz → L/min: f·60/factor, `per_litre` pulses per litre. Source: data sheet of the YF-S201, 450 per litre.

    Reference: 15 Hz → 2.0 L/min.
    """
    return per_minute(_at_least_0("frequency", hertz), _factor(per_litre))


def flow_of_pulses(pulses: float, window_s: float, per_litre: float = PULSES_PER_LITRE) -> float:
    """Pulses counted over `window_s` seconds → L/min: (n/factor)/(window/60). Reference: 450 in 60 s → 1.0 L/min."""
    if not 0 < window_s < math.inf:
        raise InvalidValueError(
            field="window_s", value=f"{window_s:g}", problem="is no time", allowed="above 0"
        )
    return litres_of_pulses(pulses, per_litre) / (window_s / 60)


def per_minute(hertz: float, per_litre: float) -> float:
    """The formula alone, whatever it is given."""
    return hertz * 60 / per_litre


def litres_of_pulses(pulses: float, per_litre: float = PULSES_PER_LITRE) -> float:
    """The volume that so many pulses are, in litres: n/factor. Reference: 225 → 0.5 L."""
    return _at_least_0("pulses", pulses) / _factor(per_litre)


def _factor(per_litre: float) -> float:
    if not 0 < per_litre < math.inf:
        raise InvalidValueError(
            field="per_litre", value=f"{per_litre:g}", problem="is no number of pulses", allowed="above 0"
        )
    return per_litre


def _at_least_0(field: str, value: float) -> float:
    if not 0 <= value < math.inf:
        raise InvalidValueError(
            field=field, value=f"{value:g}", problem="is out of range", allowed="0 and more"
        )
    return value
