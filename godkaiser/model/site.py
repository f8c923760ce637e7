"""What is installed where: the specs people write in a site file. Frozen, with a JSON schema."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from godkaiser.model.board import Board
from godkaiser.model.calibration import Adc, Calibration, read_calibration, read_later
from godkaiser.model.cycle import CycleSpec, overlap
from godkaiser.model.derived import DerivedSpec
from godkaiser.model.filter import Filter
from godkaiser.model.ids import (
    GPIO_MAX,
    ActuatorId,
    KaiserId,
    NodeId,
    SeriesId,
    ZoneId,
    declared_actuator,
    is_address,
)
from godkaiser.model.permissive import Permissive
from godkaiser.model.schedule import read_schedule
from godkaiser.model.spec import Number, Spec

ActuatorType = Literal["pump", "valve", "relay", "pwm"]
Mode = Literal["continuous", "on_demand", "paused", "scheduled"]
ActuatorKind = Literal[
    "pump",
    "valve",
    "relay",
    "fan",
    "heater",
    "light",
    "humidifier",
    "dehumidifier",
    "doser",
    "mixer",
    "servo",
]
MUST_STATE_MAX_ON: frozenset[str] = frozenset({"pump", "doser"})
DEFAULT_MAX_ON_S = 3600.0
STARTS_PER_HOUR = 60
RULE_HOLD_S = 120.0  # two rules that contradict each other switch 30 times an hour at most


Position = tuple[float, float]  # latitude and longitude, degrees
Gpio = Annotated[int, Field(ge=0, le=GPIO_MAX, strict=True)]
UpToADay = Annotated[Number, Field(ge=0, le=86400)]
UpToAnHour = Annotated[Number, Field(ge=0, le=3600)]
UpToAWeek = Annotated[Number, Field(ge=1, le=604800)]
UpToAWeekOrOff = Annotated[Number, Field(ge=0, le=604800)]


Word = Annotated[str, Field(min_length=1, max_length=24)]


def read_states(value: Any) -> Any:
    """YAML takes `on` and `off` for truth: here they are words."""
    words = {True: "on", False: "off"}
    return [words[w] if isinstance(w, bool) else w for w in value] if isinstance(value, list) else value


class ZoneSpec(Spec):
    """A zone: a bench, a room, a house, and what was and is grown there."""

    id: Annotated[str, BeforeValidator(ZoneId.parse)]
    name: str = ""
    cycles: tuple[CycleSpec, ...] = ()

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        if problem := overlap(self.cycles):
            raise ValueError(problem)
        return self


class NodeSpec(Spec):
    """An ESP32 node that the site expects. Listed nodes still wait for approval unless `approved`.

    `board` None: nobody knows which one it is; it then counts as the smallest.
    """

    id: Annotated[str, BeforeValidator(NodeId.parse)]
    name: str = ""
    zone: str | None = None
    master_zone: str = ""
    board: Board | None = "esp32_dev"
    approved: bool = False


class SubzoneSpec(Spec):
    """A group of pins of one node: everything that names it in `subzone`."""

    node: Annotated[str, BeforeValidator(NodeId.parse)]
    id: Annotated[str, BeforeValidator(ZoneId.parse)]
    name: Annotated[str, Field(max_length=64)] = ""


class SensorSpec(Spec):
    """One series of a node: (node, gpio, type, address).

    `temperature_from`: the series or name of the water temperature that pH and EC are compensated by. `ec_alpha`: by
    how much of its value at 25 °C conductivity rises per °C.
    `mode` None is that of the type: pH and EC on demand, all others continuous; so are `interval_s` and
    `stale_after_s`. `schedule`: five fields of cron in the site's time zone, with mode `scheduled` and only with it.
    `adc`: what an analog probe is read by. None is that of its calibration, else the board's own, which is what the
    firmware reads; it is never guessed from a count.
    `active`: of a contact (`switch`, or `level` that is one), the level of the pin that means 1; `states`: what 0 and
    1 are called, as in `[closed, open]`. `pulses_over_s`: of `flow` whose node counts pulses over so many seconds;
    without it the node sends their frequency in Hz.
    `calibration` counts now; `calibrations_later` count each from its `valid_from` on.
    `recalibrate_after_d`: after how many days the calibration wants to be made anew; None is that of the type, 0
    never.
    `spike_mad`, `flat_after_s` (both 0: off) and `warm_up` readings: None is the default of the type.
    """

    node: Annotated[str, BeforeValidator(NodeId.parse)]
    gpio: Gpio
    type: str
    address: int | str | None = None
    name: str = ""
    zone: str | None = None
    subzone: str | None = None
    interval_s: Annotated[int, Field(ge=1, le=300)] | None = None
    mode: Mode | None = None
    schedule: Annotated[str | None, BeforeValidator(read_schedule)] = None
    adc: Adc | None = None
    active: Literal["high", "low"] | None = None
    states: Annotated[tuple[Word, Word], BeforeValidator(read_states)] | None = None
    pulses_over_s: Annotated[Number, Field(gt=0, le=3600)] | None = None
    calibration: Annotated[Calibration | None, BeforeValidator(read_calibration)] = None
    calibrations_later: Annotated[tuple[Calibration, ...], AfterValidator(read_later)] = ()
    recalibrate_after_d: Annotated[Number, Field(ge=0, le=3650)] | None = None
    temperature_from: str | None = None
    ec_alpha: Annotated[Number, Field(gt=0, le=0.03)] = 0.02
    stale_after_s: Annotated[Number, Field(ge=1, le=604_800)] | None = None
    filter: Filter | None = None
    spike_mad: Annotated[Number, Field(ge=0, le=1000)] | None = None
    flat_after_s: UpToAWeekOrOff | None = None
    warm_up: Annotated[int, Field(ge=0, le=100, strict=True)] | None = None

    @model_validator(mode="after")
    def _addressed(self) -> Self:
        if not is_address(address_text(self.address)):
            raise ValueError("address must be an I²C address such as 0x44 or 16 hex digits of OneWire")
        return self

    @model_validator(mode="after")
    def _timed(self) -> Self:
        if self.mode == "scheduled" and self.schedule is None:
            raise ValueError('mode scheduled needs a schedule, as in schedule: "0 6,18 * * *"')
        if self.mode != "scheduled" and self.schedule is not None:
            raise ValueError("a schedule needs mode: scheduled")
        return self

    @property
    def series(self) -> SeriesId:
        """Identity on the wire."""
        return SeriesId.of(NodeId.parse(self.node), self.gpio, self.type, address_text(self.address))


class ActuatorSpec(Spec):
    """An actuator and its limits. `safe_value` is where it goes when in doubt; not every safe value is 0.

    On is whatever is not the safe value. `on_budget_s` seconds of it are allowed within any `on_window_s`;
    `interlocks` name groups of which one may be on at a time, this one `changeover_s` after another.
    `rule_hold_s`: so long only a stronger rule energises what a rule has switched.
    `litres_per_min` and `watts`, at value 1, are for the totals of water and energy.
    """

    node: Annotated[str, BeforeValidator(NodeId.parse)]
    gpio: Gpio
    type: ActuatorType
    kind: ActuatorKind | None = None
    name: str = ""
    zone: str | None = None
    subzone: str | None = None
    enabled: bool = True
    aux_gpio: Gpio | None = None
    inverted: bool = False
    critical: bool = False
    safe_value: Annotated[Number, Field(ge=0, le=1)] = 0.0
    min_value: Annotated[Number, Field(ge=0, le=1)] = 0.0
    max_value: Annotated[Number, Field(ge=0, le=1)] = 1.0
    max_on_s: Annotated[Number, Field(gt=0, le=86400)] | None = None
    min_on_s: UpToADay = 0.0
    min_off_s: UpToADay = 0.0
    cooldown_s: UpToAnHour = 0.0
    rule_hold_s: UpToAnHour = RULE_HOLD_S
    starts_per_hour: Annotated[int, Field(ge=1, le=360, strict=True)] = STARTS_PER_HOUR
    on_budget_s: UpToAWeek | None = None
    on_window_s: UpToAWeek = 86400.0
    interlocks: tuple[Annotated[str, BeforeValidator(ZoneId.parse)], ...] = ()
    changeover_s: UpToAnHour = 0.0
    permissives: tuple[Permissive, ...] = ()
    litres_per_min: Annotated[Number, Field(gt=0)] | None = None
    watts: Annotated[Number, Field(gt=0)] | None = None
    on_lost: Literal["safe", "keep"] = "safe"
    declared_by: Literal["site", "rule", "node"] = "site"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.min_value > self.max_value:
            raise ValueError("min_value must not exceed max_value")
        if self.declared_by == "site" and self.max_on_s is None and self.must_state_max_on:
            raise ValueError("a pump or doser must state max_on_s")
        if self.type != "pwm" and self.safe_value not in (0.0, 1.0):
            raise ValueError(f"a {self.type} is safe at 0 or at 1, nothing in between")
        return self

    @model_validator(mode="after")
    def _possible(self) -> Self:
        longest, budget = self.longest_on_s, self.on_budget_s
        if longest is not None and self.min_on_s > longest:
            raise ValueError("min_on_s must not exceed max_on_s")
        if budget is not None and not self.min_on_s <= budget <= self.on_window_s:
            raise ValueError("on_budget_s must lie between min_on_s and on_window_s")
        return self

    @property
    def id(self) -> ActuatorId:
        """`NODE/GPIO`."""
        return declared_actuator(self.node, self.gpio)

    @property
    def second_gpio(self) -> int | None:
        """A valve moves by two pins: direction and, next to it unless said otherwise, enable."""
        return self.gpio + 1 if self.type == "valve" and self.aux_gpio is None else self.aux_gpio

    @property
    def must_state_max_on(self) -> bool:
        """Water and dosing: no default is safe."""
        return (self.kind or self.type) in MUST_STATE_MAX_ON

    @property
    def longest_on_s(self) -> float | None:
        """Max on-time in seconds; None where one must be stated and was not."""
        if self.max_on_s is not None:
            return self.max_on_s
        return None if self.must_state_max_on else DEFAULT_MAX_ON_S


class Site(Spec):
    """A whole site. Rules stay documents here; `godkaiser.rules` gives them meaning.

    Latitude (north positive) and longitude (east positive), in degrees, are for rules that go by the sun.
    """

    kaiser_id: Annotated[str, BeforeValidator(KaiserId.parse)] = KaiserId.parse("god")
    timezone: str = "UTC"
    latitude: Annotated[Number, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[Number, Field(ge=-180, le=180)] | None = None
    zones: tuple[ZoneSpec, ...] = ()
    subzones: tuple[SubzoneSpec, ...] = ()
    nodes: tuple[NodeSpec, ...] = ()
    sensors: tuple[SensorSpec, ...] = ()
    actuators: tuple[ActuatorSpec, ...] = ()
    derived: tuple[DerivedSpec, ...] = ()
    rules: tuple[dict[str, Any], ...] = ()

    @property
    def position(self) -> Position | None:
        """Latitude and longitude in degrees, if stated."""
        return None if self.latitude is None or self.longitude is None else (self.latitude, self.longitude)

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude: state both or neither")
        return self

    @model_validator(mode="after")
    def _unique(self) -> Self:
        named: dict[str, list[str]] = {
            "zones": [z.id for z in self.zones],
            "subzones": [f"{z.node}/{z.id}" for z in self.subzones],
            "nodes": [n.id for n in self.nodes],
            "sensors": [s.series for s in self.sensors],
            "actuators": [a.id for a in self.actuators],
            "derived": [d.series for d in self.derived],
            "cycles": [cycle.name for zone in self.zones for cycle in zone.cycles],
        }
        for what, ids in named.items():
            twice = sorted({i for i in ids if ids.count(i) > 1})
            if twice:
                way = "; give one of them an `id` of its own" if what == "derived" else ""
                raise ValueError(f"{what}: {', '.join(twice)} stands twice{way}")
        return self


def address_text(address: int | str | None) -> str:
    """A bus address as it stands in a series id: I²C `0x44`, OneWire as 16 upper-case hex digits."""
    if address is None or address == "":
        return ""
    if isinstance(address, int):
        return f"0x{address:02x}"
    return address.lower() if address.lower().startswith("0x") else address.upper()
