"""Rules tried on the last day while the controller runs: in a process of its own, so that nothing waits for it.

One trial at a time, a few may wait. The process reads the database, is nice to everything else on the machine, writes
a line of JSON for each percent and at last the result, and ends with the controller.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from godkaiser.auth.policy import Permission
from godkaiser.engine.effect import Decision
from godkaiser.errors import GodkaiserError, RuleRefusedError, TrialError, UnknownRuleError, from_wire
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.ending import ended
from godkaiser.io.rulebook import Rulebook
from godkaiser.io.runner import Runner
from godkaiser.io.span import read_span
from godkaiser.io.sql.store import SqlStore
from godkaiser.kaiser.backtest import Backtest
from godkaiser.kaiser.trial import Trial, try_rules
from godkaiser.model.ids import RuleId
from godkaiser.model.instant import Instant, to_iso
from godkaiser.model.truth import Truth
from godkaiser.plugins import load
from godkaiser.rules.rule import series_of

WITHIN: Final = 900.0  # s
LINE_MOST: Final = 64 * 1024 * 1024
WAITING_MOST: Final = 8
KEPT: Final = 16
NICE: Final = 10


@dataclass(slots=True)
class Job:
    """A trial under way or done."""

    order: dict[str, Any]
    person: int | None = None  # None: the local user
    progress: float = 0.0
    result: dict[str, Any] | None = None
    failure: GodkaiserError | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Trying:
    """Answers requests to try a rule. `database`: as the settings have it, None for the file in `data`."""

    def __init__(
        self, runner: Runner, clerk: Clerk, book: Rulebook, data: Path, database: str | None
    ) -> None:
        self._runner, self._clerk, self._book, self._within = runner, clerk, book, WITHIN
        self._url = database or f"sqlite:///{data / 'godkaiser.db'}"
        self._jobs: dict[int, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self._number = 0

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "rules.try": self._try,
            "rules.tried": self._tried,
        }

    async def _try(self, rule: str, since: str = "-24h", token: str | None = None) -> dict[str, Any]:
        """Begin to try a rule, switched on, beside the others, from `since` until now: the number of the `trial`."""
        self._clerk.who(token, Permission.LOOK)
        found = self._found(rule)
        begin, end = read_span(since, None, self._runner.clock.now())
        person = self._clerk.person(token)
        owner = None if person is None else person.user_id
        self._check_own(owner)
        if len(self._tasks) >= WAITING_MOST:
            raise TrialError(problem=f"{WAITING_MOST} are waiting already")
        documents = [
            data | {"enabled": True} if key == found else data for key, data in self._book.sound.items()
        ]
        order = {"url": self._url, "rule": found, "documents": documents, "span": [begin, end]}
        self._number += 1
        job = self._jobs[self._number] = Job(order, owner)
        for old in [n for n, one in self._jobs.items() if one.done.is_set()][:-KEPT]:
            del self._jobs[old]
        task = asyncio.create_task(self._carry_out(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return {"trial": self._number, "rule": found}

    async def _tried(self, trial: int, token: str | None = None) -> dict[str, Any]:
        """How far a trial has come, 0..1, and its `result` when it is done. Raises what ended it."""
        self._clerk.who(token, Permission.LOOK)
        job = self._jobs.get(trial)
        if job is None:
            raise TrialError(problem=f"there is no trial {trial!r:.20}, or not any more")
        if job.failure is not None:
            raise job.failure
        return {"trial": trial, "progress": job.progress, "result": job.result}

    def _check_own(self, person: int | None) -> None:
        """Everybody may try who may look, but it costs: one at a time, so that nobody keeps others waiting."""
        for number, job in self._jobs.items():
            if person is not None and job.person == person and not job.done.is_set():
                raise TrialError(
                    problem=f"trial {number} of yours is under way; one person tries one rule at a time"
                )

    def _found(self, text: str) -> str:
        for key, data in self._book.sound.items():
            if text and text in (key, data["name"]):
                return key
        if (refused := self._book.refused(text)) is not None:
            raise RuleRefusedError(name=refused.name, path=refused.path, problem=refused.problem)
        raise UnknownRuleError(text=str(text))

    async def _carry_out(self, job: Job) -> None:
        try:
            async with self._turn, asyncio.timeout(self._within):
                await _in_a_process(job)
        except GodkaiserError as error:
            job.failure = error
        except TimeoutError:
            job.failure = TrialError(problem=f"it took longer than {self._within:g} s")
        except (OSError, ValueError) as error:
            job.failure = TrialError(problem=str(error)[:200])
        finally:
            job.done.set()

    async def close(self) -> None:
        """End what is under way."""
        await ended(tuple(self._tasks))


async def _in_a_process(job: Job) -> None:
    """The order goes in by stdin, as the address of a database may hold a password."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL, limit=LINE_MOST
    )  # fmt: skip
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(job.order).encode() + b"\n")
        process.stdin.close()
        while line := await process.stdout.readline():
            _take(job, json.loads(line))
        await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if job.result is None:
        raise TrialError(problem=f"its process ended with {process.returncode} and said nothing")


def _take(job: Job, said: dict[str, Any]) -> None:
    if "error" in said:
        raise from_wire(said["error"])
    job.progress = float(said.get("progress", job.progress))
    job.result = said.get("result")


# ── in the process ─────────────────────────────────────────────────────────────────────────────────────────
def serve(order: Mapping[str, Any], write: Callable[[str], object]) -> None:
    """Carry out one order; every line that is written is JSON."""

    def reached(percent: int) -> None:
        write(json.dumps({"progress": percent / 100}) + "\n")

    try:
        trial = asyncio.run(_trial(order, reached))
    except GodkaiserError as error:
        write(json.dumps({"error": error.to_wire()}) + "\n")
        return
    write(json.dumps({"progress": 1.0, "result": digest(trial, RuleId.known(order["rule"]))}) + "\n")


async def _trial(order: Mapping[str, Any], reached: Callable[[int], None]) -> Trial:
    begin, end = order["span"]
    shown = 0

    def on_progress(at: Instant) -> None:
        nonlocal shown
        if (percent := min(max(0, 100 * (at - begin) // max(1, end - begin)), 99)) > shown:
            shown = percent
            reached(percent)

    store = await SqlStore.look(order["url"])
    try:
        return await try_rules(
            store, order["documents"], (begin, end), catalogue=load(), on_progress=on_progress
        )
    finally:
        await store.close()


def digest(trial: Trial, rule: RuleId) -> dict[str, Any]:
    """What concerns one rule: when it would have acted, when it could not have known, what would have moved."""
    whole, mine = trial.document(), next(each for each in trial.rules if each.id == rule)
    inputs, outputs = set(series_of(mine.when)), {turn.actuator for turn in mine.actions}
    told = next((one for one in whole["rules"] if one["rule"] == rule), None)
    head: dict[str, Any] = {"rule": rule, "since": whole["since"], "until": whole["until"]}
    head |= {"readings": whole["readings"], "starts": 0 if told is None else told["starts"]}
    head |= {"true_s": 0.0 if told is None else told["true_s"]}
    head |= {"unknown_s": 0.0 if told is None else told["unknown_s"]}
    turns = [one for one in trial.result.decisions if one.rule == rule]
    truths, until = _truths(rule, turns, trial.result), trial.result.until
    return head | {
        "active": _spans(_active(rule, turns, trial.result), until),
        "unknown": _spans([(at, word == Truth.UNKNOWN.value) for at, word in truths], until),
        "actuators": [one for one in whole["actuators"] if one["actuator"] in outputs],
        "commands": [one for one in whole["commands"] if one["actuator"] in outputs],
        "gaps": [one for one in whole["gaps"] if one["series"] in inputs],
        "assumed": whole["assumed"],
        "departures": [one for one in whole["departures"] if one["rule"] == rule],
    }


def _truths(rule: RuleId, turns: Sequence[Decision], result: Backtest) -> list[tuple[Instant, str]]:
    """When its truth changed, in order: what it was at first, then every decision."""
    return [(result.since, result.first[rule][0].value), *((one.at, str(one.truth)) for one in turns)]


def _active(rule: RuleId, turns: Sequence[Decision], result: Backtest) -> list[tuple[Instant, bool]]:
    """When it began and ceased to want something, likewise."""
    return [(result.since, result.first[rule][1]), *((one.at, one.active) for one in turns)]


def _spans(turns: Sequence[tuple[Instant, bool]], end: Instant) -> list[dict[str, str]]:
    """From when to when it was so."""
    spans: list[tuple[Instant, Instant]] = []
    for (at, is_so), (until, _) in pairwise([*turns, (end, False)]):
        if is_so and spans and spans[-1][1] == at:
            spans[-1] = spans[-1][0], until
        elif is_so and until > at:
            spans.append((at, until))
    return [{"since": to_iso(at), "until": to_iso(until)} for at, until in spans]


if __name__ == "__main__":
    with contextlib.suppress(OSError):
        os.nice(NICE)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a text file of our own
    serve(json.loads(sys.stdin.readline()), sys.stdout.write)
