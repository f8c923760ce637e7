"""The seal cannot be forged, and what goes around the gate does not type-check."""

import copy
import dataclasses
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from godkaiser.errors import SealError
from godkaiser.model.command import Move
from godkaiser.safety.gate import Passed, judge
from godkaiser.safety.seal import SafeCommand, _Seal
from tests.safety.bench import FAN, NOW, View, spec_of, wants

ROOT = Path(__file__).parents[2]
MOVE = Move(FAN, "ON", 1.0, 60)


def real() -> SafeCommand:
    verdict = judge(wants(1), View(spec_of()), NOW, "c1")
    assert isinstance(verdict, Passed)
    return verdict.command


@pytest.mark.parametrize("token", [None, object(), _Seal(), True, "seal"])
def test_another_token_is_no_seal(token: Any) -> None:
    with pytest.raises(SealError, match="Move"):
        SafeCommand("c1", MOVE, NOW, "me", "person", "i1", 1, seal=token)


def test_no_token_is_no_command() -> None:
    make: Any = SafeCommand
    with pytest.raises(TypeError, match="seal"):
        make("c1", MOVE, NOW, "me", "person", "i1", 1)


def test_replace_cannot_forge_one() -> None:
    command: Any = real()
    with pytest.raises((TypeError, ValueError), match="seal"):
        dataclasses.replace(command, order=MOVE)
    with pytest.raises(SealError):
        dataclasses.replace(command, order=MOVE, seal=_Seal())


def test_a_real_one_cannot_be_changed_and_does_not_give_its_seal_away() -> None:
    command: Any = real()
    with pytest.raises(dataclasses.FrozenInstanceError):
        command.order = MOVE
    assert "seal" not in repr(command).lower().replace("safecommand", "")
    assert "seal" not in {field.name for field in dataclasses.fields(command)}
    assert not isinstance(getattr(command, "seal", None), _Seal)


def test_copies_and_pickles_of_a_real_one_work() -> None:
    command = real()
    assert copy.copy(command) == command
    assert copy.deepcopy(command) == command
    assert pickle.loads(pickle.dumps(command)) == command  # noqa: S301 - our own bytes


BYPASSES = {
    "an unsealed order": "def f(send: Send) -> None:\n    send(Move(FAN, 'ON', 1.0, 60))\n",
    "without the seal": "E = SafeCommand('c', MOVE, 0, 'me', 'x', 'i', 1)\n",
    "with a fancied seal": "E = SafeCommand('c', MOVE, 0, 'me', 'x', 'i', 1, seal=object())\n",
    "a denied verdict": "def f(send: Send, no: Denied) -> None:\n    send(no)\n",
    "an order as an effect": "E = EffectSend(Move(FAN, 'ON', 1.0), energising=True)\n",
    "an order as a notice": "E = Say(Move(FAN, 'ON', 1.0))\n",
    "an order on the wire": "E = encode_command(Move(FAN, 'ON', 1.0), KaiserId.parse('god'))\n",
    "a text for an id": "E = Move('ESP_A1B2C3/25', 'ON', 1.0)\n",
}
HEAD = """
from collections.abc import Callable
from godkaiser.engine.effect import Say
from godkaiser.engine.effect import Send as EffectSend
from godkaiser.io.wire.encode import encode_command
from godkaiser.model.command import Move
from godkaiser.model.ids import ActuatorId, KaiserId
from godkaiser.safety.gate import Denied
from godkaiser.safety.seal import SafeCommand

Send = Callable[[SafeCommand], None]
FAN = ActuatorId.parse("ESP_A1B2C3/25")
MOVE = Move(FAN, "ON", 1.0, 60)
"""
HONEST = """
def f(send: Send, command: SafeCommand) -> None:
    send(command)
    EffectSend(command, energising=True)
"""


def test_a_planted_bypass_does_not_type_check(tmp_path: Path) -> None:
    """All at once, as starting the type checker takes longest: each wrong file has its error."""
    (tmp_path / "honest.py").write_text(HEAD + HONEST)
    names = {f"bypass_{number}.py": what for number, what in enumerate(BYPASSES)}
    for name, what in names.items():
        (tmp_path / name).write_text(HEAD + BYPASSES[what])
    options = ["--strict", "--config-file", "", "--cache-dir", str(ROOT / ".mypy_cache" / "bypass")]
    command = [sys.executable, "-m", "mypy", *options, *sorted(map(str, tmp_path.glob("*.py")))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    wrong = {Path(line.split(":")[0]).name for line in done.stdout.splitlines() if ": error:" in line}
    assert wrong == set(names), done.stdout + done.stderr
