"""Choices, one byte each: drawn in one go, which is fast, and shrunk by hypothesis to few and small ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from settle.core.spec import ErrorPolicy, Selection

T = TypeVar("T")


class Choices:
    """Choices made by bytes; when they run out, the first option is taken."""

    def __init__(self, data: bytes) -> None:
        self._data = iter(data)

    def pick(self, options: Sequence[T]) -> T:
        return options[next(self._data, 0) % len(options)]

    def one_in(self, n: int) -> bool:
        return next(self._data, 0) % n == n - 1


@dataclass(frozen=True, kw_only=True)
class Style:
    """What a machine is rich in. One that had everything at once would do little before something fails.

    Attributes:
        selection: whose rules it has.
        errors: what an exception does.
        conditions: trees of guards, and guards that ask what is active.
        mute: nodes and transitions that do nothing.
        looks: actions that note all they can see, and functions that change what they should not.
        raising: functions that raise.
        sending: messages, waiting ones and such as are cancelled.
        delayed: delayed transitions.
        invoking: services and children.
        defaults: actions of initial and history nodes.
        models: events whose data has a model.
    """

    selection: Selection
    errors: ErrorPolicy
    conditions: bool
    mute: bool
    looks: bool
    raising: bool
    sending: bool
    delayed: bool
    invoking: bool
    defaults: bool
    models: bool


def make_style(choices: Choices) -> Style:
    return Style(
        selection=choices.pick(list(Selection)),
        errors=choices.pick(list(ErrorPolicy)),
        conditions=choices.one_in(2),
        mute=choices.one_in(3),
        looks=choices.one_in(2),
        raising=choices.one_in(3),
        sending=choices.one_in(2),
        delayed=choices.one_in(2),
        invoking=choices.one_in(2),
        defaults=choices.one_in(2),
        models=choices.one_in(3),
    )
