"""The broker comes and goes, the journal fails and works again, the controller ends."""

from __future__ import annotations

from godkaiser.engine import actuation, alive, ending, halt, wish
from godkaiser.engine.effect import Journal, Say
from godkaiser.engine.state import ChainStep, Moment
from godkaiser.model.command import ServerStatus
from godkaiser.model.event import JournalHealth, LinkDown, LinkUp
from godkaiser.model.instant import SECOND
from godkaiser.safety.stop import Phase


def on_link_up(moment: Moment, event: LinkUp) -> None:
    """Announce ourselves, repeat an active stop, deliver what is owed."""
    link = moment.state.link
    link.up, link.since, link.broker, link.problem = True, moment.now, event.broker, ""
    # The journal knows what we announced: after a crash a new start recognises its own retained "online".
    moment.state.announced = moment.now // SECOND
    moment.emit(Journal("online", "", {"timestamp": moment.state.announced}))
    for kaiser in alive.kaisers(moment.state):
        alive.announce(moment, kaiser)
    moment.tell("link")
    told = set()
    for standing in moment.state.stops.values():
        if standing.stop.phase is Phase.ACTIVE:
            halt.tell_nodes_to_stop(moment, standing)
            told |= {actuator.id for actuator in halt.covered(moment, standing)}
    others = [actuator for actuator in moment.state.actuators.values() if actuator.id not in told]
    for actuator in others:
        if actuator.owed:
            ending.on_owed(moment, actuator.id)  # what makes safe goes first
    for actuator in others:
        if not actuator.owed and moment.state.wishes.get(actuator.id):
            wish.settle_actuator(moment, actuator.id, [ChainStep("intent", moment.now, "the broker is back")])


def on_link_down(moment: Moment, event: LinkDown) -> None:
    """Nothing leaves any more; what makes safe is owed, the nodes end their leases by themselves."""
    link = moment.state.link
    link.since = moment.now if link.up or link.since is None else link.since
    link.up, link.broker, link.problem = False, event.broker, event.why
    moment.tell("link")


def on_journal(moment: Moment, event: JournalHealth) -> None:
    """P9: what is not durable must not be begun."""
    moment.state.journal_problem = event.problem
    moment.tell("stop")


def on_closing(moment: Moment) -> None:
    """Nobody will supervise a lease any more: everything we know to be away from safe goes back, and stays."""
    moment.state.closing = True
    moment.state.wishes.clear()
    for actuator in tuple(moment.state.actuators.values()):
        if actuator.lease is not None or actuator.safe is False:
            actuator.chain = [ChainStep("intent", moment.now, "the controller is closing")]
            actuation.submit(moment, actuation.safe_intent(moment, actuator.spec, "closing"))
    for kaiser in alive.kaisers(moment.state):
        moment.emit(Say(ServerStatus(kaiser, False, moment.now // SECOND, "graceful_shutdown")))
    moment.emit(Journal("online", "", None))
