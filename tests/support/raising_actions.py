"""Actions of every shape that raise or send, or do not."""

from collections.abc import Callable
from types import CellType, FunctionType
from typing import Any

from tests.support import raising_helpers
from tests.support.raising_helpers import emit


def raises(_context: Any, _event: Any, do: Any) -> None:
    do.raise_("NEXT")


def sends(_context: Any, _event: Any, do: Any) -> None:
    do.send(None, "NEXT", delay="1s")


def calls_one_that_raises(context: Any, event: Any, do: Any) -> None:
    raises(context, event, do)


def calls_one_of_another_module(_context: Any, _event: Any, do: Any) -> None:
    emit(do)


def calls_one_in_a_module(_context: Any, _event: Any, do: Any) -> None:
    raising_helpers.emit(do)


def has_one_inside(_context: Any, _event: Any, do: Any) -> None:
    def inner() -> None:
        do.raise_("NEXT")

    inner()


def holding(held: Any) -> Callable[..., Any]:
    def act(context: Any, event: Any, do: Any) -> None:
        held(context, event, do)

    return act


def never_bound() -> Callable[..., Any]:
    """Return a function that holds a variable which was never set."""
    code = holding(raises).__code__
    return FunctionType(code, globals(), closure=(CellType(),))


class Actor:
    def __call__(self, context: Any, event: Any, do: Any) -> None:
        self.by_method(context, event, do)

    @staticmethod
    def static(_context: Any, _event: Any, do: Any) -> None:
        Actor.emit(do)

    @classmethod
    def of_class(cls, _context: Any, _event: Any, do: Any) -> None:
        do.raise_("NEXT")

    @staticmethod
    def emit(do: Any) -> None:
        do.raise_("NEXT")

    def by_method(self, _context: Any, _event: Any, do: Any) -> None:
        do.raise_("NEXT")

    def through_self(self, context: Any, event: Any, do: Any) -> None:
        self.by_method(context, event, do)


class Adapter:
    """Runs what it was given, as an interpreter of another dialect does."""

    def __init__(self) -> None:
        self._block = raises

    def run(self, do: Any) -> None:
        self._block(None, None, do)

    @property
    def action(self) -> Callable[..., Any]:
        return lambda _context, _event, do: self.run(do)


class Quiet:
    def __call__(self, *_: Any) -> None:
        self.note()

    def note(self, *_: Any) -> None:
        """Do nothing."""


def notes(context: Any, *_: Any) -> None:
    context["seen"] = True


def logs(_context: Any, _event: Any, do: Any) -> None:
    do.log("seen")


def calls_itself(*arguments: Any) -> None:
    calls_itself(*arguments)


def far(*arguments: Any) -> None:
    """What raises is more calls away than are followed."""
    _one(*arguments)


def _one(*arguments: Any) -> None:
    _two(*arguments)


def _two(*arguments: Any) -> None:
    _three(*arguments)


def _three(*arguments: Any) -> None:
    raises(*arguments)
