"""Addresses: which instance a message, a child or a result goes to."""

import hashlib
import re
from typing import Final

from settle.core.definition import Definition
from settle.core.snapshot import LiveInvoke, Snapshot
from settle.core.targets import INVOKE_PREFIX, PARENT_TARGET
from settle.runtime.errors import UnknownInstanceError
from settle.runtime.instance import Instance, InstanceKey
from settle.runtime.names import MAX_INSTANCE_ID
from settle.runtime.ports import Definitions

CHILD_DIGITS: Final = 16
"""Hexadecimal digits that tell a child from others of the same invoke."""

_FOREIGN: Final = re.compile(r"[^A-Za-z0-9._:@-]")


def child_key(instance: Instance, live: LiveInvoke) -> InstanceKey:
    """Return the key of a child: readable, and another one for every life of its node and every incarnation."""
    text = "\n".join((str(instance.key), instance.incarnation, live.key))
    digest = hashlib.sha256(text.encode()).hexdigest()[:CHILD_DIGITS]
    room = MAX_INSTANCE_ID - CHILD_DIGITS - 1
    name = _FOREIGN.sub("-", f"{instance.key.instance}.{live.id}")[:room]
    return InstanceKey(live.src, f"{name}-{digest}")


def find_target(instance: Instance, definition: Definition, snapshot: Snapshot, target: str) -> InstanceKey:
    """Return the instance that a message is for.

    Args:
        instance: that sends it.
        definition: of the sender.
        snapshot: of the sender when it sends.
        target: empty for the sender itself, `#_parent`, `#_<invoke id>` for a live child, or `machine/instance`, and
            nothing else: `do.send` has seen to that.

    Raises:
        UnknownInstanceError: there is no parent, or no such child is live.
    """
    if not target:
        return instance.key
    if target == PARENT_TARGET:
        if instance.parent is None:
            raise UnknownInstanceError(f"{instance.key} has no parent")
        return InstanceKey.parse(instance.parent.group)
    if target.startswith(INVOKE_PREFIX):
        invoke_id = target.removeprefix(INVOKE_PREFIX)
        # Also one that this very step ends: an exit action may have a last word for it.
        for live in (*snapshot.invokes, *instance.snapshot.invokes):
            if live.id == invoke_id and definition.invokes[live.id].machine:
                return child_key(instance, live)
        raise UnknownInstanceError(f"{instance.key} has no live child {invoke_id!r}")
    return InstanceKey.parse(target)


def is_family(instance: Instance, definitions: Definitions, origin: str) -> bool:
    """Whether an event comes from the parent of an instance, or from one of its live children."""
    if not origin:
        return False
    if instance.parent is not None and origin == instance.parent.group:
        return True
    if not instance.tokens:
        return False
    definition = definitions.definition_for(instance.snapshot)
    children = (live for live in instance.snapshot.invokes if definition.invokes[live.id].machine)
    return any(origin == str(child_key(instance, live)) for live in children)
