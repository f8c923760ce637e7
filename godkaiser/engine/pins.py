"""Which pins of a node are whose, as far as it is declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from godkaiser.model.board import BOARDS, Board, Claim, conflicts
from godkaiser.model.ids import ActuatorId, NodeId
from godkaiser.model.site import ActuatorSpec, SensorSpec
from godkaiser.sensors.catalogue import Catalogue


def pin_problem(
    actuator: ActuatorId,
    board: Board | None,
    sensors: Iterable[SensorSpec],
    actuators: Iterable[ActuatorSpec],
    catalogue: Catalogue,
) -> str | None:
    """Why an actuator cannot be driven, or None. On an unknown board only what no board could do."""
    claims = [*_of_sensors(actuator, sensors, catalogue), *_of_actuators(actuator, actuators)]
    boards = tuple(BOARDS) if board is None else (board,)
    problems = [_first(one, claims, actuator) for one in boards]
    return None if None in problems else problems[0]


def _first(board: Board, claims: list[Claim], actuator: ActuatorId) -> str | None:
    mine = (actuator, _second(actuator))
    return next((c.sentence for c in conflicts(board, claims) if c.who in mine), None)


def _of_sensors(actuator: ActuatorId, sensors: Iterable[SensorSpec], catalogue: Catalogue) -> Iterator[Claim]:
    for spec in sensors:
        if spec.node == actuator.node:
            yield Claim(spec.name or spec.series, spec.gpio, catalogue.types[spec.type].bus)


def _of_actuators(actuator: ActuatorId, actuators: Iterable[ActuatorSpec]) -> Iterator[Claim]:
    for spec in actuators:
        if spec.node == actuator.node:
            yield Claim(spec.id, spec.gpio, "output")
            if spec.second_gpio is not None:
                yield Claim(_second(spec.id), spec.second_gpio, "output")


def _second(actuator: ActuatorId) -> str:
    return f"{actuator} (enable)"


def scan_problem(
    node: NodeId, board: Board | None, pin: int | None, actuators: Iterable[ActuatorSpec]
) -> str | None:
    """Why a bus must not be looked for on a pin, or None: an output would be driven.

    Without a pin the board's own one is meant; on an unknown board that may be any of them.
    """
    boards = tuple(BOARDS) if board is None else (board,)
    pins = {BOARDS[one].onewire for one in boards} if pin is None else {pin}
    for spec in actuators:
        mine = pins.intersection((spec.gpio, spec.second_gpio)) if spec.node == node else ()
        for gpio in mine:
            return f"pin {gpio} of {node} is an output of {spec.name or spec.id}"
    return None
