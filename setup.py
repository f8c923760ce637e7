"""Package list for setuptools; everything else is in pyproject.toml.

The folder `dashboard/` is installed under the name `godkaiser_dashboard`, which setuptools' automatic
discovery cannot express (docs/decisions/0003). Computing the list means no sub-package is forgotten.
"""

from setuptools import find_packages, setup

CORE = find_packages(include=["godkaiser", "godkaiser.*"])
DASHBOARD = ["godkaiser_dashboard", *(f"godkaiser_dashboard.{name}" for name in find_packages("dashboard"))]

setup(packages=CORE + DASHBOARD, package_dir={"godkaiser_dashboard": "dashboard"})
