"""Building a chart. Only charts that were not stored import this, and with it `transitions` and the compiler."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from settle.authoring.findings import Findings
from settle.authoring.options import (
    Versioned,
    check_identity,
    choose,
    read_context,
    read_create_on_event,
    read_initial_context,
    read_reasons,
    read_retention,
)
from settle.authoring.transitions_front_end import StatechartParser
from settle.authoring.walk import walk
from settle.core.codec import Codec
from settle.core.compile import compile_machine
from settle.core.definition import Definition
from settle.core.errors import DefinitionError
from settle.core.spec import ErrorPolicy, MachineSpec, NodeSpec, Selection

__all__ = ["build", "parse", "walk"]


def parse(parts: Mapping[str, Any], findings: Findings) -> StatechartParser:
    """Read the states and the transitions of a chart."""
    parser = StatechartParser(findings)
    parser.parse(parts["states"], parts["transitions"], parts["initial"], parts["words"])
    return parser


def build(  # noqa: PLR0913 - one keyword for each part of a machine
    findings: Findings,
    root: NodeSpec,
    versions: Sequence[Versioned],
    *,
    id: str,  # noqa: A002 - the word of XState
    events: Mapping[str, Codec],
    version: int = 1,
    context: type[BaseModel] | Mapping[str, Any] | None = None,
    initial_context: Mapping[str, Any] | None = None,
    create_on_event: bool = True,
    selection: str = Selection.SCXML,
    errors: str = ErrorPolicy.RAISE,
    retention: float | str | timedelta | None = None,
    silenced: Mapping[str, str] | None = None,
) -> Definition:
    """Compile a machine: its tree as a front end found it, the options as a `Statechart` takes them.

    Raises:
        DefinitionError: with what both the front end and the compiler found.
    """
    if not findings.broken:  # else its name may be what could not be read
        check_identity(id, version, versions, findings)
    spec = MachineSpec(
        id=id,
        version=version,
        root=root,
        context=read_context(context, findings),
        initial_context={**(initial_context or {}), **read_initial_context(context, findings)},
        events=events,
        create_on_event=read_create_on_event(create_on_event, findings),
        selection=choose(Selection, "selection", selection, findings),
        errors=choose(ErrorPolicy, "errors", errors, findings),
        retention=read_retention(retention, findings),
        silenced=read_reasons(silenced or {}, findings),
    )
    if findings.broken:
        raise DefinitionError(spec.id, findings.errors)
    return compile_machine(spec, findings.items)
