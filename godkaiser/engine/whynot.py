"""Why a rule does not act: what its condition lacks, what else stands in the way, and what became of its decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from godkaiser.engine.blocked import Blocker, blockers
from godkaiser.engine.escalate import in_words
from godkaiser.engine.fitness import clock
from godkaiser.engine.record import say_trace
from godkaiser.engine.state import RuleState, State
from godkaiser.model.ids import ActuatorId, SeriesId
from godkaiser.model.instant import SECOND, Instant, parse_instant, to_iso
from godkaiser.model.truth import Truth
from godkaiser.rules.condition import Diagnosis, leaves, renamed
from godkaiser.rules.evaluate import Trace, evaluate
from godkaiser.rules.flip import Change, Flip, Nearest, nearest
from godkaiser.rules.foretell import foretell
from godkaiser.rules.memory import Memory, Path
from godkaiser.rules.points import Range


def why_not(state: State, rule: RuleState, now: Instant) -> dict[str, Any]:
    """As plain data. Looks only: what the rule remembers stays as it is."""
    memory = _memory(rule)
    when = renamed(rule.rule.when, partial(_whole, state))  # one sensor under two names is still one
    flips = nearest(when, memory, state, now, partial(span_of, state))
    trace = evaluate(rule.rule.when, memory, state, now).trace
    blocked = blockers(state, rule, now)
    done = rule.deciding and rule.deeds[-1].carried_out is True
    return {
        "rule": rule.rule.id,
        "name": rule.rule.name,
        "at": to_iso(now),
        "truth": trace.truth.value,
        "acting": rule.active,
        "outcome": rule.deeds[-1].word if rule.deciding else None,
        "condition": trace_picture(state, trace, now),
        "flips": [_flip_picture(flip) for flip in flips.flips],
        "blockers": [blocker_picture(blocker) for blocker in blocked],
        "advice": (advice := _advice(state, rule, (trace, flips, blocked), done, now)),
        "text": f"Rule “{rule.rule.name}” is {trace.truth.value}: {say_trace(state, trace)}. {advice}",
    }


def _memory(rule: RuleState) -> Memory:
    """A copy; whether it acts is what `reconsider` would tell it."""
    memory = rule.memory.under(())
    memory.acting = rule.active
    return memory


def _whole(state: State, series: SeriesId) -> SeriesId:
    """The id of the sensor that is meant, if there is one."""
    sensor = state.bound(series)
    return series if sensor is None else sensor.id


def span_of(state: State, series: SeriesId) -> Range | None:
    """What a sensor of that type can measure."""
    row = state.catalogue.types.get(series.sensor_type)
    return None if row is None else (row.low, row.high)


def _advice(
    state: State,
    rule: RuleState,
    found: tuple[Trace, Nearest, tuple[Blocker, ...]],
    done: bool,
    now: Instant,
) -> str:
    """What would have to be different."""
    trace, flips, blocked = found
    said = []
    if trace.truth is not Truth.TRUE:
        said.append(foretell(flips, state.name_of, state.unit_of, now))
        said += [f"What would change the check of {one} is not searched." for one in _checks(rule)]
    if done:
        said.append("Its nodes have confirmed what it wants.")
    elif rule.deciding and rule.deeds[-1].carried_out is False:
        said.append(f"It wants to act and could not: {rule.deeds[-1].reason.rstrip('.')}.")
    if (standing := state.escalated.get(rule.rule.id)) is not None:
        said.append(f"It escalates: {in_words(state, standing)}.")
    said += [sentence_of(state, blocker) for blocker in blocked]
    if trace.truth is Truth.TRUE and not blocked and not done:
        said.append("Nothing stands in its way." if not rule.active else "Its command is on its way.")
    return " ".join(said)


def _checks(rule: RuleState) -> list[str]:
    return sorted({leaf.check for leaf in leaves(rule.rule.when) if isinstance(leaf, Diagnosis)})


def thwarted(state: State, actuator: ActuatorId, now: Instant) -> Iterator[str]:
    """Rules that are true and able to work, and all the same do not have their way with it: what stands between."""
    for rule in state.rules.values():
        acts = any(turn.actuator == actuator for turn in rule.rule.actions)
        if not acts or rule.truth is not Truth.TRUE or rule.hindrance is not None:
            continue
        for blocker in blockers(state, rule, now):
            if blocker.actuator in (None, actuator):
                yield f"Rule “{rule.rule.name}” does not have its way: {blocker.text}{_times(state, blocker)}"


def _times(state: State, blocker: Blocker) -> str:
    told = blocker.since is None or "since" in blocker.text
    since = "" if told or blocker.since is None else f" since {clock(state, blocker.since)}"
    return since + ("" if blocker.until is None else f" until {clock(state, blocker.until)}")


def sentence_of(state: State, blocker: Blocker) -> str:
    """What stands in the way, and what takes it away."""
    return f"In the way: {blocker.text}{_times(state, blocker)}. {blocker.lifts}"


# ── as plain data ──────────────────────────────────────────────────────────────────────────────────────
def trace_picture(state: State, trace: Trace, now: Instant) -> dict[str, Any]:
    """A condition with what it looked at, and its parts."""
    reading = trace.reading
    read = None if reading is None else {
        "series": reading.series,
        "value": reading.value,
        "age_s": (now - reading.received_at) / SECOND,
        "quality": reading.quality.value,
        "calibration": reading.calibration,
        "zone": reading.zone,
    }  # fmt: skip
    parts = [trace_picture(state, part, now) for part in trace.parts]
    return {
        "condition": type(trace.condition).__name__,
        "text": say_trace(state, trace),
        "truth": trace.truth.value,
        "value": trace.value,
        "note": trace.note,
        "reading": read,
        "parts": parts,
    }


def _flip_picture(flip: Flip) -> dict[str, Any]:
    return {
        "wait_s": flip.wait / SECOND,
        "silent": sorted(flip.silent),
        "changes": [_change_picture(change) for change in flip.changes],
    }


def _change_picture(change: Change) -> dict[str, Any]:
    path: Path = change.path
    return {
        "path": list(path), "kind": change.kind, "series": change.series, "word": change.word, "bound": change.bound,
        "target": change.target, "present": change.present, "node": change.node, "online": change.online,
        "at": None if change.at is None else to_iso(change.at), "times": change.times,
    }  # fmt: skip


def blocker_picture(blocker: Blocker) -> dict[str, Any]:
    """What stands in the way."""
    return {
        "code": blocker.code, "text": blocker.text, "lifts": blocker.lifts, "actuator": blocker.actuator,
        "who": blocker.who or None, "since": None if blocker.since is None else to_iso(blocker.since),
        "until": None if blocker.until is None else to_iso(blocker.until),
    }  # fmt: skip


def blocker_of(shot: Mapping[str, Any]) -> Blocker:
    """Out of `blocker_picture`."""
    actuator, since, until = shot["actuator"], shot["since"], shot["until"]
    return Blocker(
        shot["code"], shot["text"], shot["lifts"], None if actuator is None else ActuatorId.known(actuator),
        shot["who"] or "", None if since is None else parse_instant(since, 0),
        None if until is None else parse_instant(until, 0),
    )  # fmt: skip
