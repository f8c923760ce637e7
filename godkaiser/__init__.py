"""godkaiser: a greenhouse controller one can import, ask and trust.

The names below are the whole public surface. They are loaded when first used, so `import godkaiser` is cheap.

    import godkaiser as gk
    farm = await gk.connect()              # the controller on this machine, or "sim://greenhouse?seed=7"
    farm = await gk.open("sqlite:///…")    # a database alone, without controller or broker
    with gk.blocking.connect() as farm:    # the same without await
    gk.calibration.fit("ph", points)       # what farm.sensor(…).calibrate(points) does, without a farm
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from godkaiser import blocking
    from godkaiser.display import html_of
    from godkaiser.errors import (
        AckTimeoutError,
        AddressBlockedError,
        AmbiguousNameError,
        AuthenticationFailedError,
        AuthError,
        CalibrationError,
        CodeNeededError,
        CommandFailedError,
        CommandRefusedError,
        ControllerGoneError,
        DocumentError,
        FarmClosedError,
        ForbiddenError,
        GodkaiserError,
        InvalidValueError,
        Kind,
        LinkDownError,
        MissingExtraError,
        NoControllerError,
        NodeRefusedError,
        NodeSilentError,
        PortInUseError,
        SettingsError,
        ThrottledError,
        UnknownActuatorError,
        UnknownNodeError,
        UnknownRuleError,
        UnknownSensorError,
        UnknownZoneError,
    )
    from godkaiser.frames import plot
    from godkaiser.handles.alarms import Alarm, Alarms
    from godkaiser.handles.doors import Accounts, Blocks, Tokens
    from godkaiser.handles.farm import Actuator, Farm, Node, Rule, Rules, Sensor
    from godkaiser.handles.looks import Table
    from godkaiser.handles.people import Account, ApiToken, KeptOut
    from godkaiser.handles.said import Message, Note, Probe, Unreadable
    from godkaiser.handles.secret import Secret
    from godkaiser.handles.values import (
        Chain,
        Change,
        Finding,
        Outcome,
        Reading,
        Step,
        Stop,
        Verdict,
    )
    from godkaiser.handles.whynot import Obstacle, WhyNot
    from godkaiser.io.desk import Desk
    from godkaiser.kaiser.connect import connect, open  # noqa: A004 - godkaiser.open
    from godkaiser.sensors import calibration

_HOMES = {
    "godkaiser.display": ("html_of",),
    "godkaiser.errors": (
        "AckTimeoutError",
        "AddressBlockedError",
        "AmbiguousNameError",
        "AuthError",
        "AuthenticationFailedError",
        "CalibrationError",
        "CodeNeededError",
        "CommandFailedError",
        "CommandRefusedError",
        "ControllerGoneError",
        "DocumentError",
        "FarmClosedError",
        "ForbiddenError",
        "GodkaiserError",
        "InvalidValueError",
        "Kind",
        "LinkDownError",
        "MissingExtraError",
        "NoControllerError",
        "NodeRefusedError",
        "NodeSilentError",
        "PortInUseError",
        "SettingsError",
        "ThrottledError",
        "UnknownActuatorError",
        "UnknownNodeError",
        "UnknownRuleError",
        "UnknownSensorError",
        "UnknownZoneError",
    ),
    "godkaiser.frames": ("plot",),
    "godkaiser.handles.alarms": ("Alarm", "Alarms"),
    "godkaiser.handles.farm": (
        "Actuator",
        "Farm",
        "Node",
        "Rule",
        "Rules",
        "Sensor",
    ),
    "godkaiser.handles.doors": ("Accounts", "Blocks", "Tokens"),
    "godkaiser.handles.looks": ("Table",),
    "godkaiser.handles.people": ("Account", "ApiToken", "KeptOut"),
    "godkaiser.handles.said": (
        "Message",
        "Note",
        "Probe",
        "Unreadable",
    ),
    "godkaiser.handles.secret": ("Secret",),
    "godkaiser.handles.whynot": ("Obstacle", "WhyNot"),
    "godkaiser.handles.values": (
        "Chain",
        "Change",
        "Finding",
        "Outcome",
        "Reading",
        "Step",
        "Stop",
        "Verdict",
    ),
    "godkaiser.io.desk": ("Desk",),
    "godkaiser.kaiser.connect": ("connect", "open"),
}
_MODULES = {"blocking": "godkaiser.blocking", "calibration": "godkaiser.sensors.calibration"}
_WHERE = {name: home for home, names in _HOMES.items() for name in names}
__all__ = [
    "Account",
    "Accounts",
    "AckTimeoutError",
    "Actuator",
    "AddressBlockedError",
    "Alarm",
    "Alarms",
    "AmbiguousNameError",
    "ApiToken",
    "AuthError",
    "AuthenticationFailedError",
    "Blocks",
    "CalibrationError",
    "Chain",
    "Change",
    "CodeNeededError",
    "CommandFailedError",
    "CommandRefusedError",
    "ControllerGoneError",
    "Desk",
    "DocumentError",
    "Farm",
    "FarmClosedError",
    "Finding",
    "ForbiddenError",
    "GodkaiserError",
    "InvalidValueError",
    "KeptOut",
    "Kind",
    "LinkDownError",
    "Message",
    "MissingExtraError",
    "NoControllerError",
    "Node",
    "NodeRefusedError",
    "NodeSilentError",
    "Note",
    "Obstacle",
    "Outcome",
    "PortInUseError",
    "Probe",
    "Reading",
    "Rule",
    "Rules",
    "Secret",
    "Sensor",
    "SettingsError",
    "Step",
    "Stop",
    "Table",
    "ThrottledError",
    "Tokens",
    "UnknownActuatorError",
    "UnknownNodeError",
    "UnknownRuleError",
    "UnknownSensorError",
    "UnknownZoneError",
    "Unreadable",
    "Verdict",
    "WhyNot",
    "blocking",
    "calibration",
    "connect",
    "html_of",
    "open",
    "plot",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    if name in _MODULES:
        return import_module(_MODULES[name])
    raise AttributeError(f"module 'godkaiser' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
