# ruff: noqa: E501 - whole tests as texts
"""The scan for secrets finds what comes out, names it, does not show it, and lets pass what is meant to be shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.test_collection import pytest_in_a_process
from tests.secrets_seen import WATCH, Watch, shown_by

PASSWORD = "Leaking-77-pump"
HEAD = f'''
import logging, subprocess, sys
import pytest
from godkaiser.auth.passwords import hash_password, generate_password
from godkaiser.auth import keys, seals, tokens, totp, mosquitto
from tests.secrets_seen import note
HASH = hash_password("{PASSWORD}", bytes(16), cost=4)
SECRET = "0123456789-this-is-quite-a-secret"
def token():
    return tokens.issue(1, tokens.TokenKind.PAGE, jti="a", family="b", version=0, secret=SECRET, now=0)
'''
PASSES = {
    "nothing": "hash_password('Leaking-77-pump', bytes(16), cost=4)\n    print('all is well')",
    "hidden": "token()\n    print('a token was made')",
}
LEAKS = {
    "stdout": ("password in Captured stdout call", "print(generate_password(bytes(range(32))))"),
    "stderr": ("signing secret in Captured stderr", "token()\n    print(SECRET, file=sys.stderr)"),
    "a log record": (
        "audit key in the log",
        "key = b'k' * 40\n    seals.seal(key, '', 1, dict.fromkeys((*seals.FIELDS, 'digest'), ''))\n    logging.getLogger('x').warning('with %s', key.decode())",
    ),
    "a shape": ("API token in", f"print('gk_{'0' * 8}_{'a' * 64}')"),
    "a hash": ("hash of a password in", "print(HASH)"),
    "a phone": ("TOTP secret in", "print(totp.address(totp.make_secret(bytes(20)), 'ada'))"),
    "a fixture's": (
        "broker password in",
        "note('made-by-a-fixture', 'broker password')\n    print('made-by-a-fixture')",
    ),
    "an error": (
        "broker password in the error",
        "mosquitto.password_line('n', 'abcdefghijklmnop', bytes(12))\n    from godkaiser.errors import InvalidValueError\n    with pytest.raises(InvalidValueError):\n        raise InvalidValueError(field='x', value='abcdefghijklmnop', problem='p', allowed='a')",
    ),
    "its failure": ("session token in what the test failed with", "assert token() == 1"),
    "another program": (
        "session token in stdout of another process",
        "subprocess.run([sys.executable, '-c', 'print(%r)' % token()], capture_output=True)",
    ),
    "what was read": ("session token in stdout", "print(token())\n    capsys.readouterr()"),
    "a log file": ("session token in the file x.log", "(tmp_path / 'x.log').write_text(token())"),
    "a key of a folder": (
        "audit.key in",
        "(tmp_path / 'audit.key').write_text('f0' * 32)\n    print('f0' * 32)",
    ),
    "a command": (
        "password in stdout of users list",
        "import typer, typer.testing\n    app = typer.Typer()\n    made = generate_password(bytes(range(32)))\n    @app.command()\n    def say(words: list[str]): print(made)\n    typer.testing.CliRunner().invoke(app, ['users', 'list'])",
    ),
}
MEANT = "import typer, typer.testing\n    app = typer.Typer()\n    made = generate_password(bytes(range(32)))\n    @app.command()\n    def say(words: list[str]): print(made)\n    assert made in typer.testing.CliRunner().invoke(app, ['users', 'add', 'olaf']).stdout"
AFTER = """
@pytest.fixture(scope="session")
def server():
    note("of-the-whole-session", "broker password", lasting=True)
    yield
    logging.getLogger("x").warning("ends: of-the-whole-session")
def test_of_a_server(server):
    pass
"""


def source(body: str, number: int) -> str:
    return (
        f"def test_it_{number}(tmp_path, capsys):\n    {body}\n"
        if "capsys" in body
        else f"def test_it_{number}(tmp_path):\n    {body}\n"
    )


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_test_that_lets_a_secret_out_fails_by_name_and_the_secret_is_not_shown(
    workers: str, tmp_path: Path
) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    bodies = [*PASSES.values(), MEANT, *(body for _, body in LEAKS.values())]
    text = HEAD + "\n".join(source(body, number) for number, body in enumerate(bodies))
    (tmp_path / "test_leaks.py").write_text(text)
    done = pytest_in_a_process("-p", "tests.secrets_seen", "-n", workers, "-ra", folder=tmp_path)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    for number, (what, (words, _)) in enumerate(LEAKS.items(), len(PASSES) + 1):
        told = [
            line for line in done.stdout.splitlines() if f"::test_it_{number}:" in line and "came out" in line
        ]
        assert told, (what, done.stdout)
        assert words in told[0], what
    for number in range(len(PASSES) + 1):
        assert f"::test_it_{number}: " not in done.stdout
    for secret in (
        *re.findall(r"'([a-z-]{12,})'", LEAKS["a fixture's"][1])[:1],
        "f0" * 32,
        "0123456789-this",
        "k" * 40,
    ):
        assert secret not in done.stdout.replace(f"'{secret}'", ""), secret


def test_what_comes_out_at_the_end_of_the_session_fails_it(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(HEAD + AFTER)
    for workers in ("0", "2"):
        done = pytest_in_a_process("-p", "tests.secrets_seen", "-n", workers, folder=tmp_path)
        assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
        assert "broker password in the log" in done.stdout


def test_this_very_session_is_looked_through(capsys: pytest.CaptureFixture[str]) -> None:
    """Else all of the suite would pass unseen."""
    print("an ordinary line of this test")
    capsys.readouterr()
    assert ("an ordinary line of this test\n", "stdout") in WATCH.said


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        (["users", "add", "olaf", "--json"], {"password"}),
        (["users", "list"], set()),
        (["python", "-m", "godkaiser", "tokens", "add", "x"], {"API token"}),
        (["/opt/bin/godkaiser", "run", "--dashboard"], {"password"}),
        (["godkaiser", "audit", "list"], set()),
        ([], set()),
    ],
)
def test_only_what_is_meant_to_be_shown_may_be(line: list[str], kinds: set[str]) -> None:
    assert shown_by(line) == kinds


def test_a_secret_that_may_be_shown_there_may_not_be_elsewhere() -> None:
    watch = Watch()
    watch.note("Kf4m-wqT7-h#xa-9PzE", "password")
    watch.note("short", "password")
    watch.hear("Password Kf4m-wqT7-h#xa-9PzE", "stdout of users add", frozenset({"password"}))
    watch.hear("short", "stdout")
    assert watch.found() == []
    watch.hear(b"login of olaf with Kf4m-wqT7-h#xa-9PzE", "the log")
    assert watch.found() == ["password in the log"]
    assert watch.hidden("it is Kf4m-wqT7-h#xa-9PzE") == "it is ***"
