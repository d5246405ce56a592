"""Rights, as the ingress asks about them: a refusal is answered at once, and the consumer decides all the same."""

from collections.abc import Iterable
from typing import Any

from settle.core.event import Event
from settle.core.permission import Principal
from settle.runtime.errors import DeniedError
from settle.runtime.find_definition import find_view
from settle.runtime.incoming import CREATE_TYPE
from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.instance import Instance, InstanceKey
from settle.runtime.permissions import EVERYTHING, Sight

NOTHING = Sight(fields=frozenset())
"""What is seen of an instance whose machine file cannot be asked: that it is there, and where it stands."""


def asks_to_send(ports: IngressPorts, machine: str) -> bool:
    """Whether a machine has a rule about sending, which wants to see the instance."""
    return ports.registry.rules_of(machine).allow_send is not None


def check_send(
    ports: IngressPorts,
    key: InstanceKey,
    principal: Principal,
    sent: tuple[str, Any],
    instance: Instance | None,
) -> None:
    """Refuse an event that its sender may not send.

    Args:
        ports: of the ingress.
        key: of the instance.
        principal: who sends it.
        sent: type and data; `settle.create` with the input, `settle.pause` and so on without any.
        instance: as it is now; None when there is none.

    Raises:
        DeniedError: a rule says no.
        EventInvalidError: the data does not fit.
    """
    rules = ports.registry.rules_of(key.machine)
    if rules.allow_send is None:
        return
    event_type, data = sent
    definition = ports.registry.get(key.machine)
    view = None if instance is None else find_view(ports.registry, instance)
    code = rules.judge(principal, Event(type=event_type, data=data), definition, view)
    if code:
        subject = "its creation" if event_type == CREATE_TYPE else repr(event_type)
        raise DeniedError(f"{key}: {subject} is denied by {code}")


def find_sight(ports: IngressPorts, instance: Instance, principal: Principal) -> Sight:
    """Return what a principal may see of an instance."""
    rules = ports.registry.rules_of(instance.key.machine)
    if rules.allow_read is None:
        return EVERYTHING
    view = find_view(ports.registry, instance)
    return NOTHING if view is None else rules.sight(principal, view)


def check_read(ports: IngressPorts, instance: Instance, principal: Principal) -> Sight:
    """Return what a principal may see of an instance.

    Raises:
        DeniedError: nothing.
    """
    sight = find_sight(ports, instance, principal)
    if sight.denied:
        raise DeniedError(f"{instance.key}: reading is denied by {sight.denied}")
    return sight


def filter_events(
    ports: IngressPorts, instance: Instance, principal: Principal, types: Iterable[str]
) -> tuple[str, ...]:
    """Return those event types that a principal may send to an instance now."""
    rules = ports.registry.rules_of(instance.key.machine)
    if rules.allow_send is None:
        return tuple(types)
    return rules.filter_events(principal, types, find_view(ports.registry, instance))
