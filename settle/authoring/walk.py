"""From the objects that `transitions` made to the tree that the compiler takes."""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, cast

from settle.authoring.binding import Binder
from settle.authoring.findings import Findings, did_you_mean
from settle.authoring.keywords import INVOKE_DONE, INVOKE_ERROR, STATE_DONE
from settle.authoring.transitions_front_end import ParsedState, ParsedTransition, StatechartParser
from settle.core.codec import CodecError, PlainCodec
from settle.core.spec import (
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
        self._states: dict[str, ParsedState] = {}
        self._list(parser.states, "")
        self._held: dict[str, list[tuple[int, TransitionSpec]]] = {path: [] for path in self._states}

    def root(self) -> NodeSpec:
        for scope, events in [("", self._parser.events), *((path, s.events) for path, s in self._states.items())]:
            for trigger, event in events.items():
                for source, transitions in event.transitions.items():
                    self._hold(scope, trigger, source, cast("Sequence[ParsedTransition]", transitions))
        states = cast("Mapping[str, ParsedState]", self._parser.states)
        if not states and not self._findings.broken:
            self._findings.error("no-children", "", "a machine needs states; name them in `states`", breaks=True)
        initial = self._parser.initial
        kind = NodeKind.PARALLEL if self._is_parallel("", states, initial) else NodeKind.COMPOUND
        return NodeSpec(
            name="",
            kind=kind,
            children=tuple(self._node(path, state) for path, state in _children("", states)),
            initial=self._initial("", states, initial) if kind is NodeKind.COMPOUND else (),
        )

    def _list(self, states: Mapping[str, Any], prefix: str) -> None:
        for path, state in _children(prefix, states):
            self._states[path] = state
            self._list(state.states, path)

    # Transitions -----------------------------------------------------------------------------------------------------

    def _hold(self, scope: str, trigger: str, name: str, transitions: Sequence[ParsedTransition]) -> None:
        """Give transitions that were declared in a scope to the node that is their source."""
        source = _join(scope, name)
        if source not in self._states:
            inside = f" inside {scope!r}" if scope else ""
            hint = did_you_mean(name, self._names_below(scope)) or "; correct the source"
            message = f"the source of a transition on {trigger!r} is {name!r}, but there is no such state{inside}{hint}"
            self._findings.error("unknown-source", scope, message, breaks=True)
            return
        event = self._event(trigger, source)
        self._held[source] += [(item.order, self._transition(item, event, scope, source)) for item in transitions]

    def _event(self, trigger: str, source: str) -> str:
        """Return the event type of a trigger; those of keywords depend on where the state stands."""
        if trigger == STATE_DONE:
            return f"done.state.{source}"
        marker, _, place = trigger.partition("#")
        if marker in {INVOKE_DONE, INVOKE_ERROR}:
            return f"{marker[1:]}.{self._invoke_id(source, int(place))}"
        return trigger

    def _transition(self, item: ParsedTransition, event: str, scope: str, source: str) -> TransitionSpec:
        return TransitionSpec(
            event=event,
            targets=self._targets(item, scope, source),
            guards=tuple(self._binder.guard(c.func, source, negated=not c.target) for c in item.conditions),
            before=self._actions(item.before, source),
            actions=self._actions(item.actions, source),
            after=self._actions(item.after, source),
            kind=self._transition_kind(item, source),
        )

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
        paths = (self._find(name, scope, source, lenient=item.lenient) for name in names)
        return tuple(path for path in paths if path is not None)

    # Names -----------------------------------------------------------------------------------------------------------

    def _find(self, name: object, scope: str, node: str, *, lenient: bool) -> str | None:
        """Return the path that a target means: one of the scope's states, or, for keywords, also one from the root.

        For a keyword the root is that of the chart it was written in, also when that chart is reused in another.
        """
        bases = [scope, *self._roots(scope)] if lenient else [scope]
        for base in bases:
            path = self._enum_path(name, base) if isinstance(name, Enum) else _join(base, str(name))
            if path in self._states:
                return path
        text = name.name if isinstance(name, Enum) else str(name)
        hint = did_you_mean(text, [*self._names_below(scope), *(self._states if lenient else ())])
        if not lenient and scope and text in self._states:
            hint = "; targets inside a state's own `transitions` lie in that state: move this one to the machine's list"
        place = f" inside {scope!r}" if scope and not lenient else ""
        message = f"there is no state {text!r}{place}{hint or '; correct the target'}"
        self._findings.error("unknown-target", node, message, breaks=True)
        return None

    def _roots(self, scope: str) -> list[str]:
        """Return the paths of the reused charts around a scope, innermost first, and the machine itself."""
        parts = scope.split(SEPARATOR) if scope else []
        around = (SEPARATOR.join(parts[:length]) for length in range(len(parts), 0, -1))
        return [*(path for path in around if path in self._states and self._states[path].reuses), ""]

    def _enum_path(self, member: Enum, base: str) -> str:
        prefix = f"{base}{SEPARATOR}" if base else ""
        found = (path for path, state in self._states.items() if path.startswith(prefix) and state.value is member)
        return next(found, "")

    def _names_below(self, scope: str) -> list[str]:
        prefix = f"{scope}{SEPARATOR}" if scope else ""
        return [path.removeprefix(prefix) for path in self._states if path.startswith(prefix)]

    # Nodes -----------------------------------------------------------------------------------------------------------

    def _node(self, path: str, state: ParsedState) -> NodeSpec:
        states = cast("Mapping[str, ParsedState]", state.states)
        kind = self._kind(path, state, states)
        self._check_words(path, state, kind)
        return NodeSpec(
            name=state.name,
            kind=kind,
            children=tuple(self._node(inner, child) for inner, child in _children(path, states)),
            initial=self._initial(path, states, state.initial) if kind is NodeKind.COMPOUND else (),
            entry=self._actions(state.on_enter, path),
            exit=self._actions(state.on_exit, path),
            invokes=tuple(self._invoke(path, place) for place in range(len(state.invokes))),
            transitions=tuple(spec for _, spec in sorted(self._held[path], key=lambda held: held[0])),
            tags=self._tags(path, state),
            output=self._output(path, state),
            history_default=self._history_default(path, state),
            meta=self._meta(path, state),
        )

    def _kind(self, path: str, state: ParsedState, states: Mapping[str, ParsedState]) -> NodeKind:
        if state.history is not None:
            if state.history in (True, "shallow", "deep"):
                return _HISTORIES[state.history]
            self._findings.error("bad-history", path, f"`history` is 'shallow' or 'deep', not {state.history!r}")
            return NodeKind.SHALLOW_HISTORY
        if state.final:
            return NodeKind.FINAL
        if not states:
            return NodeKind.ATOMIC
        parallel = state.parallel or self._is_parallel(path, states, state.initial)
        return NodeKind.PARALLEL if parallel else NodeKind.COMPOUND

    def _is_parallel(self, path: str, states: Mapping[str, ParsedState], initial: object) -> bool:
        """Whether `initial` lists every child, which is how `transitions` writes a parallel state."""
        if not isinstance(initial, (list, tuple)):
            return False
        names = {name.name if isinstance(name, Enum) else name for name in initial}
        regions = {name for name, state in states.items() if state.history is None}
        if names != regions:
            message = "a list as `initial` means a parallel state and names every child; complete it, or name one child"
            self._findings.error("bad-initial", path, message)
        return True

    def _initial(self, path: str, states: Mapping[str, ParsedState], initial: object) -> tuple[str, ...]:
        if initial is None:
            return ()
        found = self._enum_path(initial, path) if isinstance(initial, Enum) else _join(path, str(initial))
        if found in self._states:
            return (found,)
        text = initial.name if isinstance(initial, Enum) else str(initial)
        message = (
            f"`initial` is {text!r}, which is none of its children{did_you_mean(text, states) or '; name one of them'}"
        )
        self._findings.error("bad-initial", path, message, breaks=True)
        return ()

    def _check_words(self, path: str, state: ParsedState, kind: NodeKind) -> None:
        """Report keywords that mean nothing on this kind of node."""
        if state.output is not None and kind is not NodeKind.FINAL:
            self._findings.error(
                "bad-output", path, "only a final state has an `output`; move it there, or add `final`"
            )
        if state.default is not None and not kind.is_history:
            self._findings.error("bad-history", path, "`default` belongs to a history state; add `history`, or drop it")
        if kind.is_history and self._held[path]:
            self._findings.error(
                "bad-history", path, "a history state has no transitions; give them to the state around it"
            )
        if kind is NodeKind.ATOMIC and state.initial is not None:
            self._findings.error("bad-initial", path, "it has an `initial` but no children; drop it, or add `children`")
        if kind is NodeKind.ATOMIC and any(spec.event == f"done.state.{path}" for _, spec in self._held[path]):
            mend = "for the service, put it inside `invoke`" if state.invokes else "drop it, or add `children`"
            message = f"`on_done` waits for the end of children, and it has none; {mend}"
            self._findings.error("never-done", path, message, breaks=True)

    def _invoke_id(self, path: str, place: int) -> str:
        invokes = self._states[path].invokes
        return invokes[place].id or (path if len(invokes) == 1 else f"{path}{SEPARATOR}{place}")

    def _invoke(self, path: str, place: int) -> InvokeSpec:
        parsed = self._states[path].invokes[place]
        name, fn = self._binder.service(parsed.src, path)
        return InvokeSpec(
            id=self._invoke_id(path, place), src=name, fn=fn, timeout=parsed.timeout, attempts=parsed.attempts
        )

    def _actions(self, references: Iterable[object], path: str) -> tuple[Action, ...]:
        return tuple(self._binder.action(reference, path) for reference in references)

    def _tags(self, path: str, state: ParsedState) -> frozenset[str]:
        tags = cast("object", state.tags)
        listed = tags if isinstance(tags, (list, tuple, set, frozenset)) else [tags] if tags else []
        if not all(isinstance(tag, str) for tag in listed):
            self._findings.error("bad-tags", path, f"`tags` is a list of text, not {tags!r}")
            return frozenset()
        return frozenset(map(str, listed))

    def _output(self, path: str, state: ParsedState) -> Any:  # noqa: ANN401 - JSON data, or a function
        if callable(state.output):
            return self._binder.output(state.output, path)
        return self._json(path, "output", state.output)

    def _meta(self, path: str, state: ParsedState) -> Mapping[str, Any]:
        if state.meta is None:
            return {}
        if not isinstance(state.meta, Mapping):
            self._findings.error("bad-meta", path, f"`meta` is a dict, not {state.meta!r}")
            return {}
        return cast("Mapping[str, Any]", self._json(path, "meta", dict(state.meta)) or {})

    def _json(self, path: str, word: str, value: object) -> Any:  # noqa: ANN401 - JSON data
        """Return a value that the definition's hash can cover."""
        try:
            return PlainCodec().dump(value)
        except CodecError as error:
            self._findings.error(f"bad-{word}", path, f"`{word}` is JSON data; {error}")
            return None

    def _history_default(self, path: str, state: ParsedState) -> tuple[str, ...]:
        if state.default is None:
            return ()
        names = state.default if isinstance(state.default, (list, tuple)) else (state.default,)
        scope = path.rpartition(SEPARATOR)[0]
        found = (self._find(name, scope, path, lenient=True) for name in names)
        return tuple(target for target in found if target is not None)


def _children(prefix: str, states: Mapping[str, ParsedState]) -> list[tuple[str, ParsedState]]:
    return [(_join(prefix, name), state) for name, state in states.items()]


def _join(scope: str, name: str) -> str:
    return f"{scope}{SEPARATOR}{name}" if scope else name
