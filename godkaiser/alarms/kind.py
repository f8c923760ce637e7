"""The kinds of alarms: one table of what may be wrong, how soon it counts, and what to do about it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from godkaiser.model.instant import DAY, MINUTE, SECOND, Duration


class Priority(enum.IntEnum):
    """How soon a person is needed: within the day, within the hour, within minutes, now."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        """As people and programs write it."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Priority:
        """The other way round."""
        return cls[word.upper()]


@dataclass(frozen=True, slots=True)
class Kind:
    """One row. `sentence` speaks of `{name}`, the thing; `remedy` tells a person what to do.

    `delay_on`: so long must the condition hold before it is an alarm. `delay_off`: so long must it be gone before the
    alarm returns. `auto_clear`: so long after its return an alarm nobody has acknowledged goes by itself (None: it
    waits for a person). `latching`: it stays until a person resets it. `momentary`: something that happened, not
    something that lasts: it returns as soon as it is raised, and every further time counts up. `retold`: its words
    follow what is known while it holds, without being raised anew.
    """

    code: str
    priority: Priority
    delay_on: Duration
    sentence: str
    remedy: str
    delay_off: Duration = 0
    auto_clear: Duration | None = None
    latching: bool = False
    momentary: bool = False
    retold: bool = False


_ROWS: Final = (
    Kind(
        "stop_unconfirmed", Priority.CRITICAL, 0,
        "{name} has not confirmed the stop.",
        "Look at the equipment itself: what this node switches may still run. Use the switches there.",
    ),
    Kind(
        "protective_refused", Priority.CRITICAL, 30 * SECOND,
        "{name} has not taken its move to the safe value.",
        "Look at the equipment and switch it off by hand if it runs. The move is repeated until the node reports it.",
    ),
    Kind(
        "actuator_stuck", Priority.HIGH, 10 * SECOND,
        "{name} does not do what the node has accepted.",
        "Check relay, driver and wiring. It returns when the actuator follows a command again.",
        delay_off=5 * SECOND,
    ),
    Kind(
        "node_silent", Priority.HIGH, 60 * SECOND,
        "{name} is not heard any more.",
        "Check its power and its Wi-Fi. What it does meanwhile nobody knows here: look at what it switches.",
        auto_clear=10 * MINUTE,
    ),
    Kind(
        "lease_lost", Priority.MEDIUM, 0,
        "{name} was switched off by its node before its time.",
        "Look at what the node said of itself (`godkaiser nodes show`), and at its connection.",
        auto_clear=DAY, momentary=True,
    ),
    Kind(
        "node_latched", Priority.HIGH, 40 * SECOND,
        "{name} is latched off by its node, outside any stop.",
        "Find out why, lift the latch (`godkaiser clear --node NODE`), then acknowledge and reset the alarm.",
        latching=True,
    ),
    Kind(
        "rule_cannot_act", Priority.HIGH, 30 * SECOND,
        "Rule {name} cannot act.",
        "Repair what it names, or switch the rule off. What it wants stands, and is told when it can be. "
        "Its priority is low while the rule wants nothing, and critical in any case for a rule that is.",
        delay_off=5 * SECOND, auto_clear=10 * MINUTE,
    ),
    Kind(
        "rule_cannot_decide", Priority.MEDIUM, 30 * SECOND,
        "Rule {name} cannot decide.",
        "Look at the sensor it names. Meanwhile the rule does what it declares for that case (`when_unknown`).",
        delay_off=5 * SECOND, auto_clear=10 * MINUTE,
    ),
    Kind(
        "rule_refused", Priority.HIGH, 0,
        "Rule {name} is stored and not carried out.",
        "Correct it and bring it with `godkaiser rules import`, or take it out with `godkaiser rules remove`. "
        "Until then it stays as it is stored, and every other rule works. "
        "Its priority is low when it is switched off.",
        auto_clear=10 * MINUTE,
    ),
    Kind(
        "address_blocked", Priority.MEDIUM, 0,
        "{name} is closed to addresses that were denied too often.",
        "Look who it is (`godkaiser blocks list`) and what was tried (`godkaiser audit list`). Let in whom you know "
        "with `godkaiser blocks lift ADDRESS`; everybody else is let in again when the time is over.",
        auto_clear=10 * MINUTE, retold=True,
    ),
)  # fmt: skip
KINDS: Final = MappingProxyType({row.code: row for row in _ROWS})
