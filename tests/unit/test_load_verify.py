"""What the load takes for a fault: everything but each event once, in order, and at rest."""

from pathlib import Path
from typing import Any

import pytest

from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_queue import SqliteDeadLetterQueue
from tests.load.traffic import Instance
from tests.load.verify import count_dead_letters, find_faults, find_receipt_faults
from tests.support.system import ManualClock

SOUND: dict[str, Any] = {
    "context": {"count": 3, "misplaced": 0},
    "version": 4,
    "settled": True,
    "held": 0,
    "blocked": None,
}


def instance(**more: Any) -> Instance:
    return Instance(name="i", sent=3, **more)


def test_three_events_counted_in_order_are_sound() -> None:
    assert find_faults(instance(), SOUND) == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"context": {"count": 2, "misplaced": 0}, "version": 3}, "counted 2 events; 3 were accepted"),
        ({"context": {"count": 4, "misplaced": 0}, "version": 5}, "counted 4 events; 3 were accepted"),
        ({"context": {"count": 3, "misplaced": 2}}, "2 events of i came out of turn"),
        ({"version": 5}, "has version 5 after 3 events"),
        ({"settled": False}, "does not rest"),
        ({"held": 1}, "does not rest"),
        ({"blocked": {"code": "error"}}, "does not rest"),
    ],
)
def test_what_is_not_is_told(wrong: dict[str, Any], sentence: str) -> None:
    (fault,) = find_faults(instance(), {**SOUND, **wrong})
    assert sentence in fault


def test_an_instance_that_is_not_there_is_told() -> None:
    assert "counted 0 events; 3 were accepted" in find_faults(instance(), {"status": 404})[0]


def test_an_event_of_which_nobody_knows_may_have_been_applied_or_not() -> None:
    applied = {**SOUND, "context": {"count": 4, "misplaced": 0}, "version": 5}
    assert find_faults(instance(doubtful=1), SOUND) == find_faults(instance(doubtful=1), applied) == []


def test_the_last_receipt_has_the_last_version() -> None:
    assert find_receipt_faults(instance(), {"outcome": "applied", "version": 4}) == []
    assert find_receipt_faults(instance(), {"outcome": "applied", "version": 3}) != []
    assert find_receipt_faults(instance(), {"outcome": "ignored", "version": 4}) != []
    assert find_receipt_faults(instance(), {"code": "receipt_gone"}) != []


def test_dead_letters_are_counted(tmp_path: Path) -> None:
    assert count_dead_letters(tmp_path) is None
    database = SqliteDatabase(str(tmp_path / "settle.db"))
    queue = SqliteDeadLetterQueue(database, ManualClock(), sender="consumer")
    assert count_dead_letters(tmp_path) == 0
    queue.bury(group="g", deduplication_id="d", body="{}", reason="unreadable")
    assert count_dead_letters(tmp_path) == 1
    database.close()
