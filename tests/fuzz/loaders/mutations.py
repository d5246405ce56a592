"""Documents that are almost right: a valid one with something dropped, added, renamed, or of another kind.

What comes out is text, because some of it no JSON writer would write: a key twice, half of a surrogate pair, numbers of
thousands of digits, brackets in brackets without end. The same source of choices gives the same text.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, Final

NAMES: Final = (
    *("s", "v", "n", "c", "x", "w", "o", "r", "k", "u", "l", "j", "id", "type", "data", "kind", "machine", "instance"),
    *("events", "schema_version", "principal", "claims", "origin", "incarnation", "hops", "body_hash", "if_match"),
    *("redriven", "parent", "token", "states", "on", "target", "initial", "invoke", "src", "params", "guard", "entry"),
    *("__class__", "__proto__", "constructor", "", "\x00", "é", "\ud800", "a" * 300),
)
"""Keys to add, and to rename others to."""
_DEEP: Final = "@@deep-%d@@"
_RAW: Final = "@@raw-%s@@"
_PLACEHOLDER: Final = re.compile(r'"@@(deep|raw)-([^@"]+)@@"')
DEPTHS: Final = (50, 150, 195, 196, 197, 198, 199, 200, 201, 500, 990, 3000, 100_000)
NUMBERS: Final = (
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "-1e999",
        "1e308",
        "1e-400",
        "-0",
        "-0.0",
        "0.1",
        "1E5",
        "01",
        "+1",
        "1.",
    ),
    *(
        "9" * 19,
        "9" * 38,
        "9" * 309,
        "9" * 4300,
        "9" * 4301,
        "-" + "9" * 4300,
        "9" * 5000 + ".0",
        "0." + "0" * 5000 + "1",
    ),
)
SCALARS: Final = (
    *(None, True, False, 0, 1, -1, 2, 99, 2**31, 2**53, 2**63, -(2**63) - 1, 2**64, 10**30, 0.5, -0.0, 1e18, 1.7e9),
    *(
        "",
        "a",
        "0",
        "1",
        "\x00",
        "\n",
        "\ud800",
        "\udfff\ud800",
        "\U0001f600",
        "é" * 40,
        "a" * 70,
        "a" * 5000,
        "%s",
        "{0}",
    ),
    *("*", "a.*", "..", "#", "#_parent", "settle.create", "done.invoke.job", "error.execution", "settle.timer"),
    *("NOTE", "SERVE", "REACH", "FAIL", "BACK", "PARENT", "QUICK", "events", "create", "control", "timer", "result"),
    *(
        "witness",
        "other",
        "witness/1",
        "other/1",
        "a/b/c",
        "idle",
        "serving",
        "job#1",
        "kid#1",
        "active",
        "done",
        "stopped",
    ),
    *(
        "__class__",
        "__init__",
        "__globals__",
        "mro",
        "function () {",
        "=> {}",
        "{{x}}",
        "1h",
        "P1D",
        "-1h",
        "9" * 400 + "s",
    ),
)
_BITS: Final = (
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    "\\",
    "\\u",
    "\\ud800",
    "\x00",
    "\ufeff",
    "null",
    "1e999",
    " ",
    "/*",
    "\ud800",
)

Way = tuple[Any, ...]


def mutate(choices: Random, seeds: Sequence[str]) -> str:
    """Return a mutation of one of the documents; one in twenty is nothing that anybody ever wrote."""
    if choices.random() < 0.05:
        return "".join(choices.choice(_BITS) for _ in range(choices.randrange(40)))
    document = choices.choice(seeds)
    try:
        data = json.loads(document)
    except ValueError:
        return _scratch(choices, document)
    if choices.random() < 0.15:
        return _scratch(choices, document)
    return write(mutate_data(choices, data, [_parsed(choices.choice(seeds), data)]))


def mutate_data(choices: Random, data: Any, others: Sequence[Any] = ()) -> Any:
    """Return JSON data with one to four things changed in it; what `write` turns into other text is in it by name."""
    for _ in range(choices.choice((1, 1, 1, 2, 2, 3, 4))):
        data = choices.choice(_CHANGES)(choices, data, others)
    return data


def write(data: Any) -> str:
    """Return the text of mutated data."""

    def replace(found: re.Match[str]) -> str:
        kind, what = found.groups()
        return "[" * int(what) + "]" * int(what) if kind == "deep" else what

    text = _PLACEHOLDER.sub(replace, json.dumps(data))
    return text.replace('"@@twice@@', '"')


def junk(choices: Random, level: int = 0) -> Any:
    """Return a value of any kind."""
    chance = choices.random()
    if chance < 0.6 or level > 2:
        return choices.choice(SCALARS)
    if chance < 0.7:
        return _RAW % choices.choice(NUMBERS)
    if chance < 0.75:
        return _DEEP % choices.choice(DEPTHS)
    if chance < 0.87:
        return [junk(choices, level + 1) for _ in range(choices.randrange(4))]
    return {choices.choice(NAMES): junk(choices, level + 1) for _ in range(choices.randrange(4))}


def ways(data: Any, way: Way = ()) -> Iterator[Way]:
    """Yield the way to everything inside data."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, inner in items:
        yield (*way, key)
        yield from ways(inner, (*way, key))


def _parsed(document: str, otherwise: Any) -> Any:
    """Return the data of a document; something else where it is not JSON alone."""
    try:
        return json.loads(document)
    except ValueError:
        return otherwise


def _scratch(choices: Random, document: str) -> str:
    """Change text as text."""
    start, end = sorted(choices.randrange(len(document) + 1) for _ in range(2))
    how = choices.randrange(5)
    if how == 0:
        return document[:start]
    if how == 1:
        return document[:start] + document[end:]
    if how == 2:
        return document[:end] + document[start:]
    if how == 3:
        return document[:start] + choices.choice(_BITS) * choices.choice((1, 1, 2, 5000)) + document[start:]
    return (
        document[:start]
        + chr(choices.choice((0, 9, 34, 92, 123, 255, 0xD800, 0xFEFF, 0x1F600)))
        + document[start + 1 :]
    )


def _at(data: Any, way: Way) -> Any:
    for key in way:
        data = data[key]
    return data


def _put(data: Any, way: Way, value: Any) -> Any:
    """Return data with another value at a place; the data is changed on the way."""
    if not way:
        return value
    _at(data, way[:-1])[way[-1]] = value
    return data


def _pick(choices: Random, data: Any) -> Way:
    found = list(ways(data))
    return choices.choice(found) if found else ()


def _pick_object(choices: Random, data: Any) -> Way | None:
    found = [way for way in ((), *ways(data)) if isinstance(_at(data, way), dict)]
    return choices.choice(found) if found else None


def _drop(choices: Random, data: Any, _others: Sequence[Any]) -> Any:
    way = _pick(choices, data)
    if way:
        del _at(data, way[:-1])[way[-1]]
    return data


def _replace(choices: Random, data: Any, _others: Sequence[Any]) -> Any:
    return _put(data, _pick(choices, data), junk(choices))


def _add(choices: Random, data: Any, _others: Sequence[Any]) -> Any:
    way = _pick_object(choices, data)
    if way is not None:
        _at(data, way)[choices.choice(NAMES)] = junk(choices)
    return data


def _rename(choices: Random, data: Any, _others: Sequence[Any]) -> Any:
    way = _pick_object(choices, data)
    holder = None if way is None else _at(data, way)
    if holder:
        name = choices.choice(list(holder))
        holder[choices.choice(NAMES)] = holder.pop(name)
    return data


def _twice(choices: Random, data: Any, _others: Sequence[Any]) -> Any:
    """Have a key stand there twice."""
    way = _pick_object(choices, data)
    holder = None if way is None else _at(data, way)
    if holder:
        holder["@@twice@@" + choices.choice([key for key in holder if isinstance(key, str)])] = junk(choices)
    return data


def _transplant(choices: Random, data: Any, others: Sequence[Any]) -> Any:
    """Put a part of this document, or of another, somewhere else."""
    source = choices.choice([data, *others])
    value = json.loads(json.dumps(_at(source, _pick(choices, source))))
    return _put(data, _pick(choices, data), value)


def _wrap(choices: Random, data: Any, _others: Sequence[Any]) -> Any:
    way = _pick(choices, data)
    value = _at(data, way)
    return _put(data, way, choices.choice(([value], {choices.choice(NAMES): value}, [value] * 20, str(value))))


def _nudge(choices: Random, data: Any, _others: Sequence[Any]) -> Any:
    """Change a number or a text a little."""
    numbers = [way for way in ways(data) if isinstance(_at(data, way), (int, float, str))]
    if not numbers:
        return data
    way = choices.choice(numbers)
    value = _at(data, way)
    if isinstance(value, str):
        return _put(
            data, way, choices.choice((value + "x", value[:-1], value.upper(), value * 2, value + "\x00", value[::-1]))
        )
    return _put(
        data,
        way,
        choices.choice((value + 1, value - 1, -value, value * 10**20, value / 2 if abs(value) < 1e300 else 0)),
    )


_CHANGES: Final[tuple[Callable[[Random, Any, Sequence[Any]], Any], ...]] = (
    *(_drop, _replace, _replace, _replace, _add, _rename, _twice, _transplant, _transplant, _wrap, _nudge, _nudge),
)
