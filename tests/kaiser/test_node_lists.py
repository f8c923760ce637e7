"""Files that name nodes, and files that want too much of one."""

from pathlib import Path

import pytest

from godkaiser.cli.registry import nodes_of
from godkaiser.errors import DocumentError
from godkaiser.kaiser.site import parse_site
from godkaiser.kaiser.sitediff import diff


def test_a_list_and_a_site_name_nodes_and_a_no_is_a_no(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("ESP_AB12CD  # the first\n\n# nobody\nESP_AB12CE\n")
    assert nodes_of(tmp_path / "list") == ["ESP_AB12CD", "ESP_AB12CE"]
    (tmp_path / "site.yaml").write_text(
        "nodes:\n  - {id: ESP_AB12CD, approved: true}\n  - {id: ESP_AB12CE}\n  - {id: ESP_AB12CF, approved: false}\n"
    )
    assert nodes_of(tmp_path / "site.yaml") == ["ESP_AB12CD", "ESP_AB12CE"]
    (tmp_path / "none").write_text("# nobody\n")
    with pytest.raises(DocumentError, match="names no node"):
        nodes_of(tmp_path / "none")


def test_more_subzones_than_a_node_keeps_are_refused_by_name() -> None:
    pins = (4, 5, 14, 16, 17, 18, 19, 23, 25)
    relays = "".join(
        f"  - {{node: ESP_AB12CD, gpio: {pin}, type: relay, subzone: row_{number}}}\n"
        for number, pin in enumerate(pins)
    )
    head = "zones: [{id: house}]\nnodes: [{id: ESP_AB12CD, zone: house}]\nactuators:\n"
    parse_site(head + "".join(relays.splitlines(keepends=True)[:8]), "site.yaml")
    with pytest.raises(DocumentError, match="keeps 8 subzones, row_8 is number 9"):
        parse_site(head + relays, "site.yaml")


def test_what_a_zone_taken_away_means() -> None:
    before = parse_site("zones: [{id: house}]\nnodes: [{id: ESP_AB12CD, zone: house}]\n", "a")
    after = parse_site("zones: [{id: house}]\nnodes: [{id: ESP_AB12CD}]\n", "b")
    (found,) = diff(before, after, {"ESP_AB12CD": "approved"})
    assert "keeps the old one in its own records" in found.meaning
