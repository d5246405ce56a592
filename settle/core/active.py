"""What is active at a moment inside a step, for guards and actions that ask."""

from typing import Protocol


class Active(Protocol):
    """The active nodes."""

    def in_state(self, path: str) -> bool:
        """Tell whether a node is active; `path` is absolute.

        A guard sees the configuration that the event met, an action the nodes that are active while it runs.

        Raises:
            LookupError: the machine has no such node.
        """
        ...
