"""Words and numbers for people: one catalogue per language, and how a value, an age, a time is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

LANGUAGES: Final = ("en", "de")
DASH: Final = "\N{EN DASH}"
_DECIMALS: Final = {
    "°C": 1, "%": 1, "pH": 2, "kPa": 2, "µS/cm": 0, "lx": 0, "ppm": 0, "hPa": 0,
    "µmol/m²/s": 0, "L/min": 2, "bool": 0, "dBm": 0, "KiB": 1, "L": 1,
}  # fmt: skip
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_STEPS: Final = ((_DAY, "age.d"), (_HOUR, "age.h"), (_MINUTE, "age.min"), (1, "age.s"))


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """The sentences of one language, by key."""
    text = files(__package__).joinpath("locale", f"{language}.json").read_text(encoding="utf-8")
    sentences: dict[str, str] = json.loads(text)
    return sentences


def pick_language(asked: str | None, accepted: str | None) -> str:
    """`?lang=` first, then the first language of Accept-Language that we speak, else English."""
    if asked in LANGUAGES:
        return str(asked)
    for part in (accepted or "").split(","):
        language = part.split(";")[0].split("-")[0].strip().lower()
        if language in LANGUAGES:
            return language
    return LANGUAGES[0]


class Words:
    """Everything written for people, in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._sentences = catalogue(language)

    def __call__(self, key: str, /, **words: Any) -> str:
        """The sentence of a key with its words filled in. Not yet escaped for a page."""
        return self._sentences.get(key, key).format(**words)

    def known(self, key: str, otherwise: str) -> str:
        """The sentence of a key made of a word from outside, or that word where we have no sentence."""
        return self._sentences.get(key, otherwise)

    def number(self, value: float, unit: str | None = None) -> str:
        """A measured value with as many decimals as its unit deserves."""
        return self._localized(f"{value:.{_DECIMALS.get(unit or '', 2)}f}")

    def pattern(self, unit: str) -> str:
        """The same decimals, as Bokeh's tooltips want them."""
        decimals = _DECIMALS.get(unit, 2)
        return "0." + "0" * decimals if decimals else "0"

    def quantity(self, value: float | None, unit: str | None) -> str:
        """A measured value with its unit."""
        if value is None:
            return DASH
        return self.number(value, unit) + (f" {unit}" if unit and unit != "bool" else "")

    def level(self, value: float | None, kind: str | None) -> str:
        """What an actuator is told or reports: a share for those that can be throttled, else on or off."""
        if value is None:
            return self("level.unknown")
        if kind == "pwm" and value:
            return self._localized(f"{value * 100:.0f} %")
        return self("level.on" if value else "level.off")

    def age(self, seconds: float | None) -> str:
        """How long ago, in the one unit that matters."""
        if seconds is None:
            return self("age.never")
        size, key = next((step for step in _STEPS if seconds >= step[0]), _STEPS[-1])
        return self(key, n=int(seconds // size))

    def span(self, seconds: float) -> str:
        """How long, like `2 min 5 s`."""
        whole = int(seconds)
        minutes, rest = divmod(whole, _MINUTE)
        if whole < _MINUTE:
            return f"{whole} s"
        if whole < _HOUR:
            return f"{minutes} min" + (f" {rest} s" if rest else "")
        return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")

    def clock(self, when: datetime | None) -> str:
        """A time of day in UTC."""
        return DASH if when is None else f"{when:%H:%M:%S} UTC"

    def stamp(self, when: datetime | None) -> str:
        """A day and a time in UTC, for what may be older than a day."""
        return DASH if when is None else f"{when:%Y-%m-%d %H:%M:%S} UTC"

    def _localized(self, digits: str) -> str:
        return digits.replace(".", ",") if self.language == "de" else digits
