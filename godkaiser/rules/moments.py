"""Actions of one rule that want two things of one actuator at the same moment: the first would be half done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from godkaiser.errors import DocumentError
from godkaiser.rules.part_action import ActionPart, ActuatorPart, DelayPart, SequencePart
from godkaiser.rules.part_escalation import FailoverPart

REMEDY: Final = "put a delay between the two, or make both steps of a sequence, where each waits for its node"
ONE_ONLY: Final = "all of a failover begins at once: leave one of the two out"
OWN: Final = (
    "it would fight with the rule itself: leave it out, the safe value comes by itself when the rule ends"
)
_Pin = tuple[str, int]
_Wanted = dict[_Pin, tuple[str, object]]


def check_moments(actions: Sequence[ActionPart], path: str) -> None:
    """Raises `DocumentError` with the path of the second of two that contradict each other."""
    wanted: _Wanted = {}
    # Steps toggle for themselves, the second what the first has just switched; without steps it is settled once.
    each = not all(isinstance(action, ActuatorPart) for action in actions)
    for place, part, awaited in _in_order(actions):
        if isinstance(part, ActuatorPart):
            _check_same(wanted, part, f"{path}.{place}", REMEDY, each=each)
            if awaited:
                del wanted[_pin(part)]
        if _pauses(part):
            wanted.clear()


def check_failover(failover: Sequence[FailoverPart], actions: Sequence[ActionPart], path: str) -> None:
    """Raises `DocumentError` for what the rule switches itself, and for two that contradict each other."""
    own: dict[_Pin, str] = {}
    for place, part, _ in _in_order(actions):
        if isinstance(part, ActuatorPart):
            own.setdefault(_pin(part), place)
    wanted: _Wanted = {}
    for number, one in enumerate(failover):
        if not isinstance(one, ActuatorPart):
            continue
        pin, here = _pin(one), f"{path}.escalation_policy.failover_actions[{number}]"
        if pin in own:
            problem = f"switches {pin[0]} pin {pin[1]}, as {path}.{own[pin]} does: {OWN}"
            raise DocumentError(path=here, problem=problem)
        _check_same(wanted, one, here, ONE_ONLY)


def _check_same(wanted: _Wanted, part: ActuatorPart, here: str, remedy: str, *, each: bool = False) -> None:
    """`each`: of two toggles the second is none of the same."""
    toggle = (part.command, here if each else "")
    pin, word = _pin(part), (toggle if part.command == "TOGGLE" else part.level, part.seconds or None)
    before, said = wanted.setdefault(pin, (here, word))
    if said != word:
        problem = f"wants something else of {pin[0]} pin {pin[1]} than {before} at the same moment"
        raise DocumentError(path=here, problem=f"{problem}: {remedy}")


def _pin(part: ActuatorPart) -> _Pin:
    return part.esp_id, part.gpio


def _in_order(actions: Sequence[ActionPart]) -> Iterator[tuple[str, object, bool]]:
    """Each with its place, and whether its node has to confirm it before anything follows."""
    for number, action in enumerate(actions):
        if not isinstance(action, SequencePart):
            yield f"actions[{number}]", action, False
            continue
        for count, step in enumerate(action.steps):
            yield f"actions[{number}].steps[{count}]", step, True


def _pauses(part: object) -> bool:
    """A wait may be over at once, and so may a step that finds everything as it has to be."""
    return isinstance(part, DelayPart) or getattr(part, "delay_after_seconds", 0.0) > 0
