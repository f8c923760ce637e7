"""The dashboard as a process of its own, found by the entry point `godkaiser.frontends`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from godkaiser.errors import MissingExtraError, UnavailableError
from godkaiser.io.broker import ending_with_us, free_port

READY_WITHIN: Final = 60.0


class PagesFailedError(UnavailableError):
    """The dashboard did not start."""

    sentence = "The pages did not start: {problem}"
    hint = "See {log}."
    problem: str
    log: str


def _module() -> str:
    """The module of the installed front end. Raises `MissingExtraError`."""
    found = next(iter(entry_points(group="godkaiser.frontends")), None)
    if found is None or find_spec("panel") is None:
        raise MissingExtraError(feature="The dashboard", extra="dashboard")
    return found.value.partition(":")[0].partition(".")[0]


def _command(data: Path | None, host: str, port: int) -> list[str]:
    command = [sys.executable, "-m", _module(), "--host", host, "--port", str(port)]
    return command if data is None else [*command, "--data", str(data)]


def serve_here(data: Path | None, host: str, port: int) -> None:
    """Become the dashboard."""
    free_port(port, host, "--port")
    command = _command(data, host, port)
    os.execv(command[0], command)


class Pages:
    """A dashboard process of ours."""

    def __init__(self, data: Path, host: str, port: int) -> None:
        self.host, self.port = host, free_port(port, host, "--port")
        self._command = _command(data, host, self.port)
        self._log = data / "dashboard.log"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *ending_with_us(self._command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        loop = asyncio.get_running_loop()
        end = loop.time() + READY_WITHIN
        while loop.time() < end:
            if self._process.returncode is not None:
                raise PagesFailedError(problem=self._last_line(), log=str(self._log))
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(self._reachable(), self.port)
                writer.close()
                return
            await asyncio.sleep(0.1)
        raise PagesFailedError(problem=f"nothing listens on port {self.port}", log=str(self._log))

    def _reachable(self) -> str:
        return "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host

    def _last_line(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it ended at once"

    @property
    def addresses(self) -> list[str]:
        """Where people find it; for the whole network also by this machine's address there."""
        first = f"http://{self._reachable()}:{self.port}"
        if self.host not in ("0.0.0.0", "::"):
            return [first]
        return [first, f"http://{lan_address()}:{self.port}"]

    async def stop(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(1.0):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def lan_address() -> str:
    """This machine's address on its network: no packet is sent, the system only chooses a way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()
