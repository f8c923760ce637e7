"""What `import godkaiser` offers, and what it must not drag in."""

import importlib
import json
import subprocess
import sys

import pytest

import godkaiser

PUBLIC: set[str] = {
    # Pinned by hand: a name that comes or goes is a change users see, so CHANGELOG.md tells of it too.
    "AckTimeoutError",
    "AddressBlockedError",
    "Account",
    "Accounts",
    "Actuator",
    "Alarm",
    "Alarms",
    "AmbiguousNameError",
    "AuthError",
    "AuthenticationFailedError",
    "CalibrationError",
    "ApiToken",
    "Blocks",
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
}

HEAVY = {
    "aiomqtt",
    "alembic",
    "asyncpg",
    "bokeh",
    "fastapi",
    "matplotlib",
    "numpy",
    "pandas",
    "panel",
    "paho",
} | {
    "pyarrow",
    "pydantic",
    "rich",
    "sqlalchemy",
    "sqlmodel",
    "tornado",
    "typer",
}


def loaded_by(statement: str) -> set[str]:
    """Top-level modules in a fresh interpreter after a statement."""
    program = (
        f"import json, sys; {statement}; print(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_public_names_are_pinned() -> None:
    assert set(godkaiser.__all__) == PUBLIC
    assert len(godkaiser.__all__) == len(PUBLIC), "a name is listed twice"


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_name_loads(name: str) -> None:
    assert getattr(godkaiser, name) is not None
    assert name in dir(godkaiser)


def test_an_unknown_name_is_an_attribute_error() -> None:
    name = "no_such_name"
    with pytest.raises(AttributeError, match=name):
        getattr(godkaiser, name)


LIGHT = (
    "import godkaiser",
    "import godkaiser.io",
    "import godkaiser.errors",
    "import godkaiser as g; g.connect(); g.blocking; g.Farm; g.Desk; g.plot; g.html_of",
)


@pytest.mark.parametrize("statement", LIGHT)
def test_importing_loads_nothing_heavy(statement: str) -> None:
    assert loaded_by(statement) & HEAVY == set()


def test_the_command_line_loads_no_database_and_no_pages() -> None:
    quick = {"pydantic", "rich", "typer"}
    assert loaded_by("import godkaiser.cli.main") & (HEAVY - quick) == set()


def test_the_guard_would_see_a_heavy_module() -> None:
    assert "aiomqtt" in loaded_by("import aiomqtt")
    assert importlib.util.find_spec("pandas") is not None
