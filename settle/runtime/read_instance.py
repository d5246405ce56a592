"""Instances, as their clients may know them."""

from settle.runtime.errors import InstanceGoneError, UnknownInstanceError
from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.instance import Instance, InstanceKey


def read_instance(ports: IngressPorts, key: InstanceKey) -> Instance:
    """Return an instance; also one whose machine is no longer registered.

    Raises:
        UnknownMachineError: there is none, and no such machine either.
        UnknownInstanceError: it was never created.
        InstanceGoneError: it was deleted.
    """
    instance = ports.store.load(key)
    if instance is not None and instance.deleted and not exists(instance):
        raise InstanceGoneError(f"{key} was deleted; create it again with PUT")
    if instance is None or not exists(instance):
        ports.registry.get(key.machine)
        raise UnknownInstanceError(f"{key} was never created")
    return instance


def exists(instance: Instance) -> bool:
    """Whether a stored instance is one to its clients: it has started, or an event waits that will start it.

    What a refused creation leaves in the store only tells the queue's repetitions from new messages.
    """
    return instance.snapshot.started or instance.held is not None
