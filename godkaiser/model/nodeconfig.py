"""What a node is told to be: its sensors, actuators and offline rules, with the firmware's own defaults.

A field that has its default here is not sent: the node then assumes the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from godkaiser.model.board import NO_PIN, Board
from godkaiser.model.ids import KaiserId, NodeId

Scope = Literal["sensors", "actuators", "offline_rules"]
OFFLINE_RULES_MOST: Final = 8
SUBZONES_MOST: Final = 8
UNCALIBRATED_ON_NODE: Final = ("ph", "ec", "moisture", "soil")
VALUE_TYPE_MOST: Final = 23
TIME_ZONES: Final = ("UTC", "Europe/Berlin", "CET", "CEST")
TIME_ONLY: Final = ("__twindow_on", "__twindow_off")


@dataclass(frozen=True, slots=True)
class Hardware:
    """What limits a node. Unknown is treated as the smaller one."""

    modern: bool = False
    board: Board = "xiao_esp32c3"


@dataclass(frozen=True, slots=True)
class SensorItem:
    """One sensor as configured on the node. I²C sensors have pin 0; `i2c_address` is a number, never a text."""

    gpio: int
    sensor_type: str
    sensor_name: str
    subzone_id: str = ""
    active: bool = True
    raw_mode: bool = True
    operating_mode: Literal["continuous", "on_demand", "paused", "scheduled"] = "continuous"
    measurement_interval_seconds: int = 30
    onewire_address: str = ""
    i2c_address: int | None = None


@dataclass(frozen=True, slots=True)
class ActuatorItem:
    """One actuator as configured on the node. `default_state` is where it goes when left alone."""

    gpio: int
    actuator_type: Literal["pump", "valve", "pwm", "relay"]
    actuator_name: str
    aux_gpio: int = NO_PIN
    subzone_id: str = ""
    active: bool = True
    critical: bool = False
    inverted_logic: bool = False
    default_state: bool = False
    default_pwm: int = 0
    max_runtime_ms: int = 3_600_000


@dataclass(frozen=True, slots=True)
class TimeFilter:
    """When an offline rule may act; the end is exclusive and may lie after midnight. Bit 0 of the mask is Sunday."""

    start_hour: int = 0
    start_minute: int = 0
    end_hour: int = 0
    end_minute: int = 0
    days_of_week_mask: int = 127
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class OfflineRule:
    """A rule the node follows alone. Thresholds are physical values; 0 means unset there. `name` is ours."""

    name: str
    actuator_gpio: int
    sensor_gpio: int = NO_PIN
    sensor_value_type: str = ""
    activate_below: float = 0.0
    deactivate_above: float = 0.0
    activate_above: float = 0.0
    deactivate_below: float = 0.0
    time_filter: TimeFilter | None = None


Item = SensorItem | ActuatorItem | OfflineRule


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Everything a node should be. `offline_rules` None leaves the node's as they are, () deletes them."""

    sensors: tuple[SensorItem, ...] = ()
    actuators: tuple[ActuatorItem, ...] = ()
    offline_rules: tuple[OfflineRule, ...] | None = None


@dataclass(frozen=True, slots=True)
class ConfigPart:
    """One message of a push: one scope, small enough for its node. `generation` rises from message to message."""

    node: NodeId
    hardware: Hardware
    scope: Scope
    items: tuple[Item, ...]
    generation: int
    correlation: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An offline rule that cannot run on the node, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Push:
    """The messages of a push, in the order they must go out, and what is not in them."""

    parts: tuple[ConfigPart, ...]
    left_out: tuple[LeftOut, ...] = ()


class Planner(Protocol):
    """Splits a configuration into messages a node can take."""

    def __call__(
        self,
        node: NodeId,
        kaiser: KaiserId,
        hardware: Hardware,
        config: NodeConfig,
        *,
        generation: int,
        new_id: Callable[[], str],
    ) -> Push:
        """Each part gets its own id and the next generation, beginning with `generation`.

        Raises `NodeCapacityError` when board or firmware have no room, `MessageTooLargeError` when one item or
        the offline rules do not fit in one message. Nothing is cut and nothing left out unsaid.
        """
