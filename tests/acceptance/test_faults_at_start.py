"""Wrong surroundings: one line with the remedy, and the exit code of its kind."""

import socket
from pathlib import Path

import pytest

from tests.acceptance.station import godkaiser


def _one_line(text: str) -> str:
    assert text.count("\n") == 1, text
    assert "Traceback" not in text
    return text


@pytest.mark.parametrize("option", ["--port", "--mqtt-port"])
def test_busy_port_is_named(option: str, tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = godkaiser("demo", option, str(port), "--for", "1min", data=tmp_path)
    assert done.returncode == 6
    assert f"Port {port}" in _one_line(done.stderr)
    assert option in done.stderr


def test_unusable_data_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    done = godkaiser("run", data=file / "data")
    assert done.returncode == 2
    assert "Choose a folder you may write to" in _one_line(done.stderr)


def test_broken_database_is_not_touched(tmp_path: Path) -> None:
    database = tmp_path / "godkaiser.db"
    database.write_bytes(b"this is not a database at all, but it was here first" * 40)
    database.chmod(0o644)
    before = database.read_bytes()
    done = godkaiser("run", data=tmp_path)
    assert done.returncode == 2
    assert "Move the file away" in _one_line(done.stderr)
    assert database.read_bytes() == before
    assert database.stat().st_mode & 0o777 == 0o644


def test_broken_safety_journal_is_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "safety.journal").write_text('{"kind":"stop"\n{"kind":"run","key":"","data":{"number":3}}\n')
    done = godkaiser("run", data=tmp_path)
    assert done.returncode == 11
    assert "line 1 is damaged" in _one_line(done.stderr)


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("MQTT_BROKER_PORT", "70000", "MQTT_BROKER_PORT"),
        ("JWT_SECRET_KEY", "short-secret-in-clear", "at least 32"),
        ("DATABASE_URL", "mysql://me:hunter2secret@db/x", "sqlite:/// and postgresql://"),
    ],
)
def test_bad_setting_is_named_without_its_value(name: str, value: str, part: str, tmp_path: Path) -> None:
    done = godkaiser("run", data=tmp_path, environment={name: value})
    assert done.returncode == 2
    assert part in _one_line(done.stderr)
    assert "hunter2secret" not in done.stderr
    assert "short-secret-in-clear" not in done.stderr


def test_nobody_there_to_ask(tmp_path: Path) -> None:
    done = godkaiser("nodes", data=tmp_path)
    assert done.returncode == 5
    assert "godkaiser demo" in _one_line(done.stderr)


def test_site_file_with_an_error_names_the_field(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("actuators:\n  - {node: ESP_AB12CD, gpio: 14, type: pump}\n")
    done = godkaiser("run", "--site", str(site), data=tmp_path)
    assert done.returncode == 2
    assert "max_on_s" in _one_line(done.stderr)


@pytest.mark.parametrize(
    "command",
    [
        ("set", "fan", "nan"),
        ("set", "fan", "1e400"),
        ("demo", "--host", "nonsense.invalid", "--for", "1min"),
        ("demo", "--for", "9" * 400 + "s"),
        ("demo", "--port", "99999"),
    ],
)
def test_nonsense_on_the_command_line_is_no_traceback(command: tuple[str, ...], tmp_path: Path) -> None:
    done = godkaiser(*command, data=tmp_path)
    assert done.returncode not in (0, 1)
    assert "Traceback" not in done.stderr
    assert done.stderr
