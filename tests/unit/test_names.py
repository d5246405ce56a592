"""The rules for names that come from outside."""

from collections.abc import Callable

import pytest

from settle.core.errors import Disposition
from settle.runtime.errors import InternalEventError, NameInvalidError
from settle.runtime.limits import MAX_GROUP_LENGTH
from settle.runtime.names import (
    MAX_INSTANCE_ID,
    MAX_MACHINE_NAME,
    check_event_type,
    check_idempotency_key,
    check_instance_id,
    check_machine_name,
)

Check = Callable[[str], str]


@pytest.mark.parametrize(
    ("check", "name"),
    [
        (check_machine_name, "count"),
        (check_machine_name, "order-2-go"),
        (check_machine_name, "a" * 31),
        (check_instance_id, "4711"),
        (check_instance_id, "Anna.B_c:d@example-1.com"),
        (check_instance_id, "i" * 96),
        (check_event_type, "COUNT"),
        (check_event_type, "payment.failed:v2-x_y"),
        (check_event_type, "done"),
        (check_event_type, "E" * 128),
        (check_idempotency_key, "k"),
        (check_idempotency_key, "a key ~ with {anything} printable!"),
        (check_idempotency_key, "k" * 255),
    ],
)
def test_good_names_come_back(check: Check, name: str) -> None:
    assert check(name) == name


@pytest.mark.parametrize(
    ("check", "name"),
    [
        *((check_machine_name, name) for name in ("", "Count", "a_b", "a/b", "a b", "ä", "count\n", "a" * 32)),
        *((check_instance_id, name) for name in ("", "a/b", "a b", "ä", "a\n", "a#b", "i" * 97)),
        *((check_event_type, name) for name in ("", "a b", "a@b", "*", "ä", "A\n", "E" * 129)),
        *((check_idempotency_key, name) for name in ("", "ä", "a\tb", "k\n", "k" * 256)),
    ],
)
def test_bad_names_are_the_mistake_of_the_caller(check: Check, name: str) -> None:
    with pytest.raises(NameInvalidError) as caught:
        check(name)
    assert caught.value.disposition is Disposition.CALLER


def test_the_error_says_the_rule_and_the_name() -> None:
    with pytest.raises(NameInvalidError) as caught:
        check_machine_name("Count_Me")
    assert str(caught.value) == "a machine's name has 1 to 31 characters of a-z, 0-9 and -; this is 'Count_Me'"
    with pytest.raises(NameInvalidError, match="printable ASCII characters; this is one of 1000 characters"):
        check_idempotency_key("k" * 1000)


@pytest.mark.parametrize("event_type", ["done.invoke.charge", "error.communication", "settle.start"])
def test_types_of_the_runtime_are_refused(event_type: str) -> None:
    with pytest.raises(InternalEventError, match="is for the runtime alone"):
        check_event_type(event_type)


def test_a_machine_and_an_instance_fit_a_message_group() -> None:
    assert MAX_MACHINE_NAME + len("/") + MAX_INSTANCE_ID == MAX_GROUP_LENGTH
