"""`Statechart`: how a machine is written in Python."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel

from settle.authoring.binding import Binder, Binding
from settle.authoring.compiled import COLLECTOR, BuiltChart, find_stored, load_chart, say_slow
from settle.authoring.findings import Findings
from settle.authoring.options import check_identity, choose, find_codec, read_events, too_deep_is_a_finding
from settle.authoring.source import STATECHART, TRANSITIONS, XSTATE, Reusable, Source
from settle.authoring.vocabulary import IMPORT, OPTIONS
from settle.core.definition import Definition
from settle.core.spec import ErrorPolicy, InvokeMode, NodeSpec, Selection

if TYPE_CHECKING:
    from settle.authoring.transitions_front_end import StatechartParser

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
        id: name of the machine.
        version: of the definition.
        definition: what runs.
        versions: every definition of the machine, by version.

    Raises:
        DefinitionError: with everything that is wrong.
    """

    id: str
    version: int
    _bindings: Sequence[Binding]
    _parser: "StatechartParser | None" = None

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
        parts = {"states": states, "transitions": transitions, "initial": initial, "words": words}
        options: dict[str, Any] = {
            "id": id,
            "version": version,
            "context": context,
            "events": events,
            "selection": selection,
            "create_on_event": create_on_event,
            "errors": errors,
            "retention": retention,
            "silenced": silenced,
        }
        if not self._recall(Source(STATECHART, parts, options, implementation), versions):
            self._read(parts, options, implementation, versions)

    def _read(
        self,
        parts: Mapping[str, Any],
        options: Mapping[str, Any],
        implementation: object,
        versions: "Sequence[Statechart]",
    ) -> None:
        """Build the chart: parse it, bind its functions, compile and check it."""
        from settle.authoring.building import parse, walk  # noqa: PLC0415 - a stored chart needs none of it

        findings = Findings()
        OPTIONS.check(findings, "", parts["words"])
        self._parser = parser = parse(parts, findings)
        self.implementations = (implementation, *parser.reused_implementations)
        self.events = {**parser.reused_events, **read_events(options["events"] or {}, findings)}
        binder = Binder(self.implementations, findings)
        root = walk(parser, binder, findings)
        self._bindings = binder.bindings
        self._adopt(findings, root, versions, options)

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
        versions: Sequence[Statechart] = options.get("versions", ())
        parts = {"config": config, "id": id, "services": services}
        chart = cls.__new__(cls)
        if chart._recall(Source(XSTATE, parts, {**options, "versions": ()}, implementation), versions):  # noqa: SLF001 - of this same class
            return chart
        from settle.authoring.xstate import read_xstate  # noqa: PLC0415 - only such charts need it

        findings = Findings()
        binder = Binder((implementation,), findings, document=True)
        mode = choose(InvokeMode, "services", services, findings)
        with too_deep_is_a_finding(id or ""):
            machine = read_xstate(config, binder, findings, services=mode)
        for note in machine.notes:
            findings.warn(note.code, note.node, note.message)
        chart._import(  # noqa: SLF001 - see above
            findings,
            machine.root,
            binder.bindings,
            id=machine.id if id is None else id,
            taken={"initial_context": machine.initial_context, "selection": Selection.XSTATE},
            **options,
        )
        return chart

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
        chart = cls.__new__(cls)
        # Never stored: whoever has such a machine has imported `transitions`.
        chart.source = Source(TRANSITIONS, {"machine": machine}, options, implementation)
        name = find_name(machine) if id is None else id
        chart._import(findings, root, (), id=name, taken={"context": context}, **options)  # noqa: SLF001 - of this class
        return chart

    def _import(
        self,
        findings: Findings,
        root: NodeSpec,
        bindings: Sequence[Binding],
        *,
        taken: Mapping[str, Any],
        id: str,  # noqa: A002 - the word of XState
        **options: Any,  # noqa: ANN401 - each has the type that it has above
    ) -> None:
        """Take over what was read; `taken` are options that the door has filled, `options` those of the user."""
        IMPORT.check(findings, "", options)
        chosen: dict[str, Any] = {**taken, **IMPORT.pick(options)}
        events, versions = chosen.pop("events", None), chosen.pop("versions", ())
        self.implementations, self._bindings = (self.source.implementation,), bindings
        self.events = read_events(events or {}, findings)
        self._adopt(findings, root, versions, {**chosen, "id": id})

    def _adopt(
        self, findings: Findings, root: NodeSpec, versions: "Sequence[Statechart]", options: Mapping[str, Any]
    ) -> None:
        """Compile a machine and take it for one's own."""
        from settle.authoring.building import build  # noqa: PLC0415 - see _read

        self._take(build(findings, root, versions, **{**options, "events": self.events}), versions)
        COLLECTOR.note(
            BuiltChart(
                source=self.source,
                definition=self.definition,
                bindings=self._bindings,
                implementations=self.implementations,
            )
        )

    def _recall(self, source: Source, versions: "Sequence[Statechart]") -> bool:
        """Take what was stored for such arguments; return whether there is something, and it still fits."""
        self.source, stored = source, find_stored(source)
        if stored is None:
            return False
        findings = Findings()
        self.implementations = source.implementations
        self.events = {**source.reused_events, **read_events(source.options.get("events") or {}, findings)}
        binder = Binder(self.implementations, findings, document=source.door == XSTATE)
        context = find_codec(source.options.get("context"))
        definition = load_chart(stored, source, binder, context=context, events=self.events)
        if definition is not None:
            check_identity(definition.machine, definition.version, versions, findings)
        if definition is None or findings.errors:
            say_slow("a function in it is another than it was at bundling")
            return False  # building it says what is wrong, if anything is
        self._bindings = binder.bindings
        self._take(definition, versions)
        return True

    def _take(self, definition: Definition, versions: "Sequence[Statechart]") -> None:
        self.definition, self.id, self.version = definition, definition.machine, definition.version
        self.versions: Mapping[int, Definition] = {
            self.version: self.definition,
            **{older.version: older.definition for older in versions},
        }

    @property
    def parser(self) -> "StatechartParser | None":
        """What `transitions` made of it; a chart that was stored is read when one that was not has it inside."""
        if self._parser is None and self.source.door == STATECHART:
            from settle.authoring.building import parse  # noqa: PLC0415 - see _read

            self._parser = parse(self.source.parts, Findings())
        return self._parser

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
