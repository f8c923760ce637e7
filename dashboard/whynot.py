"""What would flip a rule and what stands in its way, in the language of the page. All text, nothing escaped yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .view import moment
from .words import Words

Told = Mapping[str, Any]


def why_not(words: Words, told: Told) -> str:
    """From the fields beside the tree; from a controller that has none, its own English."""
    if "flips" not in told:
        return str(told.get("why_not") or "")
    blocked = [_blocker(words, one) for one in told["blockers"]]
    return " ".join([*_flips(words, told), *_outcome(words, told), *blocked])


def _outcome(words: Words, told: Told) -> Iterator[str]:
    """What became of what it wants, or that nothing keeps it from that."""
    if told["outcome"] == "carried out":
        yield words("why.done")
    elif told["outcome"] == "not carried out":
        yield words("why.failed")
    elif not told["becomes"] and not told["blockers"]:
        yield words("why.under_way" if told["acting"] else "why.free")


def _flips(words: Words, told: Told) -> Iterator[str]:
    if not told["becomes"]:
        return
    ways = [_way(words, flip) for flip in told["flips"]]
    yield words("why.flip", ways=words("why.or").join(ways)) if ways else words("why.flip.none")


def _way(words: Words, flip: Told) -> str:
    acts = [_change(words, one) for one in flip["changes"] if one["kind"] != "time"]
    later = [one for one in flip["changes"] if one["kind"] == "time"]
    said = [words("why.and").join(acts)] if acts else []
    if later:
        at = words.stamp(moment(later[-1]["at"]))
        said.append(words("why.flip.time", span=words.span(flip["wait_s"]), at=at))
    if flip["silent"]:
        said.append(words("why.flip.silent", name=", ".join(flip["silent"])))
    return ", ".join(said)


def _change(words: Words, one: Told) -> str:
    """A node, a value that has to be crossed, or a reading that has to come."""
    if one["kind"] == "presence":
        return words(f"why.flip.{'online' if one['online'] else 'offline'}", name=one["name"])
    crossed = one["kind"] == "value"
    shown = words.quantity(one["bound"] if crossed else one["target"], one["unit"])
    key = {">": "above", "<": "below"}.get(one["word"], "exactly") if crossed else "reading"
    text = words(f"why.flip.{key}", name=one["name"], value=shown)
    if one["present"] is not None:
        text += words("why.flip.now", value=words.quantity(one["present"], one["unit"]))
    return text + (words("why.flip.times", n=one["times"]) if one["times"] > 1 else "")


def _blocker(words: Words, one: Told) -> str:
    """A code that is new to us is told in the controller's words."""
    key = f"why.block.{'rule_off' if one['code'] == 'disabled' and not one['actuator'] else one['code']}"
    sentence = words.known(key, "")
    text = sentence.format(name=one["name"] or "", who=one["who_name"] or "") if sentence else one["text"]
    if one["since"]:
        text += words("why.since", at=words.stamp(moment(one["since"])))
    if one["until"]:
        text += words("why.until", at=words.stamp(moment(one["until"])))
    # What helps is told in the controller's own language only.
    return words("why.block", text=text) + (f" {one['lifts']}" if words.language == "en" else "")
