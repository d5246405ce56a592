"""What every part of an import needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from settle.authoring.binding import Binder
from settle.authoring.xstate.events import EventNames
from settle.authoring.xstate.report import Config, Report
from settle.authoring.xstate.tree import Tree
from settle.authoring.xstate.values import find_code, read_static, shorten
from settle.core.spec import InvokeMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An import under way.

    Attributes:
        report: where findings go.
        binder: finds functions.
        tree: every state of the file.
        events: translates event names.
        services: where services run whose invoke does not say so.
    """

    report: Report
    binder: Binder
    tree: Tree
    events: EventNames
    services: InvokeMode


def read_description(reading: Reading, node: str, config: Config) -> str:
    """Return the `description` of a state or a transition."""
    value = config.get("description")
    if value is None or isinstance(value, str):
        return value or ""
    reading.report.error("bad-description", node, f"a `description` is text, not {shorten(value)}; rewrite it")
    return ""


def read_meta(reading: Reading, node: str, config: Config) -> Mapping[str, Any]:
    """Return the `meta` of a state or a transition."""
    value = config.get("meta")
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        reading.report.error("bad-meta", node, f"`meta` is an object, not {shorten(value)}; name what it says")
        return {}
    return reading.report.findings.json(node, "meta", dict(value)) or {}


def read_params(reading: Reading, node: str, what: str, value: object) -> Mapping[str, Any]:
    """Return the `params` of an action or a guard, which become keyword arguments of its function."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) and find_code(value) is None:
        message = f"the `params` of {what} are an object, not {shorten(value)}; give each of them a name"
        reading.report.error("bad-params", node, message)
        return {}
    params: Mapping[str, Any] = read_static(reading.report, node, f"the `params` of {what}", value) or {}
    for name in params:
        if not name.isidentifier():
            message = f"the parameter {name!r} of {what} cannot be the name of an argument in Python; rename it"
            reading.report.error("bad-params", node, message)
    return {name: item for name, item in params.items() if name.isidentifier()}
