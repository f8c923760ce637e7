"""What `godkaiser actuators statistics` says: one line per actuator, or per actuator and bucket."""

from __future__ import annotations

from typing import Any, Final

from godkaiser.cli.output import table

HEAD: Final = (
    "actuator",
    "name",
    "from",
    "on",
    "starts",
    "duty",
    "longest",
    "litres",
    "kWh",
    "unknown",
    "left",
)


def tell(accounts: list[dict[str, Any]]) -> None:
    """A table. What nobody knows, or the site does not state, is a dash."""
    rows = [_row(account, row) for account in accounts for row in account["rows"]]
    table(HEAD, rows, "There is no actuator.")


def _row(account: dict[str, Any], row: dict[str, Any]) -> tuple[object, ...]:
    duty, energy = row["duty"], row["energy_wh"]
    return (
        account["actuator"],
        account["name"],
        row["since"],
        span(row["on_s"]),
        row["starts"],
        None if duty is None else f"{duty:.1%}",
        span(row["longest_s"]),
        None if row["litres"] is None else f"{row['litres']:.1f}",
        None if energy is None else f"{energy / 1000:.3f}",
        span(row["unknown_s"]) if row["unknown_s"] else None,
        left(account["limits"]),
    )


def left(limits: dict[str, Any]) -> str:
    """`12 min, 3 starts`; with the time until which it is locked."""
    said = [f"{limits['starts_left']} of {limits['starts_per_hour']} starts"]
    if limits["on_left_s"] is not None:
        said.insert(0, f"{span(limits['on_left_s'])} of {span(limits['on_budget_s'])}")
    if limits["locked_until"]:
        said.append(f"locked until {limits['locked_until']}")
    return ", ".join(said)


def span(seconds: float | None) -> str | None:
    """`1 h 5 min`, `2 min 3 s`, `4.5 s`."""
    if seconds is None:
        return None
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{seconds:.3g} s"
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
