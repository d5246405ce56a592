"""What a caller gets to see: documents of instances and receipts, cut down to what the machine's rules allow them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from functions.ingress.documents import (
    blocked_document,
    blocked_event_document,
    hidden_document,
    instance_document,
    receipt_document,
)
from settle.core.permission import Principal
from settle.runtime.check_rights import check_read, filter_events, find_sight
from settle.runtime.errors import DeniedError
from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.instance import Instance, InstanceKey
from settle.runtime.permissions import EVERYTHING, Sight
from settle.runtime.read_blocked import BlockedEvent
from settle.runtime.read_receipt import ReceiptView

GONE: Final = Sight(denied="gone", fields=frozenset())
"""What is seen of an instance that is not there any more to be asked about."""


class Views:
    """Describes what callers ask for. A machine without rules costs nothing more.

    Args:
        ports: of the ingress.
    """

    def __init__(self, ports: IngressPorts) -> None:
        self._ports = ports

    def check(self, key: InstanceKey, principal: Principal) -> None:
        """Refuse whoever may not see an instance, before they learn anything by waiting for it.

        Raises:
            DeniedError: they may see nothing of it.
        """
        if self._ports.registry.rules_of(key.machine).allow_read is None:
            return
        instance = self._ports.store.load(key)
        if instance is not None:
            check_read(self._ports, instance, principal)

    def instance(self, instance: Instance, principal: Principal) -> dict[str, Any]:
        """Describe an instance to somebody who asked for it.

        Raises:
            DeniedError: they may see nothing of it.
        """
        sight = check_read(self._ports, instance, principal)
        return instance_document(self._ports.registry, instance, sight, self._allowed(instance, principal))

    def blocked(self, instances: Iterable[Instance], principal: Principal) -> list[dict[str, Any]]:
        """Say what blocks instances, of those that somebody may see."""
        sights = ((instance, find_sight(self._ports, instance, principal)) for instance in instances)
        return [blocked_document(instance, sight) for instance, sight in sights if not sight.denied]

    def blocked_event(self, found: BlockedEvent, principal: Principal) -> dict[str, Any]:
        """Show the event that blocks an instance.

        Raises:
            DeniedError: they may not see all of the instance, and so not what somebody else sent to it.
        """
        if not check_read(self._ports, found.instance, principal).whole:
            raise DeniedError(f"{found.instance.key}: its events are for those who may see all of it")
        return blocked_event_document(found)

    def made(self, instance: Instance, principal: Principal) -> dict[str, Any]:
        """Describe an instance to whoever made it, who need not be somebody who may see it."""
        if find_sight(self._ports, instance, principal).denied:
            return hidden_document(instance)
        return self.instance(instance, principal)

    def receipts(self, key: InstanceKey, views: Sequence[ReceiptView], principal: Principal) -> list[dict[str, Any]]:
        """Describe receipts. Where rules ask for the instance, it is read for those that say something about it."""
        rules = self._ports.registry.rules_of(key.machine)
        telling = any(view.after is not None or view.edited is not None for view in views)
        ruled = rules.allow_read is not None or rules.allow_send is not None
        instance = self._ports.store.load(key) if telling and ruled else None
        if instance is None:
            sight = GONE if telling and ruled else EVERYTHING
            return [receipt_document(key, view, sight) for view in views]
        sight, allowed = find_sight(self._ports, instance, principal), self._allowed(instance, principal)
        return [receipt_document(key, view, sight, allowed) for view in views]

    def _allowed(self, instance: Instance, principal: Principal) -> Callable[[Iterable[str]], Iterable[str]]:
        return lambda types: filter_events(self._ports, instance, principal, types)
