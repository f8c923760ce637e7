"""What an evaluation looked at is kept with every change and, while nothing changes, now and then.

It is put into words when its event has been handled, so that it says what `why_not` would have answered then. What
would have flipped it is left out: to look for that costs many times what the rest of an event does.
"""

from __future__ import annotations

from godkaiser.engine.blocked import blockers
from godkaiser.engine.effect import RuleTrace, Store
from godkaiser.engine.state import Kept, Moment
from godkaiser.engine.whynot import blocker_picture, trace_picture


def keep(moment: Moment) -> None:
    """Everything this event gave reason to keep, in the order it came about."""
    for kept in moment.kept:
        moment.emit(Store(_trace(moment, kept)))


def _trace(moment: Moment, kept: Kept) -> RuleTrace:
    state, now = moment.state, moment.now
    seen = None if kept.trace is None else trace_picture(state, kept.trace, now)
    found = () if kept.state is None else blockers(state, kept.state, now)
    blocked = [blocker_picture(blocker) for blocker in found]
    return RuleTrace(
        kept.rule, now, kept.kind, kept.truth.value, kept.acting, seen, blocked, moment.seq, kept.note
    )
