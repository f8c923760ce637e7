"""What would flip a rule, as a sentence: `would fire at 24.3 °C (now 23.1 °C), or in 4 min`."""

from __future__ import annotations

from godkaiser.model.instant import DAY, HOUR, MINUTE, SECOND, Duration, Instant, to_iso
from godkaiser.rules.condition import Silence
from godkaiser.rules.explain import Names, Units, describe
from godkaiser.rules.flip import Change, Flip, Nearest

_WORDS = {">": "above", "<": "below"}
NOTHING = "nothing was found that would change it"
CUT = " There are too many ways to try them all."


def foretell(found: Nearest, name: Names, unit: Units, now: Instant) -> str:
    """Every way that was found, the nearest first."""
    cut = CUT if found.cut else ""
    if not found.flips:
        return f"It would {_verb(found)}: {NOTHING}.{cut}"
    ways = "; or ".join(_way(flip, name, unit, now) for flip in found.flips)
    return f"It would {_verb(found)} {ways}.{cut}"


def _verb(found: Nearest) -> str:
    return "become true" if found.becomes else "be true no longer"


def _way(flip: Flip, name: Names, unit: Units, now: Instant) -> str:
    acts = [_said(change, name, unit) for change in flip.changes if change.kind != "time"]
    text = f"with {' and '.join(acts)}" if acts else ""
    silent = " and ".join(name(series) for series in sorted(flip.silent))
    if any(change.kind == "time" for change in flip.changes):
        text += f"{', ' if text else ''}in {_span(flip.wait)} (at {to_iso(now + flip.wait)})"
    return text + (f" if nothing is read of {silent}" if silent else "")


def _said(change: Change, name: Names, unit: Units) -> str:
    if change.node is not None:
        return f"{name(change.node)} {'online' if change.online else 'offline'}"
    assert change.series is not None
    times = f", {change.times} times running" if change.times > 1 else ""
    u = _unit(change, unit)
    now = "" if change.present is None else f" (now {change.present:g}{u})"
    if change.kind == "value":
        return f"{name(change.series)} {_bound(change, u)}{now}{times}"
    kind = "new" if change.present is not None else "usable"
    return f"a {kind} reading of {name(change.series)}{_such(change, name, unit)}{times}"


def _bound(change: Change, u: str) -> str:
    assert change.bound is not None
    assert change.present is not None
    exact = getattr(change.condition, "operator", "") == "=="
    at = "at exactly" if exact else "at least" if change.bound > change.present else "at most"
    return f"{_WORDS.get(change.word, at)} {change.bound:g}{u}"


def _such(change: Change, name: Names, unit: Units) -> str:
    """What it has to say, where that is not any value."""
    if isinstance(change.condition, Silence):
        return ""
    if change.present is None and change.word in _WORDS:
        return f" {_WORDS[change.word]} {change.bound:g}{_unit(change, unit)}"
    return f", such as {change.target:g}, for “{describe(change.condition, name, unit)}”"


def _unit(change: Change, unit: Units) -> str:
    return f" {unit(change.series)}" if change.series is not None and unit(change.series) else ""


def _span(span: Duration) -> str:
    """In one unit, rounded: the instant stands beside it."""
    for unit, word in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if span >= 2 * unit:
            return f"{round(span / unit)} {word}"
    return f"{round(span / SECOND)} s"
