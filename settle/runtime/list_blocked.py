"""The instances of a machine that an event blocks, for whoever is to mend them."""

from dataclasses import dataclass

from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.instance import Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedInstances:
    """Some of them, the longest blocked first.

    Attributes:
        instances: read just now, and blocked then.
        cursor: to go on with; empty at the end.
    """

    instances: tuple[Instance, ...]
    cursor: str


def list_blocked(ports: IngressPorts, machine: str, limit: int, cursor: str) -> BlockedInstances:
    """Return up to `limit` blocked instances. The index may lag behind, so each one is looked at.

    Raises:
        UnknownMachineError: there is no such machine.
        CursorInvalidError: no page ended so.
    """
    ports.registry.get(machine)
    page = ports.store.find_blocked(machine, limit, cursor)
    found = (ports.store.load(key) for key in page.keys)
    blocked = tuple(instance for instance in found if instance is not None and instance.blocked is not None)
    return BlockedInstances(instances=blocked, cursor=page.cursor)
