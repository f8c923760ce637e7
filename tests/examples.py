"""How many cases a property is tried with where the profile's number does not fit it."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import settings

USUAL: Final = 60  # of the usual profile


def examples(count: int, **more: Any) -> settings:
    """So many as a rule; with a profile that tries more, as many times more."""
    return settings(max_examples=count * settings().max_examples // USUAL, **more)
