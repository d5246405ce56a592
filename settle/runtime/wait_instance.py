"""Waiting until an instance is where a client wants it."""

import re
from dataclasses import dataclass
from typing import Final

from settle.authoring.findings import did_you_mean
from settle.core.configuration import active_paths, active_tags, is_settled
from settle.core.definition import Definition
from settle.core.errors import UnknownVersionError
from settle.core.short_text import shorten
from settle.core.snapshot import Snapshot, Status
from settle.runtime.errors import (
    InstanceGoneError,
    UnknownInstanceError,
    WaitImpossibleError,
    WaitInvalidError,
)
from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.instance import Instance, InstanceKey
from settle.runtime.poll import poll
from settle.runtime.read_instance import read_instance

SETTLED: Final = "settled"
DONE: Final = "done"
TAG: Final = "tag"
STATE: Final = "state"
VERSION: Final = "version"
_VERSION: Final = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What is waited for.

    Attributes:
        kind: `settled`, `done`, `tag`, `state` or `version`.
        name: of the tag or state.
        version: that the instance has reached or passed.
    """

    kind: str
    name: str = ""
    version: int = 0


def parse_goal(text: str) -> Goal:
    """Read `settled`, `done`, `tag:x`, `state:a.b` or `version:n`. Raises `WaitInvalidError`."""
    kind, colon, name = text.partition(":")
    if not colon and kind in {SETTLED, DONE}:
        return Goal(kind=kind)
    if kind in {TAG, STATE} and name:
        return Goal(kind=kind, name=name)
    if kind == VERSION and _VERSION.fullmatch(name):
        return Goal(kind=kind, version=int(name))
    raise WaitInvalidError(
        f"`for` is settled, done, tag:<tag>, state:<path> or version:<number>, not {shorten(text)!r}"
    )


def wait_instance(ports: IngressPorts, key: InstanceKey, goal: Goal, seconds: float) -> Instance | None:
    """Wait until an instance is as a goal says; None when time runs out before.

    One that does not exist yet is waited for too: its first event may still be under way.

    Raises:
        UnknownMachineError: there is no such machine.
        UnknownInstanceError: nothing of that name appeared.
        InstanceGoneError: it was deleted.
        WaitInvalidError: the machine has no such state or tag.
        WaitImpossibleError: it has ended elsewhere.
    """
    _check_goal(ports.registry.get(key.machine), goal)
    look = _Look(ports, key, goal)
    instance, met = look()
    if not met:
        instance, met = poll(ports.clock, ports.pauses, seconds, lambda: ((found := look()), found[1]))
    if instance is None:
        raise UnknownInstanceError(f"{key} was never created")
    return instance if met else None


class _Look:
    def __init__(self, ports: IngressPorts, key: InstanceKey, goal: Goal) -> None:
        self._ports, self._key, self._goal = ports, key, goal

    def __call__(self) -> tuple[Instance | None, bool]:
        try:
            instance = read_instance(self._ports, self._key)
        except InstanceGoneError:
            raise
        except UnknownInstanceError:
            return None, False
        if self._is_met(instance):
            return instance, True
        if instance.snapshot.status is not Status.ACTIVE:
            status = instance.snapshot.status.value
            raise WaitImpossibleError(f"{self._key} is {status} at version {instance.version}, and stays so")
        return instance, False

    def _is_met(self, instance: Instance) -> bool:
        goal, snapshot = self._goal, instance.snapshot
        if goal.kind == VERSION:
            return instance.version >= goal.version
        if goal.kind == DONE:
            return snapshot.status is Status.DONE
        if not snapshot.started:
            return False
        try:
            definition = self._ports.registry.definition_for(snapshot)
        except UnknownVersionError:
            return False
        return _holds(goal, definition, snapshot)


def _holds(goal: Goal, definition: Definition, snapshot: Snapshot) -> bool:
    if goal.kind == SETTLED:
        return is_settled(definition, snapshot)
    names = active_paths(definition, snapshot) if goal.kind == STATE else active_tags(definition, snapshot)
    return goal.name in names


def _check_goal(definition: Definition, goal: Goal) -> None:
    """Refuse to wait for what no instance of today's version can ever be in."""
    known: set[str] = set()
    if goal.kind == STATE:
        known = {node.path for node in definition.nodes}
    elif goal.kind == TAG:
        known = {tag for node in definition.nodes for tag in node.tags}
    if goal.kind in {STATE, TAG} and goal.name not in known:
        hint = did_you_mean(goal.name, known)
        raise WaitInvalidError(f"{definition.machine} has no {goal.kind} {shorten(goal.name)!r}{hint}")
