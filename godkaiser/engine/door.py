"""Who is kept out of the sign-in, as far as people are told of it: one alarm, however many addresses there are."""

from __future__ import annotations

from typing import Final

from godkaiser.alarms.kind import KINDS
from godkaiser.alarms.watch import Sign
from godkaiser.engine.condition import said
from godkaiser.engine.state import Moment, State
from godkaiser.model.event import KeptOut

ADDRESS_BLOCKED: Final = KINDS["address_blocked"]
DOOR: Final = "sign-in"  # what the alarm is of


def on_kept_out(moment: Moment, event: KeptOut) -> None:
    """The number or the newest is another one now. The alarm is looked at after every event of this kind."""
    moment.state.kept_out = (event.number, event.newest)


def of_door(state: State) -> Sign:
    """Is anybody kept out?"""
    number, newest = state.kept_out
    if not number:
        return Sign(ADDRESS_BLOCKED, DOOR, holds=False)
    more = f"There is one: {newest}." if number == 1 else f"There are {number}, the newest is {newest}."
    return Sign(ADDRESS_BLOCKED, DOOR, holds=True, text=said(state, ADDRESS_BLOCKED, DOOR, more))
