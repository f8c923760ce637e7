"""Site files: YAML → a checked site."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import ValidationError

from godkaiser.errors import DocumentError, SettingsError
from godkaiser.kaiser.wiring import wiring_faults
from godkaiser.model.site import Site


def load_site(path: Path) -> Site:
    """A site file. Raises `DocumentError` with the path of the first wrong field."""
    try:
        text = path.read_text()
    except OSError as error:
        raise SettingsError(
            field="GODKAISER_SITE",
            problem=f"{path}: {error.strerror}",
            remedy_text="Name an existing site file.",
        ) from None
    return parse_site(text, str(path))


def parse_site(text: str, where: str) -> Site:
    """YAML → site, checked. Errors name the field and its line."""
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        site = Site.model_validate(yaml.safe_load(text) or {})
    except yaml.YAMLError as error:
        raise DocumentError(path=where, problem=str(error).replace("\n", " ")) from None
    except ValidationError as error:
        first = error.errors()[0]
        problem = first["msg"].removeprefix("Value error, ")
        raise DocumentError(path=_place(tree, first["loc"], where), problem=problem) from None
    for path, fault in wiring_faults(site):
        problem = f"{fault.who}: {fault.sentence}"
        raise DocumentError(path=_place(tree, path, where), problem=problem)
    return site


def _place(tree: yaml.Node | None, path: tuple[str | int, ...], where: str) -> str:
    """`sensors.3.gpio (line 14 of site.yaml)`: as far as the path leads into the document."""
    line = None if tree is None else tree.start_mark.line
    for part in path:
        tree = _child(tree, part)
        line = line if tree is None else tree.start_mark.line
    shown = ".".join(str(part) for part in path)
    at = where if line is None else f"line {line + 1} of {where}"
    return f"{shown} ({at})" if shown else at


def _child(tree: yaml.Node | None, part: str | int) -> yaml.Node | None:
    if isinstance(tree, yaml.MappingNode):
        return next((value for key, value in tree.value if key.value == part), None)
    if isinstance(tree, yaml.SequenceNode) and isinstance(part, int) and part < len(tree.value):
        child: yaml.Node = tree.value[part]
        return child
    return None


def demo_site() -> Site:
    """The simulated greenhouse's site."""
    return parse_site((files("godkaiser.io.sim") / "site.yaml").read_text(), "site.yaml")
