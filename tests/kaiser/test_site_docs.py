"""The page about site files shows one that can be."""

from __future__ import annotations

import re
from pathlib import Path

from godkaiser.kaiser.site import check_site

PAGE = Path(__file__).parents[2] / "docs/how-to/site-file.md"


def test_the_site_file_of_the_page_can_be_applied() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    site = check_site(block, "docs")
    assert site.model_fields_set >= {"kaiser_id", "timezone", "subzones", "nodes", "rules"}
    assert [rule["name"] for rule in site.rules] == ["Irrigate"]
