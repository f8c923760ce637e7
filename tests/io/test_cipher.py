"""The details of the audit are locked with a key that lies outside the database."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.errors import CipherKeyError
from godkaiser.io.cipher import LOCKED, Cipher, load_cipher, new_key

TEXTS = st.fixed_dictionaries(dict.fromkeys(LOCKED, st.text()))


@pytest.fixture(scope="module")
def cipher(tmp_path_factory: pytest.TempPathFactory) -> Cipher:
    file = tmp_path_factory.mktemp("keys") / "audit.keys"
    new_key(file)
    return load_cipher(file)


@given(texts=TEXTS)
def test_what_is_locked_tells_nothing_and_opens_as_it_was(cipher: Cipher, texts: dict[str, str]) -> None:
    locked = cipher.lock(texts)
    assert cipher.open(cipher.name, locked) == texts
    assert cipher.lock(texts) != locked, "the same words do not look the same"
    assert not [text for text in texts.values() if len(text) > 5 and text in locked]


def test_a_new_key_is_on_top_and_the_old_one_still_opens(tmp_path: Path) -> None:
    file = tmp_path / "audit.keys"
    assert new_key(file) == load_cipher(file).name
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    old = load_cipher(file)
    texts = {"detail": "zones none → bench", "before": "", "after": "{}"}
    locked = old.lock(texts)
    new_key(file)
    both = load_cipher(file)
    assert both.name != old.name
    assert both.open(old.name, locked) == texts
    assert old.open(both.name, both.lock(texts)) is None
    assert [path.name for path in tmp_path.iterdir()] == ["audit.keys"]


@pytest.mark.parametrize("locked", ["", "gAAAA", "\ud800", "ä"])
def test_what_was_changed_does_not_open(cipher: Cipher, locked: str) -> None:
    assert cipher.open(cipher.name, locked) is None


def test_no_key_is_in_a_repr(tmp_path: Path) -> None:
    file = tmp_path / "audit.keys"
    new_key(file)
    assert file.read_text().strip() not in repr(load_cipher(file))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "no Fernet key"),
        ("secret", "no Fernet key"),
        ("a" * 44, "no Fernet key"),
        ("\udcff", "is no text"),
    ],
)
def test_what_holds_no_key_is_refused_and_not_shown(content: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "audit.keys"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    file.chmod(0o600)
    with pytest.raises(CipherKeyError, match=problem) as caught:
        load_cipher(file)
    assert not content or content not in str(caught.value)
    assert "new-key" in caught.value.remedy


def test_a_key_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "audit.keys"
    new_key(file)
    file.chmod(0o640)
    with pytest.raises(CipherKeyError, match="chmod 600"):
        load_cipher(file)


def test_a_key_that_is_not_there_or_cannot_be_made_is_told(tmp_path: Path) -> None:
    with pytest.raises(CipherKeyError, match="No such file"):
        load_cipher(tmp_path / "none")
    with pytest.raises(CipherKeyError, match="No such file"):
        new_key(tmp_path / "no" / "folder")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(CipherKeyError, match="is no text"):
        new_key(tmp_path / "binary")
    assert (tmp_path / "binary").read_bytes() == b"\xff\xfe"
