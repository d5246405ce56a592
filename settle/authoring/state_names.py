"""Finding states by the names that a configuration gives them."""

from collections.abc import Mapping
from enum import Enum

from settle.authoring.findings import Findings, did_you_mean
from settle.authoring.transitions_front_end import ParsedState
from settle.core.spec import SEPARATOR


class StateNames:
    """The states of a chart by their paths; the machine itself has the empty one.

    Args:
        states: all of them.
        findings: where names that are none go.
    """

    def __init__(self, states: Mapping[str, ParsedState], findings: Findings) -> None:
        self._states, self._findings = states, findings

    def find(self, name: object, scope: str, node: str, *, lenient: bool) -> str | None:
        """Return the path that a target means: one of the scope's states, or, for keywords, also one from the root.

        For a keyword the root is that of the chart it was written in, also when that chart is reused in another.
        """
        bases = [scope, *self._roots(scope)] if lenient else [scope]
        for base in bases if isinstance(name, Enum) or str(name) else ():
            path = self.enum_path(name, base) if isinstance(name, Enum) else join(base, str(name))
            if path in self._states:
                return path
        text = name.name if isinstance(name, Enum) else str(name)
        hint = did_you_mean(text, [*self.below(scope), *(self._states if lenient else ())])
        if not lenient and scope and text in self._states:
            hint = "; targets inside a state's own `transitions` lie in that state: move this one to the machine's list"
        place = f" inside {scope!r}" if scope and not lenient else ""
        message = f"there is no state {text!r}{place}{hint or '; correct the target'}"
        self._findings.error("unknown-target", node, message, breaks=True)
        return None

    def enum_path(self, member: Enum, base: str) -> str:
        """Return the path of the state that stands for a member of an enumeration; empty when there is none."""
        prefix = f"{base}{SEPARATOR}" if base else ""
        found = (
            path for path, state in self._states.items() if path and path.startswith(prefix) and state.value is member
        )
        return next(found, "")

    def below(self, scope: str) -> list[str]:
        """Return the names of the states inside a scope, as they are written there."""
        prefix = f"{scope}{SEPARATOR}" if scope else ""
        return [path.removeprefix(prefix) for path in self._states if path and path.startswith(prefix)]

    def _roots(self, scope: str) -> list[str]:
        """Return the paths of the reused charts around a scope, innermost first, and the machine itself."""
        parts = scope.split(SEPARATOR) if scope else []
        around = (SEPARATOR.join(parts[:length]) for length in range(len(parts), 0, -1))
        return [*(path for path in around if path in self._states and self._states[path].reuses), ""]


def join(scope: str, name: str) -> str:
    """Return the path of a state inside a scope."""
    return f"{scope}{SEPARATOR}{name}" if scope and name else scope or name
