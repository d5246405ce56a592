"""Reading a configuration with `transitions`. The only module that imports it.

`transitions` parses: nested and parallel states, enums, `*`, `=`, lists of sources, conditions, callbacks, reuse of one
machine inside another. What it leaves behind, its own state and transition objects, `settle.authoring.walk` reads.
Its step is never used: see `tests/semantics/test_transitions_faults.py` for why.

The subclass adds three things: keywords of ours, mistakes as findings instead of the first exception, and errors where
`transitions` itself would go on in silence (a second state of one name, a misspelt initial state).
"""

from collections.abc import Iterable, Mapping
from enum import Enum, EnumMeta
from itertools import count
from typing import Any, Final

from transitions import MachineError
from transitions.core import listify
from transitions.extensions.nesting import HierarchicalMachine, NestedEvent, NestedState, NestedTransition
from transitions.extensions.states import Tags

from settle.authoring.findings import Findings, did_you_mean
from settle.authoring.items import name_of, read_transition
from settle.authoring.keywords import (
    STATE_DONE,
    KeywordTransition,
    ParsedInvoke,
    parse_invokes,
    parse_shorthand,
    parse_timeout,
)
from settle.authoring.source import Reusable
from settle.authoring.vocabulary import HISTORY, INITIAL, ROOT, STATE
from settle.core.codec import Codec
from settle.core.spec import EVENTLESS, MAX_DEPTH, SEPARATOR

_REASONS: Final = (ValueError, KeyError, TypeError, AttributeError, MachineError)
"""What `transitions` raises about a configuration that it cannot read."""
_OURS: Final = frozenset({"invoke", "on_done", "always", "timeout", "on_timeout"})
_ROOT_NAME: Final = "\0machine"
_ORDER: Final = count()
"""Numbers transitions as they are read, across charts: a reused one was read before the one around it."""
_CHILD_WORDS: Final = ("children", "states", "parallel")


class ParsedState(Tags, NestedState):
    """A state with the keywords that `transitions` passes through."""

    separator = SEPARATOR

    def __init__(self, name: str | Enum, **words: Any) -> None:  # noqa: ANN401 - the user's configuration
        self.invokes: list[ParsedInvoke] = words.pop("invokes", [])
        self.output: object = words.pop("output", None)
        self.meta: object = words.pop("meta", None)
        self.history: object = words.pop("history", None)
        self.default: object = words.pop("default", None)
        self.description: object = words.pop("description", None)
        self.first: Mapping[str, object] | None = None
        self.parallel: bool = words.pop("parallel_children", False)
        self.reuses = False
        super().__init__(name, **words)


class ParsedTransition(NestedTransition):
    """A transition with the slot between exits and entries, and its place in the configuration."""

    dynamic_methods = [*NestedTransition.dynamic_methods, "actions"]  # noqa: RUF012 - upstream's way to declare them

    def __init__(self, *positions: Any, order: int, lenient: bool = False, **words: Any) -> None:  # noqa: ANN401
        self.actions: list[Any] = listify(words.pop("actions", None))  # type: ignore[assignment]
        self.reenter: object = words.pop("reenter", None)
        self.internal: object = words.pop("internal", False)
        self.delay: object = words.pop("delay", None)
        self.description: object = words.pop("description", None)
        self.meta: object = words.pop("meta", None)
        self.order, self.lenient = order, lenient
        super().__init__(*positions, **words)

    def extras(self) -> dict[str, Any]:
        """Return what a copy needs besides the words of `transitions`."""
        words = ("actions", "reenter", "internal", "delay", "description", "meta", "lenient", "order")
        return {word: getattr(self, word) for word in words}


class _Moved(dict[str, Any]):
    """A transition that `remap` took out of a reused chart; already checked when that chart was read."""


class StatechartParser(HierarchicalMachine):
    """`transitions`' hierarchical machine, as a parser: no model, no trigger, nothing that runs."""

    state_cls = ParsedState
    transition_cls = ParsedTransition

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.root, self.has_root_words = ParsedState(_ROOT_NAME), False
        self.reused_implementations: list[object] = []
        self.reused_events: dict[str, Codec] = {}
        super().__init__(
            model=None, states=None, initial=None, send_event=True, auto_transitions=False, model_attribute="\0state"
        )

    def parse(self, states: object, transitions: object, initial: object, words: Mapping[str, object]) -> None:
        """Read a whole configuration; `words` are those of a state that the machine itself has."""
        if isinstance(states, Mapping):
            self.findings.error(
                "bad-state", "", "`states` is a list; put each name into its dict, as `name`", breaks=True
            )
            return
        self.root, self.has_root_words = self._make_root(words), bool(words)
        self.add_states(states)
        self.add_transitions(transitions)
        self._set_initial(initial)

    def _make_root(self, words: Mapping[str, object]) -> ParsedState:
        """Return the machine itself as a state; its children are this parser's."""
        known, transitions = self._read_words({word: value for word, value in words.items() if word in ROOT}, "")
        root = ParsedState(_ROOT_NAME, **known)
        root.states, root.events = self.states, self.events
        for transition in transitions:
            self._add_keyword_transition("", transition)
        return root

    # States ----------------------------------------------------------------------------------------------------------

    def add_states(self, states: Any, *positions: Any, remap: Any = None, **words: Any) -> None:  # noqa: ANN401
        """Read states one by one, so that a mistake in one does not hide those in the next."""
        for state in listify(states):
            try:
                translated: Any = self._translate(state)
                if translated is not None:
                    super().add_states([translated], *positions, remap=remap, **words)
            except _REASONS as error:
                self._report("bad-state", self._path(name_of(state)), error)

    def _translate(self, state: object) -> object:
        """Return a state as `transitions` takes it; None when it is none, which is then a finding."""
        if isinstance(state, Reusable) and state.parser is None:
            message = (
                "an imported chart cannot stand inside another; write it as a Statechart, or invoke it as a machine"
            )
            self._error("bad-state", "", message)
            return None
        if isinstance(state, Reusable):
            self.reused_implementations += state.implementations
            self.reused_events.update(state.events)
            return state.parser
        if isinstance(state, Mapping):
            state = dict(state)
        if isinstance(state, ParsedState):
            return state  # of a reused chart
        if isinstance(state, (HierarchicalMachine, NestedState)):
            self._error(
                "bad-state", "", "a chart is reused as a Statechart, a state is a name or a dict; write one of these"
            )
        elif not isinstance(state, (str, dict, Enum)):
            self._error("bad-state", "", f"a state is a name, an Enum member or a dict with `name`, not {state!r}")
        elif not name_of(state):
            self._error("bad-state", "", f"a state needs a `name`; {state!r} has none")
        elif isinstance(state, dict) and SEPARATOR in name_of(state):
            message = f"the name of a state holds no {SEPARATOR!r}, which separates the parts of a path; rename it"
            self._error("bad-node-name", name_of(state), message)
        elif name_of(state) in self.states:
            self._error("duplicate-node", name_of(state), "two states have this path; rename one")
        else:
            return state
        return None

    def _add_dict_state(self, state: dict[str, Any], ignore_invalid_triggers: Any, remap: Any, **words: Any) -> None:  # noqa: ANN401
        name = name_of(state)
        path = self._path(name)
        if remap is not None and name in remap:
            return
        if len(self.prefix_path) >= MAX_DEPTH:
            message = (
                f"states lie more than {MAX_DEPTH} levels inside one another; make the inner ones a machine to invoke"
            )
            self._error("too-deep", name, message)
            return
        (STATE if state.get("history") is None else HISTORY).check(self.findings, path, state)
        known, transitions = self._read_words(STATE.pick(state), path)
        self._check_children(known, path)
        first = self._read_initial(known, path)
        is_parallel = "parallel" in known
        if is_parallel:
            known["children"] = known.pop("parallel")
        super()._add_dict_state({**known, "parallel_children": is_parallel}, ignore_invalid_triggers, None, **words)
        self.states[name].first = first  # type: ignore[attr-defined]  # it is a ParsedState
        if is_parallel:
            added = self.states[name]
            added.initial = [child for child in added.states if not _is_history(added.states[child])]  # type: ignore[assignment]
        for transition in transitions:
            self._add_keyword_transition(name, transition)

    def _read_words(self, words: Mapping[str, object], path: str) -> tuple[dict[str, Any], list[KeywordTransition]]:
        """Take out the words that are ours alone; return the others, and the transitions that stood in them."""
        invokes, transitions = parse_invokes(words.get("invoke"), path, self.findings)
        transitions += parse_shorthand(words.get("always"), EVENTLESS, path, self.findings)
        transitions += parse_timeout(words, path, self.findings)
        transitions += parse_shorthand(words.get("on_done"), STATE_DONE, path, self.findings)
        return {**{word: value for word, value in words.items() if word not in _OURS}, "invokes": invokes}, transitions

    def _read_initial(self, words: dict[str, Any], path: str) -> Mapping[str, object] | None:
        """Take out an `initial` that is a dict: it names targets further in, or actions to run on the way."""
        if not isinstance(words.get("initial"), Mapping):
            return None
        initial: Mapping[str, object] = words.pop("initial")
        INITIAL.check(self.findings, path, initial)
        if not initial.get("dest"):
            message = "`initial` as a dict names a `dest`; add it, or write the name alone"
            self.findings.error("bad-initial", path, message, breaks=True)
            return None
        return initial

    def _check_children(self, words: dict[str, Any], path: str) -> None:
        given = [word for word in _CHILD_WORDS if word in words]
        if len(given) > 1:
            message = f"it has {' and '.join(f'`{word}`' for word in given)}; keep one of them"
            self.findings.error("bad-children", path, message, breaks=True)
            for word in given[1:]:
                del words[word]
        if given and not isinstance(words[given[0]], EnumMeta) and not listify(words[given[0]]):
            self.findings.error("no-children", path, f"its `{given[0]}` is empty; name at least one child, or drop it")
        if not isinstance(words.get("remap", {}), Mapping):
            message = f"`remap` is a dict from states of a reused chart to states beside it, not {words.pop('remap')!r}"
            self.findings.error("bad-children", path, message, breaks=True)
        if "remap" in words:
            reused = [child for word in given[:1] for child in listify(words[word]) if isinstance(child, Reusable)]
            known = [name for chart in reused if chart.parser is not None for name in chart.parser.states]
            for name in words["remap"]:
                if name not in known:
                    message = f"`remap` names {name!r}, which no reused chart has{did_you_mean(str(name), known)}"
                    self.findings.error("unknown-target", path, message)

    def _add_machine_states(self, state: HierarchicalMachine, remap: Any) -> None:  # noqa: ANN401
        """Take over the states and events of a reused chart; copied, so that the chart itself stays as it is."""
        if isinstance(self.scoped, ParsedState):
            self.scoped.reuses = True
        if isinstance(state, StatechartParser) and state.has_root_words:
            message = "a reused chart has words of its own (`on_enter`, `invoke` ...); move them to the state around it"
            self.findings.error("bad-children", self._path(""), message, breaks=True)
        own = dict(self.events)
        super()._add_machine_states(state, remap)
        for name, event in state.events.items():
            self.events[name] = own.get(name) or NestedEvent(name, self)
            for transitions in event.transitions.values():
                for transition in transitions:
                    self.events[name].add_transition(transition)

    def _remap_state(self, state: NestedState, remap: Any) -> list[Any]:  # noqa: ANN401
        """Keep, for transitions that leave a reused chart, the words that `transitions` does not know."""
        leaving = [
            transition
            for event in self.events.values()
            for source, transitions in event.transitions.items()
            if source not in remap
            for transition in transitions
            if transition.dest in remap
        ]
        moved: list[Any] = super()._remap_state(state, remap)
        return [
            _Moved({**{word: value for word, value in words.items() if word != "prepare"}, **transition.extras()})
            for words, transition in zip(moved, leaving, strict=True)
            if isinstance(transition, ParsedTransition)
        ]

    def _set_initial(self, initial: object) -> None:
        """Note where the machine begins, without the setter of `transitions`: it adds a state that it does not know."""
        words = {"initial": initial}
        self.root.first = self._read_initial(words, "")
        initial = words.get("initial")
        if initial is not None and not name_of(initial):
            message = f"`initial` is a state's name, or a list of all of them, not {initial!r}"
            self.findings.error("bad-initial", "", message, breaks=True)
        if isinstance(initial, (list, tuple)):
            self._initial = [name_of(name) for name in initial]  # type: ignore[assignment]  # as upstream does it
        else:
            self._initial = name_of(initial) or None
        self.root.initial = self._initial

    # Transitions -----------------------------------------------------------------------------------------------------

    def add_transitions(self, transitions: Any) -> None:  # noqa: ANN401
        """Read transitions one by one, so that a mistake in one does not hide those in the next."""
        for item in listify(transitions):
            words = item if isinstance(item, _Moved) else read_transition(item, self._path(""), self.findings)
            if words is None:
                continue
            try:
                self.add_transition(**words)
            except _REASONS as error:
                self._report("bad-transition", self._path(name_of(words["source"])), error)

    def add_transition(self, trigger: str, source: Any, dest: Any = None, **words: Any) -> None:  # type: ignore[override]  # noqa: ANN401
        """Read one transition. `*` leaves out final and history states, which have no transitions."""
        if source == self.wildcard_all:
            source = self._all_sources(nested=dest == self.wildcard_same)
        if isinstance(dest, (list, tuple)):
            dest = tuple(self._join(self._get_enum_path(item)) if isinstance(item, Enum) else item for item in dest)
        super().add_transition(trigger, source, dest, **{"order": next(_ORDER), **words})

    def _all_sources(self, *, nested: bool) -> list[str]:
        """Return the states of this scope; `transitions` names nested ones from the root, which fits only there."""
        sources = []
        for name, state in self.states.items():
            if not state.final and not _is_history(state):
                sources.append(name)
            if nested:
                with self(name):
                    sources += [self._join([name, inner]) for inner in self._all_sources(nested=True)]
        return sources

    def _add_keyword_transition(self, source: str, transition: KeywordTransition) -> None:
        """Add a transition whose target is looked up when all states are known."""
        words = dict(transition.words)
        dest = words.pop("dest")
        if transition.trigger not in self.events:
            self.events[transition.trigger] = NestedEvent(transition.trigger, self)
        self.events[transition.trigger].add_transition(
            ParsedTransition(source, dest, order=next(_ORDER), lenient=True, **words)
        )

    # Findings --------------------------------------------------------------------------------------------------------

    def _path(self, name: str) -> str:
        return self._join([*self.prefix_path, *([name] if name else [])])

    def _join(self, names: Iterable[str]) -> str:
        return SEPARATOR.join(names)

    def _error(self, code: str, name: str, message: str) -> None:
        self.findings.error(code, self._path(name), message, breaks=True)

    def _report(self, code: str, path: str, error: Exception) -> None:
        reason = error.args[0] if error.args else error
        message = f"transitions cannot read it ({type(error).__name__}: {reason}); correct that"
        self.findings.error(code, path, message, breaks=True)


def _is_history(state: NestedState) -> bool:
    return getattr(state, "history", None) is not None
