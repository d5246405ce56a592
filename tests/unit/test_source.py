"""What a chart was made from: which arguments are the same, and which are not."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum
from typing import Any

import pytest

from settle import Context, Statechart
from settle.authoring.source import STATECHART, XSTATE, Source, UnstableArgumentError


class Light(Enum):
    RED = 1
    GREEN = 2


class Other(Enum):
    RED = 1
    GREEN = 3


class Word(StrEnum):
    A = "a"


class Frozen(Mapping[str, int]):
    def __getitem__(self, key: str) -> int:
        return {"a": 1}[key]

    def __iter__(self) -> Iterator[str]:
        return iter(["a"])

    def __len__(self) -> int:
        return 1


class Memory(Context):
    pass


def first(_: Any) -> None: ...


def second(_: Any) -> None: ...


def chart(name: str = "inner", action: Callable[..., Any] = first) -> Statechart:
    return Statechart(id=name, states=[{"name": "a", "tags": ["settled"], "on_enter": action}])


def source(value: object, **options: object) -> Source:
    return Source(STATECHART, {"states": value}, options, None)


DIFFERENT: tuple[Any, ...] = (
    *(None, True, 1, 1.0, "1", "true", "", [], {}, [1], ["1"], [[1]], {"1": 1}, {1: 1}, {"a": 1, "b": 2}),
    *({"b": 2, "a": 1}, {"a"}, {"a", "b"}, timedelta(days=1), timedelta(seconds=1), timedelta(microseconds=1)),
    *(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC), Light, Other, Light.RED, Light.GREEN),
    *(Other.RED, Word.A, "a", first, second, Memory, [first, second], [second, first], ["dict"], ["outside", "first"]),
)


def test_different_arguments_have_different_digests() -> None:
    digests = [source(value).digest for value in DIFFERENT]
    digests += [source(chart(*given)).digest for given in (("inner", first), ("other", first), ("inner", second))]
    digests += [source(None, id="a").digest, Source(XSTATE, {"states": None}, {}, None).digest]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, "a"], (1, "a")),
        ({"a", "b", "c"}, frozenset({"c", "b", "a"})),
        (Frozen(), {"a": 1}),
        ([{"a": [first]}], [{"a": (first,)}]),
    ],
)
def test_what_is_read_alike_has_one_digest(one: object, other: object) -> None:
    assert source(one).digest == source(other).digest


def test_a_chart_that_is_made_again_has_the_same_digest() -> None:
    assert chart().source.digest == chart().source.digest


def test_functions_and_classes_stand_in_the_order_in_which_they_are_met() -> None:
    found = source({"a": [first, {"b": second}], "c": chart(action=first)}, context=Memory)
    assert list(found.outsiders) == [first, second, first, Memory]


def test_only_the_charts_right_inside_are_asked_for_names() -> None:
    inner = Statechart(id="inner", implementation={"x": first}, states=[{"name": "a", "tags": ["settled"]}])
    middle = Statechart(id="middle", implementation={"y": first}, states=[{"name": "b", "children": inner}])
    outer = Source(STATECHART, {"states": [{"name": "c", "children": [middle]}]}, {}, None)
    assert outer.implementations == (None, *middle.implementations)
    assert len(middle.implementations) == 2


@pytest.mark.parametrize("value", [object(), b"bytes", [{"a": object()}]])
def test_what_is_neither_data_nor_a_function_has_no_digest(value: object) -> None:
    with pytest.raises(UnstableArgumentError, match="neither data nor a function"):
        _ = source(value).digest
