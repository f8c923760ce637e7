"""Calibrations with a time of their own: several may wait, and each counts from its time on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from godkaiser.engine.calibration import in_force, restore, waiting
from godkaiser.engine.effect import Audit, Effect
from godkaiser.model import event as ev
from godkaiser.model.calibration import Calibration
from godkaiser.model.instant import SECOND, Instant, to_datetime
from godkaiser.model.reading import Reading
from godkaiser.model.site import Site
from tests.engine.bench import SITE, SOIL, START, WATER, Desk, stored

SENSOR: dict[str, Any] = {
    "node": WATER,
    "gpio": 34,
    "type": "moisture",
    "warm_up": 0,
    "calibration": {"dry": 3000, "wet": 1000},
}
POINTS: Any = ({"raw": 2800, "role": "dry"}, {"raw": 1200, "role": "wet"})


def site(**more: Any) -> Site:
    made = Site.model_validate({"sensors": [SENSOR | more]})
    return SITE.model_copy(update={"sensors": made.sensors})


def fitted(dry: float, since: Instant | None = None) -> Calibration:
    when = None if since is None else to_datetime(since)
    return Calibration(method="moisture", dry=dry, wet=1200, points=POINTS, valid_from=when)


def calibrate(here: Desk, dry: float, since: Instant | None = None) -> list[Effect]:
    return here.handle(ev.CalibrationMade(here.now, SOIL, fitted(dry, since), "ann"))


def apply(here: Desk, **more: Any) -> list[Effect]:
    return here.handle(ev.SiteChanged(here.now, site(**more), here.rules, "ann"))


def version(here: Desk) -> int:
    here.wait(1)
    (reading,) = stored(Reading, here.read(SOIL, 2000, raw_mode=True))
    return reading.calibration


def shown(here: Desk) -> tuple[float | None, list[float | None]]:
    spec = here.state.sensor_specs[SOIL]
    now = None if spec.calibration is None else spec.calibration.dry
    return now, [one.dry for one in spec.calibrations_later]


# ── the rule, against a simple one ─────────────────────────────────────────────────────────────────────
@dataclass
class Kept:
    """What a simple reference remembers of a version."""

    since: Instant
    number: int
    undone: bool = False


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("make"), st.integers(0, 300)),
        st.tuples(st.just("undo"), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 120)),
    ),
    max_size=12,
)


@given(STEPS)
def test_the_latest_whose_time_has_come_counts(steps: list[tuple[str, int]]) -> None:
    here = Desk(site=site()).ready()
    kept = [Kept(-(10**18), 1)]  # from the beginning
    for what, seconds in [*steps, ("look", 0)]:
        if what == "make":
            since = here.now + seconds * SECOND
            calibrate(here, 2000 + len(kept), since)
            kept.append(Kept(since, len(kept) + 1))
        elif what == "undo":
            here.handle(ev.CalibrationUndone(here.now, SOIL, "ann"))
            left = [one for one in kept if not one.undone]
            if left:
                left[-1].undone = True
        elif what == "wait":
            here.live(seconds)
        standing = [one for one in kept if not one.undone]
        assert version(here) == best(standing, here.now)
        now, later = shown(here)
        assert (now is None) == (best(standing, here.now) == 0)
        assert len(later) == sum(one.since > here.now for one in standing)
        versions = here.state.calibrations[SOIL]
        for at in {START, *(one.since + shift for one in kept[1:] for shift in (-1, 0, 1))}:
            found = in_force(versions, at)
            assert (0 if found is None else found.version) == best(standing, at)


def best(standing: list[Kept], at: Instant) -> int:
    due = [(one.since, one.number) for one in standing if one.since <= at]
    return max(due)[1] if due else 0


# ── together ───────────────────────────────────────────────────────────────────────────────────────────
def test_a_later_one_comes_although_another_was_made_since() -> None:
    here = Desk(site=site()).ready()
    calibrate(here, 2900, here.now + 100 * SECOND)
    calibrate(here, 2800, here.now + 50 * SECOND)
    calibrate(here, 2700)
    assert (version(here), shown(here)) == (4, (2700, [2800, 2900]))
    told = here.live(50)
    assert (version(here), shown(here)) == (3, (2800, [2900]))
    marks = [one.detail for one in stored(Audit, told) if one.action == "sensor.recalibrated"]
    assert marks == [
        "calibration changed: dry 2700, wet 1200 (version 4) → dry 2800, wet 1200 (version 3), as was planned"
    ]
    here.live(50)
    assert (version(here), shown(here)) == (2, (2900, []))


def test_over_a_restart_too() -> None:
    here = Desk(site=site()).ready()
    calibrate(here, 2900, here.now + 100 * SECOND)
    again = Desk(site=site())
    again.now = here.now
    restore(again.state, SOIL, list(here.state.calibrations[SOIL]), here.now)
    again.ready()
    assert (version(again), shown(again)) == (1, (3000, [2900]))
    again.live(100)
    assert (version(again), shown(again)) == (2, (2900, []))


def test_what_waits_makes_no_past_forgotten() -> None:
    here = Desk(site=site()).ready()
    for _ in range(4):
        version(here)
    calibrate(here, 2900, here.now + 100 * SECOND)
    assert len(here.state.sensors[SOIL].signal.believed) == 4


# ── a site file ────────────────────────────────────────────────────────────────────────────────────────
def test_a_site_may_plan_and_withdraw_but_not_what_was_fitted() -> None:
    here = Desk(site=site()).ready()
    plan = {"dry": 2900, "wet": 1200, "valid_from": to_datetime(here.now + 100 * SECOND)}
    apply(here, calibrations_later=[plan])
    calibrate(here, 2800, here.now + 50 * SECOND)
    assert shown(here) == (3000, [2800, 2900])
    apply(here)
    assert shown(here) == (3000, [2800])
    assert [one.version for one in waiting(here.state.calibrations[SOIL], here.now)] == [3]
    apply(here, calibration="none")
    assert shown(here) == (None, [])


def test_a_calibration_that_says_a_time_to_come_leaves_the_present_one() -> None:
    here = Desk(site=site()).ready()
    version(here)
    plan = {"dry": 2900, "wet": 1200, "valid_from": to_datetime(here.now + 100 * SECOND)}
    apply(here, calibration=plan)
    assert (version(here), shown(here)) == (1, (3000, [2900]))
    here.live(100)
    assert (version(here), shown(here)) == (2, (2900, []))
