"""What no release can have stored is refused by errors of ours, that repeat nobody's data."""

from typing import Any

import pytest

from settle.core.definition import Invokes
from settle.core.errors import ContextInvalidError, EventInvalidError, FieldError, SnapshotInvalidError
from settle.core.stored_data import load_plain
from settle.core.stored_definition import _with_sets


def test_a_live_service_that_the_machine_does_not_have_is_refused() -> None:
    with pytest.raises(SnapshotInvalidError, match="no invoke 'charge'"):
        Invokes()["charge"]


def test_data_that_is_nested_too_deeply_is_not_given_to_user_code() -> None:
    data: Any = []
    for _ in range(200_000):
        data = [data]
    with pytest.raises(ContextInvalidError, match="cannot be given to user code"):
        load_plain(data)


def test_the_summary_of_wrong_data_names_types_and_no_paths() -> None:
    error = EventInvalidError("the event", [FieldError("data.secret", "must not be 42", "value_error")])
    assert error.summary == "the event is not valid: value_error"


@pytest.mark.parametrize("number", [-1, 10**9])
def test_a_node_with_a_number_that_none_can_have_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="a number that none can have"):
        _with_sets({"index": number, "within": 1, "ancestors": []})
