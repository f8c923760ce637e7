"""Actions of one rule that want two things of one actuator at the same moment: the first would be half done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from godkaiser.errors import DocumentError
from godkaiser.rules.part_action import ActionPart, ActuatorPart, DelayPart, SequencePart

REMEDY: Final = "put a delay between the two, or make both steps of a sequence, where each waits for its node"
_Pin = tuple[str, int]


def check_moments(actions: Sequence[ActionPart], path: str) -> None:
    """Raises `DocumentError` with the path of the second of two that contradict each other."""
    wanted: dict[_Pin, tuple[str, object]] = {}
    for place, part, awaited in _in_order(actions):
        if isinstance(part, ActuatorPart):
            pin, word = (part.esp_id, part.gpio), (part.level, part.seconds or None)
            before, said = wanted.get(pin, (place, word))
            if said != word:
                problem = (
                    f"wants something else of {pin[0]} pin {pin[1]} than {path}.{before} at the same moment"
                )
                raise DocumentError(path=f"{path}.{place}", problem=f"{problem}: {REMEDY}")
            wanted[pin] = (place, word)
            if awaited:
                del wanted[pin]
        if _pauses(part):
            wanted.clear()


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
