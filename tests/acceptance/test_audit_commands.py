"""`godkaiser audit …` as people type it."""

import sqlite3
from pathlib import Path

import pytest

from tests.acceptance.station import Station, ask, godkaiser


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other controller of this user counts."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("GODKAISER_DATA_DIR", raising=False)


@pytest.mark.usefixtures("alone")
def test_who_did_what_and_that_nobody_changed_it(house: Station) -> None:
    ask("stop", "--reason", "smoke", data=house.data)
    rows = ask("audit", "list", data=house.data)
    (stop,) = [row for row in rows if row["action"] == "stop"]
    assert (stop["target"], stop["detail"]) == ("all", "smoke")
    assert "smoke" in godkaiser("audit", "list", data=house.data).stdout
    found = ask("audit", "verify", data=house.data)
    assert (found["intact"], found["broken"], found["rows"]) == (True, 0, len(rows))
    assert "All is as it was sealed" in godkaiser("audit", "verify", data=house.data).stdout
    of_the_one_that_runs = godkaiser("audit", "verify", "--head", found["last"])
    assert (of_the_one_that_runs.returncode, found["last"] in of_the_one_that_runs.stdout) == (0, True)
    lost = godkaiser("audit", "verify", "--head", "0" * 63 + "1", data=house.data)
    assert (lost.returncode, "is not there" in lost.stdout) == (1, True)
    house.kill()
    with sqlite3.connect(house.data / "godkaiser.db") as database:
        database.execute("UPDATE audit SET detail = 'smokf' WHERE place = ?", (stop["place"],))
    database.close()
    changed = godkaiser("audit", "verify", data=house.data)
    assert (changed.returncode, "smokf" in changed.stdout) == (1, False)
    assert f"Row {stop['place']} is not what was sealed" in changed.stdout
    (house.data / "audit.key").write_text("0" * 64)
    wrong = godkaiser("audit", "verify", data=house.data)
    assert (wrong.returncode, "Row " in wrong.stdout) == (1, False), "one that was changed cannot be told"
    assert "not the key the newest rows are sealed with" in wrong.stdout
    assert "1 rows fit no key that is here" in wrong.stdout
    (house.data / "old.key").write_text("too short")
    short = godkaiser("audit", "verify", "--key", str(house.data / "old.key"), data=house.data)
    assert (short.returncode, "old.key: is no key of the audit" in short.stderr) == (2, True)
    (house.data / "audit.key").unlink()
    blind = godkaiser("audit", "verify", data=house.data)
    assert (blind.returncode, "audit.key" in blind.stderr) == (2, True)


def test_it_is_counted_searched_and_old_rows_go(house: Station) -> None:
    ask("users", "add", "olga", "--role", "viewer", data=house.data)
    (row,) = ask("audit", "list", "--action", "user.", "--limit", "1", data=house.data)
    assert (row["target"], row["severity"]) == ("olga", "warning")
    assert ask("audit", "list", "--who", "user:nobody", data=house.data) == []
    counted = ask("audit", "stats", data=house.data)
    assert counted["by"]["action"]["user.added"] >= 1
    shown = godkaiser("audit", "stats", data=house.data).stdout
    assert ("user.added" in shown, "critical" in shown) == (True, True)
    assert ask("audit", "retention", data=house.data)["dry_run"] is True
    off = godkaiser("audit", "retention", "--erase", data=house.data)
    assert (off.returncode, "AUDIT_RETENTION_ENABLED" in off.stderr) == (2, True)
    assert "erased" in godkaiser("audit", "verify", data=house.data).stdout
    nonsense = godkaiser("audit", "list", "--limit", "0", data=house.data)
    assert (nonsense.returncode, "1..100000" in nonsense.stderr) == (2, True)


def test_a_key_for_the_details_is_made_and_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "audit.keys"
    made = godkaiser("audit", "new-key", str(file))
    assert made.returncode == 0
    assert file.read_text().strip() not in made.stdout + made.stderr
    assert file.stat().st_mode & 0o077 == 0
    failed = godkaiser("audit", "new-key", str(tmp_path / "no" / "file"))
    assert (failed.returncode, "No such file" in failed.stderr) == (2, True)
