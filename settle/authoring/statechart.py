"""`Statechart`: how a machine is written in Python."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any, TypeGuard

from pydantic import BaseModel

from settle.authoring.binding import Binder
from settle.authoring.findings import Findings
from settle.authoring.transitions_front_end import Reusable, StatechartParser
from settle.authoring.vocabulary import OPTIONS
from settle.authoring.walk import walk
from settle.core.codec import Codec, ModelCodec, PlainCodec
from settle.core.compile import compile_machine
from settle.core.definition import Definition
from settle.core.errors import DefinitionError, Finding
from settle.core.spec import MachineSpec

Name = str | Enum
"""Names a state; inside another state, by its path from there."""
Reference = str | Callable[..., Any]
"""A function, or the name under which the implementation has it."""


class Statechart(Reusable):
    """A machine: its states, its transitions, and the functions they name.

    Building one checks everything that can be checked before it runs; a mistake is an error here, never at an event.

    Args:
        id: name of the machine; also its name in URLs.
        version: raise it when you change the definition; instances stay on the version they began with.
        context: what an instance remembers, as a pydantic model; None for a plain dict.
        events: for the event types that carry data, a pydantic model each.
        implementation: where names of guards, actions and services are looked up: a class, a module or an object.
        initial: the state it begins in; the first one when left out, all of them in a list for a parallel machine.
        states: as `transitions`' HierarchicalMachine takes them, with `invoke`, `on_done`, `always`, `output`, `meta`
            and `history` besides; or another chart, whose states are taken over.
        transitions: as `transitions` takes them, with `actions`, `reenter` and `internal` besides.
        create_on_event: whether the first event of an unknown instance creates it.
        silenced: findings not to report: the reason, by code or by `code@path`.
        versions: older versions that live instances may still be on.

    Attributes:
        definition: what runs.
        versions: every definition of the machine, by version.

    Raises:
        DefinitionError: with everything that is wrong.
    """

    def __init__(  # noqa: PLR0913 - one keyword for each part of a machine
        self,
        *,
        id: str,  # noqa: A002 - the word of XState
        version: int = 1,
        context: type[BaseModel] | None = None,
        events: Mapping[str, type[BaseModel]] | None = None,
        implementation: object = None,
        initial: Name | Sequence[Name] | None = None,
        states: "Sequence[Name | Mapping[str, Any] | Statechart] | type[Enum]" = (),
        transitions: Sequence[Mapping[str, Any] | Sequence[Any]] = (),
        create_on_event: bool = True,
        silenced: Mapping[str, str] | None = None,
        versions: "Sequence[Statechart]" = (),
        **unknown: object,
    ) -> None:
        findings = Findings()
        OPTIONS.check(findings, "", unknown)
        self.id, self.version = id, version
        self.parser = StatechartParser(findings)
        self.parser.parse(states, transitions, initial)
        self.implementations = (implementation, *self.parser.reused_implementations)
        self.events = {**self.parser.reused_events, **_event_codecs(events or {}, findings)}
        root = walk(self.parser, Binder(self.implementations, findings), findings)
        spec = MachineSpec(
            id=id,
            version=version,
            root=root,
            context=_context_codec(context, findings),
            events=self.events,
            create_on_event=create_on_event,
            silenced=_checked_reasons(silenced or {}, findings),
        )
        _check_identity(id, version, versions, findings)
        self.definition = _build(spec, findings)
        self.versions: Mapping[int, Definition] = {
            version: self.definition,
            **{older.version: older.definition for older in versions},
        }

    def __repr__(self) -> str:
        return f"<Statechart {self.id} version {self.version}>"


def _build(spec: MachineSpec, findings: Findings) -> Definition:
    """Compile, and raise with what both the front end and the compiler found."""
    errors: list[Finding] = findings.errors
    if findings.broken:
        raise DefinitionError(spec.id, errors)
    try:
        definition = compile_machine(spec)
    except DefinitionError as error:
        raise DefinitionError(spec.id, [*errors, *error.findings]) from None
    if errors:
        raise DefinitionError(spec.id, errors)
    heard = [
        finding
        for finding in findings.warnings
        if finding.code not in spec.silenced and f"{finding.code}@{finding.node}" not in spec.silenced
    ]
    return replace(definition, warnings=(*heard, *definition.warnings))


def _context_codec(context: object, findings: Findings) -> Codec:
    if context is None:
        return PlainCodec()
    if _is_model(context):
        return ModelCodec(context)
    message = f"`context` is a pydantic model class, or None for a plain dict; not {context!r}"
    findings.error("bad-context", "", message)
    return PlainCodec()


def _event_codecs(events: Mapping[str, object], findings: Findings) -> dict[str, Codec]:
    codecs: dict[str, Codec] = {}
    for name, model in events.items():
        if _is_model(model):
            codecs[name] = ModelCodec(model)
        else:
            findings.error(
                "bad-event", "", f"`events` gives {name!r} no pydantic model class but {model!r}; give it one"
            )
    return codecs


def _is_model(value: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(value, type) and issubclass(value, BaseModel)


def _checked_reasons(silenced: Mapping[str, str], findings: Findings) -> Mapping[str, str]:
    for code, reason in silenced.items():
        if not isinstance(reason, str) or not reason.strip():
            findings.error("bad-silenced", "", f"`silenced` gives no reason for {code!r}; write it down")
    return silenced


def _check_identity(identifier: object, version: object, older: Sequence[Statechart], findings: Findings) -> None:
    if not isinstance(identifier, str) or not identifier:
        findings.error("bad-id", "", f"`id` is the machine's name, as text; not {identifier!r}", breaks=True)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        findings.error("bad-version", "", f"`version` is a whole number from 1 on, not {version!r}", breaks=True)
        return
    seen = {version}
    for chart in older:
        if chart.id != identifier:
            message = f"`versions` holds {chart.id!r}, another machine; give it a file of its own"
            findings.error("bad-version", "", message)
        if chart.version in seen:
            message = f"version {chart.version} is there twice; raise the number of the newer one"
            findings.error("duplicate-version", "", message)
        seen.add(chart.version)
