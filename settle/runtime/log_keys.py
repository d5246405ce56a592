"""The keys that every log line about an instance carries; where one does not apply, it is empty, or left out.

They are what an operator searches by, so they are the same in every function. A line never repeats what an event or a
context holds.
"""

from typing import Any

from settle.runtime.envelope import TraceContext
from settle.runtime.instance import Instance
from settle.runtime.trace import correlation_of


def make_log_keys(
    machine: str, instance: str, event_id: str = "", version: int | None = None, trace: TraceContext | None = None
) -> dict[str, Any]:
    """Return the keys."""
    return {
        "machine_id": machine,
        "instance_id": instance,
        "event_id": event_id,
        "snapshot_version": version,
        "correlation_id": correlation_of(trace),
    }


def log_keys(instance: Instance, event_id: str = "", trace: TraceContext | None = None) -> dict[str, Any]:
    """Return the keys of a line about an instance, and the event that it is given."""
    return make_log_keys(instance.key.machine, instance.key.instance, event_id, instance.version, trace)


def group_log_keys(group: str) -> dict[str, Any]:
    """Return the keys of a line about a message group, `machine/instance`; of another one it is the instance."""
    machine, _, instance = group.rpartition("/")
    return make_log_keys(machine, instance)
