"""What the controller keeps is for its owner only."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from godkaiser.engine.effect import Journal
from godkaiser.io.folder import keep_private
from godkaiser.io.journal import JournalFile
from tests.kaiser.house import file, house

OWN = 0o600


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_database_and_journal_are_made_for_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)  # else it is the shell that keeps others out
    try:
        async with house(tmp_path, file()) as home:
            await home.beat()
            await home.controller.runner.drained()
            names = ("godkaiser.db", "godkaiser.db-wal", "godkaiser.db-shm", "safety.journal")
            assert {name: mode(tmp_path / name) for name in names} == dict.fromkeys(names, OWN)
    finally:
        os.umask(before)


async def test_what_others_could_read_is_closed_at_the_next_start_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with house(tmp_path, file()):
        pass
    assert "could be read by others" not in caplog.text
    for name in ("godkaiser.db", "safety.journal"):
        (tmp_path / name).chmod(0o644)
    async with house(tmp_path):
        for name in ("godkaiser.db", "godkaiser.db-wal", "safety.journal"):
            assert mode(tmp_path / name) == OWN
    said = [line for line in caplog.messages if "could be read by others (mode 644)" in line]
    assert [Path(line.split()[0]).name for line in said] == ["safety.journal", "godkaiser.db"]


def test_a_journal_that_is_written_anew_stays_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "safety.journal"
    (tmp_path / "safety.new").write_text("half done")
    (tmp_path / "safety.new").chmod(0o666)
    journal = JournalFile(path, within=60.0)
    assert mode(path) == OWN
    path.unlink()
    journal.write_now([Journal("run", "", {"number": 1})])
    assert mode(path) == OWN
    journal.close()


def test_a_folder_of_that_name_is_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    keep_private(tmp_path)
    assert mode(tmp_path) == 0o755


def test_what_cannot_be_closed_is_said_and_hinders_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(path: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted", str(path), mode)

    path = tmp_path / "godkaiser.db"
    path.touch()
    path.chmod(0o644)
    keep_private(path, refuse)
    assert f"{path} may be read by others (mode 644): Operation not permitted" in caplog.text
