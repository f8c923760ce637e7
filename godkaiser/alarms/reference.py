"""The page `docs/reference/alarms.md`, made from the tables themselves.

As a command: `python -m godkaiser.alarms.reference`.
"""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc
from typing import Final

from godkaiser.alarms import alarm
from godkaiser.alarms.kind import KINDS, Kind
from godkaiser.model.instant import Duration, describe_duration

_HEAD: Final = """# Alarms

Made from the code by `python -m godkaiser.alarms.reference`; do not edit by hand.

An alarm tells a person that something is wrong and what to do about it. There is never more than one of a kind for
one thing: its key is `KIND:THING`, and what comes again counts up. A condition becomes an alarm when it has held for
its delay; what nobody can know at the moment changes nothing. Alarms survive a restart. `godkaiser alarms` lists
them, the page Alarms shows them with buttons, `await farm.alarms()` gives them in Python.

- **Acknowledge** (`godkaiser alarms ack KEY`, operators): you have seen it. That ends no condition.
- **Shelve** (`alarms shelve KEY --for 2h`, operators): set it aside, for a minute at least and a day at most.
- **Out of service** (`alarms remove KEY`, admins): until somebody restores it.
- **Reset** (`alarms reset KEY`, operators): for one that latches, when its condition is gone and it was acknowledged.

`alarms history` tells every step, and who took it.

One cause is told once. A rule that cannot work because a node is away, or because its actuator is latched, raises no
alarm of its own: `node_silent` or `node_latched` tells of the cause, names the rules where it knows them when it is
raised, and lists them as `rules`. A node that rules need is told of after 45 s instead of 60. Under a software stop,
without a broker or a safety journal, and for a paused sensor the rule is degraded and shown so, but raises no alarm.
While it stands told as critical that a node is gone, its actuators' unconfirmed moves to safe raise no further alarm.

## States

After ISA-18.2. What is not drawn is not possible.

```
"""


def page() -> str:
    """The whole page."""
    drawing = cleandoc(alarm.__doc__ or "").split("\n\n")[1]
    parts = [_HEAD + drawing, "```\n", *_states(), "\n## Kinds\n", *_kinds()]
    return "\n".join(parts) + "\n"


def _states() -> Iterator[str]:
    yield "| state | |"
    yield "|---|---|"
    yield from (f"| `{state.value}` | {state.said} |" for state in alarm.State)


def _kinds() -> Iterator[str]:
    yield "| kind | priority | holds for | gone for | clears by itself | latches |"
    yield "|---|---|---|---|---|---|"
    for kind in KINDS.values():
        yield _row(kind)
    for kind in KINDS.values():
        yield f"\n### `{kind.code}`\n"
        yield f"{kind.sentence.format(name='*The thing*')} {kind.remedy}"


def _row(kind: Kind) -> str:
    on = "each time" if kind.momentary else _span(kind.delay_on)
    clears = "no" if kind.auto_clear is None else f"after {_span(kind.auto_clear)}"
    latches = "yes" if kind.latching else "no"
    return f"| `{kind.code}` | {kind.priority.word} | {on} | {_span(kind.delay_off)} | {clears} | {latches} |"


def _span(span: Duration) -> str:
    return describe_duration(span) if span else "at once"


if __name__ == "__main__":
    print(page(), end="")
