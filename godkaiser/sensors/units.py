"""Units that a sensor type may have. One spelling for each, so that series of one unit can be compared."""

from __future__ import annotations

from typing import Final

UNITS: Final = frozenset(
    {
        "",  # a switch, a ratio, a count
        "%",
        "°C",
        "K",
        "pH",
        "Pa",
        "kPa",
        "hPa",
        "bar",
        "V",
        "mV",
        "A",
        "mA",
        "W",
        "W/m²",
        "Wh",
        "lx",
        "µmol/m²/s",
        "mol/m²",
        "µS/cm",
        "mS/cm",
        "ppm",
        "ppb",
        "µg/m³",
        "g/m³",
        "mg/L",
        "NTU",
        "L",
        "L/min",
        "g",
        "kg",
        "mm",
        "cm",
        "m",
        "m/s",
        "mm/h",
        "dB",
        "Hz",
        "s",
    }
)
