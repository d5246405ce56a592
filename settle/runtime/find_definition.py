"""The definition of a stored instance, where it may be missing: an operator has to reach the instance all the same."""

from settle.core.definition import Definition
from settle.core.errors import UnknownVersionError
from settle.core.permission import SnapshotView
from settle.runtime.errors import UnknownMachineError
from settle.runtime.instance import Instance
from settle.runtime.permissions import view_of
from settle.runtime.ports import Definitions


def find_definition(definitions: Definitions, instance: Instance) -> Definition | None:
    """Return the definition that an instance runs on, or would start on; None when it is not registered."""
    snapshot = instance.snapshot
    try:
        return definitions.definition_for(snapshot) if snapshot.started else definitions.get(instance.key.machine)
    except (UnknownMachineError, UnknownVersionError):
        return None


def find_view(definitions: Definitions, instance: Instance) -> SnapshotView | None:
    """Return what the rules see of an instance; None when there is nothing, or its definition is not registered."""
    definition = find_definition(definitions, instance)
    return None if definition is None else view_of(instance, definition)
