"""Event names: those that XState's runtime makes have another name here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from settle.authoring.findings import did_you_mean
from settle.authoring.xstate.report import Report
from settle.authoring.xstate.tree import Tree
from settle.core.event import DONE_INVOKE, DONE_STATE, ERROR_INVOKE, is_internal
from settle.core.spec import ANY_EVENT, EVENTLESS

_STATE_PREFIXES: Final = ("xstate.done.state.", "done.state.")
_INVOKE_PREFIXES: Final = {
    "xstate.done.actor.": DONE_INVOKE,
    "xstate.error.actor.": ERROR_INVOKE,
    "done.invoke.": DONE_INVOKE,
    "error.platform.": ERROR_INVOKE,
    "error.invoke.": ERROR_INVOKE,
}
_FAMILIES: Final = {
    "xstate.done.*": "done.*",
    "xstate.error.*": "error.*",
    "xstate.done.state.*": "done.state.*",
    "xstate.done.actor.*": "done.invoke.*",
    "xstate.error.actor.*": "error.invoke.*",
    "error.platform.*": "error.invoke.*",
}
_KEPT: Final = frozenset({"done.*", "done.state.*", "done.invoke.*", "error.*", "error.invoke.*", "error.execution"})
_WITHOUT_TWIN: Final = {
    "xstate.after.": "write the delay under `after`",
    "xstate.init": "the start of an instance is no event; write `entry` actions of the machine",
    "xstate.stop": "the end of an instance is no event; write `exit` actions",
    "xstate.snapshot.": "a service tells its result and nothing else; write `onDone`",
    "xstate.route": "give the machine a transition of its own to each state",
    "xstate.": "name the events one by one; `*` takes them all",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventNames:
    """Translates the keys of `on`.

    Attributes:
        invokes: our invoke ids, by XState's.
    """

    report: Report
    tree: Tree
    invokes: Mapping[str, str]

    def read(self, name: str, node: str) -> str | None:
        """Return the descriptor that takes the same events; None, with a finding, when there is none."""
        if name == EVENTLESS:
            self._error(node, "an event without a name is written `always` since version 5; move it there")
            return None
        if name in _KEPT or name in _FAMILIES:
            return _FAMILIES.get(name, name)
        if ANY_EVENT in name.removesuffix(".*" if name != ANY_EVENT else ANY_EVENT):
            self._error(node, f"in {name!r} the `*` is not the last part; only `*` and `name.*` take several events")
            return None
        return self._read_internal(name, node) if _is_reserved(name) else name

    def _read_internal(self, name: str, node: str) -> str | None:
        for prefix in _STATE_PREFIXES:
            if name.startswith(prefix):
                return self._read_state(name, name.removeprefix(prefix), node)
        for prefix, ours in _INVOKE_PREFIXES.items():
            if name.startswith(prefix):
                return self._read_invoke(name, ours, name.removeprefix(prefix), node)
        mend = next((text for start, text in _WITHOUT_TWIN.items() if name.startswith(start)), None)
        if mend is None:
            mend = "types that begin with `done.`, `error.` or `settle.` come only from the runtime; rename it"
        self._error(node, f"the event {name!r} does not exist here; {mend}")
        return None

    def _read_state(self, name: str, identifier: str, node: str) -> str | None:
        found = self.tree.by_id.get(identifier) or self.tree.by_path.get(identifier)
        if found is not None and found.parent is not None:
            return f"{DONE_STATE}{found.path}"
        if found is not None:
            self._error(node, f"{name!r} is never taken: the machine is done then; take it out")
            return None
        hint = did_you_mean(identifier, self.tree.by_id) or "; correct the id"
        self._error(node, f"{name!r} waits for the end of a state, and none has the id {identifier!r}{hint}")
        return None

    def _read_invoke(self, name: str, ours: str, identifier: str, node: str) -> str | None:
        if identifier in self.invokes:
            return f"{ours}{self.invokes[identifier]}"
        if identifier in self.invokes.values():
            return f"{ours}{identifier}"
        hint = did_you_mean(identifier, self.invokes) or "; give the `invoke` that id"
        self._error(node, f"{name!r} waits for a service, and no `invoke` has the id {identifier!r}{hint}")
        return None

    def _error(self, node: str, message: str) -> None:
        self.report.error("bad-event", node, message, breaks=True)


def _is_reserved(name: str) -> bool:
    return name.startswith("xstate.") or is_internal(name)
