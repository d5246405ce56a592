"""What is written as JSON can be read again, or is refused."""

from typing import Any

import pytest

from settle.core.errors import ContextInvalidError
from settle.core.json_text import from_json, to_json


@pytest.mark.parametrize(
    "data",
    [
        {"n": 10**4000, "text": "größer 日本 \ud800"},
        {"text": "9" * 5000},
        {"text": "NaN and Infinity"},
        [1.5, -0.0, 1e300, True, None, {"": []}],
    ],
)
def test_what_is_written_comes_back(data: Any) -> None:
    assert from_json(to_json(data)) == data


@pytest.mark.parametrize("data", [{"n": 10**5000}, [float("nan")], [float("-inf")], object()])
def test_what_could_not_be_read_again_is_not_written(data: Any) -> None:
    with pytest.raises(ContextInvalidError):
        to_json(data)


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "{", "", "[" * 100_000])
def test_what_is_no_json_is_not_read(text: str) -> None:
    with pytest.raises((ValueError, RecursionError)):
        from_json(text)
