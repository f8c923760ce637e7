"""How handles and their values look in HTML. Only what is known already; names are escaped."""

from __future__ import annotations

from godkaiser.display import Html, bad, html_of, joined, lines, quiet, steps, strong, table
from godkaiser.handles.looks import FarmLook, Table
from godkaiser.handles.said import Message, Note, Probe, Unreadable
from godkaiser.handles.thing import NodeLook, Thing
from godkaiser.handles.values import Chain, Finding, Outcome, Reading, Step, Stop, Verdict, ago, number
from godkaiser.handles.whynot import WhyNot

ALARMING = {
    "offline",
    "stale",
    "never",
    "error",
    "suspect",
    "rejected",
    "pending",
    "refused",
    "failed",
    "unknown",
    "problem",
}


def cell(value: object) -> Html:
    """One cell of a table: words that need a look stand out."""
    return bad(value) if isinstance(value, str) and value in ALARMING else html_of(value)


@html_of.register
def _(table_of: Table) -> Html:  # type: ignore[type-arg]  # singledispatch takes no parameters
    if not table_of:
        return quiet("nothing here yet")
    return table(table_of.columns, [[cell(part) for part in thing.row()] for thing in table_of])


@html_of.register
def _(thing: Thing) -> Html:
    return _facts(thing)


def _facts(thing: Thing, *more: tuple[str, object]) -> Html:
    name, *rest = thing.columns[1:]
    first, second, *others = thing.row()
    facts = [(title, cell(part)) for title, part in zip(rest, others, strict=True)] + list(more)
    titled = joined(strong(str(second)), quiet(str(first))) if name == "name" else strong(str(first))
    return lines(titled, table((), facts if name == "name" else [(name, html_of(second)), *facts]))


@html_of.register
def _(node: NodeLook) -> Html:
    facts = [
        ("board", node.board),
        ("firmware", node.generation),
        ("configuration", cell(node.configuration)),
        ("kaiser id", node.kaiser_id),
        ("system state", node.system_state),
        ("RSSI", None if node.rssi is None else f"{node.rssi} dBm"),
        ("free heap", None if node.heap is None else f"{node.heap} bytes"),
        ("uptime", node.uptime),
    ]
    parts: list[object] = [_facts(node, *facts)]
    if node.notes:
        parts += [strong("What it said of itself"), table((), [_note(note) for note in node.notes])]
    if node.unreadable:
        parts += [strong("What could not be read of it"), *node.unreadable]
    return lines(*parts)


def _note(note: Note) -> tuple[object, ...]:
    return note.at, cell(note.kind), note.text


@html_of.register
def _(note: Note) -> Html:
    return joined(*_note(note))


@html_of.register
def _(unreadable: Unreadable) -> Html:
    rows = [(m.at, m.topic, m.why, m.excerpt) for m in unreadable.last]
    heading = joined(bad(unreadable.code), f"{unreadable.count} messages")
    return lines(heading, table(("at", "topic", "why", "begins with"), rows))


@html_of.register
def _(message: Message) -> Html:
    return joined(message.at, message.topic, bad(message.why), quiet(message.excerpt))


@html_of.register
def _(probe: Probe) -> Html:
    where = "" if probe.pin is None else f"on pin {probe.pin}"
    return joined(strong(probe.rom), probe.type, where)


@html_of.register
def _(farm: FarmLook) -> Html:  # type: ignore[type-arg]  # singledispatch takes no parameters
    trouble = farm.trouble
    told = [lines(html_of(trouble), quiet("Below is what was known last."))] if trouble is not None else []
    stopped = [bad(f"STOP {farm.stopped}")] if farm.stopped or farm.stopped.others else []
    return lines(
        joined(strong("Farm"), farm.name, quiet(farm.health())), *told, *stopped, html_of(farm.nodes)
    )


@html_of.register
def _(reading: Reading) -> Html:
    doubt = [] if reading.quality == "good" else [bad(f"{reading.quality} {reading.reason}".strip())]
    return joined(strong(number(reading.value, reading.unit)), reading.name, quiet(ago(reading.age)), *doubt)


@html_of.register
def _(finding: Finding) -> Html:
    return bad(finding.sentence) if finding.severity == "refuse" else html_of(finding.sentence)


@html_of.register
def _(verdict: Verdict) -> Html:
    word = strong("✔ allowed") if verdict else bad("✘ refused")
    return lines(joined(word, f"{verdict.actuator} to {verdict.value:g}"), *verdict.findings)


@html_of.register
def _(outcome: Outcome) -> Html:
    word = strong(f"✔ {outcome.state}") if outcome.confirmed else strong(outcome.state)
    facts = joined(word, f"{outcome.actuator} to {outcome.value:g} by {outcome.origin}", outcome.message)
    return lines(facts, *outcome.findings)


@html_of.register
def _(step: Step) -> Html:
    mark = {True: strong("✔"), False: bad("✘"), None: quiet("·")}[step.ok]
    return joined(mark, quiet(f"{step.at:%H:%M:%S}"), strong(step.what), step.text)


@html_of.register
def _(chain: Chain) -> Html:
    return lines(strong(chain.text), steps(chain.steps))


@html_of.register
def _(answer: WhyNot) -> Html:
    said = answer.text.split(" In the way: ")[0]
    return lines(strong(said), *(joined(bad("✘"), str(obstacle)) for obstacle in answer.obstacles))


@html_of.register
def _(stop: Stop) -> Html:
    return bad(f"STOP {stop}") if stop or stop.others else strong("no stop")
