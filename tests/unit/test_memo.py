"""What a definition remembers: each thing is worked out once, and the tables stay bounded."""

from dataclasses import replace

import pytest

from settle.core import memo
from settle.core.event import Event
from settle.core.interpreter import start, step
from settle.core.memo import MEMO_LIMIT, Memo, Table, remember
from tests.support.charts import machine, node, on


def test_a_result_is_computed_once() -> None:
    asked: list[str] = []
    remembered = Memo()

    def compute() -> int:
        asked.append("x")
        return 1

    assert [remembered.get("t", "k", compute) for _ in range(3)] == [1, 1, 1]
    assert asked == ["x"]


def test_tables_and_keys_are_kept_apart() -> None:
    remembered = Memo()
    assert remembered.get("one", "k", lambda: 1) == 1
    assert remembered.get("two", "k", lambda: 2) == 2
    assert remembered.get("one", "l", lambda: 3) == 3


def test_nothing_is_remembered_of_what_fails() -> None:
    remembered = Memo()

    def fail() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        remembered.get("t", "k", fail)
    assert remembered.get("t", "k", lambda: 1) == 1


def test_a_full_table_is_emptied() -> None:
    table: Table = {number: number for number in range(MEMO_LIMIT)}
    assert remember(table, "new", 1) == 1
    assert table == {"new": 1}


def test_every_table_is_cleared() -> None:
    remembered = Memo()
    for table in (remembered.masks, remembered.leaves, remembered.candidates, remembered.plans):
        remember(table, "k", 1)
    remembered.get("t", "k", lambda: 1)
    remembered.clear()
    assert [remembered.masks, remembered.leaves, remembered.candidates, remembered.plans] == [{}, {}, {}, {}]
    assert remembered.get("t", "k", lambda: 2) == 2


def test_events_of_ever_new_names_do_not_make_a_definition_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memo, "MEMO_LIMIT", 10)
    definition = machine("m", node("a", on("GO.*", "b")), node("b", on("", "a")))
    snapshot = start(definition).snapshot
    for number in range(50):
        assert step(definition, snapshot, Event(type=f"GO.{number}")).taken
        assert len(definition.memo.candidates) <= 10
        assert len(definition.memo.plans) <= 10


def test_each_definition_remembers_for_itself() -> None:
    one = machine("m", node("a"), node("b"))
    other = replace(one)
    assert one.memo is one.memo
    assert one.memo is not other.memo
