"""What the use cases of the ingress work with."""

from collections.abc import Callable
from dataclasses import dataclass

from settle.runtime.poll import Pauses
from settle.runtime.ports import Clock, EventQueue, InstanceStore
from settle.runtime.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class IngressPorts:
    """Ports of the ingress, bound once.

    Attributes:
        registry: the machines.
        store: of the instances.
        queue: that events go to, and that receipts by position speak of.
        clock: tells the time, and waits.
        pauses: between two looks at the store of somebody who waits.
        new_id: makes ids that nobody had before.
    """

    registry: Registry
    store: InstanceStore
    queue: EventQueue
    clock: Clock
    pauses: Pauses
    new_id: Callable[[], str]
