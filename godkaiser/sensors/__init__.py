"""Raw counts → physical values. Pure; formulas and reference values: docs/reference/sensors.md."""
