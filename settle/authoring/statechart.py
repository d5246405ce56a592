"""`Statechart`: how a machine is written in Python."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from enum import Enum
from typing import Any, Self

from pydantic import BaseModel

from settle.authoring.binding import Binder
from settle.authoring.findings import Findings
from settle.authoring.options import (
    check_identity,
    choose,
    read_context,
    read_create_on_event,
    read_events,
    read_initial_context,
    read_reasons,
    read_retention,
    too_deep_is_a_finding,
)
from settle.authoring.transitions_front_end import Reusable, StatechartParser
from settle.authoring.vocabulary import IMPORT, OPTIONS
from settle.authoring.walk import walk
from settle.core.codec import Codec
from settle.core.compile import compile_machine
from settle.core.definition import Definition
from settle.core.errors import DefinitionError
from settle.core.spec import ErrorPolicy, InvokeMode, MachineSpec, NodeSpec, Selection

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
            A dict is a plain one too, and what the context of a new instance begins with.
        events: for the event types that carry data, a pydantic model each.
        implementation: where names of guards, actions and services are looked up: a class, a module, an object, or a
            dict from names to functions.
        initial: the state it begins in; the first one when left out, all of them in a list for a parallel machine. A
            dict with `dest` and `actions` begins further in, or acts on the way.
        states: as `transitions`' HierarchicalMachine takes them, with `invoke`, `on_done`, `always`, `output`, `meta`
            and `history` besides; or another chart, whose states are taken over.
        transitions: as `transitions` takes them, with `actions`, `reenter` and `internal` besides.
        create_on_event: whether the first event of an unknown instance creates it.
        selection: `scxml`, or `xstate` for its rules of which transition takes an event.
        errors: `raise`: an exception in a guard or an action aborts the macrostep. `event`: it becomes the event
            `error.execution`.
        retention: how long an instance is kept after it has ended: seconds, a `timedelta`, text such as `30d` or
            `P30D`; None until somebody deletes it. It may be changed without a new version.
        silenced: findings not to report: the reason, by code or by `code@path`.
        versions: older versions that live instances may still be on.
        words: those of a state that the machine itself takes too: `on_enter`, `on_exit`, `invoke`, `always`, `timeout`,
            `on_timeout`, `output`, `description`, `meta`.

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
        context: type[BaseModel] | Mapping[str, Any] | None = None,
        events: Mapping[str, type[BaseModel]] | None = None,
        implementation: object = None,
        initial: Name | Sequence[Name] | Mapping[str, Any] | None = None,
        states: "Sequence[Name | Mapping[str, Any] | Statechart] | type[Enum]" = (),
        transitions: Sequence[Mapping[str, Any] | Sequence[Any]] = (),
        create_on_event: bool = True,
        selection: str = Selection.SCXML,
        errors: str = ErrorPolicy.RAISE,
        retention: float | str | timedelta | None = None,
        silenced: Mapping[str, str] | None = None,
        versions: "Sequence[Statechart]" = (),
        **words: object,
    ) -> None:
        findings = Findings()
        OPTIONS.check(findings, "", words)
        self.parser = StatechartParser(findings)
        self.parser.parse(states, transitions, initial, words)
        self.implementations = (implementation, *self.parser.reused_implementations)
        self.events = {**self.parser.reused_events, **read_events(events or {}, findings)}
        root = walk(self.parser, Binder(self.implementations, findings), findings)
        self._adopt(
            findings,
            root,
            versions,
            id=id,
            version=version,
            context=context,
            events=self.events,
            create_on_event=create_on_event,
            selection=selection,
            errors=errors,
            retention=retention,
            silenced=silenced,
        )

    @classmethod
    def from_xstate(
        cls,
        config: Mapping[str, Any] | str,
        *,
        implementation: object = None,
        id: str | None = None,  # noqa: A002 - the word of XState
        services: str = InvokeMode.INLINE,
        **options: Any,  # noqa: ANN401 - each has the type that it has above
    ) -> Self:
        """Read a machine of XState 5 or of Stately (docs/xstate.md).

        Args:
            config: what `createMachine` is given, as an object or as JSON text.
            implementation: where the names of its guards, actions and actors are looked up.
            id: instead of the one in the file.
            services: where services run whose invoke has no `mode`: `inline`, or in the `background`, as in XState.
            options: `version`, `context`, `events`, `create_on_event`, `errors`, `retention`, `silenced` and
                `versions`, as above. Without a `context` it is a dict that begins with what the file has.

        Raises:
            DefinitionError: with everything that is wrong or cannot be carried over.
        """
        from settle.authoring.xstate import read_xstate  # noqa: PLC0415 - only such charts need it, at every cold start

        findings = Findings()
        mode = choose(InvokeMode, "services", services, findings)
        with too_deep_is_a_finding(id or ""):
            machine = read_xstate(config, Binder((implementation,), findings), findings, services=mode)
        for note in machine.notes:
            findings.warn(note.code, note.node, note.message)
        return cls._imported(
            findings,
            machine.root,
            (implementation,),
            id=machine.id if id is None else id,
            taken={"initial_context": machine.initial_context, "selection": Selection.XSTATE},
            **options,
        )

    @classmethod
    def from_transitions(
        cls,
        machine: object,
        *,
        implementation: object = None,
        id: str | None = None,  # noqa: A002 - the word of XState
        context: type[BaseModel] | Mapping[str, Any] | None = None,
        **options: Any,  # noqa: ANN401 - each has the type that it has above
    ) -> Self:
        """Read a machine object of `transitions`, which stays as it is (docs/transitions.md).

        Args:
            machine: a `Machine` or a `HierarchicalMachine`.
            implementation: where the names of its callbacks are looked up.
            id: instead of the machine's `name`.
            context: as above; its methods are looked up after those of the implementation.
            options: `version`, `events`, `create_on_event`, `errors`, `retention`, `silenced` and `versions`, as above.

        Raises:
            DefinitionError: with everything that is wrong or cannot be carried over.
        """
        from settle.authoring.imported import find_name, read_machine  # noqa: PLC0415 - see from_xstate

        findings = Findings()
        with too_deep_is_a_finding(id or ""):
            root = read_machine(machine, findings=findings, implementation=implementation, context=context)
        name = find_name(machine) if id is None else id
        return cls._imported(findings, root, (implementation,), id=name, taken={"context": context}, **options)

    @classmethod
    def _imported(
        cls,
        findings: Findings,
        root: NodeSpec,
        implementations: Sequence[object],
        *,
        taken: Mapping[str, Any],
        id: str,  # noqa: A002 - the word of XState
        **options: Any,  # noqa: ANN401 - each has the type that it has above
    ) -> Self:
        """Take over what was read; `taken` are options that the door has filled, `options` those of the user."""
        IMPORT.check(findings, "", options)
        chosen: dict[str, Any] = {**taken, **IMPORT.pick(options)}
        events, versions = chosen.pop("events", None), chosen.pop("versions", ())
        chart = cls.__new__(cls)
        chart.parser, chart.implementations = None, implementations
        chart.events = read_events(events or {}, findings)
        chart._adopt(  # noqa: SLF001 - of this same class
            findings, root, versions, id=id, events=chart.events, **chosen
        )
        return chart

    def _adopt(  # noqa: PLR0913 - one keyword for each part of a machine
        self,
        findings: Findings,
        root: NodeSpec,
        versions: "Sequence[Statechart]",
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
    ) -> None:
        """Compile a machine and take it for one's own."""
        if not findings.broken:  # else its name may be what could not be read
            check_identity(id, version, versions, findings)
        self.id, self.version = id, version
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
        self.definition = _build(spec, findings)
        self.versions: Mapping[int, Definition] = {
            version: self.definition,
            **{older.version: older.definition for older in versions},
        }

    def diagram(self, configuration: Collection[str] = ()) -> str:
        """Return the chart as a Mermaid diagram.

        Args:
            configuration: paths of active states, which are marked.

        Raises:
            UnknownNodeError: one of them is not there.
        """
        from settle.drawing.mermaid import mermaid  # noqa: PLC0415 - nothing that runs needs it

        return mermaid(self.definition, configuration)

    def describe(self) -> str:
        """Return what the chart does, in sentences: per state which events do what."""
        from settle.drawing.describe import describe  # noqa: PLC0415 - see diagram

        return describe(self.definition)

    def __repr__(self) -> str:
        return f"<Statechart {self.id} version {self.version}>"


def _build(spec: MachineSpec, findings: Findings) -> Definition:
    """Compile, and raise with what both the front end and the compiler found."""
    if findings.broken:
        raise DefinitionError(spec.id, findings.errors)
    return compile_machine(spec, findings.items)
