"""Which actions are seen to raise or send events."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from settle.core.spec import Action, NodeKind, NodeSpec, TransitionSpec
from settle.core.validation.raising import may_raise
from tests.support import raising_actions as given
from tests.support.charts import node
from tests.support.findings import build


def machine_with(function: Callable[..., Any]) -> Any:
    return build(node("a", entry=(Action(name="t", fn=function),)))


@pytest.mark.parametrize(
    "function",
    [
        given.raises,
        given.sends,
        given.calls_one_that_raises,
        given.calls_one_of_another_module,
        given.calls_one_in_a_module,
        given.has_one_inside,
        given.holding(given.raises),
        given.Actor.static,
        given.Actor.of_class,
        given.Actor().by_method,
        given.Actor().through_self,
        given.Actor(),
        partial(given.raises),
        given.Adapter().action,
        given.holding(given.Adapter()),
        lambda _context, _event, do: do.raise_("X"),
    ],
)
def test_an_action_that_raises_or_sends_is_seen(function: Callable[..., Any]) -> None:
    assert may_raise(machine_with(function))


@pytest.mark.parametrize(
    "function",
    [
        given.notes,
        given.logs,
        given.calls_itself,
        given.holding(given.notes),
        given.holding(7),
        given.never_bound(),
        given.Quiet(),
        given.Quiet,
        given.Quiet().note,
        partial(given.notes, None),
        print,
        [].append,
        given.far,
    ],
)
def test_one_that_does_not_is_seen_too(function: Callable[..., Any]) -> None:
    assert not may_raise(machine_with(function))


act = Action(name="t", fn=given.raises)


@pytest.mark.parametrize(
    "acting",
    [
        node("a", exit=(act,)),
        node("a", node("b"), initial_actions=(act,)),
        node("a", node("b"), node("h", kind=NodeKind.DEEP_HISTORY, history_actions=(act,))),
        node("a", TransitionSpec(event="GO", before=(act,))),
        node("a", TransitionSpec(event="GO", actions=(act,))),
        node("a", TransitionSpec(event="GO", after=(act,))),
    ],
)
def test_every_place_of_an_action_is_looked_at(acting: NodeSpec) -> None:
    assert may_raise(build(acting))
