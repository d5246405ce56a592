"""What the permission rules of a machine file work with: who asks, what they see, and how they say no."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from settle.core.configuration import active_paths, active_tags
from settle.core.definition import Definition
from settle.core.snapshot import Snapshot, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks, as the API's authorizer names them.

    Attributes:
        name: the `sub` of a JWT, the ARN of an IAM caller, the role of whoever sends to the queue itself; empty when
            nobody was asked to say who they are.
        claims: of the JWT; empty for everybody else. API Gateway hands each over as text.
    """

    name: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)


NOBODY: Final = Principal()
"""Who asks where nobody is asked to say who they are."""


@dataclass(frozen=True, slots=True)
class Denial:
    """A no that says which rule it comes from. It is false, so `condition or deny("owner_only")` reads as it works."""

    rule: str

    def __bool__(self) -> bool:
        """Return that it is a no."""
        return False


def deny(rule: str) -> Denial:
    """Say no, and by which rule; its name reaches the caller and the receipt.

    Raises:
        ValueError: no name, or one of more than 64 characters.
    """
    if not 1 <= len(rule) <= 64:  # noqa: PLR2004 - said in the message
        raise ValueError(f"the name of a rule has 1 to 64 characters, {rule!r} has {len(rule)}")
    return Denial(rule)


class SnapshotView:
    """An instance as the rules see it. What they change on it changes nothing.

    Attributes:
        machine: name of its machine.
        status: of the instance.
        version: how many events it has applied.
    """

    __slots__ = ("_definition", "_snapshot", "machine", "status", "version")

    def __init__(self, definition: Definition, snapshot: Snapshot, version: int) -> None:
        self._definition, self._snapshot = definition, snapshot
        self.machine: str = snapshot.machine
        self.status: Status = snapshot.status
        self.version = version

    @property
    def context(self) -> Any:  # noqa: ANN401 - the machine's own model, or a dict
        """What the instance remembers, as guards see it. Raises `CodecError` when the model does not take it."""
        return self._definition.context.load(self._snapshot.context)

    @property
    def states(self) -> tuple[str, ...]:
        """Paths of the active states."""
        return active_paths(self._definition, self._snapshot)

    @property
    def tags(self) -> frozenset[str]:
        """Tags of the active states."""
        return active_tags(self._definition, self._snapshot)

    def in_state(self, path: str) -> bool:
        """Tell whether a state is active.

        Raises:
            LookupError: the machine has no such state.
        """
        if path not in self._definition.numbers:
            raise LookupError(f"{self.machine} has no state {path!r}")
        return path in self.states
