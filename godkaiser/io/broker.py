"""A private broker on loopback: the machine's mosquitto with our configuration, else the embedded one.

mosquitto's defaults lose messages to a connected subscriber that is busy (queue of 1000, window of 20), hence the
configuration. An unknown listener on the wanted port is never adopted: it is an error that names the port.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import Final

from godkaiser.errors import InvalidValueError, MissingExtraError, PortInUseError, UnavailableError

WINDOW: Final = 200
READY_WITHIN: Final = 10.0
END_WITHIN: Final = 2.0
_PLACES: Final = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/sbin", "/opt/homebrew/bin")
_CONFIG: Final = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_interval 30
max_queued_messages 100000
max_inflight_messages {window}
set_tcp_nodelay true
log_dest file {folder}/mosquitto.log
{user}"""


class BrokerFailedError(UnavailableError):
    """The private broker did not start."""

    sentence = "The private MQTT broker did not start: {problem}"
    hint = "See {log}."
    problem: str
    log: str


def find_mosquitto() -> str | None:
    """The binary, also where it is not on the PATH. GODKAISER_BROKER=embedded passes it by."""
    if os.environ.get("GODKAISER_BROKER") == "embedded":
        return None
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path=os.pathsep.join(_PLACES))
    return None if found is None else str(Path(found).resolve())


def ending_with_us(command: list[str]) -> list[str]:
    """The command, ended by the kernel should we be killed (where util-linux is there to arrange it)."""
    setpriv = shutil.which("setpriv")
    return command if setpriv is None else [setpriv, "--pdeathsig", "TERM", *command]


def free_port(port: int, host: str = "127.0.0.1", option: str = "--mqtt-port") -> int:
    """The port if nobody has it (0: any free one). Raises `PortInUseError`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except socket.gaierror:
            raise InvalidValueError(
                field="host",
                value=host,
                problem="is no address of this machine",
                allowed="127.0.0.1 or 0.0.0.0",
            ) from None
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise InvalidValueError(
                    field="host",
                    value=host,
                    problem="is no address of this machine",
                    allowed="127.0.0.1 or 0.0.0.0",
                ) from None
            raise PortInUseError(host=host, port=port, option=option) from None
        return int(probe.getsockname()[1])


class PrivateBroker:
    """A broker process of our own, ended with us."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = free_port(port)
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self.kind = "mosquitto"

    async def start(self) -> None:
        """Start and wait until it listens."""
        self._folder.mkdir(parents=True, exist_ok=True)
        binary = find_mosquitto()
        command = [binary, "-c", self._mosquitto_config()] if binary else self._embedded()
        log = self._folder / "broker.log"
        with log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *ending_with_us(command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        await self._listening(log)

    def _mosquitto_config(self) -> str:
        path = self._folder / "mosquitto.conf"
        # Started as root it would drop to a user who may not write into our folder.
        user = "user root\n" if os.geteuid() == 0 else ""
        folder = self._folder.resolve()
        path.write_text(_CONFIG.format(port=self.port, folder=folder, window=WINDOW, user=user))
        return str(path)

    def _embedded(self) -> list[str]:
        self.kind = "embedded (iotcore)"
        try:
            import iotcore  # noqa: F401 PLC0415 - an extra: only looked for when it is needed
        except ImportError:
            raise MissingExtraError(
                feature="A broker (no mosquitto on this machine)", extra="broker"
            ) from None
        program = (
            # Its errors are a line for every message: the log would grow without end.
            "import logging, sys, iotcore; logging.getLogger('rumqttd').setLevel(logging.CRITICAL);"
            " iotcore.IotCoreBroker(listen='127.0.0.1', port=int(sys.argv[1]),"
            f" max_payload_size=262144, max_inflight_count={WINDOW}).run_forever()"
        )
        return [sys.executable, "-c", program, str(self.port)]

    async def _listening(self, log: Path) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + READY_WITHIN
        while loop.time() < end:
            assert self._process is not None
            if self._process.returncode is not None:
                raise BrokerFailedError(
                    problem=f"it ended with code {self._process.returncode}", log=str(log)
                )
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            await asyncio.sleep(0.02)
        raise BrokerFailedError(problem=f"it does not listen on port {self.port}", log=str(log))

    async def stop(self, number: int = signal.SIGTERM) -> None:
        """End it, and only it."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(number)
        try:
            async with asyncio.timeout(END_WITHIN):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
