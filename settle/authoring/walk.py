"""From the objects that `transitions` made to the tree that the compiler takes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final, cast

from settle.authoring.binding import Binder
from settle.authoring.conditions import ConditionReader, read_params
from settle.authoring.findings import Findings, did_you_mean
from settle.authoring.keywords import DELAYED, INVOKE_DONE, INVOKE_ERROR, STATE_DONE
from settle.authoring.lists import listed
from settle.authoring.state_names import StateNames, join
from settle.authoring.transitions_front_end import ParsedState, ParsedTransition, StatechartParser
from settle.authoring.vocabulary import DEFAULT
from settle.core.conditions import Condition, Not
from settle.core.event import DONE_STATE
from settle.core.spec import (
    EVENTLESS,
    SEPARATOR,
    Action,
    InvokeSpec,
    NodeKind,
    NodeSpec,
    TransitionKind,
    TransitionSpec,
)

_HISTORIES: Final = {
    True: NodeKind.SHALLOW_HISTORY,
    "shallow": NodeKind.SHALLOW_HISTORY,
    "deep": NodeKind.DEEP_HISTORY,
}


def walk(parser: StatechartParser, binder: Binder, findings: Findings) -> NodeSpec:
    """Return the machine as a tree, with targets as absolute paths and functions in place of names."""
    return _Walker(parser, binder, findings).root()


class _Walker:
    def __init__(self, parser: StatechartParser, binder: Binder, findings: Findings) -> None:
        self._parser, self._binder, self._findings = parser, binder, findings
        self._conditions = ConditionReader(binder, findings)
        self._states: dict[str, ParsedState] = {"": parser.root}
        self._list(parser.states, "")
        self._names = StateNames(self._states, findings)
        self._held: dict[str, list[tuple[int, TransitionSpec]]] = {path: [] for path in self._states}

    def root(self) -> NodeSpec:
        for scope, state in self._states.items():
            for trigger, event in state.events.items():
                for source, transitions in event.transitions.items():
                    self._hold(scope, trigger, source, cast("Sequence[ParsedTransition]", transitions))
        if not self._parser.states and not self._findings.broken:
            self._findings.error("no-children", "", "a machine needs states; name them in `states`", breaks=True)
        return self._node("", "", self._parser.root)

    def _list(self, states: Mapping[str, Any], prefix: str) -> None:
        for path, state in _children(prefix, states):
            self._states[path] = state
            self._list(state.states, path)

    # Transitions -----------------------------------------------------------------------------------------------------

    def _hold(self, scope: str, trigger: str, name: str, transitions: Sequence[ParsedTransition]) -> None:
        """Give transitions that were declared in a scope to the node that is their source."""
        source = join(scope, name)
        if source not in self._states or not (name or all(item.lenient for item in transitions)):
            inside = f" inside {scope!r}" if scope else ""
            hint = did_you_mean(name, self._names.below(scope)) or "; correct the source"
            message = f"the source of a transition on {trigger!r} is {name!r}, but there is no such state{inside}{hint}"
            self._findings.error("unknown-source", scope, message, breaks=True)
            return
        event = self._event(trigger, source)
        self._held[source] += [(item.order, self._transition(item, event, scope, source)) for item in transitions]

    def _event(self, trigger: str, source: str) -> str:
        """Return the event type of a trigger; those of keywords depend on where the state stands."""
        if trigger == DELAYED:
            return EVENTLESS
        if trigger == STATE_DONE:
            return DONE_STATE + source
        marker, _, place = trigger.partition("#")
        if marker in {INVOKE_DONE, INVOKE_ERROR}:
            return f"{marker[1:]}.{self._invoke_id(source, int(place))}"
        return trigger

    def _transition(self, item: ParsedTransition, event: str, scope: str, source: str) -> TransitionSpec:
        return TransitionSpec(
            event=event,
            targets=self._targets(item, scope, source),
            guards=tuple(self._guards(item, scope, source)),
            before=self._actions(item.before, source),
            actions=self._actions(item.actions, source),
            after=self._actions(item.after, source),
            kind=self._transition_kind(item, source),
            delay=None if item.delay is None else self._binder.delay(item.delay, source),
            description=self._description(source, item.description),
            meta=self._meta(source, item.meta),
        )

    def _guards(self, item: ParsedTransition, scope: str, source: str) -> Iterator[Condition]:
        """Yield what must hold. States are named as a target of this transition is, or by their path from the root."""
        for written in item.conditions:
            condition = self._conditions.read(
                written.func, source, lambda name: self._names.find(name, scope, source, lenient=True)
            )
            yield condition if written.target else Not(condition)

    def _transition_kind(self, item: ParsedTransition, source: str) -> TransitionKind:
        for word, value in (("reenter", item.reenter), ("internal", item.internal)):
            if value is not None and not isinstance(value, bool):
                self._findings.error("bad-transition", source, f"`{word}` is True or False, not {value!r}")
        if item.internal and item.reenter is not None:
            message = "a transition has `internal` and `reenter`; keep the one that says what you mean"
            self._findings.error("bad-transition", source, message)
        if item.internal:
            return TransitionKind.INTERNAL
        return TransitionKind.LOCAL if item.reenter is False else TransitionKind.EXTERNAL

    def _targets(self, item: ParsedTransition, scope: str, source: str) -> tuple[str, ...]:
        dest = cast("object", item.dest)
        if dest is None:
            return ()
        names = dest if isinstance(dest, (list, tuple)) else (dest,)
        paths = (self._names.find(name, scope, source, lenient=item.lenient) for name in names)
        return tuple(path for path in paths if path is not None)

    # Nodes -----------------------------------------------------------------------------------------------------------

    def _node(self, path: str, name: str, state: ParsedState) -> NodeSpec:
        states = cast("Mapping[str, ParsedState]", state.states)
        kind = self._kind(path, state, states)
        self._check_words(path, state, kind)
        return NodeSpec(
            name=name,
            kind=kind,
            children=tuple(self._node(inner, child.name, child) for inner, child in _children(path, states)),
            initial=self._initial(path, state) if kind is NodeKind.COMPOUND else (),
            initial_actions=self._actions(listed((state.first or {}).get("actions")), path),
            entry=self._actions(state.on_enter, path),
            exit=self._actions(state.on_exit, path),
            invokes=tuple(self._invoke(path, place) for place in range(len(state.invokes))),
            transitions=tuple(spec for _, spec in sorted(self._held[path], key=lambda held: held[0])),
            tags=self._tags(path, state),
            output=self._output(path, state),
            history_default=self._history_default(path, state),
            history_actions=self._history_actions(path, state),
            description=self._description(path, state.description),
            meta=self._meta(path, state.meta),
        )

    def _kind(self, path: str, state: ParsedState, states: Mapping[str, ParsedState]) -> NodeKind:
        if state.history is not None:
            if state.history in (True, "shallow", "deep"):
                return _HISTORIES[state.history]
            self._findings.error("bad-history", path, f"`history` is 'shallow' or 'deep', not {state.history!r}")
            return NodeKind.SHALLOW_HISTORY
        if state.final:
            return NodeKind.FINAL
        if not states and path:
            return NodeKind.ATOMIC
        parallel = state.parallel or self._is_parallel(path, states, state.initial)
        return NodeKind.PARALLEL if parallel else NodeKind.COMPOUND

    def _is_parallel(self, path: str, states: Mapping[str, ParsedState], initial: object) -> bool:
        """Whether `initial` lists every child, which is how `transitions` writes a parallel state."""
        if not isinstance(initial, (list, tuple)):
            return False
        names = {name.name if isinstance(name, Enum) else str(name) for name in initial}
        regions = {name for name, state in states.items() if state.history is None}
        if names != regions:
            message = "a list as `initial` means a parallel state and names every child; complete it, or name one child"
            self._findings.error("bad-initial", path, message)
        return True

    def _initial(self, path: str, state: ParsedState) -> tuple[str, ...]:
        initial = state.initial if state.first is None else state.first["dest"]
        if initial is None:
            return ()
        names = initial if isinstance(initial, (list, tuple)) else (initial,)
        found = (
            (name, self._names.enum_path(name, path) if isinstance(name, Enum) else join(path, str(name)))
            for name in names
        )
        paths = []
        for name, inner in found:
            if inner in self._states and inner != path:
                paths.append(inner)
                continue
            text = name.name if isinstance(name, Enum) else str(name)
            hint = did_you_mean(text, self._names.below(path)) or "; name one of them"
            message = f"`initial` is {text!r}, which is none of its children{hint}"
            self._findings.error("bad-initial", path, message, breaks=True)
        return tuple(paths)

    def _check_words(self, path: str, state: ParsedState, kind: NodeKind) -> None:
        """Report keywords that mean nothing on this kind of node."""
        if state.output is not None and kind is not NodeKind.FINAL and path:
            message = "only a final state or the machine itself has an `output`; move it there, or add `final`"
            self._findings.error("bad-output", path, message)
        if state.first is not None and kind is NodeKind.PARALLEL:
            message = "a parallel state enters all its children; write `initial` into those that have children"
            self._findings.error("bad-initial", path, message)
        if state.default is not None and not kind.is_history:
            self._findings.error("bad-history", path, "`default` belongs to a history state; add `history`, or drop it")
        if kind.is_history and self._held[path]:
            self._findings.error(
                "bad-history", path, "a history state has no transitions; give them to the state around it"
            )
        if kind is NodeKind.ATOMIC and state.initial is not None:
            self._findings.error("bad-initial", path, "it has an `initial` but no children; drop it, or add `children`")
        if kind is NodeKind.ATOMIC and any(spec.event == DONE_STATE + path for _, spec in self._held[path]):
            mend = "for the service, put it inside `invoke`" if state.invokes else "drop it, or add `children`"
            message = f"`on_done` waits for the end of children, and it has none; {mend}"
            self._findings.error("never-done", path, message, breaks=True)

    def _invoke_id(self, path: str, place: int) -> str:
        invokes = self._states[path].invokes
        name = path or "machine"
        return invokes[place].id or (name if len(invokes) == 1 else f"{name}{SEPARATOR}{place}")

    def _invoke(self, path: str, place: int) -> InvokeSpec:
        parsed = self._states[path].invokes[place]
        name, fn = (str(parsed.src), None) if parsed.machine else self._binder.service(parsed.src, path)
        return InvokeSpec(
            id=self._invoke_id(path, place),
            src=name,
            fn=fn,
            machine=parsed.machine,
            input=self._value(path, "input", parsed.input),
            **parsed.options,
        )

    def _actions(self, references: Iterable[object], path: str) -> tuple[Action, ...]:
        return tuple(self._action(reference, path) for reference in references)

    def _action(self, reference: object, path: str) -> Action:
        if not isinstance(reference, Mapping):
            return self._binder.action(reference, path)
        name, params = reference.get("type"), reference.get("params")
        if not isinstance(name, str) or reference.keys() - {"type", "params"}:
            message = f"an action is a name, a function or `{{'type': name, 'params': {{...}}}}`, not {reference!r}"
            self._findings.error("bad-action", path, message)
        return self._binder.action(str(name), path, read_params(params, path, self._findings))

    def _tags(self, path: str, state: ParsedState) -> frozenset[str]:
        tags = cast("object", state.tags)
        listed = tags if isinstance(tags, (list, tuple, set, frozenset)) else [tags] if tags else []
        if not all(isinstance(tag, str) for tag in listed):
            self._findings.error("bad-tags", path, f"`tags` is a list of text, not {tags!r}")
            return frozenset()
        return frozenset(map(str, listed))

    def _output(self, path: str, state: ParsedState) -> Any:  # noqa: ANN401 - JSON data, or a function
        return self._value(path, "output", state.output)

    def _value(self, path: str, word: str, value: object) -> Any:  # noqa: ANN401 - JSON data, or a function
        if callable(value):
            return self._binder.value(word, value, path)
        return self._findings.json(path, word, value)

    def _meta(self, path: str, meta: object) -> Mapping[str, Any]:
        if meta is None:
            return {}
        if not isinstance(meta, Mapping):
            self._findings.error("bad-meta", path, f"`meta` is a dict, not {meta!r}")
            return {}
        return self._findings.json(path, "meta", dict(meta)) or {}

    def _description(self, path: str, description: object) -> str:
        if description is None or isinstance(description, str):
            return description or ""
        self._findings.error("bad-description", path, f"a `description` is text, not {description!r}")
        return ""

    def _history_default(self, path: str, state: ParsedState) -> tuple[str, ...]:
        default = state.default
        if isinstance(default, Mapping):
            DEFAULT.check(self._findings, path, default)
            default = default.get("dest")
        if default is None:
            return ()
        scope = path.rpartition(SEPARATOR)[0]
        found = (self._names.find(name, scope, path, lenient=True) for name in listed(default))
        return tuple(target for target in found if target is not None)

    def _history_actions(self, path: str, state: ParsedState) -> tuple[Action, ...]:
        if not isinstance(state.default, Mapping):
            return ()
        if not state.default.get("dest"):
            self._findings.error("bad-history", path, "`default` as a dict names a `dest`; add it, or write it alone")
        return self._actions(listed(state.default.get("actions")), path)


def _children(prefix: str, states: Mapping[str, ParsedState]) -> list[tuple[str, ParsedState]]:
    return [(join(prefix, name), state) for name, state in states.items()]
