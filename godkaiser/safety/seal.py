"""The seal: proof by type that the gate saw a command.

`SafeCommand` wants a private token as `InitVar`. It is not stored, so `dataclasses.replace` cannot forge one,
while copies and pickles of a real command still work (they do not run the constructor).
"""

from __future__ import annotations

from dataclasses import InitVar, dataclass
from typing import Final, final

from godkaiser.errors import SealError
from godkaiser.model.command import Order
from godkaiser.model.instant import Instant


@final
class _Seal:
    __slots__ = ()


_SEAL: Final = _Seal()


@dataclass(frozen=True, slots=True)
class SafeCommand:
    """An order the gate let pass. `id` is its correlation id on the wire; `cause` leads back to the event."""

    id: str
    order: Order
    at: Instant
    who: str
    origin: str
    intent: str
    cause: int
    seal: InitVar[_Seal]

    def __post_init__(self, seal: _Seal) -> None:
        if seal is not _SEAL:
            raise SealError(what=type(self.order).__name__)
