"""What rules tell people: written down, shown with the rule, and not too often."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from godkaiser.engine.effect import RuleNotice, Store
from godkaiser.engine.state import Moment, RuleState
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import MINUTE, to_iso
from godkaiser.model.reading import Reading
from godkaiser.model.truth import Truth
from godkaiser.rules.evaluate import Trace
from godkaiser.rules.rule import Notify, Rule

LEAST: Final = MINUTE  # between two of one step, whatever the cooldown
UNKNOWN: Final = "unknown"
_WORD: Final = re.compile(r"\{(\w+)\}")


def notify(moment: Moment, state: RuleState, place: int, action: Notify) -> None:
    """Once per cooldown of the rule at most, and once a minute; what is left out is counted."""
    before, rule = state.notices.get(place), state.rule
    if before is not None and moment.now < before + max(LEAST, rule.cooldown):
        moment.state.counters["notices_left_out"] += 1
        return
    state.notices[place] = moment.now
    moment.state.counters["notices"] += 1
    text = _filled(action.text, _words(moment, rule, state.trace)) or rule.name
    cause = state.deeds[-1].cause if state.deeds else moment.seq
    state.notice = RuleNotice(moment.now, rule.id, action.channel, action.target, text, cause)
    moment.emit(Store(state.notice))
    moment.tell("rule", rule.id)


def _filled(template: str, words: Mapping[str, str]) -> str:
    """Words in braces that are known; anything else in braces stays as it is written."""
    return _WORD.sub(lambda found: words.get(found[1], found[0]), template)


def _words(moment: Moment, rule: Rule, trace: Trace | None) -> dict[str, str]:
    """What stands for the words in braces. What is not known is called so."""
    reading = None if trace is None else next(_read(trace), None)
    series: SeriesId | None = None if reading is None else reading.series
    value = None if reading is None else reading.value
    return {
        "sensor_value": UNKNOWN if value is None else f"{value:.4g}",
        "esp_id": UNKNOWN if series is None else str(series.node),
        "gpio": UNKNOWN if series is None else str(series.gpio),
        "sensor_type": UNKNOWN if series is None else series.sensor_type,
        "timestamp": to_iso(moment.now),
        "rule_name": rule.name,
        "rule_id": str(rule.id),
    }


def _read(trace: Trace) -> Iterator[Reading]:
    """Of the conditions that hold, in the order they are written; then of the others."""
    leaves = list(_leaves(trace))
    for holds in (True, False):
        for leaf in leaves:
            if leaf.reading is not None and (leaf.truth is Truth.TRUE) is holds:
                yield leaf.reading


def _leaves(trace: Trace) -> Iterator[Trace]:
    if not trace.parts:
        yield trace
    for part in trace.parts:
        yield from _leaves(part)
