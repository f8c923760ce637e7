"""One alarm for everybody who is kept out of the sign-in: raised once, its words follow, it goes by itself."""

from __future__ import annotations

from godkaiser.alarms.alarm import Alarm, State
from godkaiser.engine.effect import AlarmChange, Effect
from godkaiser.model import event as ev
from godkaiser.model.instant import MINUTE, SECOND
from tests.engine.bench import Desk, Journal, only, stored

KEY = "address_blocked:sign-in"


def told(desk: Desk, number: int, newest: str = "") -> list[Effect]:
    return desk.handle(ev.KeptOut(desk.now, number, newest))


def steps(effects: list[Effect]) -> list[tuple[str, str]]:
    return [(change.key, change.step) for change in stored(AlarmChange, effects)]


def standing(desk: Desk) -> Alarm:
    return desk.state.alarms.watch.standing[KEY]


def test_three_addresses_are_one_alarm_that_names_the_newest() -> None:
    desk = Desk().ready()
    assert steps(told(desk, 1, "192.0.2.1")) == [(KEY, "raised")]
    assert standing(desk).text.endswith("There is one: 192.0.2.1.")
    for number in (2, 3):
        effects = told(desk, number, f"192.0.2.{number}")
        assert steps(effects) == [], "it is the same alarm, only its words are others"
        assert [(e.kind, e.key) for e in only(Journal, effects)] == [("alarm", KEY)], (
            "which survive a restart"
        )
    assert standing(desk).text.endswith("There are 3, the newest is 192.0.2.3.")
    assert (standing(desk).count, standing(desk).state) == (1, State.UNACK)
    assert told(desk, 3, "192.0.2.3") == []


def test_it_goes_by_itself_when_nobody_is_kept_out() -> None:
    desk = Desk().ready()
    told(desk, 2, "192.0.2.2")
    assert steps(told(desk, 1, "192.0.2.1")) == [], "one is left"
    assert steps(told(desk, 0)) == [(KEY, "returned")]
    assert steps(desk.live(10 * MINUTE / SECOND + 1)) == [(KEY, "cleared")]
    assert KEY not in desk.state.alarms.watch.standing


def test_who_has_seen_it_is_not_called_again_by_the_next_address() -> None:
    desk = Desk().ready()
    told(desk, 1, "192.0.2.1")
    desk.handle(ev.AlarmAnswered(desk.now, KEY, "ack", "ann"))
    told(desk, 2, "192.0.2.2")
    assert (standing(desk).state, standing(desk).acked_by) == (State.ACKED, "ann")
    assert steps(told(desk, 0)) == [(KEY, "returned")]
    assert KEY not in desk.state.alarms.watch.standing


def test_an_alarm_nobody_is_kept_out_for_any_more_returns_with_the_first_look_after_a_restart() -> None:
    desk = Desk().ready()
    told(desk, 1, "192.0.2.1")
    desk.restart()
    assert standing(desk).holds
    assert steps(desk.link()) == [(KEY, "returned")]


def test_who_is_kept_out_after_a_restart_still_is_and_the_words_say_so() -> None:
    desk = Desk().ready()
    told(desk, 1, "192.0.2.1")
    desk.restart()
    desk.state.kept_out = (1, "192.0.2.1")
    assert steps(desk.link()) == []
    assert (standing(desk).count, standing(desk).state) == (1, State.UNACK)


def test_it_can_be_set_aside_before_there_is_one() -> None:
    desk = Desk().ready()
    desk.handle(ev.AlarmAnswered(desk.now, KEY, "remove", "ann"))
    assert standing(desk).state is State.OOSRV
    told(desk, 1, "192.0.2.1")
    assert standing(desk).state is State.OOSRV
    assert standing(desk).holds
    desk.handle(ev.AlarmAnswered(desk.now, "address_blocked:other", "remove", "ann"))
    assert set(desk.state.alarms.watch.standing) == {KEY}
