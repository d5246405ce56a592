"""What validation says about small machines."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from settle.core.codec import ModelCodec, PlainCodec
from settle.core.compile import compile_machine
from settle.core.definition import Definition
from settle.core.delay import Delay
from settle.core.errors import DefinitionError, Finding
from settle.core.spec import Action, InvokeSpec, MachineSpec, NodeKind, NodeSpec, TransitionSpec
from settle.core.validation import validate_definition
from settle.core.validation.silences import JUDGEMENTS
from settle.core.validation.survey import Survey
from tests.support.charts import guard

SILENCED: Mapping[str, str] = dict.fromkeys((*JUDGEMENTS, "unused-silence"), "what is found is what is tested")

maybe = (guard("maybe", lambda *_: True),)
"""Guards that validation cannot look into."""


def serve(_call: Any) -> None:
    """A service."""


def raising(event: str = "NEXT") -> Action:
    """An action that raises an event."""
    return Action(name=f"raise {event}", fn=lambda _context, _event, do: do.raise_(event))


def after(name: str, *targets: str, seconds: float | None = 5.0, **options: Any) -> TransitionSpec:
    """A delayed transition."""
    return TransitionSpec(targets=targets, delay=Delay(name=name, seconds=seconds), **options)


def child(name: str) -> InvokeSpec:
    """An invoke of another machine."""
    return InvokeSpec(id=name, src="other", machine=True)


def build(*nodes: NodeSpec, events: Mapping[str, type[BaseModel]] | None = None, **options: Any) -> Definition:
    """A definition of these nodes, whatever there is to say about it. `root` holds the words of the machine itself."""
    root = {"kind": NodeKind.COMPOUND, **options.pop("root", {})}
    return compile_machine(
        MachineSpec(
            id="m",
            version=1,
            root=NodeSpec(name="", children=nodes, **root),
            context=PlainCodec(),
            events={event: ModelCodec(model) for event, model in (events or {}).items()},
            **{"silenced": SILENCED, **options},
        )
    )


def survey(*nodes: NodeSpec, **options: Any) -> Survey:
    return Survey(build(*nodes, **options))


def check(*nodes: NodeSpec, **options: Any) -> list[Finding]:
    """Everything that is found, errors and warnings."""
    try:
        return list(validate_definition(build(*nodes, **options)))
    except DefinitionError as error:  # what cannot be silenced
        return list(error.findings)


def say(*nodes: NodeSpec, **options: Any) -> list[str]:
    """Everything that is found, as text."""
    return [str(finding) for finding in check(*nodes, **options)]


def codes(*nodes: NodeSpec, **options: Any) -> list[tuple[str, str]]:
    """Everything that is found, as code and node."""
    return [(finding.code, finding.node) for finding in check(*nodes, **options)]


def severities(*nodes: NodeSpec, **options: Any) -> dict[str, str]:
    """The severity of each code that is found."""
    return {finding.code: finding.severity for finding in check(*nodes, **options)}
