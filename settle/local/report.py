"""What `GET /dev/processes` says: every process of the system, and what happened so far."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from settle.local.event_source_mapping import EventSourceMapping
from settle.local.function import Function


def build_report(
    functions: Sequence[Function], mappings: Mapping[str, EventSourceMapping], others: Mapping[str, int]
) -> dict[str, Any]:
    """Describe the processes and counters of a running system.

    Args:
        functions: with their sandboxes.
        mappings: by name.
        others: process id by role of the processes that run no function.
    """
    processes = [_process(role, pid) for role, pid in {"supervisor": os.getpid(), **others}.items()]
    for function in functions:
        processes += _sandboxes(function)
    return {
        "processes": processes,
        "counters": {
            **{function.config.name: asdict(function.counters) for function in functions},
            **{name: asdict(mapping.counters) for name, mapping in mappings.items()},
        },
    }


def _process(role: str, pid: int) -> dict[str, Any]:
    return {"role": role, "pid": pid, "busy": False, "in_flight": 0, "invocations": 0}


def _sandboxes(function: Function) -> list[dict[str, Any]]:
    return [
        {
            "role": function.config.name,
            "pid": sandbox.pid,
            "busy": sandbox.busy,
            "in_flight": sandbox.in_flight,
            "invocations": sandbox.invocations,
        }
        for sandbox in function.sandboxes()
    ]
