"""Mutants of what is stored, under which condition, and of the ledger."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

from settle.adapters.sqlite_store import SqliteInstanceStore
from settle.runtime import apply_control, finished, process_group, relay_outbox
from settle.runtime.errors import UnavailableError
from settle.runtime.instance import FinishEvent, Instance
from settle.runtime.item_codec import encode_held
from settle.runtime.ledger import LedgerEntry
from settle.runtime.ports import ABSENT, Expected
from settle.runtime.process_group import _GroupTurn
from settle.runtime.turn import Turn
from tests.simulation import functions
from tests.simulation.mutants import EVENTS, LONG_WORK, Patch, mutant


@mutant(EVENTS, 7, "atomic", "once", "held")
def a_commit_has_no_condition(patch: Patch) -> None:
    original = SqliteInstanceStore.commit

    def commit(self: SqliteInstanceStore, instance: Instance, _expected: Expected, **changes: Any) -> None:
        found = self.load(instance.key)
        now = ABSENT if found is None else Expected(incarnation=found.incarnation, revision=found.revision)
        original(self, instance, now, **changes)

    patch.setattr(SqliteInstanceStore, "commit", commit)


@mutant(LONG_WORK, 12, "atomic")
def a_deletion_and_a_creation_reach_the_same_revision(patch: Patch) -> None:
    original = SqliteInstanceStore.commit

    def commit(self: SqliteInstanceStore, instance: Instance, expected: Expected, **changes: Any) -> None:
        found = self.load(instance.key)
        if found is not None and found.revision == expected.revision:
            expected = Expected(incarnation=found.incarnation, revision=found.revision)
        if found is not None and found.deleted and not instance.deleted:
            instance = replace(instance, revision=1)
        original(self, instance, expected, **changes)

    patch.setattr(SqliteInstanceStore, "commit", commit)


@mutant(EVENTS, 2, "held")
def a_held_item_is_put_before_the_instance(patch: Patch) -> None:
    original = SqliteInstanceStore.commit

    def commit(
        self: SqliteInstanceStore, instance: Instance, expected: Expected, *, hold: Any = (), release: Any = ()
    ) -> None:
        for event in hold:
            values = (str(instance.key), event.number, encode_held(event))
            with self._database.transaction() as connection:
                connection.execute("REPLACE INTO held_event VALUES (?, ?, ?)", values)
        original(self, instance, expected, release=release)

    patch.setattr(SqliteInstanceStore, "commit", commit)


@mutant(LONG_WORK, 428, "purge", "messages of two lives")
def the_end_of_a_life_purges_the_whole_ledger(patch: Patch) -> None:
    def purge(self: SqliteInstanceStore, key: Any, **_: Any) -> None:
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM ledger_entry WHERE key = ?", (str(key),))

    patch.setattr(SqliteInstanceStore, "purge", purge)


@mutant(LONG_WORK, 520, "purge")
def a_late_purge_takes_from_the_successor(patch: Patch) -> None:
    original = SqliteInstanceStore.purge

    def purge(self: SqliteInstanceStore, key: Any, *, until: float, version: int) -> None:
        found = self.load(key)
        original(self, key, until=until, version=max(version, found.version + 1 if found else 0))

    patch.setattr(SqliteInstanceStore, "purge", purge)


@mutant(LONG_WORK, 520, "purge", "once")
def a_late_end_of_an_event_replaces_that_of_the_successor(patch: Patch) -> None:
    def finish(self: SqliteInstanceStore, key: Any, entry: LedgerEntry) -> None:
        with self._database.transaction() as connection:
            self._put_entry(connection, key, entry)

    patch.setattr(SqliteInstanceStore, "finish", finish)


@mutant(EVENTS, 10, "once")
def nobody_asks_the_ledger(patch: Patch) -> None:
    for module in (process_group, apply_control):
        patch.setattr(module, "find_finished", lambda *_: {})


@mutant(EVENTS, 45, "ledger", "once")
def the_ledger_is_written_after_the_acknowledgement(patch: Patch) -> None:
    perform, acknowledge = relay_outbox._perform, functions.acknowledge
    late: dict[int, list[tuple[Any, Any, FinishEvent]]] = {}

    def put_off(turn: Turn, entry: Any, store: Any, *rest: Any) -> None:
        if isinstance(entry, FinishEvent):
            late.setdefault(id(store.process), []).append((store, turn.key, entry))
        else:
            perform(turn, entry, store, *rest)

    def finish(world: Any, *args: Any) -> None:
        acknowledge(world, *args)
        with suppress(UnavailableError):
            for store, key, entry in late.pop(id(world.scheduler.process), []):
                store.finish(key, entry.entry)

    patch.setattr(relay_outbox, "_perform", put_off)
    patch.setattr(functions, "acknowledge", finish)


@mutant(EVENTS, 1830, "once", "atomic")
def the_ledger_is_asked_before_the_instance_is_read(patch: Patch) -> None:
    original, find = _GroupTurn.__init__, finished.find_finished
    turns: dict[tuple[int, str], Turn] = {}

    def init(self: _GroupTurn, *args: Any, **more: Any) -> None:
        original(self, *args, **more)
        turns[id(self._in.store), str(self._turn.key)] = self._turn

    def find_first(store: Any, key: Any, *rest: Any) -> Any:
        found = find(store, key, *rest)
        turns[id(store), str(key)].reload()
        return found

    patch.setattr(_GroupTurn, "__init__", init)
    patch.setattr(process_group, "find_finished", find_first)
