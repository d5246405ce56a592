"""The event that blocks an instance, for whoever is to mend it."""

from dataclasses import dataclass
from typing import Final

from settle.runtime.errors import NotBlockedError
from settle.runtime.ids import digest_event
from settle.runtime.incoming import IncomingEvent
from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.instance import Blocked, Instance, InstanceKey
from settle.runtime.open_envelope import open_held
from settle.runtime.read_instance import read_instance

LOOKS: Final = 3
"""How often the two reads that this takes are begun again because the event was taken in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedEvent:
    """What blocks an instance.

    Attributes:
        instance: as it was read.
        blocked: why.
        event: that cannot be applied.
    """

    instance: Instance
    blocked: Blocked
    event: IncomingEvent

    @property
    def digest(self) -> str:
        """What another event, or this one edited, is told by."""
        return digest_event(self.event.type, self.event.data)


def read_blocked(ports: IngressPorts, key: InstanceKey) -> BlockedEvent:
    """Return the event that blocks an instance.

    Raises:
        UnknownMachineError, UnknownInstanceError, InstanceGoneError: there is no such instance.
        NotBlockedError: no event blocks it.
    """
    for _ in range(LOOKS):
        instance = read_instance(ports, key)
        blocked, held = instance.blocked, instance.blocking
        if blocked is None or held is None:
            break
        items = ports.store.load_held(key, held.first, 1)
        if items and items[0].number == held.first:
            return BlockedEvent(instance=instance, blocked=blocked, event=open_held(items[0]))
    raise NotBlockedError(f"no event blocks {key}")
