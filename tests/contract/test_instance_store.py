"""What every instance store promises, whatever it stands on."""

import math
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

from settle.adapters.dynamodb_store import DynamoDBInstanceStore
from settle.adapters.item_rules import MAX_HELD_CHANGES
from settle.adapters.sqlite_database import IN_MEMORY, SqliteDatabase
from settle.adapters.sqlite_store import SqliteInstanceStore
from settle.core import snapshot_codec
from settle.core.errors import ContextInvalidError, SnapshotTooNewError
from settle.core.snapshot import LiveTimer
from settle.runtime import instance_codec, item_codec
from settle.runtime.errors import ConflictError, CursorInvalidError, InstanceTooLargeError, InstanceTooNewError
from settle.runtime.instance import Blocked, HeldRange, Instance, InstanceKey, Lane
from settle.runtime.ledger import LEDGER_MARK, TASK_MARK
from settle.runtime.limits import MAX_ITEM_BYTES, MAX_MESSAGE_BYTES
from settle.runtime.ports import ABSENT, Expected, InstanceStore
from settle.runtime.receipt import Position
from tests.support.dynamodb import TABLE_NAME, moto_dynamodb
from tests.support.dynamodb_local import DynamoDBLocal
from tests.support.instances import KEY, NOW, make_entry, make_held, make_instance

OTHER_KEY = InstanceKey("count", "order-4712")
THREADS = 8
ROUNDS = 10


@pytest.fixture(
    params=["sqlite-memory", "sqlite-file", "dynamodb-moto", pytest.param("dynamodb-local", marks=pytest.mark.referee)]
)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[InstanceStore]:
    match request.param:
        case "dynamodb-moto":
            with moto_dynamodb() as client:
                yield DynamoDBInstanceStore(client, TABLE_NAME)
        case "dynamodb-local":
            server: DynamoDBLocal = request.getfixturevalue("dynamodb_local")
            with server.table() as client:
                yield DynamoDBInstanceStore(client, TABLE_NAME)
        case place:
            database = SqliteDatabase(IN_MEMORY if place == "sqlite-memory" else tmp_path / "settle.db")
            yield SqliteInstanceStore(database)
            database.close()


def at(instance: Instance) -> Expected:
    return Expected(incarnation=instance.incarnation, revision=instance.revision)


def following(instance: Instance, **fields: object) -> Instance:
    return replace(instance, revision=instance.revision + 1, **fields)  # type: ignore[arg-type]


def numbers(store: InstanceStore, first: int = 1, limit: int = 1000, key: InstanceKey = KEY) -> list[int]:
    return [event.number for event in store.load_held(key, first, limit)]


# ---- instances


def test_an_instance_that_was_never_created_is_none(store: InstanceStore) -> None:
    assert store.load(KEY) is None


def test_a_created_instance_is_read_back_equal(store: InstanceStore) -> None:
    created = make_instance(context={"note": "größer 日本 \ud800 \x00", "n": [1, 2.5, None, True]})
    store.commit(created, ABSENT)
    assert store.load(KEY) == created
    assert store.load(OTHER_KEY) is None


def test_creating_over_an_instance_conflicts_and_writes_nothing(store: InstanceStore) -> None:
    created = make_instance()
    store.commit(created, ABSENT)
    with pytest.raises(ConflictError):
        store.commit(make_instance(incarnation="another"), ABSENT)
    assert store.load(KEY) == created


def test_a_commit_replaces_the_expected_instance(store: InstanceStore) -> None:
    first = make_instance()
    store.commit(first, ABSENT)
    second = following(first, version=2, paused=True)
    store.commit(second, at(first))
    assert store.load(KEY) == second


def test_a_new_incarnation_may_replace_the_expected_instance(store: InstanceStore) -> None:
    first = make_instance()
    store.commit(first, ABSENT)
    second = following(first, incarnation="another")
    store.commit(second, at(first))
    assert store.load(KEY) == second


@pytest.mark.parametrize(
    "expected",
    [
        Expected(incarnation="01JAB3C4D5E6F7G8", revision=1),
        Expected(incarnation="01JAB3C4D5E6F7G8", revision=3),
        Expected(incarnation="another", revision=2),
        ABSENT,
    ],
    ids=["older revision", "later revision", "other incarnation", "absent"],
)
def test_a_commit_on_another_condition_conflicts_and_writes_nothing(store: InstanceStore, expected: Expected) -> None:
    first = make_instance()
    second = following(first)
    store.commit(first, ABSENT)
    store.commit(second, at(first), hold=[make_held(1)])

    with pytest.raises(ConflictError):
        store.commit(following(second), expected)
    with pytest.raises(ConflictError):
        store.commit(following(second), expected, hold=[make_held(2)], release=[1])

    assert store.load(KEY) == second
    assert store.load_held(KEY, 1, 10) == [make_held(1)]


def test_an_absent_instance_is_at_no_revision(store: InstanceStore) -> None:
    with pytest.raises(ConflictError):
        store.commit(make_instance(revision=2), at(make_instance()))
    assert store.load(KEY) is None


def test_a_repeated_commit_conflicts(store: InstanceStore) -> None:
    """As when the answer to the first one is lost: the caller reads again and finds its own write."""
    first = make_instance()
    second = following(first)
    store.commit(first, ABSENT)
    store.commit(second, at(first))
    with pytest.raises(ConflictError):
        store.commit(second, at(first))
    assert store.load(KEY) == second


# ---- many writers


def test_of_racing_creators_exactly_one_wins(store: InstanceStore) -> None:
    for number in range(ROUNDS):
        key = InstanceKey("count", f"raced-{number}")
        start = Barrier(THREADS)

        def create(creator: int, key: InstanceKey = key, start: Barrier = start) -> str:
            instance = make_instance(key=key, incarnation=f"of {creator}")
            start.wait()
            try:
                store.commit(instance, ABSENT)
            except ConflictError:
                return ""
            return instance.incarnation

        with ThreadPoolExecutor(THREADS) as pool:
            winners = [winner for winner in pool.map(create, range(THREADS)) if winner]

        stored = store.load(key)
        assert stored is not None
        assert winners == [stored.incarnation]


def test_compare_and_set_loses_no_increment(store: InstanceStore) -> None:
    store.commit(make_instance(context=0), ABSENT)
    start = Barrier(THREADS)

    def count(_: int) -> None:
        start.wait()
        for _ in range(ROUNDS):
            while not increment(store):
                pass

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(count, range(THREADS)))

    stored = store.load(KEY)
    assert stored is not None
    assert (stored.snapshot.context, stored.revision) == (THREADS * ROUNDS, THREADS * ROUNDS + 1)


def test_racing_transactions_leave_instances_and_held_events_in_step(store: InstanceStore) -> None:
    store.commit(make_instance(held=HeldRange(first=1, next=1, floor=Position(1))), ABSENT)
    start = Barrier(THREADS)

    def hold(_: int) -> None:
        start.wait()
        while not hold_one(store):
            pass

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(hold, range(THREADS)))

    stored = store.load(KEY)
    assert stored is not None
    assert stored.held is not None
    assert numbers(store) == list(range(1, stored.held.next)) == list(range(1, THREADS + 1))


def increment(store: InstanceStore) -> bool:
    found = store.load(KEY)
    assert found is not None
    counted = found.snapshot._replace(context=found.snapshot.context + 1)
    return try_commit(store, following(found, snapshot=counted), at(found))


def hold_one(store: InstanceStore) -> bool:
    found = store.load(KEY)
    assert found is not None
    assert found.held is not None
    held = replace(found.held, next=found.held.next + 1)
    try:
        store.commit(following(found, held=held), at(found), hold=[make_held(found.held.next)])
    except ConflictError:
        return False
    return True


def try_commit(store: InstanceStore, instance: Instance, expected: Expected) -> bool:
    try:
        store.commit(instance, expected)
    except ConflictError:
        return False
    return True


# ---- held events


def test_holding_is_one_commit_with_the_instance(store: InstanceStore) -> None:
    instance = make_instance(held=HeldRange(first=1, next=3, floor=Position(1)))
    store.commit(instance, ABSENT, hold=[make_held(1), make_held(2, body="\u00fc\n\"'")])
    assert store.load(KEY) == instance
    assert store.load_held(KEY, 1, 10) == [make_held(1), make_held(2, body="\u00fc\n\"'")]


def test_releasing_is_one_commit_with_the_instance(store: InstanceStore) -> None:
    first = make_instance()
    store.commit(first, ABSENT, hold=[make_held(1), make_held(2), make_held(3)])
    second = following(first)
    store.commit(second, at(first), release=[1, 2], hold=[make_held(4)])
    assert store.load(KEY) == second
    assert numbers(store) == [3, 4]


def test_releasing_what_is_not_held_changes_nothing(store: InstanceStore) -> None:
    first = make_instance()
    store.commit(first, ABSENT)
    store.commit(following(first), at(first), release=[1])
    assert numbers(store) == []


def test_a_taken_number_conflicts_and_writes_nothing(store: InstanceStore) -> None:
    first = make_instance()
    store.commit(first, ABSENT, hold=[make_held(1)])
    with pytest.raises(ConflictError):
        store.commit(following(first), at(first), hold=[make_held(2), make_held(1, body="another")])
    assert store.load(KEY) == first
    assert store.load_held(KEY, 1, 10) == [make_held(1)]


def test_a_number_that_is_released_may_be_taken_in_the_same_commit(store: InstanceStore) -> None:
    first = make_instance()
    store.commit(first, ABSENT, hold=[make_held(1), make_held(2)])
    store.commit(following(first), at(first), release=[1], hold=[make_held(1, body="another"), make_held(3)])
    assert store.load_held(KEY, 1, 10) == [make_held(1, body="another"), make_held(2), make_held(3)]


def test_held_events_come_in_the_order_of_their_numbers(store: InstanceStore) -> None:
    store.commit(make_instance(), ABSENT, hold=[make_held(number) for number in (100, 9, 11, 2, 10, 1000, 101)])
    assert numbers(store) == [2, 9, 10, 11, 100, 101, 1000]
    assert numbers(store, first=10) == [10, 11, 100, 101, 1000]
    assert numbers(store, limit=3) == [2, 9, 10]
    assert numbers(store, first=10, limit=1) == [10]
    assert numbers(store, first=1001) == []
    assert numbers(store, limit=0) == []


def test_held_events_of_instances_are_apart(store: InstanceStore) -> None:
    store.commit(make_instance(), ABSENT, hold=[make_held(1)])
    store.commit(make_instance(key=OTHER_KEY), ABSENT, hold=[make_held(1, body="another")])
    assert store.load_held(KEY, 1, 10) == [make_held(1)]
    assert store.load_held(OTHER_KEY, 1, 10) == [make_held(1, body="another")]


def test_the_largest_messages_can_be_held_and_are_read_over_several_pages(store: InstanceStore) -> None:
    held = [make_held(number, body='"' * MAX_MESSAGE_BYTES) for number in range(1, 7)]
    store.commit(make_instance(), ABSENT, hold=held)
    assert store.load_held(KEY, 1, 10) == held


def test_as_many_as_a_transaction_holds_can_be_held_at_once(store: InstanceStore) -> None:
    store.commit(make_instance(), ABSENT, hold=[make_held(number) for number in range(1, MAX_HELD_CHANGES + 1)])
    assert len(numbers(store)) == MAX_HELD_CHANGES


@pytest.mark.parametrize(
    ("hold", "release"),
    [
        (range(1, MAX_HELD_CHANGES + 2), []),
        ([1], range(2, MAX_HELD_CHANGES + 2)),
        ([1, 1], []),
        ([2, 2], [2]),
        ([], [1, 1]),
    ],
    ids=["too many held", "too many together", "held twice", "held twice and released", "released twice"],
)
def test_changes_that_no_transaction_takes_are_refused(
    store: InstanceStore, hold: list[int], release: list[int]
) -> None:
    with pytest.raises(ValueError, match="in one commit"):
        store.commit(make_instance(), ABSENT, hold=[make_held(number) for number in hold], release=release)
    assert store.load(KEY) is None


# ---- the ledger


def test_an_unknown_event_id_has_no_entry(store: InstanceStore) -> None:
    assert store.find_entries(KEY, [], NOW) == {}
    assert store.find_entries(KEY, ["a"], NOW) == {}
    assert store.find_entries(KEY, ["a", "b"], NOW) == {}


def test_an_accepted_event_id_is_found(store: InstanceStore) -> None:
    assert store.accept(KEY, make_entry("a"), NOW) is None
    assert store.find_entries(KEY, ["a"], NOW) == {"a": make_entry("a")}


def test_a_second_accept_returns_the_older_entry_and_writes_nothing(store: InstanceStore) -> None:
    older = make_entry("a")
    store.accept(KEY, older, NOW)
    assert store.accept(KEY, replace(older, body_hash="another", expires_at=NOW + 9e5), NOW + 5) == older
    assert store.find_entries(KEY, ["a"], NOW + 5) == {"a": older}


def test_finishing_replaces_the_accepted_entry_and_may_be_repeated(store: InstanceStore) -> None:
    finished = make_entry("a", finished=True)
    store.accept(KEY, make_entry("a"), NOW)
    for _ in range(2):
        store.finish(KEY, finished)
        assert store.find_entries(KEY, ["a"], NOW) == {"a": finished}
    assert store.accept(KEY, make_entry("a"), NOW) == finished


def test_an_event_may_be_finished_without_having_been_accepted(store: InstanceStore) -> None:
    store.finish(KEY, make_entry("a", finished=True))
    assert store.find_entries(KEY, ["a"], NOW) == {"a": make_entry("a", finished=True)}


def test_an_expired_entry_counts_as_absent(store: InstanceStore) -> None:
    store.accept(KEY, make_entry("a", expires_at=NOW), NOW - 10)
    store.finish(KEY, make_entry("b", expires_at=NOW, finished=True))
    assert set(store.find_entries(KEY, ["a", "b"], NOW - 0.001)) == {"a", "b"}
    assert store.find_entries(KEY, ["a", "b"], NOW) == {}
    assert store.find_entries(KEY, ["a"], NOW) == {}


def test_an_expired_entry_is_replaced(store: InstanceStore) -> None:
    store.finish(KEY, make_entry("a", expires_at=NOW, finished=True))
    assert store.accept(KEY, make_entry("a"), NOW - 0.001) == make_entry("a", expires_at=NOW, finished=True)
    assert store.accept(KEY, make_entry("a"), NOW) is None
    assert store.find_entries(KEY, ["a"], NOW) == {"a": make_entry("a")}


def test_an_expiry_is_kept_in_whole_seconds_and_never_early(store: InstanceStore) -> None:
    store.accept(KEY, make_entry("a", expires_at=NOW + 0.25), NOW)
    assert store.find_entries(KEY, ["a"], NOW + 0.75)["a"].expires_at == math.ceil(NOW + 0.25)
    assert store.find_entries(KEY, ["a"], NOW + 1) == {}


def test_entries_of_instances_are_apart(store: InstanceStore) -> None:
    store.accept(KEY, make_entry("a"), NOW)
    assert store.find_entries(OTHER_KEY, ["a"], NOW) == {}
    assert store.accept(OTHER_KEY, make_entry("a"), NOW) is None


def test_more_than_a_hundred_ids_are_looked_up_together_and_may_repeat(store: InstanceStore) -> None:
    ids = [f"id-{number}" for number in range(205)]
    for event_id in ids[::2]:
        store.accept(KEY, make_entry(event_id), NOW)
    assert list(store.find_entries(KEY, [*ids, *ids], NOW)) != []
    assert set(store.find_entries(KEY, [*ids, *ids], NOW)) == set(ids[::2])


def test_expired_entries_do_not_disturb_later_ones(store: InstanceStore) -> None:
    for number in range(50):
        store.accept(KEY, make_entry(f"old-{number}", expires_at=NOW + 1), NOW)
    for number in range(50):
        assert store.accept(KEY, make_entry(f"new-{number}"), NOW + 2) is None
        store.finish(KEY, make_entry(f"new-{number}", finished=True))
    assert len(store.find_entries(KEY, [f"new-{number}" for number in range(50)], NOW + 2)) == 50
    assert store.find_entries(KEY, [f"old-{number}" for number in range(50)], NOW + 2) == {}


# ---- what cannot be stored, or read


def test_an_instance_over_the_limit_of_an_item_is_refused_and_nothing_is_written(store: InstanceStore) -> None:
    first = make_instance()
    store.commit(first, ABSENT)
    for context in ["x" * MAX_ITEM_BYTES, "ü" * (MAX_ITEM_BYTES // 2)]:
        large = make_instance(revision=2, context=context)
        with pytest.raises(InstanceTooLargeError, match="at most 409600"):
            store.commit(large, at(first))
        with pytest.raises(InstanceTooLargeError):
            store.commit(large, at(first), hold=[make_held(1)])
    assert store.load(KEY) == first
    assert numbers(store) == []


def test_an_instance_near_the_limit_is_stored(store: InstanceStore) -> None:
    large = make_instance(context="x" * 400_000)
    store.commit(large, ABSENT)
    assert store.load(KEY) == large


def test_what_is_not_json_is_refused(store: InstanceStore) -> None:
    with pytest.raises(ContextInvalidError):
        store.commit(make_instance(context=math.nan), ABSENT)
    assert store.load(KEY) is None


def test_what_a_newer_release_stored_is_left_for_it(store: InstanceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make_instance(tokens={"later": "release"})
    with monkeypatch.context() as newer:
        newer.setattr(instance_codec, "INSTANCE_SCHEMA", 3)
        newer.setattr(item_codec, "ITEM_SCHEMA", 2)
        store.commit(first, ABSENT, hold=[make_held(1)])
        store.finish(KEY, make_entry("a", finished=True))
    with pytest.raises(InstanceTooNewError):
        store.load(KEY)
    with pytest.raises(InstanceTooNewError):
        store.load_held(KEY, 1, 10)
    with pytest.raises(InstanceTooNewError):
        store.find_entries(KEY, ["a"], NOW)
    with pytest.raises(InstanceTooNewError):
        store.accept(KEY, make_entry("a"), NOW)


def test_a_snapshot_of_a_newer_release_is_left_for_it(store: InstanceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        newer.setattr(snapshot_codec, "SNAPSHOT_SCHEMA", 3)
        timer = LiveTimer(id="t", entry=1, due=1.0, type="T")
        store.commit(make_instance(snapshot=make_instance().snapshot._replace(timers=(timer,))), ABSENT)
    with pytest.raises(SnapshotTooNewError):
        store.load(KEY)


# ---- deletion


def test_purging_removes_what_the_ledger_keeps_of_the_life_before(store: InstanceStore) -> None:
    store.commit(make_instance(), ABSENT, hold=[make_held(1)])
    for number in range(30):
        store.finish(KEY, make_entry(f"old-{number}", expires_at=NOW + 102, finished=True))
    store.accept(KEY, make_entry("accepted", expires_at=NOW + 100), NOW)
    store.accept(KEY, make_entry("later", expires_at=NOW + 101), NOW)
    store.finish(KEY, make_entry("successor's", expires_at=NOW + 100, finished=True, version=8))
    store.finish(KEY, replace(make_entry("message", finished=True), body_hash=LEDGER_MARK))
    store.accept(KEY, replace(make_entry("task", expires_at=NOW + 100), body_hash=TASK_MARK), NOW)
    store.finish(OTHER_KEY, make_entry("old-1", expires_at=NOW + 100, finished=True))
    for _ in range(2):
        store.purge(KEY, until=NOW + 100, version=8)
    kept = {"later", "successor's", "message", "task"}
    assert set(store.find_entries(KEY, [*(f"old-{number}" for number in range(30)), "accepted", *kept], NOW)) == kept
    assert set(store.find_entries(OTHER_KEY, ["old-1"], NOW)) == {"old-1"}
    assert store.load(KEY) is not None
    assert len(store.load_held(KEY, 1, 10)) == 1


def test_what_ended_in_an_earlier_life_is_not_said_of_a_later_one(store: InstanceStore) -> None:
    store.finish(KEY, make_entry("key", finished=True, version=3))
    store.finish(KEY, make_entry("key", finished=True, version=8))
    store.finish(KEY, make_entry("key", finished=True, version=3))
    found = store.find_entries(KEY, ["key"], NOW)["key"].receipt
    assert found is not None
    assert found.version == 8


def test_a_tombstone_is_stored_and_its_successor_takes_its_place(store: InstanceStore) -> None:
    tomb = make_instance(deleted_at=NOW)
    store.commit(tomb, ABSENT)
    assert store.load(KEY) == tomb
    successor = replace(tomb, incarnation="another", revision=tomb.revision + 1, deleted_at=0.0)
    store.commit(successor, Expected(incarnation=tomb.incarnation, revision=tomb.revision))
    assert store.load(KEY) == successor


# ---- blocked instances


def blocked_at(second: float) -> Blocked:
    return Blocked(event_id="e", type="PAY", code="user_code", message="", traceback="", at=second, lane=Lane.EXTERNAL)


def block(store: InstanceStore, name: str, second: float, machine: str = "count") -> Instance:
    """Store an instance that is blocked since then."""
    instance = replace(make_instance(), key=InstanceKey(machine, name), blocked=blocked_at(second))
    store.commit(instance, ABSENT)
    return instance


def blocked_names(store: InstanceStore, limit: int = 10, machine: str = "count") -> list[list[str]]:
    """Return the names on each page of the list."""
    pages, cursor = [], ""
    while True:
        page = store.find_blocked(machine, limit, cursor)
        pages.append([key.instance for key in page.keys])
        cursor = page.cursor
        if not cursor:
            return pages


def test_blocked_instances_are_listed_and_no_others(store: InstanceStore) -> None:
    store.commit(make_instance(), ABSENT)
    assert blocked_names(store) == [[]]
    block(store, "b", NOW + 2)
    block(store, "a", NOW + 3)
    block(store, "c", NOW + 1)
    block(store, "x", NOW, machine="other")
    assert blocked_names(store) == [["c", "b", "a"]]
    assert blocked_names(store, machine="other") == [["x"]]


def test_an_instance_leaves_the_list_when_it_is_mended(store: InstanceStore) -> None:
    instance = block(store, "a", NOW)
    store.commit(following(instance, blocked=None), at(instance))
    assert blocked_names(store) == [[]]


def test_an_instance_that_is_blocked_anew_is_listed_once(store: InstanceStore) -> None:
    first, _ = block(store, "a", NOW), block(store, "b", NOW + 1)
    store.commit(following(first, blocked=blocked_at(NOW + 2)), at(first))
    assert blocked_names(store) == [["b", "a"]]


def test_the_list_goes_on_page_by_page(store: InstanceStore) -> None:
    for number in range(5):
        block(store, f"i{number}", NOW + number // 2)  # two at the same moment
    pages = blocked_names(store, limit=2)
    assert sorted(name for page in pages for name in page) == ["i0", "i1", "i2", "i3", "i4"]
    assert [len(page) for page in pages][:2] == [2, 2]


def test_the_list_goes_on_between_fractions_of_a_second(store: InstanceStore) -> None:
    moments = [NOW + 0.123456, NOW + 0.1234567, NOW + 0.2, 1_790_000_000.999_999_9]
    for number, second in enumerate(moments):
        block(store, f"i{number}", second)
    assert [name for page in blocked_names(store, limit=1) for name in page] == ["i0", "i1", "i2", "i3"]


@pytest.mark.parametrize("cursor", ["x", "!", "bm9uc2Vuc2U", "WzEsMl0"])
def test_a_cursor_that_ended_no_page_is_refused(store: InstanceStore, cursor: str) -> None:
    with pytest.raises(CursorInvalidError, match="take it from the answer before"):
        store.find_blocked("count", 1, cursor)


@pytest.mark.parametrize("since", ["1e200", "1e-200", "9" * 39, "9" * 400, "-1"])
def test_a_cursor_with_a_number_that_is_no_moment_is_refused(store: InstanceStore, since: str) -> None:
    cursor = urlsafe_b64encode(f'[{since},"count/a"]'.encode()).decode()
    with pytest.raises(CursorInvalidError, match="take it from the answer before"):
        store.find_blocked("count", 1, cursor)


@pytest.mark.parametrize("name", ["", "\\ud800", "x" * 2048])
def test_a_cursor_with_a_name_that_no_instance_has_is_refused(store: InstanceStore, name: str) -> None:
    cursor = urlsafe_b64encode(f'[1,"count/{name}"]'.encode()).decode()
    with pytest.raises(CursorInvalidError, match="take it from the answer before"):
        store.find_blocked("count", 1, cursor)


def test_a_cursor_of_another_machine_is_refused(store: InstanceStore) -> None:
    block(store, "x", NOW, machine="other")
    block(store, "y", NOW, machine="other")
    cursor = store.find_blocked("other", 1).cursor
    with pytest.raises(CursorInvalidError, match="not of a list of count"):
        store.find_blocked("count", 1, cursor)
