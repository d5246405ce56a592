"""The error tree.

    SettleError
    ├── DefinitionError            a machine is wrong; carries every finding                 (author)
    ├── EventInvalidError          event data does not fit the model of its type             (caller)
    ├── InputInvalidError          the input of a new instance does not fit its model        (caller)
    ├── SnapshotTooNewError        stored by a newer release: a rollback is under way        (retry)
    ├── UnknownVersionError        no registered definition fits the snapshot                (quarantine)
    └── StepError                  a macrostep cannot be completed, now or ever              (quarantine)
        ├── SnapshotInvalidError   a stored snapshot names an illegal configuration
        ├── UserCodeError          a guard or an action raised
        ├── ContextInvalidError    actions left a context that could not be loaded again
        ├── MicrostepLimitError    the internal queue or eventless transitions do not end
        ├── EffectLimitError       too many effects in one macrostep
        ├── SnapshotTooLargeError  the snapshot would not fit an item
        ├── NeverSettlesError      nothing can move the instance, yet it is not settled
        └── UnhandledServiceError  a service failed for good and no transition takes its error

`SettleError.disposition` tells what whoever catches an error should do with the event that caused it. The runtime adds
its own branch in `settle.runtime.errors`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Disposition(StrEnum):
    """What to do with the event that met an error."""

    RETRY = "retry"
    """The world is at fault: the same event may succeed later."""
    QUARANTINE = "quarantine"
    """Deterministic: the same event fails again until code or data change."""
    CALLER = "caller"
    """The sender is at fault and is told so."""


class SettleError(Exception):
    """Base of every error that Settle raises on purpose."""

    disposition: Disposition = Disposition.QUARANTINE
    code: str = "error"
    """Stable, short (at most 32 characters), safe to store and to show."""

    @property
    def summary(self) -> str:
        """What a log may say of it: its text, unless that repeats data, or what user code put into an exception.

        The whole text is for whoever may see the instance; logs are read by more people, and kept for longer.
        """
        return str(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let errors be copied and sent between processes, whatever their constructors take."""
        return _revive, (type(self), self.args, dict(vars(self)))


def _revive(kind: type[SettleError], arguments: tuple[Any, ...], attributes: dict[str, Any]) -> SettleError:
    error = kind.__new__(kind, *arguments)
    vars(error).update(attributes)
    return error


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that validation has to say about a definition.

    Attributes:
        code: stable identifier, for example `unknown-target`.
        message: one sentence that names the mend.
        node: path of the node it is about; empty for the machine as a whole.
        severity: `error` stops the build, `warning` does not.
    """

    code: str
    message: str
    node: str = ""
    severity: str = "error"

    def __str__(self) -> str:
        place = f" at {self.node!r}" if self.node else ""
        return f"{self.code}{place}: {self.message}"


class DefinitionError(SettleError):
    """A definition cannot be built. `findings` holds every error found, not only the first."""

    disposition = Disposition.CALLER
    code = "definition"

    def __init__(self, machine: str, findings: Sequence[Finding]) -> None:
        self.machine = machine
        self.findings = tuple(findings)
        lines = "\n".join(f"  - {finding}" for finding in self.findings)
        super().__init__(f"machine {machine!r} cannot be built:\n{lines}")


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that does not fit: where (`data.items.0.sku`), what is wrong with it, and pydantic's name for that."""

    path: str
    message: str
    type: str


class _DataError(SettleError):
    """Base of the errors that list fields."""

    disposition = Disposition.CALLER

    def __init__(self, subject: str, fields: Sequence[FieldError]) -> None:
        self.subject = subject
        self.fields = tuple(fields)
        details = "; ".join(f"{field.path}: {field.message}" for field in self.fields)
        super().__init__(f"{subject} is not valid: {details}")

    @property
    def summary(self) -> str:
        """Without the paths, which hold keys of the data, and the words of a model's own validators."""
        return f"{self.subject} is not valid: {', '.join(field.type for field in self.fields)}"


class EventInvalidError(_DataError):
    """Event data does not fit the model of its type."""

    code = "event_invalid"


class InputInvalidError(_DataError):
    """The input of a new instance does not fit."""

    code = "input_invalid"


class SnapshotTooNewError(SettleError):
    """The snapshot has a schema version that this release does not know; a newer release wrote it."""

    disposition = Disposition.RETRY
    code = "snapshot_too_new"


class UnknownVersionError(SettleError):
    """The machine version, or the definition hash under that version, is not registered here."""

    code = "unknown_version"


class StepError(SettleError):
    """A macrostep cannot be completed; nothing of it is kept."""

    code = "step"


class SnapshotInvalidError(StepError):
    """A snapshot that no release can have written: unknown nodes or an illegal configuration."""

    code = "snapshot_invalid"


class UserCodeError(StepError):
    """A guard or an action raised. The original exception is the `__cause__`.

    Attributes:
        role: `guard`, `action`, `service`, `output`, `input` or `delay`.
        name: the name it has in the definition.
        node: path of the node whose definition names it.
    """

    code = "user_code"

    def __init__(self, role: str, name: str, node: str, cause: BaseException) -> None:
        self.role, self.name, self.node = role, name, node
        self._summary = f"{role} {name!r} of {node!r} raised {type(cause).__name__}"
        super().__init__(f"{self._summary}: {text_of(cause)}")

    @property
    def summary(self) -> str:
        """Without the text of what was raised."""
        return self._summary


def text_of(cause: BaseException) -> str:
    """Return the text of an exception, whatever its class makes of that."""
    try:
        return str(cause)
    except Exception as error:  # noqa: BLE001 - of the exception's own making
        return f"(its text cannot be had: {type(error).__name__})"


class ContextInvalidError(StepError):
    """Actions left a context that does not fit its model, so it could not be loaded again."""

    code = "context_invalid"

    @property
    def summary(self) -> str:
        """Without what the context holds."""
        return "the context does not fit"


class MicrostepLimitError(StepError):
    """More microsteps in one macrostep than the limit: a cycle that never comes to rest."""

    code = "microstep_limit"


class EffectLimitError(StepError):
    """More effects in one macrostep than the limit."""

    code = "effect_limit"


class SnapshotTooLargeError(StepError):
    """The snapshot would not fit the item that holds it."""

    code = "snapshot_too_large"


class NeverSettlesError(StepError):
    """The configuration is not settled, and no service, timer or eventless transition is left to move it."""

    code = "never_settles"


class UnhandledServiceError(StepError):
    """A service failed for good, and no transition of the machine takes its error event."""

    code = "service_failed"
