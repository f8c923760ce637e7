"""The safety journal: durable, last line wins, torn tail dropped, damage never guessed."""

from pathlib import Path

import pytest

from godkaiser.engine.effect import Journal
from godkaiser.errors import JournalError
from godkaiser.io.journal import JournalFile

STOP = Journal("stop", "", {"phase": "ACTIVE", "reason": "smoke ✓", "by": "me", "since": 1})
LEASE = Journal("lease", "ESP_AB12CD/25", {"until": 5})


async def test_what_was_written_is_there_after_a_kill(tmp_path: Path) -> None:
    first = JournalFile(tmp_path / "j")
    await first.write([STOP, LEASE])
    await first.write([Journal("lease", "ESP_AB12CD/25", None)])
    second = JournalFile(tmp_path / "j")  # the first was never closed, as after kill -9
    assert second.content == {("stop", ""): STOP.data}
    first.close()
    second.close()


@pytest.mark.parametrize("cut", range(1, 60))
async def test_a_torn_last_line_is_dropped_and_the_rest_stands(cut: int, tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "j")
    journal.write_now([LEASE, STOP])
    journal.close()
    whole = (tmp_path / "j").read_bytes()
    (tmp_path / "j").write_bytes(whole[:-cut])
    again = JournalFile(tmp_path / "j")
    assert again.content[("lease", "ESP_AB12CD/25")] == {"until": 5}
    assert ("stop", "") not in again.content
    again.close()


@pytest.mark.parametrize("line", ["{}", "nonsense", '{"kind": "stop", "key": ""}', "[1]", "\x00\x00"])
def test_damage_in_the_middle_is_an_error(line: str, tmp_path: Path) -> None:
    (tmp_path / "j").write_text(f'{line}\n{{"kind":"run","key":"","data":{{"number":1}}}}\n')
    with pytest.raises(JournalError, match="line 1 is damaged"):
        JournalFile(tmp_path / "j")


async def test_a_journal_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(JournalError):
        JournalFile(tmp_path / "missing" / "j")
    journal = JournalFile(tmp_path / "j")
    journal._file.close()
    with pytest.raises((JournalError, ValueError)):
        await journal.write([STOP])
    assert journal.content == {}


def test_it_stays_small(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "j")
    for number in range(200):
        journal.write_now([Journal("run", "", {"number": number})])
    journal.close()
    assert len((tmp_path / "j").read_bytes().splitlines()) == 200
    JournalFile(tmp_path / "j").close()
    assert len((tmp_path / "j").read_bytes().splitlines()) == 1
