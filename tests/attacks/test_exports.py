"""Names and addresses that lead out of a folder: in files that are written, on the pages, on a terminal."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from godkaiser.cli.main import app
from godkaiser.errors import GodkaiserError
from godkaiser.handles.export import whole_file
from godkaiser.io.porter import BrokerFiles
from tests.attacks.stand import PASSWORD, Stand, stand
from tests.kaiser.house import NODE, TEXT, file

OUT = (
    "../../../planted",
    "{here}/planted",  # from the root of the disk on, into the test's own folder
    "..\\..\\planted",
    "a/../../planted",
    "~/planted",
    "%2e%2e/planted",
)
ESCAPE = "\x1b]0;owned\x07\x1b[2J"


def tree(folder: Path) -> set[str]:
    """Every file there is, but for what the controller keeps for itself."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file()
        and path.relative_to(folder).parts[0] != "state"
        and not path.name.startswith("godkaiser.db")
    }


def planted(folder: Path) -> list[Path]:
    """Every file of that name, among what the controller keeps for itself, too."""
    return list(folder.rglob("*planted*"))


async def typed(data: Path, *words: str, good: bool = True) -> str:
    """A command in this process, as somebody types it."""
    async with asyncio.timeout(60):
        done = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--data", str(data)])
    assert (done.exception is None) is good, (words, done.exception)
    return done.stdout + (str(done.exception) if done.exception else "")


@pytest.mark.parametrize("name", OUT)
async def test_names_that_lead_elsewhere_make_no_file_there(name: str, tmp_path: Path) -> None:
    name = name.replace("{here}", str(tmp_path))
    spelled = json.dumps(name)
    text = TEXT.replace("name: soil", f"name: {spelled}").replace("name: Cool", f"name: {spelled}")
    text = text.replace("name: climate node", f"name: {json.dumps(name + 'n')}").replace(
        "name: fan", f"name: {spelled}"
    )
    doors = tmp_path / "doors"
    doors.mkdir()
    files = BrokerFiles(doors)
    async with stand(
        tmp_path / "data", pages=False, site=file(text), broker_files=files, record_most=10**6
    ) as besieged:
        await besieged.home.beat()
        await besieged.home.soil(2000)
        before = tree(tmp_path)
        csv, site, rules = (tmp_path / word for word in ("out.csv", "site.yaml", "rules.yaml"))
        await typed(besieged.data, "history", name, "--csv", str(csv))
        assert len(csv.read_text().splitlines()) == 2
        await typed(besieged.data, "site", "export", "--to", str(site))
        await typed(besieged.data, "rules", "export", "--to", str(rules))
        assert "planted" in rules.read_text()
        for method, params in (
            ("broker.passwd", {"name": name}),
            ("broker.remove", {"name": name}),
            ("users.add", {"name": name, "role": "viewer"}),
            ("site.diff", {"text": "zones: []", "name": name}),
            ("rules.remove", {"rule": name}),
            ("tokens.add", {"label": name, "permissions": ["look"], "owner": "ann"}),
        ):
            with suppress(GodkaiserError):  # refused is as good; what counts is the disk
                await besieged.call(method, **params)
        made = tree(tmp_path) - before - {"out.csv", "site.yaml", "rules.yaml"}
        assert {Path(one).parts[0] for one in made} <= {"data", "doors"}, made
        assert not [one for one in made if "planted" in one]
    assert not planted(tmp_path)


async def test_a_link_is_followed_to_a_file_and_to_nothing_else(tmp_path: Path) -> None:
    async with stand(tmp_path / "data", pages=False) as besieged:
        await besieged.home.beat()
        await besieged.home.soil(2000)
        kept, folder = tmp_path / "kept.csv", tmp_path / "folder"
        kept.write_text("before")
        folder.mkdir()
        links = {name: tmp_path / f"{name}-link" for name in ("file", "folder", "device", "nowhere")}
        links["file"].symlink_to(kept)
        links["folder"].symlink_to(folder)
        links["device"].symlink_to("/dev/full")
        links["nowhere"].symlink_to(tmp_path / "missing" / "x.csv")
        await typed(besieged.data, "history", "soil", "--csv", str(links["file"]))
        assert links["file"].is_symlink()
        assert kept.read_text().startswith("time,")
        for name in ("folder", "device", "nowhere"):
            told = await typed(besieged.data, "history", "soil", "--csv", str(links[name]), good=False)
            assert str(links[name]) in told
            assert links[name].is_symlink()
        assert list(folder.iterdir()) == []
        assert not [one for one in tree(tmp_path) if one.endswith(".part")]


def test_a_link_laid_where_the_file_is_prepared_is_not_followed(tmp_path: Path) -> None:
    """In a folder of many, such as that for temporary files, somebody may guess the name."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    with whole_file(tmp_path / "out.csv") as beside:
        beside.write_text("1")
    beside.symlink_to(victim)
    with whole_file(tmp_path / "out.csv") as again:
        assert again == beside
        again.write_text("2")
    assert (victim.read_text(), (tmp_path / "out.csv").read_text()) == ("precious", "2")


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../app.py",
        "/assets/..%2fapp.py",
        "/assets/%2e%2e/app.py",
        "/assets/style.css/../../app.py",
        "/assets//etc/passwd",
        "/assets/style.css%00.py",
        "/static/../../../../../../../../etc/passwd",
        "/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/static//etc/passwd",
        "/static/extensions/panel/../../../../../../../../etc/passwd",
        "/static/extensions/panel/%2e%2e/%2e%2e/%2e%2e/models/__init__.py",
        "/static/extensions//etc/passwd",
        "/../../../../etc/passwd",
        "//etc/passwd",
        "/components/os/path/__css__/x",
    ],
)
async def test_the_pages_serve_no_file_but_their_own(path: str, besieged: Stand) -> None:
    host = f"Host: 127.0.0.1:{besieged.pages.port}\r\n"
    visitor = await besieged.inside("ann")
    jar = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    for cookies in ("", f"Cookie: {jar}\r\n"):
        answer = await besieged.raw(
            f"GET {path} HTTP/1.1\r\n{host}{cookies}Connection: close\r\n\r\n".encode()
        )
        assert b"root:" not in answer
        assert b"import" not in answer
        assert not answer.startswith(b"HTTP/1.1 200"), answer[:200]


async def test_names_write_nothing_onto_a_terminal(tmp_path: Path) -> None:
    """A name in the audit, on the list of nodes or in a reason must not clear the screen of who reads it."""
    spelled = json.dumps(f"n{ESCAPE}")
    text = TEXT.replace("name: climate node", f"name: {spelled}").replace("name: soil", f"name: {spelled}")
    async with stand(tmp_path / "data", pages=False, site=file(text)) as besieged:
        await besieged.home.beat()
        await besieged.home.soil(2000)
        await besieged.call("stop", reason=ESCAPE)
        for name in (ESCAPE, f"ann{ESCAPE}"):
            await besieged.fails("login", name=name, password="Guess-123", address=ESCAPE)
        lists: tuple[tuple[str, ...], ...] = (("audit", "list"), ("nodes",), ("sensors",), ("status",))
        for words in lists:
            told: Any = await typed(besieged.data, *words)
            assert "\x1b" not in told.replace("\x1b[0m", ""), words
            assert "\x07" not in told, words
            assert NODE in told or "owned" in told, words
        assert (await besieged.call("login", name="ann", password=PASSWORD, address="10.0.0.3"))[
            "user"
        ] == "ann"
