"""`godkaiser audit …` as people type it."""

import sqlite3

from tests.acceptance.station import Station, ask, godkaiser


def test_who_did_what_and_that_nobody_changed_it(house: Station) -> None:
    ask("stop", "--reason", "smoke", data=house.data)
    rows = ask("audit", "list", data=house.data)
    (stop,) = [row for row in rows if row["action"] == "stop"]
    assert (stop["target"], stop["detail"]) == ("all", "smoke")
    assert "smoke" in godkaiser("audit", "list", data=house.data).stdout
    found = ask("audit", "verify", data=house.data)
    assert (found["intact"], found["broken"], found["rows"]) == (True, 0, len(rows))
    assert "All is as it was sealed" in godkaiser("audit", "verify", data=house.data).stdout
    assert godkaiser("audit", "verify", "--head", found["last"], data=house.data).returncode == 0
    lost = godkaiser("audit", "verify", "--head", "0" * 63 + "1", data=house.data)
    assert (lost.returncode, "is not there" in lost.stdout) == (1, True)
    house.kill()
    with sqlite3.connect(house.data / "godkaiser.db") as database:
        database.execute("UPDATE audit SET detail = 'smokf' WHERE place = ?", (stop["place"],))
    database.close()
    changed = godkaiser("audit", "verify", data=house.data)
    assert (changed.returncode, "smokf" in changed.stdout) == (1, False)
    assert f"Row {stop['place']} is not what was sealed" in changed.stdout
    (house.data / "audit.key").unlink()
    blind = godkaiser("audit", "verify", data=house.data)
    assert (blind.returncode, "audit.key" in blind.stderr) == (2, True)
