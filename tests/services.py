"""Real servers for tests: private, on free loopback ports, in temporary folders, ended by process id.

A pytest plugin (loaded by conftest.py). When a server's program is not on the machine, its tests are skipped;
with GODKAISER_REQUIRE_SERVICES=1 (as continuous integration sets) they fail, and so does all else that skips.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import pytest
from playwright.async_api import expect

from scripts.services import PACKAGES, REQUIRED, find_chromium, find_mosquitto, find_postgres

LOOPBACK = "127.0.0.1"
START_SECONDS = 90.0
STOP_SECONDS = 10.0

PATIENCE_MS = 60_000  # a page on a loaded machine; what is there sooner is taken sooner
CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def services_required() -> bool:
    """May no test be skipped?"""
    return os.environ.get(REQUIRED) == "1"


def absent(name: str) -> NoReturn:
    """End the test: the program is not on this machine."""
    sentence = (
        f"{name} is not installed: `make services` installs it or says how ({', '.join(PACKAGES[name])})"
    )
    if services_required():
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def _no_skips(report: Report) -> Report:
    if report.skipped and services_required() and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped although {REQUIRED}=1: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _no_skips((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _no_skips((yield))


def free_port() -> int:
    """A loopback port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
            return
        time.sleep(0.01)
    _end(process)
    raise RuntimeError(f"{process.args!r} does not listen on port {port}:\n{log.read_text()}")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)


# --- Mosquitto ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BrokerTls:
    """The files of a broker that speaks TLS, and lets in only clients with a certificate of its authority."""

    authority: Path
    certificate: Path
    key: Path
    require_certificate: bool = True


@dataclass
class Mosquitto:
    """A private broker. It keeps its port and its stored sessions over `stop()` and `start()`.

    With `accounts` (user name to password) nobody else gets in; with `tls` nobody in clear. `doors`: a folder with
    `passwords` and `acl` that somebody else makes.
    """

    program: Path
    folder: Path
    port: int = field(default_factory=free_port)
    host: str = LOOPBACK
    process: subprocess.Popen[bytes] | None = None
    tls: BrokerTls | None = None
    accounts: dict[str, str] = field(default_factory=dict)
    doors: Path | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"mqtt://{self.host}:{self.port}"

    @property
    def log(self) -> Path:
        """What it says, all starts in one file."""
        return self.folder / "mosquitto.log"

    def start(self) -> None:
        """Start and wait until it listens."""
        if self.process is not None and self.process.poll() is None:
            return
        config = self.folder / "mosquitto.conf"
        config.write_text(self._configuration())
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([self.program, "-c", config], stdout=log, stderr=log)
        _until_listening(self.process, self.port, self.log)

    def stop(self) -> None:
        """End it in order: it stores its sessions."""
        if self.process is not None:
            _end(self.process)

    def save(self) -> None:
        """Write sessions and retained messages to disk now, as it does by itself every few seconds."""
        if self.process is not None:
            self.process.send_signal(signal.SIGUSR1)

    @property
    def saved(self) -> bytes:
        """What it has written to disk; empty when it has not yet."""
        path = self.folder / "mosquitto.db"
        return path.read_bytes() if path.exists() else b""

    def kill(self) -> None:
        """End it at once, like a power cut."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(STOP_SECONDS)

    def _configuration(self) -> str:
        # Its own limits lose messages under load; started as root it gives up the right to its folder.
        lines = [
            f"listener {self.port} {self.host}",
            f"allow_anonymous {'false' if self.accounts or self.doors else 'true'}",
            *self._password_file(),
            *self._certificates(),
            "set_tcp_nodelay true",
            "max_queued_messages 100000",
            "max_inflight_messages 200",
            "persistence true",
            f"persistence_location {self.folder}/",
            "autosave_interval 5",
            *(["user root"] if os.geteuid() == 0 else []),
        ]
        return "\n".join(lines) + "\n"

    def _password_file(self) -> list[str]:
        if self.doors is not None:
            return [f"password_file {self.doors / 'passwords'}", f"acl_file {self.doors / 'acl'}"]
        if not self.accounts:
            return []
        path = self.folder / "passwords"
        path.touch(0o600)
        for name, password in self.accounts.items():
            subprocess.run(["mosquitto_passwd", "-b", path, name, password], check=True, capture_output=True)
        return [f"password_file {path}"]

    def _certificates(self) -> list[str]:
        if self.tls is None:
            return []
        return [
            f"cafile {self.tls.authority}",
            f"certfile {self.tls.certificate}",
            f"keyfile {self.tls.key}",
            f"require_certificate {'true' if self.tls.require_certificate else 'false'}",
        ]


@contextlib.contextmanager
def running_mosquitto(
    folder: Path,
    tls: BrokerTls | None = None,
    accounts: dict[str, str] | None = None,
    doors: Path | None = None,
) -> Iterator[Mosquitto]:
    """A broker for the length of a `with` block."""
    program = find_mosquitto()
    if program is None:
        absent("mosquitto")
    broker = Mosquitto(program, folder, tls=tls, accounts=accounts or {}, doors=doors)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker of this test's own, which it may stop, kill and start."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    with running_mosquitto(folder) as broker:
        yield broker


@pytest.fixture(scope="session")
def mosquitto_shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """One broker for all tests that leave it as they found it."""
    with running_mosquitto(tmp_path_factory.mktemp("mosquitto")) as broker:
        yield broker


# --- PostgreSQL --------------------------------------------------------------------------------------------


@dataclass
class Postgres:
    """A private cluster. `url` is its maintenance database; `fresh()` makes a database of one's own."""

    port: int
    password: str
    host: str = LOOPBACK
    user: str = "godkaiser"
    process: subprocess.Popen[bytes] | None = None
    start: Callable[[], None] = lambda: None  # again, on the same data

    def stop(self) -> None:
        """End it in order: what clients have open is closed."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """End it at once; its children notice and end, too."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(STOP_SECONDS)

    def url_of(self, database: str, scheme: str = "postgresql") -> str:
        """Address of one database; `scheme="postgresql+asyncpg"` for SQLAlchemy."""
        return f"{scheme}://{self.user}:{self.password}@{self.host}:{self.port}/{database}"

    @property
    def url(self) -> str:
        """Address of the database that is always there."""
        return self.url_of("postgres")

    async def fresh(self, scheme: str = "postgresql") -> str:
        """Make an empty database and return its address; it goes when the cluster goes."""
        import asyncpg  # noqa: PLC0415 - an optional driver; most tests need none

        name = f"test_{secrets.token_hex(6)}"
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()
        return self.url_of(name, scheme)


def _unprivileged() -> dict[str, Any]:
    """How to start a process that must not be root, as PostgreSQL insists."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


@contextlib.contextmanager
def running_postgres(**settings: str) -> Iterator[Postgres]:
    """A cluster for the length of a `with` block; `settings` as in its configuration file."""
    programs = find_postgres()
    if programs is None:
        absent("postgresql")
    # Not in pytest's folder: another user must be able to reach it, and a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="gk-pg-"))
    who = _unprivileged()
    try:
        if who:
            os.chown(folder, who["user"], who["group"])
        server = Postgres(port=free_port(), password=secrets.token_hex(16))
        with _cluster(programs, folder, server, who, settings):
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _until_said(log: Path, words: str) -> None:
    """Wait until a server's log holds the words."""
    end = time.monotonic() + START_SECONDS
    while words not in log.read_text(errors="replace"):
        if time.monotonic() > end:
            raise RuntimeError(
                f"not ready within {START_SECONDS} s: {log.read_text(errors='replace')[-2000:]}"
            )
        time.sleep(0.02)


@contextlib.contextmanager
def _cluster(
    programs: Path, folder: Path, server: Postgres, who: dict[str, Any], wanted: dict[str, str]
) -> Iterator[None]:
    secret = folder / "password"
    secret.write_text(server.password)
    if who:
        os.chown(secret, who["user"], who["group"])
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}
    options: dict[str, Any] = {"cwd": folder, "env": environment, **who}
    data = folder / "data"
    initdb = [str(programs / "initdb"), "-D", str(data), "-U", server.user, "-E", "UTF8", "--no-sync"]
    subprocess.run(
        [*initdb, "-A", "scram-sha-256", f"--pwfile={secret}"], check=True, capture_output=True, **options
    )
    settings = {
        "listen_addresses": server.host,
        "port": server.port,
        "unix_socket_directories": folder,
        "fsync": "off",  # a power cut is not what these tests are about
    } | wanted
    command = [
        str(programs / "postgres"),
        "-D",
        str(data),
        *(f"--{name}={value}" for name, value in settings.items()),
    ]
    log = folder / "postgres.log"

    def start() -> None:
        log.write_bytes(b"")
        with log.open("ab") as output:
            server.process = subprocess.Popen(command, stdout=output, stderr=output, **options)
        _until_listening(server.process, server.port, log)
        _until_said(log, "ready to accept connections")  # it listens before that, and refuses

    server.start = start
    try:
        start()
        yield
    finally:
        if server.process is not None:
            server.process.send_signal(signal.SIGINT)  # "fast": closes what clients left open
            _end(server.process)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One cluster for all tests; ask it for a `fresh()` database."""
    with running_postgres() as server:
        yield server


# --- Chromium ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """A Chromium for playwright's `executable_path`; start it with `CHROMIUM_FLAGS`."""
    expect.set_options(timeout=PATIENCE_MS)
    program = find_chromium()
    if program is None:
        absent("chromium")
    return program
