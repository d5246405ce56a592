"""Operators: they pause and resume, and deal with the events that block instances, some long after they looked."""

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from settle.core.permission import Principal
from settle.runtime.envelope import THIRD_SCHEMA, ControlAction
from settle.runtime.ids import ReceiptId, digest_event
from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.instance import InstanceKey
from settle.runtime.outgoing import Caller
from settle.runtime.send_control import send_control
from settle.runtime.send_edit import EditRequest, send_edit
from tests.simulation.events_chart import BAD, GOOD
from tests.simulation.events_model import Sent
from tests.simulation.functions import ask

if TYPE_CHECKING:
    from tests.simulation.events_world import EventsWorld

OPERATOR: Final = Caller(principal=Principal(name="operator"))
ACTIONS: Final = ("pause", "pause", "resume", "retry", "skip", "skip")
HURRY: Final = (1, 1, 2)
"""How often somebody asks for the same: some press a button twice, or two want it."""

Look = tuple[str, Sent]
"""The id of an event that blocked an instance, and what it was then."""


class EventsOperators:
    """Who ask for something whenever they are asked to.

    Args:
        world: where they are.
        accept: is told of the receipt of whatever the ingress took.
    """

    def __init__(self, world: "EventsWorld", accept: Callable[[str, list[ReceiptId]], None]) -> None:
        self._world, self._random, self._system, self._accept = world, world.random, world.system, accept
        self._looks: dict[str, list[Look]] = defaultdict(list)

    def control(self, group: str) -> None:
        """Ask the ingress for something."""
        group = self._prefer_blocked(group)
        action, key = ControlAction(self._random.choice(ACTIONS)), InstanceKey.parse(group)
        look = self._look(group) if action is ControlAction.SKIP and self._random.random() < 0.5 else None
        for _ in range(self._random.choice(HURRY)):
            self._ask(group, lambda ports: send_control(ports, key, OPERATOR, action, look[0] if look else ""))

    def write_control(self, group: str) -> None:
        """Write to the queue, as the ingress does after it has looked."""
        group, action = self._prefer_blocked(group), self._random.choice(ACTIONS)
        look = self._look(group)
        if action != "skip":
            self._system.control(group, action)
        elif look:
            for _ in range(self._random.choice(HURRY)):
                self._system.control(group, action, event_id=look[0], schema_version=THIRD_SCHEMA)

    def edit(self, group: str, number: int) -> None:
        """Ask for another type or other data in an event that blocks an instance."""
        group = self._prefer_blocked(group)
        look = self._look(group)
        if look is None:
            self.write_control(group)
            return
        event_id, seen = look
        type_ = seen.type if seen.is_creation else self._random.choice((*GOOD, *BAD, seen.type))
        data: dict[str, Any] = {**seen.data, "edited": number}
        if self._random.random() < 0.5:
            self._system.edit(group, event_id, (seen.type, seen.data), (type_, data))
            return
        key, digest = InstanceKey.parse(group), digest_event(seen.type, seen.data)
        request = EditRequest(changes={"type": type_, "data": data}, event_id=event_id, digest=digest)
        self._ask(group, lambda ports: send_edit(ports, key, OPERATOR, request))

    def _prefer_blocked(self, group: str) -> str:
        blocked = [each for each, instance in self._world.witness.stored.items() if instance.blocked]
        return self._random.choice(blocked or [group])

    def _look(self, group: str) -> Look | None:
        """Return the event that blocks an instance, or one that blocked it when somebody looked; None for none."""
        looks, instance = self._looks[group], self._world.witness.stored.get(group)
        if instance is not None and instance.blocked is not None:
            looks.append((instance.blocked.event_id, self._world.witness.oldest_held(instance)))
        if not looks:
            return None
        return looks[-1] if self._random.random() < 0.6 else self._random.choice(looks)

    def _ask(self, group: str, request: Callable[[IngressPorts], ReceiptId]) -> None:
        ask(self._world, request, lambda receipt_id: self._accept(group, [receipt_id]))
