"""Durable statecharts on AWS serverless. This module is what machine files import.

Names are loaded when they are first used, so that importing `settle.core` alone, as a Lambda function does that has its
tables compiled, reads none of the authoring code.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from settle.authoring.context import Context
    from settle.authoring.statechart import Statechart
    from settle.core.actions import Actions
    from settle.core.errors import DefinitionError
    from settle.core.event import Event
    from settle.core.service import ServiceCall, ServiceError

__all__ = ["Actions", "Context", "DefinitionError", "Event", "ServiceCall", "ServiceError", "Statechart"]

_HOMES: Final = {
    "Actions": "settle.core.actions",
    "Context": "settle.authoring.context",
    "DefinitionError": "settle.core.errors",
    "Event": "settle.core.event",
    "ServiceCall": "settle.core.service",
    "ServiceError": "settle.core.service",
    "Statechart": "settle.authoring.statechart",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
