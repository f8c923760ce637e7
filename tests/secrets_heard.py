"""The ears of `secrets_seen`: observers of what makes secrets and of what puts something out; they change nothing."""

from __future__ import annotations

import asyncio.subprocess
import functools
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import typer.testing
from _pytest.capture import CaptureFixture

Ear = Callable[[Any, tuple[Any, ...], dict[str, Any]], None]
ShownBy = Callable[[Iterable[object]], frozenset[str]]
# Whoever has taken a name out of these modules before we come has what is not observed.
USERS = "godkaiser.auth.register", "godkaiser.io.accounts", "godkaiser.io.warden", "godkaiser.io.porter"


class Watch(Protocol):
    """What is told."""

    def note(self, secret: object, kind: str, *, lasting: bool = False) -> None: ...

    def hear(self, text: object, where: str, may: frozenset[str] = frozenset()) -> None: ...


def install(watch: Watch, shown_by: ShownBy) -> None:
    """Once for each process."""
    early = [name for name in USERS if name in sys.modules]
    assert not early, f"imported before tests/secrets_seen.py could look: {early}"
    _makers(watch)
    _errors(watch)
    _programs(watch, shown_by)


def observed(owner: Any, name: str, ear: Ear) -> None:
    """The same function, and what it gave is told."""
    inner = getattr(owner, name)

    @functools.wraps(inner)
    def outer(*given: Any, **named: Any) -> Any:
        result = inner(*given, **named)
        ear(result, given, named)
        return result

    setattr(owner, name, outer)


# ── what makes secrets, or accepts them ────────────────────────────────────────────────────────────────
def _makers(watch: Watch) -> None:
    from godkaiser.auth import keys, mosquitto, passwords, seals, tokens, totp  # noqa: PLC0415 - late on purpose

    note = watch.note

    def password(text: object) -> None:
        if isinstance(text, str) and not passwords.check_policy(text, ""):
            note(text, "password")

    def issued(token: Any, given: Any, named: Any) -> None:
        note(token, "session token")
        note(named["secret"], "signing secret")

    def verified(good: Any, given: Any, named: Any) -> None:
        if good:
            password(given[0])

    observed(passwords, "generate_password", lambda made, given, named: note(made, "password"))
    observed(passwords, "hash_password", lambda made, given, named: password(given[0] if given else None))
    observed(passwords, "verify_password", verified)
    observed(tokens, "issue", issued)
    observed(keys, "make", lambda made, given, named: note(made[1], "API token"))
    observed(totp, "make_secret", lambda made, given, named: note(made, "TOTP secret"))
    observed(mosquitto, "password_line", lambda made, given, named: note(given[1], "broker password"))
    observed(seals, "seal", lambda made, given, named: note(given[0], "audit key"))


# ── what puts something out ────────────────────────────────────────────────────────────────────────────
def _errors(watch: Watch) -> None:
    """Every error of ours, with its hint and fields, whether anybody prints it or not."""
    from godkaiser.errors import GodkaiserError  # noqa: PLC0415 - late on purpose

    def told(result: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        error = given[0]
        watch.hear(f"{error!r} {error.remedy} {error.details}", f"the error {error.code}")

    left = [GodkaiserError]
    while left:
        for one in left.pop().__subclasses__():
            left.append(one)
            if "__init__" in vars(one):
                observed(one, "__init__", told)


def _programs(watch: Watch, shown_by: ShownBy) -> None:
    """Commands in this process, other programs, what tests take out of the capture, notebooks."""

    def invoked(result: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        words = given[2] if len(given) > 2 else named.get("args")
        words = words.split() if isinstance(words, str) else words or ()
        watch.hear(result.stdout, f"stdout of {' '.join(map(str, words[:2]))}", shown_by(words))
        watch.hear(result.stderr, f"stderr of {' '.join(map(str, words[:2]))}")

    def ran(result: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        line = given[0].args if given else ()
        words = line if isinstance(line, (list, tuple)) else (line,)
        watch.hear(result[0], "stdout of another process", shown_by(words))
        watch.hear(result[1], "stderr of another process")

    def read(result: Any, given: Any, named: Any) -> None:
        watch.hear(result.out, "stdout")
        watch.hear(result.err, "stderr")

    observed(typer.testing.CliRunner, "invoke", invoked)
    observed(subprocess.Popen, "communicate", ran)
    observed(CaptureFixture, "readouterr", read)
    _communicated(watch)
    _notebooks(watch)


def _communicated(watch: Watch) -> None:
    inner = asyncio.subprocess.Process.communicate

    @functools.wraps(inner)
    async def outer(self: asyncio.subprocess.Process, *given: Any, **named: Any) -> tuple[bytes, bytes]:
        result = await inner(self, *given, **named)
        for text in result:
            watch.hear(text, "the output of another process")
        return result

    asyncio.subprocess.Process.communicate = outer  # type: ignore[method-assign]


def _notebooks(watch: Watch) -> None:
    from nbmake.nb_run import NotebookRun  # type: ignore[import-untyped]  # noqa: PLC0415 - slow to load

    def ran(result: Any, given: Any, named: Any) -> None:
        for cell in result.nb.cells:
            watch.hear(cell.get("outputs") or "", "an output of a notebook")

    observed(NotebookRun, "execute", ran)
