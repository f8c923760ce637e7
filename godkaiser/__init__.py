"""godkaiser: a greenhouse controller one can import, ask and trust.

The names below are the whole public surface. They are loaded when first used, so `import godkaiser` is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from godkaiser.errors import (
        AckTimeoutError,
        AmbiguousNameError,
        AuthError,
        AuthenticationFailedError,
        CommandFailedError,
        CommandRefusedError,
        ControllerGoneError,
        DocumentError,
        ForbiddenError,
        GodkaiserError,
        InvalidValueError,
        Kind,
        LinkDownError,
        MissingExtraError,
        NoControllerError,
        PortInUseError,
        SettingsError,
        ThrottledError,
        UnknownActuatorError,
        UnknownSensorError,
    )
    from godkaiser.io.desk import Desk

_ERRORS = (
    "AckTimeoutError",
    "AmbiguousNameError",
    "AuthError",
    "AuthenticationFailedError",
    "CommandFailedError",
    "CommandRefusedError",
    "ControllerGoneError",
    "DocumentError",
    "ForbiddenError",
    "GodkaiserError",
    "InvalidValueError",
    "Kind",
    "LinkDownError",
    "MissingExtraError",
    "NoControllerError",
    "PortInUseError",
    "SettingsError",
    "ThrottledError",
    "UnknownActuatorError",
    "UnknownSensorError",
)
_WHERE = {"Desk": "godkaiser.io.desk"} | dict.fromkeys(_ERRORS, "godkaiser.errors")
__all__ = [
    "AckTimeoutError",
    "AmbiguousNameError",
    "AuthError",
    "AuthenticationFailedError",
    "CommandFailedError",
    "CommandRefusedError",
    "ControllerGoneError",
    "Desk",
    "DocumentError",
    "ForbiddenError",
    "GodkaiserError",
    "InvalidValueError",
    "Kind",
    "LinkDownError",
    "MissingExtraError",
    "NoControllerError",
    "PortInUseError",
    "SettingsError",
    "ThrottledError",
    "UnknownActuatorError",
    "UnknownSensorError",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'godkaiser' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
