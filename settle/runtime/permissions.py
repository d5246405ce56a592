"""Who may do what: the rules that a machine file exports beside its machine, and how they are asked.

    allow_send(principal, event, snapshot)   may this principal send this event now?
    allow_read(principal, snapshot)          what may this principal see?

The ingress asks as a courtesy, so that a refusal is answered at once. The consumer decides, on the claims that travel
in the envelope and on the snapshot that the event meets. Messages between instances, timers, results and callbacks are
never asked: what sends them is the machine's own, or a token that says everything.
"""

import inspect
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from settle.core.codec import CodecError
from settle.core.definition import Definition
from settle.core.errors import SettleError
from settle.core.event import Event
from settle.core.event_data import load_data
from settle.core.permission import Denial, Principal, SnapshotView
from settle.runtime.instance import Instance

ALLOW_SEND: Final = "allow_send"
ALLOW_READ: Final = "allow_read"
ARGUMENTS: Final = {ALLOW_SEND: ("principal", "event", "snapshot"), ALLOW_READ: ("principal", "snapshot")}
RULE: Final = "rule:"
"""Begins the code of a denied event; the name of the rule follows."""
FAILED: Final = "rule_failed:"
"""Begins it when the rule raised. Whoever it was about is denied: a rule that fails must let nobody in."""

_FAILURE: Final = object()
_logger = logging.getLogger("settle")

AllowSend = Callable[[Principal, Event, SnapshotView | None], object]
AllowRead = Callable[[Principal, SnapshotView], object]


class RuleSignatureError(ValueError):
    """A name that is kept for rules is none, or takes other arguments. The message names the mend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """How much of an instance somebody may see.

    Attributes:
        denied: code of the rule that lets them see nothing; empty when they see something.
        fields: of the context that they see; None for all of it and everything else.
    """

    denied: str = ""
    fields: frozenset[str] | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return not self.denied and self.fields is None

    def of(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is seen of a context."""
        return {name: value for name, value in context.items() if self.fields is None or name in self.fields}


EVERYTHING: Final = Sight()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of one machine file; without any, whoever gets through the API may do everything.

    Attributes:
        allow_send: None for everybody may.
        allow_read: None for everybody may.
    """

    allow_send: AllowSend | None = None
    allow_read: AllowRead | None = None

    def judge(self, principal: Principal, event: Event, definition: Definition, snapshot: SnapshotView | None) -> str:
        """Return why a principal may not send an event: a code that names the rule; empty when they may.

        Args:
            principal: who sends it.
            event: as it came; `settle.create`, `settle.pause` and so on stand for what is no event of the machine.
            definition: of the machine.
            snapshot: that the event meets; None when there is no instance yet.

        Raises:
            SettleError: the event's data, or the stored snapshot, cannot be read.
        """
        allow = self.allow_send
        if allow is None:
            return ""
        seen = Event(
            type=event.type, data=load_data(definition, event.type, event.data), id=event.id, principal=principal.name
        )
        return _code_of(ALLOW_SEND, _ask(ALLOW_SEND, lambda: allow(principal, seen, snapshot)))

    def filter_events(
        self, principal: Principal, types: Iterable[str], snapshot: SnapshotView | None
    ) -> tuple[str, ...]:
        """Return the event types that a principal may send now, as far as that does not depend on their data."""
        allow = self.allow_send
        if allow is None:
            return tuple(types)
        return tuple(each for each in types if _may_depend(allow, principal, each, snapshot))

    def sight(self, principal: Principal, snapshot: SnapshotView) -> Sight:
        """Return what a principal may see of an instance."""
        allow = self.allow_read
        if allow is None:
            return EVERYTHING
        answer = _ask(ALLOW_READ, lambda: allow(principal, snapshot))
        if isinstance(answer, Collection) and not isinstance(answer, str):
            return Sight(fields=frozenset(map(str, answer)))
        denied = _code_of(ALLOW_READ, answer)
        return Sight(denied=denied, fields=frozenset()) if denied else EVERYTHING


NO_RULES: Final = Rules()


def view_of(instance: Instance, definition: Definition) -> SnapshotView | None:
    """Return what the rules see of a stored instance; None for one that has not started, or that was deleted."""
    if not instance.snapshot.started or instance.deleted:
        return None
    return SnapshotView(definition, instance.snapshot, instance.version)


def read_rules(module: ModuleType) -> Rules:
    """Return the rules that a machine file exports.

    Raises:
        RuleSignatureError: one of them is no rule.
    """
    return Rules(allow_send=_find(module, ALLOW_SEND), allow_read=_find(module, ALLOW_READ))


def _find(module: ModuleType, name: str) -> Callable[..., object] | None:
    rule: Callable[..., object] | None = getattr(module, name, None)
    if rule is None:
        return None
    wanted = ", ".join(ARGUMENTS[name])
    if not callable(rule) or inspect.iscoroutinefunction(rule):
        raise RuleSignatureError(f"`{name}` is kept for the permission rule; write `def {name}({wanted})`")
    try:
        inspect.signature(rule).bind(*ARGUMENTS[name])
    except TypeError as error:
        message = f"`{name}` takes {inspect.signature(rule)}; write `def {name}({wanted})`"
        raise RuleSignatureError(message) from error
    return rule


def _ask(rule: str, question: Callable[[], object]) -> object:
    """Return the answer of a rule; `_FAILURE` when it raised.

    Raises:
        SettleError: what the rule looked at cannot be read.
    """
    try:
        return question()
    except SettleError:
        raise
    except Exception:
        _logger.exception("a permission rule failed, so its answer is no", extra={"rule": rule})
        return _FAILURE


def _code_of(rule: str, answer: object) -> str:
    """Return the code of a no; empty for a yes."""
    if answer is _FAILURE:
        return f"{FAILED}{rule}"
    if isinstance(answer, Denial):
        return f"{RULE}{answer.rule}"
    return "" if answer else f"{RULE}{rule}"


def _may_depend(allow: AllowSend, principal: Principal, event_type: str, snapshot: SnapshotView | None) -> bool:
    """Ask about an event without data; a rule that fails on it may allow one that has some."""
    try:
        return bool(allow(principal, Event(type=event_type, data={}, principal=principal.name), snapshot))
    except (SettleError, CodecError):
        return False
    except Exception:  # noqa: BLE001 - of the rule's own
        return True
