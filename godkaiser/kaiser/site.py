"""Site files: YAML → a checked site."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import ValidationError

from godkaiser.errors import DocumentError, SettingsError
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
    """YAML → site, checked."""
    try:
        return Site.model_validate(yaml.safe_load(text) or {})
    except yaml.YAMLError as error:
        raise DocumentError(path=where, problem=str(error).replace("\n", " ")) from None
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"]) or where
        raise DocumentError(path=path, problem=first["msg"].removeprefix("Value error, ")) from None


def demo_site() -> Site:
    """The simulated greenhouse's site."""
    return parse_site((files("godkaiser.io.sim") / "site.yaml").read_text(), "site.yaml")
