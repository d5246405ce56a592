"""Durable statecharts on AWS serverless. This module is what machine files import.

Names are loaded when they are first used, so that importing `settle.core` alone, as a Lambda function does that has its
tables compiled, reads none of the authoring code.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from settle.authoring.conditions import and_, in_state, not_, or_
    from settle.authoring.context import Context
    from settle.authoring.statechart import Statechart
    from settle.core.actions import Actions
    from settle.core.active import Active
    from settle.core.compile import compile_machine
    from settle.core.errors import DefinitionError
    from settle.core.event import Event, EventKind
    from settle.core.explain import explain
    from settle.core.interpreter import start, step, stop
    from settle.core.permission import Principal, SnapshotView, deny
    from settle.core.service import WAIT_FOR_CALLBACK, ServiceCall, ServiceError
    from settle.core.snapshot_codec import decode_snapshot, encode_snapshot

__all__ = [
    "WAIT_FOR_CALLBACK",
    "Actions",
    "Active",
    "Context",
    "DefinitionError",
    "Event",
    "EventKind",
    "Principal",
    "ServiceCall",
    "ServiceError",
    "SnapshotView",
    "Statechart",
    "and_",
    "compile_machine",
    "decode_snapshot",
    "deny",
    "encode_snapshot",
    "explain",
    "in_state",
    "not_",
    "or_",
    "start",
    "step",
    "stop",
]

_HOMES: Final = {
    "WAIT_FOR_CALLBACK": "settle.core.service",
    "Actions": "settle.core.actions",
    "Active": "settle.core.active",
    "Context": "settle.authoring.context",
    "DefinitionError": "settle.core.errors",
    "Event": "settle.core.event",
    "EventKind": "settle.core.event",
    "Principal": "settle.core.permission",
    "ServiceCall": "settle.core.service",
    "ServiceError": "settle.core.service",
    "SnapshotView": "settle.core.permission",
    "Statechart": "settle.authoring.statechart",
    "and_": "settle.authoring.conditions",
    "compile_machine": "settle.core.compile",
    "decode_snapshot": "settle.core.snapshot_codec",
    "deny": "settle.core.permission",
    "encode_snapshot": "settle.core.snapshot_codec",
    "explain": "settle.core.explain",
    "in_state": "settle.authoring.conditions",
    "not_": "settle.authoring.conditions",
    "or_": "settle.authoring.conditions",
    "start": "settle.core.interpreter",
    "step": "settle.core.interpreter",
    "stop": "settle.core.interpreter",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
