"""Every finding there is: one table from the code to what it means, what helps, and whether it refuses.

Findings are made here from the table and nowhere else, so that the page of findings says what people read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from godkaiser.model.instant import SECOND, Duration, Instant
from godkaiser.model.outcome import Finding, Severity


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of finding. `sentence` has the places of what is particular in braces."""

    sentence: str
    remedy: str
    severity: Severity = Severity.REFUSE


_WARN: Final = Severity.WARN
FINDINGS: Final[dict[str, Row]] = {
    # whether it can be reached and may act at all
    "unknown_actuator": Row("There is no actuator {actuator}.", "Declare it in the site file."),
    "stop_active": Row(
        "A software stop is active: {reason}.", "Clear the stop, and wait until it has resumed."
    ),
    "disabled": Row("{actuator} is disabled.", "Set `enabled: true` in the site file."),
    "node_not_approved": Row("Node {node} is not approved.", "`godkaiser nodes approve NODE`."),
    "journal_down": Row(
        "The safety journal cannot be written: {problem}",
        "Make room on the disk of the data folder, or replace it. Switching off goes on.",
    ),
    "link_down": Row(
        "The MQTT broker cannot be reached.", "Look at the broker. An ON is never kept for later."
    ),
    "node_unheard": Row("Node {node} has not been heard of yet.", "Wait for its first heartbeat."),
    "node_offline": Row("Node {node} is offline.", "Look at its power and its Wi-Fi."),
    "node_adopting": Row(
        "Node {node} has just come back; try again in 3 s.", "Wait until it has reported its states."
    ),
    "bad_pin": Row(
        "{actuator} cannot be driven: {problem}.", "Wire it to another pin, or correct the board."
    ),
    # what is wished
    "value_range": Row("Value {value} is not within 0.0..1.0.", "Give a number from 0 to 1."),
    "value_limits": Row(
        "Value {value:g} is outside {low:g}..{high:g} of {actuator}.",
        "Stay within `min_value` and `max_value`, or change them.",
    ),
    "binary_value": Row(
        "{actuator} is a {kind}: it knows only 0 and 1, not {value:g}.", "Switch it on or off."
    ),
    "duration_range": Row(
        "Duration {seconds:g} s is not within 0..86400 s.", "Give more than nothing and at most a day."
    ),
    "max_on_missing": Row("{actuator} is a {kind} and states no max_on_s.", "State `max_on_s`."),
    "max_on_reached": Row("{actuator} has been on for its maximum of {longest:g} s.", "Let it go off first."),
    "duration_shortened": Row(
        "{seconds:g} s is longer than {actuator} may be on; it ends after {longest:g} s.",
        "Nothing, or raise `max_on_s`.",
        _WARN,
    ),
    "node_limit": Row(
        "The node of {actuator} would latch it by itself; it ends after {longest:g} s.",
        "Nothing, or newer firmware with a confirmed configuration.",
        _WARN,
    ),
    # limits of the actuator
    "min_on": Row(
        "{actuator} stays on at least {least:g} s: {left} s are left.",
        "Wait; a person's OFF, a stop and safety do not.",
    ),
    "min_on_short": Row(
        "{actuator} is on for {wished:g} s, although it should stay on at least {least:g} s.",
        "Nothing, or give it more time: a person decides.",
        _WARN,
    ),
    "min_on_lengthened": Row(
        "{actuator} stays on at least {least:g} s, not only the {wished:g} s that were wished.",
        "Nothing, or give the rule a longer duration.",
        _WARN,
    ),
    "min_off": Row("{actuator} stays off at least {least:g} s: {left} s are left.", "Wait."),
    "cooldown": Row("{actuator} rests {least:g} s after a run: {left} s are left.", "Wait."),
    "start_budget": Row(
        "{actuator} was started {most} times within an hour; {left} s are left until it may start again.",
        "Wait, and find out who switches so often.",
    ),
    "on_budget": Row(
        "{actuator} has used its {budget:g} s within {window:g} s; {left} s are left until it may be on again.",
        "Wait, or raise `on_budget_s`.",
    ),
    "on_budget_shortened": Row(
        "{actuator} has {left} s left of {budget:g} s within {window:g} s; it ends then.",
        "Nothing, or raise `on_budget_s`.",
        _WARN,
    ),
    "interlock": Row(
        "{actuator} and {rival} must not be on together (interlock {group}), and {rival} may be on.",
        "Switch the other one off, and see that its node reports it.",
    ),
    "changeover": Row(
        "{actuator} waits {pause:g} s after {rival} went off (interlock {group}): {left} s are left.",
        "Wait.",
    ),
    "permissive": Row("{actuator} needs {condition}, and {found}.", "Wait until the condition holds."),
    "permissive_unknown": Row(
        "{actuator} needs {condition}, which is unknown: {found}.", "See why the sensor is silent."
    ),
    # who has it
    "manual_hold": Row(
        "{who} holds {actuator} for another {left} s.", "Wait, or let that person end the hold."
    ),
    "service_mode": Row(
        "{actuator} is in service by {who} for another {left} s: only people may move it.",
        "`godkaiser actuators service ID --end`.",
    ),
    # orders to nodes
    "not_safe": Row(
        "{actuator} is not known to be at its safe value.",
        "Make it safe first, and wait for the node's report.",
    ),
    "wrong_type": Row("{actuator} is a {kind}, not a {other}.", "Correct the type in the site file."),
    "unsafe_default": Row(
        "{actuator} would not fall back to its safe value.", "Give the node the site's safe value as default."
    ),
    "max_runtime_short": Row(
        "{actuator} would be latched by the node before its maximum on-time is over.",
        "Give the node a limit beyond `max_on_s`.",
    ),
}


def found(code: str, until: Instant | None = None, **said: object) -> Finding:
    """The finding of a code, with what is particular in its sentence."""
    row = FINDINGS[code]
    return Finding(code, row.sentence.format(**said), row.severity, until)


def seconds(span: Duration) -> int:
    """For a sentence: whole seconds, rounded up, so that whoever waits that long has waited enough."""
    return -(-span // SECOND)


def lenient(finding: Finding) -> Finding:
    """Going safe is always admissible: the finding stays visible and refuses nothing."""
    return replace(finding, severity=Severity.WARN)
