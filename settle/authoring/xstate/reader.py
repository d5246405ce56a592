"""From a machine of XState 5, as JSON, to the tree that the compiler takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from settle.authoring.binding import Binder
from settle.authoring.findings import Findings
from settle.authoring.xstate.events import EventNames
from settle.authoring.xstate.invokes import name_invokes
from settle.authoring.xstate.nodes import read_node
from settle.authoring.xstate.reading import Reading
from settle.authoring.xstate.report import Config, Report
from settle.authoring.xstate.tree import DEFAULT_ID, build_tree
from settle.authoring.xstate.values import JSONTextError, is_code, parse_json, read_static, shorten
from settle.core.errors import Finding
from settle.core.spec import InvokeMode, NodeKind, NodeSpec

_NOTHING: Final = NodeSpec(name="", kind=NodeKind.COMPOUND)


@dataclass(frozen=True, slots=True, kw_only=True)
class XStateMachine:
    """A machine as read.

    Attributes:
        id: as the file has it; empty when it has none.
        root: the machine as a node.
        initial_context: what the context of a new instance begins with.
        notes: warnings: what is understood but not carried over.
    """

    id: str
    root: NodeSpec
    initial_context: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[Finding, ...] = ()


def read_xstate(
    config: Mapping[str, object] | str, binder: Binder, findings: Findings, *, services: InvokeMode
) -> XStateMachine:
    """Read a machine of XState 5, or one that Stately exported.

    Args:
        config: what `createMachine` is given, as an object or as JSON text.
        binder: finds the functions that the file names.
        findings: where mistakes go, all of them.
        services: where services run whose invoke does not say so.
    """
    report = Report(findings)
    machine = _parse(config, report)
    if machine is None:
        return XStateMachine(id="", root=_NOTHING, notes=tuple(report.notes))
    tree = build_tree(machine, report)
    events = EventNames(report=report, tree=tree, invokes=name_invokes(tree))
    reading = Reading(report=report, binder=binder, tree=tree, events=events, services=services)
    root = read_node(reading, tree.root)
    return XStateMachine(
        id="" if tree.root.id == DEFAULT_ID else tree.root.id,
        root=root,
        initial_context=_read_context(machine, report),
        notes=tuple(report.notes),
    )


def _parse(config: object, report: Report) -> Config | None:
    """Return the machine as an object; None, with a finding, when it is none."""
    try:
        parsed = parse_json(config) if isinstance(config, str) else config
    except JSONTextError as error:
        report.error("bad-json", "", f"the machine is not JSON: {error}", breaks=True)
        return None
    if not isinstance(parsed, Mapping):
        message = (
            f"a machine is an object, or JSON text of one, not {shorten(parsed)}; pass what `createMachine` is given"
        )
        report.error("bad-json", "", message, breaks=True)
        return None
    if _is_serialized(parsed):
        message = (
            "this is what `JSON.stringify(machine)` writes, which leaves out `always` and the events of `raise`;"
            " write `JSON.stringify(machine.config)`"
        )
        report.error("serialized-machine", "", message, breaks=True)
        return None
    return parsed


def _is_serialized(config: Config) -> bool:
    return isinstance(config.get("transitions"), list) and "key" in config and "order" in config


def _read_context(config: Config, report: Report) -> Mapping[str, Any]:
    written = config.get("context")
    if written is None:
        return {}
    if isinstance(written, Mapping) and not is_code(written):
        return read_static(report, "", "the `context`", written) or {}
    message = f"`context` is an object, not {shorten(written)}; write what it begins with, and take the rest as input"
    report.error("bad-context", "", message)
    return {}
