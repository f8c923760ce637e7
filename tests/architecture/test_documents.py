"""Facts that stand in the docs as well are compared with their source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from godkaiser import errors
from godkaiser.alarms.alarm import Alarm
from godkaiser.alarms.kind import KINDS
from godkaiser.alarms.reference import page as alarms_page
from godkaiser.engine import picture
from godkaiser.engine.alarm import alarm_picture
from godkaiser.engine.state import from_site
from godkaiser.io import (
    almanac,
    annunciator,
    auditor,
    blocklist,
    clerk,
    curves,
    doorman,
    editor,
    eraser,
    explainer,
    historian,
    inquirer,
    inspector,
    laboratory,
    ledger,
    pages,
    porter,
    registrar,
    switchboard,
    tracer,
    usher,
    warden,
    workshop,
)
from godkaiser.io.wire.reference import SHAPES, page
from godkaiser.io.wire.topic import TOPICS, Way
from godkaiser.kaiser import sitedesk, trying
from godkaiser.model.audited import ACTIONS
from godkaiser.model.site import Site
from godkaiser.safety.finding import FINDINGS
from godkaiser.safety.reference import page as findings_page
from godkaiser.sensors.types import ALIASES, TYPES
from godkaiser.settings import Settings, env_example
from scripts import audit_page
from scripts.error_page import families
from scripts.error_page import page as errors_page

ROOT = Path(__file__).parents[2]


def test_the_environment_example_is_made_from_the_settings() -> None:
    assert (ROOT / ".env.example").read_text() == env_example()
    assert all(f"{name.upper()}=" in env_example() for name in Settings.model_fields)


def test_the_page_of_findings_is_made_from_the_table() -> None:
    assert (ROOT / "docs/reference/findings.md").read_text() == findings_page()
    assert all(f"| `{code}` |" in findings_page() for code in FINDINGS)


def test_every_finding_is_in_the_table_and_none_stands_there_for_nothing() -> None:
    folder = ROOT / "godkaiser/safety"
    source = "".join(path.read_text() for path in folder.glob("*.py") if path.name != "finding.py")
    made = set(re.findall(r'(?:found|Finding|_pause|_kept_out)\(\s*"([a-z_]+)"', source))
    assert made == set(FINDINGS)


def test_the_page_of_topics_is_made_from_the_table() -> None:
    assert (ROOT / "docs/reference/topics.md").read_text() == page()
    assert all(f"| `{row.pattern}` |" in page() for row in TOPICS)
    assert set(SHAPES) == {row.kind for row in TOPICS if row.way is Way.FROM_NODE}


def test_the_page_of_alarms_is_made_from_the_tables() -> None:
    assert (ROOT / "docs/reference/alarms.md").read_text() == alarms_page()
    assert all(f"### `{code}`" in alarms_page() for code in KINDS)


def test_the_actions_of_the_audit_are_all_listed_and_the_page_is_made_from_them() -> None:
    text = audit_page.PAGE.read_text()
    assert text == audit_page.page(text), "python -m scripts.audit_page"
    named = {word for path in (ROOT / "godkaiser").rglob("*.py") for word in _attested(path.read_text())}
    assert len(named) > 30
    assert named <= set(ACTIONS)
    answers = ("ack", "reset", "shelve", "unshelve", "remove", "restore")
    assert {f"alarm.{word}" for word in answers} <= set(ACTIONS)


def _attested(source: str) -> Iterator[str]:
    """Actions that stand as a plain text where a row of the audit is made."""
    where = {"Audit": 2, "Attested": 2, "attest": 1, "_attest": 1, "_audit": 3}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            said = node.args[where[name]] if name in where and len(node.args) > where[name] else None
            if isinstance(said, ast.Constant) and isinstance(said.value, str):
                yield said.value


def test_the_page_of_errors_is_made_from_the_tree() -> None:
    written = (ROOT / "docs/reference/errors.md").read_text()
    assert written == errors_page()
    raised = {name for name in errors.__all__ if name.endswith("Error")} - {"GodkaiserError"}
    raised -= {family.__name__ for family in families()}
    assert {name for name in raised if f" {name}" not in written} == set()


def test_every_sensor_type_is_in_the_docs() -> None:
    page = (ROOT / "docs/reference/sensors.md").read_text()
    for row in TYPES.values():
        line = next(line for line in page.splitlines() if line.startswith(f"| `{row.name}` |"))
        cells = [cell.strip() for cell in line.split("|")]
        assert cells[2:6] == [row.label, row.unit or "–", f"{row.low:g}..{row.high:g}", f"{row.stale_s:g} s"]
    assert all(f"`{alias}`" in page for alias in ALIASES)


def test_by_what_each_sensor_is_judged_is_in_the_docs() -> None:
    page = (ROOT / "docs/reference/sensors.md").read_text().partition("| type | accuracy |")[2]
    for row in (row for row in TYPES.values() if not row.derived):
        line = next(line for line in page.splitlines() if line.startswith(f"| `{row.name}` |"))
        accuracy = "–" if row.accuracy is None else f"{row.accuracy:g} {row.unit}"
        fastest = f"{row.fastest:g} {row.unit}" if row.fastest else "–"
        words = [accuracy, fastest, "yes" if row.noisy else "–", "–" if row.steps else "yes"]
        assert [cell.strip() for cell in line.split("|")][2:-1] == [*words, str(row.warm_up or "–")]


def test_every_rule_of_the_docs_can_be_read() -> None:
    import yaml  # noqa: PLC0415

    from godkaiser.rules.document import read_document  # noqa: PLC0415

    page = (ROOT / "docs/reference/rules.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert blocks
    for block in blocks:
        for document in yaml.safe_load(block):
            assert read_document(document).name


def test_the_site_file_of_the_docs_can_be_read() -> None:
    from godkaiser.kaiser.site import parse_site  # noqa: PLC0415

    page = (ROOT / "docs/how-to/run-on-your-broker.md").read_text()
    block = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0]
    site = parse_site(block, "docs")
    assert [str(actuator.id) for actuator in site.actuators] == ["ESP_AB12CD/25", "ESP_AB12CD/14"]


def test_the_methods_of_the_local_socket_are_in_the_docs_and_no_other() -> None:
    sources = (
        Path(str(module.__file__)).read_text()
        for module in (
            clerk,
            switchboard,
            inquirer,
            curves,
            doorman,
            warden,
            usher,
            registrar,
            workshop,
            sitedesk,
            annunciator,
            blocklist,
            ledger,
            explainer,
            laboratory,
            almanac,
            historian,
            inspector,
            auditor,
            eraser,
            pages,
            porter,
            editor,
            tracer,
            trying,
        )
    )
    row = re.compile(r'^            "([a-z._]+)": self\._', re.MULTILINE)
    told = {name for text in sources for name in row.findall(text)}
    table = (ROOT / "docs/reference/desk.md").read_text().split("## Methods")[1].split("\n## ")[0]
    rows = " ".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
    assert told | {"watch"} == set(re.findall(r"`([a-z._]+)`", rows))


def test_every_field_of_a_nodes_picture_is_in_the_docs_and_no_other() -> None:
    page = (
        (ROOT / "docs/reference/desk.md")
        .read_text()
        .split("## What a node's picture says")[1]
        .split("\n## ")[0]
    )
    rows = " ".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| `"))
    site = Site.model_validate({"nodes": [{"id": "ESP_AB12CD"}]})
    state = from_site(site)
    shown = picture.node_picture(state, next(iter(state.nodes.values())), 0)
    assert set(shown) == set(re.findall(r"`([a-z_]+)`", rows))


def test_every_field_of_an_alarms_picture_is_in_the_docs_and_no_other() -> None:
    page = (ROOT / "docs/reference/desk.md").read_text().split("## What an alarm's picture says")[1]
    rows = " ".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| `"))
    shown = alarm_picture(from_site(Site()), Alarm(KINDS["node_silent"], "ESP_AB12CD"))
    assert set(shown) == set(re.findall(r"`([a-z_]+)`", rows))
