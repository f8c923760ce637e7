"""`godkaiser users …` and `godkaiser tokens …` as people type them; each command: tests/kaiser."""

from __future__ import annotations

from tests.acceptance.station import Station, godkaiser

CONFLICT = 6


def test_somebody_and_a_program_are_let_in_and_the_last_admin_stays(house: Station) -> None:
    made = godkaiser("users", "add", "ada", "--role", "admin", data=house.data)
    assert (made.returncode, "ada may come in: admin, zones all." in made.stdout) == (0, True)
    token = godkaiser("tokens", "add", "logger", "--owner", "ada", "--right", "look", data=house.data)
    assert (token.returncode, token.stdout.startswith("gk_")) == (0, True)
    refused = godkaiser("users", "deactivate", "ada", data=house.data)
    assert (refused.returncode, refused.stdout) == (CONFLICT, "")
    assert "ada is the last active admin. Make somebody else an admin first." in refused.stderr
