"""What a test sees of an instance."""

from collections.abc import Mapping
from typing import Any

from settle.core.configuration import active_paths, active_tags, is_settled, next_events
from settle.core.definition import Definition
from settle.core.effects import Effect, SendEvent
from settle.core.service import ServiceCall
from settle.core.snapshot import Snapshot, Status
from settle.runtime.instance import Blocked, Instance, InstanceKey
from settle.testing.errors import HIDDEN, TrialError
from settle.testing.stubs import Stubs, check_name
from settle.testing.world import World

__tracebackhide__ = HIDDEN


class InstanceView:
    """An instance, read anew whenever something is asked of it.

    Args:
        world: that it lives in.
        key: of the instance.
        stubs: know which services were called.
    """

    def __init__(self, world: World, key: InstanceKey, stubs: Stubs) -> None:
        self._world, self._key, self._stubs = world, key, stubs

    @property
    def world(self) -> World:
        """The system that it lives in."""
        return self._world

    @property
    def stubs(self) -> Stubs:
        """What its services answer, and how they were called."""
        return self._stubs

    @property
    def group(self) -> str:
        """Its name, `machine/instance`."""
        return str(self._key)

    @property
    def exists(self) -> bool:
        """Whether it was created, and was not deleted since."""
        found = self._world.find(self.group)
        return found is not None and found.snapshot.started and not found.deleted

    @property
    def _instance(self) -> Instance:
        found = self._world.find(self.group)
        if found is not None and found.deleted:
            raise TrialError(f"{self.group} was deleted, or its retention is over; start() it for another life")
        if found is None or not found.snapshot.started:
            raise TrialError(f"{self.group} has not started; start() it, put it in_state(...), or send() it an event")
        return found

    @property
    def _snapshot(self) -> Snapshot:
        return self._instance.snapshot

    @property
    def _definition(self) -> Definition:
        return self._world.cast.definition_for(self._snapshot)

    # Where it stands -------------------------------------------------------------------------------------------------

    @property
    def state(self) -> str | tuple[str, ...]:
        """Path of the active leaf state; paths of all of them, in document order, where regions are active."""
        leaves = self._snapshot.configuration
        return leaves[0] if len(leaves) == 1 else leaves

    @property
    def states(self) -> tuple[str, ...]:
        """Paths of all active states, those around others first."""
        return active_paths(self._definition, self._snapshot)

    @property
    def context(self) -> Any:  # noqa: ANN401 - the machine's own model, or a dict
        """What it remembers: an instance of the machine's model, or a dict. Changing it changes nothing."""
        return self._definition.context.load(self._snapshot.context)

    @property
    def status(self) -> Status:
        """How it stands: `active`, `done` or `stopped`."""
        return self._snapshot.status

    @property
    def output(self) -> Any:  # noqa: ANN401 - JSON data
        """What it answered when it was done; None before."""
        return self._snapshot.output

    @property
    def version(self) -> int:
        """How many events it has applied."""
        return self._instance.version

    @property
    def settled(self) -> bool:
        """Whether it waits for the outside; until then events are held."""
        return is_settled(self._definition, self._snapshot)

    @property
    def tags(self) -> frozenset[str]:
        """Tags of the active states."""
        return active_tags(self._definition, self._snapshot)

    @property
    def next_events(self) -> tuple[str, ...]:
        """Event types that active states know, sorted."""
        return next_events(self._definition, self._snapshot)

    @property
    def timers(self) -> Mapping[str, float]:
        """Seconds until each timer is due, by its id."""
        now = self._world.clock.now()
        return {timer.id: round(timer.due - now, 3) for timer in self._snapshot.timers}

    @property
    def services(self) -> tuple[str, ...]:
        """Ids of the invokes that are live: background services and children."""
        return tuple(live.id for live in self._snapshot.invokes)

    @property
    def held(self) -> int:
        """How many events wait until it settles, is resumed, or is not blocked any more."""
        instance = self._instance
        return sum(len(lane) for lane in (instance.held, instance.urgent) if lane is not None)

    @property
    def blocked(self) -> Blocked | None:
        """Why its oldest held event cannot be applied; None when nothing blocks it."""
        return self._instance.blocked

    # What it did -----------------------------------------------------------------------------------------------------

    @property
    def effects(self) -> tuple[Effect, ...]:
        """Everything it asked of the world, in order: messages, timers, background services, children.

        Inline services are not among them: they are part of the event that leads to them, and stand in `calls`.
        """
        return self._world.recorded.effects(self._key)

    @property
    def sent(self) -> tuple[SendEvent, ...]:
        """Every message it sent, in order.

        Another instance stands there by its name, a child as `#_<invoke id>`, the parent as `#_parent`.
        """
        return tuple(effect for effect in self.effects if isinstance(effect, SendEvent))

    @property
    def calls(self) -> tuple[ServiceCall, ...]:
        """Every call of its services, and the beginning of every child that is stubbed, in order."""
        return tuple(each.call for each in self._stubs.answered if self._is_mine(each.call))

    def calls_of(self, name: str) -> tuple[ServiceCall, ...]:
        """Return the calls of one service, by its name or by the id of its invoke.

        Raises:
            TrialError: no given machine has such a service.
        """
        check_name(name, self._world.cast.definitions)
        mine = (each for each in self._stubs.answered if self._is_mine(each.call))
        return tuple(each.call for each in mine if name in {each.name, each.call.invoke})

    def _is_mine(self, call: ServiceCall) -> bool:
        return (call.machine, call.instance) == (self._key.machine, self._key.instance)
