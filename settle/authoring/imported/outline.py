"""What a machine object says about its shape, with absolute paths in place of the names that `transitions` uses."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from settle.authoring.findings import Findings, did_you_mean
from settle.authoring.imported.upstream import UpstreamMachine, UpstreamState, UpstreamTransition, families
from settle.core.event import is_internal
from settle.core.spec import SEPARATOR

_SHOWN: Final = 3
"""How many of the triggers that are left out a finding names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """A transition and where it was written.

    Attributes:
        scope: path of the state whose own `transitions` hold it; empty for the machine's.
        trigger: event type.
        source: path.
        target: path; None for one that stays.
        opens: whether it is the first one that `transitions` tries for its scope, trigger and source.
        item: the object of `transitions`.
    """

    scope: str
    trigger: str
    source: str
    target: str | None
    opens: bool
    item: UpstreamTransition


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The shape of a machine. The empty path is the machine itself.

    Attributes:
        states: by path, in document order.
        children: paths by path.
        initial: paths that are entered by default, by path; none where nothing was said.
        parallel: paths of those whose children are active together.
        arrows: in the order in which `transitions` tries those of one trigger and source.
        names: path by the name that `transitions` gives from the root.
        automatic: triggers of automatic transitions, which are left out.
    """

    states: Mapping[str, UpstreamState]
    children: Mapping[str, tuple[str, ...]]
    initial: Mapping[str, tuple[str, ...]]
    parallel: frozenset[str]
    arrows: tuple[Arrow, ...]
    names: Mapping[str, str]
    automatic: frozenset[str]


def is_inside(path: str, around: str) -> bool:
    """Whether a node lies inside another, or inside the machine when that is the empty path."""
    return path.startswith(f"{around}{SEPARATOR}") if around else bool(path)


def depth_of(path: str) -> int:
    """Return 0 for the machine, 1 for its states, and so on."""
    return len(path.split(SEPARATOR)) if path else 0


def parent_of(path: str) -> str:
    """Return the path of the node around one, which is empty for a state of the machine."""
    return path.rpartition(SEPARATOR)[0]


def read_outline(machine: UpstreamMachine, findings: Findings) -> Outline:
    """Read the states, the transitions and the initial states; what does not fit together is a finding."""
    return _Reading(machine, findings).outline()


class _Reading:
    def __init__(self, machine: UpstreamMachine, findings: Findings) -> None:
        self._machine, self._findings = machine, findings
        nested = "HierarchicalMachine" in families(machine)
        separator = getattr(getattr(machine, "state_cls", None), "separator", "")
        # A flat machine has no paths, so a separator in a name means nothing there.
        self._separator: str = separator if nested else "\0"
        self._jump = "to_" if nested or machine.model_attribute == "state" else f"to_{machine.model_attribute}_"
        self._states: dict[str, UpstreamState] = {}
        self._children: dict[str, tuple[str, ...]] = {}
        self._names: dict[str, str] = {}
        self._upstream: dict[str, str] = {"": ""}
        self._parallel: set[str] = set()
        self._automatic: dict[str, None] = {}

    def outline(self) -> Outline:
        self._list_states(self._machine.states, "")
        initial = {path: self._initial(path, getattr(state, "initial", None)) for path, state in self._states.items()}
        initial[""] = self._initial("", getattr(self._machine, "initial", None))
        arrows = [arrow for scope in ("", *self._states) for arrow in self._list_arrows(scope)]
        self._tell_automatic()
        return Outline(
            states=self._states,
            children=self._children,
            initial=initial,
            parallel=frozenset(self._parallel),
            arrows=tuple(sorted(arrows, key=lambda arrow: -depth_of(arrow.scope))),
            names=self._names,
            automatic=frozenset(self._automatic),
        )

    # States ----------------------------------------------------------------------------------------------------------

    def _list_states(self, states: Mapping[str, UpstreamState], around: str) -> None:
        paths = [f"{around}{SEPARATOR}{name}" if around else name for name in states]
        self._children[around] = tuple(paths)
        for path, (name, state) in zip(paths, states.items(), strict=True):
            if SEPARATOR in name or not name:
                message = f"the name of a state is not empty and holds no {SEPARATOR!r}, unlike {name!r}; rename it"
                self._findings.error("bad-node-name", path, message, breaks=True)
            self._states[path] = state
            self._upstream[path] = self._join(around, name)
            self._names[self._upstream[path]] = path
            self._list_states(getattr(state, "states", {}), path)

    def _join(self, scope: str, name: str) -> str:
        return f"{self._upstream[scope]}{self._separator}{name}" if scope else name

    def _find(self, scope: str, name: str) -> str | None:
        """Return the path of a state that is named from a scope."""
        return self._names.get(self._join(scope, name))

    # Initial states --------------------------------------------------------------------------------------------------

    def _initial(self, path: str, written: object) -> tuple[str, ...]:
        names = [_name_of(each) for each in (written if isinstance(written, (list, tuple)) else [written])]
        if written is None or not self._children[path]:
            if not path:
                message = "it has no initial state; set `machine.initial` before it is imported"
                self._findings.error("bad-initial", path, message, breaks=True)
            return ()
        found = [self._find(path, name) for name in names]
        for name, target in zip(names, found, strict=True):
            if target is None:
                message = f"`initial` is {name!r}, which is no state in it{_hint(name, self._children[path])}"
                self._findings.error("bad-initial", path, message, breaks=True)
        paths = tuple(target for target in found if target is not None)
        self._note_parallel(path, paths)
        return paths

    def _note_parallel(self, path: str, initial: tuple[str, ...]) -> None:
        """Note a parallel state: one whose `initial` is a list of several children, which are then all of them."""
        heads = {child for child in self._children[path] for each in initial if _is_at(each, child)}
        if len(heads) > 1:
            self._parallel.add(path)
            if set(initial) != set(self._children[path]):
                message = (
                    "a list as `initial` means a parallel state and names each child; complete it, or name one child"
                )
                self._findings.error("bad-initial", path, message, breaks=True)

    # Transitions -----------------------------------------------------------------------------------------------------

    def _list_arrows(self, scope: str) -> Iterable[Arrow]:
        holder: object = self._states[scope] if scope else self._machine
        for name, event in getattr(holder, "events", {}).items():
            trigger = str(name.value) if isinstance(name, Enum) else str(name)
            sources = frozenset(event.transitions)
            self._check_trigger(trigger, scope)
            for source_name, items in event.transitions.items():
                source = self._find(scope, source_name)
                if source is None:
                    self._tell_no_source(trigger, scope, source_name)
                    continue
                kept = [item for item in items if not self._is_automatic(scope, trigger, item, sources)]
                yield from self._arrows(scope, trigger, source, kept)

    def _arrows(self, scope: str, trigger: str, source: str, items: Sequence[UpstreamTransition]) -> Iterable[Arrow]:
        for place, item in enumerate(items):
            target = self._find(scope, item.dest) if item.dest else None
            if item.dest and target is None:
                inside = f" inside {scope!r}" if scope else ""
                message = f"{trigger!r} leads to {item.dest!r}, but there is no such state{inside}"
                hint = _hint(item.dest, self._children[scope])
                self._findings.error("unknown-target", source, message + hint, breaks=True)
                continue
            yield Arrow(scope=scope, trigger=trigger, source=source, target=target, opens=place == 0, item=item)

    def _check_trigger(self, trigger: str, scope: str) -> None:
        if not trigger or trigger == "*" or trigger.endswith(".*") or is_internal(trigger):
            message = (
                f"the trigger {trigger!r} means something else here: `*` takes every event, and `done.`, `error.` and"
                " `settle.` begin the types of the runtime; rename it"
            )
            self._findings.error("bad-trigger", scope, message, breaks=True)

    def _tell_no_source(self, trigger: str, scope: str, name: str) -> None:
        inside = f" inside {scope!r}" if scope else ""
        message = f"the source of a transition on {trigger!r} is {name!r}, but there is no such state{inside}"
        hint = _hint(name, self._children[scope])
        self._findings.warn("unknown-source", scope, f"{message}, so it is left out{hint}")

    # Automatic transitions -------------------------------------------------------------------------------------------

    def _is_automatic(self, scope: str, trigger: str, item: UpstreamTransition, sources: frozenset[str]) -> bool:
        """Whether `transitions` made this one by itself: `to_<state>`, from everywhere, without any condition.

        A machine that was reused as `children` leaves those for its inner states behind in the state around it.
        """
        name = trigger.removeprefix(self._jump)
        if name == trigger or item.dest != name or item.conditions or item.prepare or item.before or item.after:
            return False
        if scope:
            everywhere = {path.rpartition(SEPARATOR)[2] for path in self._children[scope]}
            made = self._separator in name and everywhere <= sources
        else:
            made = self._machine.auto_transitions
        if made and self._find(scope, name) is not None:
            self._automatic[trigger] = None
            return True
        return False

    def _tell_automatic(self) -> None:
        if not self._automatic:
            return
        names = list(self._automatic)
        shown = ", ".join(f"`{name}`" for name in names[:_SHOWN])
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        message = (
            f"the automatic transitions {shown}{more} are left out: with them any caller could jump to any state;"
            " build the machine with `auto_transitions=False`, and write down those that it needs"
        )
        self._findings.warn("auto-transitions", "", message)


def _is_at(path: str, node: str) -> bool:
    return path == node or is_inside(path, node)


def _name_of(item: object) -> str:
    """Return the name of a state that is given as text, as an Enum member, or as a state object."""
    name = item if isinstance(item, str) and not isinstance(item, Enum) else getattr(item, "name", item)
    return str(name)


def _hint(name: str, known: Iterable[str]) -> str:
    return did_you_mean(name, (path.rpartition(SEPARATOR)[2] for path in known)) or "; correct it"
