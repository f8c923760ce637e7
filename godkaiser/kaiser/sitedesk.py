"""The site at the desk: export, diff, apply; all of a file or nothing of it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from godkaiser.auth.policy import Permission
from godkaiser.errors import DocumentError
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.rulebook import Rulebook
from godkaiser.io.runner import Runner
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.stored import Stored, sort_out
from godkaiser.kaiser.probes import settled
from godkaiser.kaiser.site import SiteFile, bind_rules, binder, check_permissives, check_wiring, read_site
from godkaiser.kaiser.sitediff import completed, diff, kept, refusals, standing_of
from godkaiser.kaiser.sitefile import export_site, site_of
from godkaiser.model import event as ev
from godkaiser.model.difference import Difference
from godkaiser.model.ids import ActuatorId, NodeId
from godkaiser.model.site import ActuatorSpec, Site
from godkaiser.rules.document import RuleDocument, write_document
from godkaiser.rules.part_action import ActuatorPart, SequencePart
from godkaiser.rules.refused import RefusedRule
from godkaiser.rules.rule import Rule

AT_START: Final = "site file"
CALIBRATES: Final = ("calibration", "calibrations_later", "adc")  # fields of a sensor
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """What applying a file would do. `remembered` is the site to be kept, without its rules."""

    site: Site
    remembered: Site
    rules: tuple[Rule, ...]
    documents: dict[str, dict[str, Any]]
    differences: list[Difference]
    refused: tuple[RefusedRule, ...] = ()

    @property
    def changes(self) -> bool:
        """Would anything change?"""
        return any(difference.applied for difference in self.differences)

    @property
    def calibrates(self) -> bool:
        """Would a sensor be read by another calibration?"""
        return any(difference.applied and _of_calibration(difference) for difference in self.differences)


class SiteDesk:
    """Answers requests about the site, and applies the file the controller is started with."""

    def __init__(self, runner: Runner, store: SqlStore, clerk: Clerk, book: Rulebook) -> None:
        self._runner, self._store, self._clerk, self._book = runner, store, clerk, book
        self._state = runner.engine.state

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "site.export": self._export,
            "site.diff": self._diff,
            "site.apply": self._apply,
        }

    async def _export(self, token: str | None = None) -> dict[str, Any]:
        self._clerk.who(token, Permission.LOOK)
        site = site_of(self._state, self._book.sound)
        text = export_site(self._state, self._book.sound)
        return {"site": site.model_dump(mode="json", exclude_defaults=True), "text": text}

    async def _diff(self, text: str, name: str = "site file", token: str | None = None) -> dict[str, Any]:
        self._clerk.who(token, Permission.LOOK)
        return _answer(self._plan(self._read(text, name)), applied=False)

    async def _apply(
        self, text: str, name: str = "site file", dry_run: bool = False, token: str | None = None
    ) -> dict[str, Any]:
        """Nothing is changed unless all of it can be."""
        self._changer(token)
        async with self._book.changing:
            who = self._changer(token)  # waiting took its time: the right may be gone
            plan = self._plan(self._read(text, name))
            if plan.calibrates:
                self._clerk.who(token, Permission.CALIBRATE)
            applied = plan.changes and not dry_run
            if applied:
                await self._carry_out(plan, who)
                await self._runner.drained()
        return _answer(plan, applied=applied)

    def _changer(self, token: str | None) -> str:
        self._clerk.who(token, Permission.APPROVE)  # a file may let nodes in
        return self._clerk.who(token, Permission.EDIT_RULES)

    async def at_start(self, file: SiteFile, kaiser_id: str) -> None:
        """Apply the file the controller is started with; say line by line where it differs from the registry.

        `kaiser_id` is the one of the last run.
        """
        plan = self._plan(file, kaiser_id)
        for difference in plan.differences:
            log.info("%s: %s", file.where, difference)
        if plan.differences:
            await self._carry_out(plan, AT_START)

    async def remember(self, site: Site) -> None:
        """Keep a site that counts already."""
        await self._store.save_site(_remembered(site), list(self._book.documents.items()))

    async def _carry_out(self, plan: Plan, who: str) -> None:
        """Kept first: a change that happened must be known after a crash."""
        await self._store.save_site(_remembered(plan.remembered), list(plan.documents.items()))
        self._book.documents = plan.documents
        now, told = self._runner.clock.now(), tuple(plan.differences)
        self._runner.post(ev.SiteChanged(now, plan.site, plan.rules, who, told, plan.refused))

    # ── planning ───────────────────────────────────────────────────────────────────────────────────────
    def _plan(self, file: SiteFile, started: str | None = None) -> Plan:
        """`started`: at the start, the kaiser id of the last run; later it is fixed."""
        here, standing = site_of(self._state, self._book.sound), standing_of(self._state)
        site, staying = settled(completed(file.site, here), self._state, self._runner.clock.now())
        if site.kaiser_id != here.kaiser_id:
            problem = (
                f"{site.kaiser_id} is not ours ({here.kaiser_id}), and it is fixed while the controller runs"
            )
            raise file.fault(("kaiser_id",), f"{problem}: start it with `godkaiser run --site FILE`")
        if started is not None:
            here = here.model_copy(update={"kaiser_id": started})
        check_wiring(file, site)
        self._check_stopped(file, site)
        try:
            check_permissives(site, self._state.sensors)
            bound = bind_rules(site, self._state.sensors, self._found, self._state.catalogue)
            self._check_taken(here, site, [document for document, _ in bound])
        except DocumentError as error:
            raise file.lined(error) from None
        documents = {str(rule.id): write_document(document) for document, rule in bound}
        stored = self._stored(site, documents)
        rules = (*(rule for _, rule in bound), *stored.rules)
        differences = [*diff(here, site, standing), *staying, *refusals(stored)]
        return Plan(
            site, kept(site, here, standing), rules, documents | stored.documents, differences, stored.refused
        )

    def _stored(self, site: Site, given: Mapping[str, Any]) -> Stored:
        """Rules that are refused stay, if none of that name is given; one that this site makes good is taken."""
        stored = {key: data for key, data in self._book.documents.items() if key in self._state.refused}
        left = {key: data for key, data in stored.items() if key not in given}
        bind = binder(site, self._state.sensors, self._found, self._state.catalogue)
        return sort_out(left, bind, {}, given)

    def _read(self, text: Any, name: Any) -> SiteFile:
        if not isinstance(text, str):
            raise DocumentError(path=str(name), problem="the text of a site file is expected")
        return read_site(text, str(name), self._state.catalogue)

    def _check_stopped(self, file: SiteFile, site: Site) -> None:
        """Another safe value would move what is stopped."""
        for number, spec in enumerate(site.actuators):
            known = self._state.spec(spec.id)
            moved = known is not None and known.safe_value != spec.safe_value
            if moved and self._state.stopped(spec.id) is not None:
                problem = (
                    f"{spec.name or spec.id} is stopped: clear the stop before its safe value is changed"
                )
                raise file.fault(("actuators", number, "safe_value"), problem)

    def _found(self, actuator: ActuatorId) -> ActuatorSpec | None:
        """One that nobody declared: a node has it or a rule names it."""
        spec = self._state.spec(actuator)
        return None if spec is None or spec.declared_by == "site" else spec

    def _check_taken(self, here: Site, site: Site, rules: list[RuleDocument]) -> None:
        """A rule must not be left with an actuator that the same file takes out."""
        taken = {spec.id for spec in here.actuators} - {spec.id for spec in site.actuators}
        for number, rule in enumerate(rules):
            for place, actuator in _switched(rule):
                if actuator in taken:
                    problem = f"rule “{rule.name}” switches {actuator}, which is no longer declared"
                    raise DocumentError(path=f"rules[{number}].{place}", problem=problem)


def _switched(document: RuleDocument) -> Iterator[tuple[str, ActuatorId]]:
    """Where in a document which actuator is switched, by its failover too."""
    policy = document.escalation_policy
    failover = () if policy is None else policy.failover_actions
    parts = [
        *_parts("actions", document.actions),
        *_parts("escalation_policy.failover_actions", failover),
    ]
    for place, part in parts:
        if isinstance(part, ActuatorPart):
            yield place, ActuatorId.of(NodeId.parse(part.esp_id), part.gpio)


def _parts(place: str, actions: Iterable[object]) -> Iterator[tuple[str, object]]:
    """Each with its place; of a sequence also its steps."""
    for number, action in enumerate(actions):
        yield f"{place}[{number}]", action
        if isinstance(action, SequencePart):
            yield from _parts(f"{place}[{number}].steps", action.steps)


def _of_calibration(difference: Difference) -> bool:
    """It says what a sensor is calibrated by, also one that is new."""
    section, _, thing = difference.path.partition(".")
    if section != "sensors":
        return False
    if thing.rpartition(".")[2] in CALIBRATES:
        return True
    return isinstance(difference.new, dict) and any(difference.new.get(field) for field in CALIBRATES)


def _remembered(site: Site) -> str:
    """Rules are kept in a table of their own."""
    return site.model_dump_json(exclude={"rules"})


def _answer(plan: Plan, *, applied: bool) -> dict[str, Any]:
    return {
        "differences": [asdict(difference) for difference in plan.differences],
        "changes": plan.changes,
        "applied": applied,
    }
