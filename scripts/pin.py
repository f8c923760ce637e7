"""Write `constraints/pins.txt` from environments that passed the tests.

Usage: python scripts/pin.py 3.11=/path/to/bin/python 3.13=/path/to/bin/python

The first environment stands for Python below 3.12, the second for 3.12 and above: Panel, Bokeh and what they
need have no common newest version, so lines that differ get an environment marker.
Only names and versions are written, never an address or a path.
"""

import re
import subprocess
import sys
from pathlib import Path

TARGET = Path(__file__).parent.parent / "constraints" / "pins.txt"
HEADER = "# Written by scripts/pin.py from environments that passed the tests. Names and versions only.\n"


def frozen(python: str) -> dict[str, str]:
    """Name to version of all that is installed beside our own package."""
    command = [python, "-m", "pip", "freeze", "--exclude-editable"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    pins = (line.split("==") for line in lines if re.fullmatch(r"[\w.-]+==[\w.!+-]+", line))
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pins}


def merged(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """One line where both agree, else one marked line per side."""
    lines = []
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) == new.get(name):
            lines.append(f"{name}=={old[name]}")
            continue
        if name in old:
            lines.append(f'{name}=={old[name]} ; python_version < "3.12"')
        if name in new:
            lines.append(f'{name}=={new[name]} ; python_version >= "3.12"')
    return lines


def main(arguments: list[str]) -> int:
    """Freeze both environments and write the file."""
    environments = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    if len(environments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    old, new = (frozen(python) for _, python in sorted(environments.items()))
    TARGET.write_text(HEADER + "\n".join(merged(old, new)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
