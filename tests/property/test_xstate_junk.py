"""Whatever stands in a file, the answer is a chart or findings."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from settle import DefinitionError, Statechart

MACHINE: dict[str, Any] = {
    "id": "m",
    "initial": "a",
    "context": {"n": 0},
    "states": {
        "a": {
            "entry": ["note", {"type": "note", "params": {"n": 1}}],
            "on": {"GO": {"target": "#m.p.q", "guard": {"type": "not", "guard": "yes"}}, "X.*": ["b"], "Y": {}},
            "invoke": {"id": "load", "src": "serve", "input": {"x": 1}, "onDone": "b", "onError": "f"},
            "after": {"1000": "b", "soon": {"target": "b", "reenter": True}},
        },
        "b": {
            "initial": "c",
            "onDone": "f",
            "states": {"c": {"type": "final"}, "h": {"history": "deep", "target": "c"}},
        },
        "p": {
            "type": "parallel",
            "states": {"q": {"tags": ["x"]}, "r": {"always": {"target": "#m.b.h", "guard": {"type": "stateIn"}}}},
        },
        "f": {"type": "final", "output": {"ok": True}, "exit": {"type": "xstate.raise", "event": {"type": "X"}}},
    },
}
WORDS = [
    "states",
    "initial",
    "type",
    "history",
    "target",
    "on",
    "always",
    "after",
    "onDone",
    "invoke",
    "output",
    "guard",
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["a", "#m", ".", "*", "", "{{x}}"])
JUNK = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*WORDS, "a", "1000"]), inner, max_size=3)
    ),
    max_leaves=6,
)


class Anything:
    """An implementation that has every name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def function(*_: object, **_more: object) -> None: ...

        function.__name__ = name
        self.__dict__[name] = function
        return function


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to everything inside a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*place, key)
        yield from places(inner, (*place, key))


@settings(max_examples=300)
@given(data=st.data())
def test_whatever_stands_in_a_file_the_answer_is_a_chart_or_findings(data: st.DataObject) -> None:
    config = json.loads(json.dumps(MACHINE))
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(list(places(config))))
        holder = config
        for key in way:
            holder = holder[key]
        holder[last] = data.draw(JUNK)
    try:
        found = Statechart.from_xstate(config, implementation=Anything()).definition.warnings
    except DefinitionError as error:
        found = error.findings
        assert found, "an error says what is wrong"
    assert all(finding.code and finding.message for finding in found)
