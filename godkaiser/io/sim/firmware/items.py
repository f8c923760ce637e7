"""What the items of a configuration have in common.

*Refused* is an item that the device answers with an error. *Ignored* is a key that it passes over without a
word: a fault of the sender all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .flaw import Body, Flaw, flag, shown

_TRUE: Final = (True, "true")
_FALSE: Final = (False, "false")


def taken(claims: Mapping[int, str], owners: Mapping[int, str]) -> Flaw | None:
    """Whether a claimed pin belongs to somebody else."""
    for gpio, owner in claims.items():
        if owners.get(gpio, owner) != owner:
            return Flaw("bad_value", "gpio", f"gpio {gpio} is already owned by the {owners[gpio]}.")
    return None


def no_object(section: str, item: object) -> Flaw:
    """What is no object is no item."""
    return Flaw("wrong_type", section, f"{section} must hold objects, not {shown(item)}.")


def name_of(item: Body, name: str, alias: str) -> str:
    """The name a key goes by here."""
    return alias if alias in item and name not in item else name


def is_active(item: Body) -> bool:
    """Whether an item is there or to be removed; 0 and 1 count as words for it."""
    return item.get("active", True) in _TRUE


def active_flaw(item: Body) -> Flaw | None:
    """Whether ``active`` can be understood."""
    # 0 and 1 equal False and True.
    return None if item.get("active", True) in _TRUE + _FALSE else flag(item, "active")


def as_text(value: object) -> str:
    """A string, or an empty one."""
    return value if isinstance(value, str) else ""


def as_int(value: object, default: int) -> int:
    """An integer, or the default."""
    return value if type(value) is int else default
