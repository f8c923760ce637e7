"""The page about TLS, followed word by word: its own certificates, a real broker, the real pages."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

from godkaiser_dashboard.app import Options
from tornado.httpclient import AsyncHTTPClient

from scripts.services import find_mosquitto
from tests.attacks.stand import served, stand
from tests.services import LOOPBACK, Mosquitto, absent, free_port

PAGE = Path(__file__).parents[2] / "docs/how-to/tls.md"


def blocks(kind: str) -> list[str]:
    parts = PAGE.read_text().split("\n```")[1::2]
    return [part.partition("\n")[2] + "\n" for part in parts if part.partition("\n")[0] == kind]


def certificates(folder: Path) -> None:
    subprocess.run(
        ["bash", "-e", "-c", blocks("console")[0]], cwd=folder, check=True, capture_output=True, timeout=60
    )


def published(folder: Path, port: int) -> subprocess.CompletedProcess[str]:
    command = blocks("console")[1].replace("8883", str(port)).split()
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_the_broker_speaks_tls_as_the_page_says(tmp_path: Path) -> None:
    program = find_mosquitto()
    if program is None:
        absent("mosquitto")
    certificates(tmp_path)
    said = blocks("")[0].replace("/etc/mosquitto/tls", str(tmp_path))

    class Secured(Mosquitto):
        def _configuration(self) -> str:
            own = said.replace("listener 8883", f"listener {self.port} {LOOPBACK}")
            return f"{own}allow_anonymous true\nuser root\n"

    broker = Secured(program, tmp_path, port=free_port())
    broker.start()
    try:
        good = published(tmp_path, broker.port)
        assert (good.returncode, good.stdout + good.stderr) == (0, "")
        other = tmp_path / "other"
        other.mkdir()
        certificates(other)
        wrong = published(other, broker.port)
        assert wrong.returncode != 0
        assert "A TLS error occurred" in wrong.stdout + wrong.stderr
    finally:
        broker.stop()


async def test_the_pages_speak_tls_as_the_page_says(tmp_path: Path) -> None:
    certificates(tmp_path)
    async with stand(tmp_path / "data", pages=False):
        options = Options(
            data=tmp_path / "data", port=0, certificate=tmp_path / "server.crt", key=tmp_path / "server.key"
        )
        async with served(options) as dashboard:
            assert dashboard.address.startswith("https://")
            trusted = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
            answer = await AsyncHTTPClient().fetch(f"{dashboard.address}/login", ssl_options=trusted)
            assert answer.code == 200
            assert all("Secure" in cookie for cookie in answer.headers.get_list("Set-Cookie"))
            assert "wss://" in answer.headers["Content-Security-Policy"]
