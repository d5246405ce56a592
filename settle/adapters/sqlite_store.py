"""Durable instances in a SQLite file: the same contract, errors and limits as in DynamoDB."""

from collections.abc import Mapping, Sequence
from sqlite3 import Connection
from typing import Final

from settle.adapters.blocked_index import Place, read_cursor, write_cursor
from settle.adapters.item_rules import check_changes, encode_checked, expiry_second, tombstone_expiry
from settle.adapters.sqlite_database import SqliteDatabase
from settle.runtime.errors import ConflictError
from settle.runtime.instance import HeldEvent, Instance, InstanceKey
from settle.runtime.instance_codec import decode_instance
from settle.runtime.item_codec import decode_held, decode_receipt, encode_held, encode_receipt
from settle.runtime.ledger import LEDGER_MARK, TASK_MARK, LedgerEntry
from settle.runtime.ports import BlockedPage, Expected

PURGED_ENTRIES: Final = 20
"""Expired ledger entries removed by a write to the ledger: more than it adds, so that they never pile up."""

_SCHEMA_VERSION: Final = 1
_SCHEMA: Final = (
    """
    CREATE TABLE IF NOT EXISTS instance (
        key TEXT PRIMARY KEY,
        incarnation TEXT NOT NULL,
        revision INTEGER NOT NULL,
        document TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS tombstone (
        key TEXT PRIMARY KEY,
        revision INTEGER NOT NULL,
        expires_at INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS held_event (
        key TEXT NOT NULL,
        number INTEGER NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY (key, number)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS ledger_entry (
        key TEXT NOT NULL,
        event_id TEXT NOT NULL,
        body_hash TEXT NOT NULL,
        expires_at INTEGER NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY (key, event_id)
    )
    """,
    "CREATE INDEX IF NOT EXISTS ledger_entry_by_expiry ON ledger_entry (expires_at)",
    """
    CREATE TABLE IF NOT EXISTS blocked_instance (
        key TEXT PRIMARY KEY,
        machine TEXT NOT NULL,
        since REAL NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS blocked_instance_by_machine ON blocked_instance (machine, since, key)",
)

_CREATE: Final = "INSERT INTO instance VALUES (:key, :incarnation, :revision, :document) ON CONFLICT (key) DO NOTHING"
_UPDATE: Final = """
    UPDATE instance SET incarnation = :incarnation, revision = :revision, document = :document
    WHERE key = :key AND incarnation = :expected_incarnation AND revision = :expected_revision
"""
_HOLD: Final = "INSERT INTO held_event VALUES (?, ?, ?) ON CONFLICT (key, number) DO NOTHING"
_LOAD_HELD: Final = "SELECT number, document FROM held_event WHERE key = ? AND number >= ? ORDER BY number LIMIT ?"
_FIND: Final = """
    SELECT event_id, body_hash, expires_at, document FROM ledger_entry WHERE key = ? AND event_id = ? AND expires_at > ?
"""
_BLOCK: Final = "REPLACE INTO blocked_instance VALUES (?, ?, ?)"
_UNBLOCK: Final = "DELETE FROM blocked_instance WHERE key = ?"
_FIND_BLOCKED: Final = """
    SELECT since, key FROM blocked_instance WHERE machine = ? AND (since, key) > (?, ?) ORDER BY since, key LIMIT ?
"""
_LIST: Final = """
    SELECT event_id, body_hash, expires_at, document FROM ledger_entry WHERE key = ? AND body_hash NOT IN (?, ?)
"""
_REMOVE: Final = "DELETE FROM ledger_entry WHERE key = ? AND event_id = ?"
_FORGET_INSTANCES: Final = """
    DELETE FROM instance WHERE (key, revision) IN (SELECT key, revision FROM tombstone WHERE expires_at <= ?)
"""
"""A successor has another revision than the tombstone."""
_FINISH: Final = "REPLACE INTO ledger_entry VALUES (?, ?, ?, ?, ?)"
_PURGE: Final = """
    DELETE FROM ledger_entry
    WHERE rowid IN (SELECT rowid FROM ledger_entry WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)
"""


class SqliteInstanceStore:
    """An `InstanceStore`. What a method returned from is on disk.

    Args:
        database: shared with the queue.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._latest_now = 0.0
        database.create_schema("store", _SCHEMA_VERSION, _SCHEMA)

    def load(self, key: InstanceKey) -> Instance | None:
        """Return the instance, or None when it was never created."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT incarnation, revision, document FROM instance WHERE key = ?", (str(key),)
            ).fetchone()
        return None if row is None else decode_instance(key, *row)

    def commit(
        self,
        instance: Instance,
        expected: Expected,
        *,
        hold: Sequence[HeldEvent] = (),
        release: Sequence[int] = (),
    ) -> None:
        """Store the instance under the condition, with held events to add or remove: one transaction."""
        key = str(instance.key)
        values = {
            "key": key,
            "incarnation": instance.incarnation,
            "revision": instance.revision,
            "document": encode_checked(instance),
            "expected_incarnation": expected.incarnation,
            "expected_revision": expected.revision,
        }
        check_changes(hold, release)
        with self._database.transaction() as connection:
            if connection.execute(_CREATE if expected.absent else _UPDATE, values).rowcount == 0:
                raise ConflictError(f"{key} is not at {expected}")
            if instance.deleted:
                self._bury(connection, instance)
            if instance.blocked is None:
                connection.execute(_UNBLOCK, (key,))
            else:
                connection.execute(_BLOCK, (key, instance.key.machine, instance.blocked.at))
            for number in release:
                connection.execute("DELETE FROM held_event WHERE key = ? AND number = ?", (key, number))
            for event in hold:
                if connection.execute(_HOLD, (key, event.number, encode_held(event))).rowcount == 0:
                    raise ConflictError(f"held number {event.number} of {key} is taken")

    def load_held(self, key: InstanceKey, first: int, limit: int) -> list[HeldEvent]:
        """Return up to `limit` held events with numbers from `first` on, in order."""
        with self._database.reading() as connection:
            rows = connection.execute(_LOAD_HELD, (str(key), first, max(limit, 0))).fetchall()
        return [decode_held(*row) for row in rows]

    def find_entries(self, key: InstanceKey, event_ids: Sequence[str], now: float) -> Mapping[str, LedgerEntry]:
        """Return the unexpired entries, accepted or finished, of these event ids."""
        self._see(now)
        found: dict[str, LedgerEntry] = {}
        with self._database.reading() as connection:
            for event_id in dict.fromkeys(event_ids):
                row = connection.execute(_FIND, (str(key), event_id, now)).fetchone()
                if row is not None:
                    found[event_id] = _decode_entry(*row)
        return found

    def accept(self, key: InstanceKey, entry: LedgerEntry, now: float) -> LedgerEntry | None:
        """Enter an event id as accepted unless an unexpired entry is there already; return that older one, or None."""
        self._see(now)
        with self._database.transaction() as connection:
            row = connection.execute(_FIND, (str(key), entry.event_id, now)).fetchone()
            if row is not None:
                return _decode_entry(*row)
            self._put_entry(connection, key, entry)
        return None

    def finish(self, key: InstanceKey, entry: LedgerEntry) -> None:
        """Enter an event id as finished, unless it was at a higher version."""
        with self._database.transaction() as connection:
            row = connection.execute(_FIND, (str(key), entry.event_id, 0)).fetchone()
            if row is not None and _version(_decode_entry(*row)) > _version(entry):
                return
            self._put_entry(connection, key, entry)

    def find_blocked(self, machine: str, limit: int, cursor: str = "") -> BlockedPage:
        """Return up to `limit` blocked instances of a machine, the longest blocked first."""
        after = read_cursor(cursor, machine) if cursor else Place(0.0, "")
        with self._database.reading() as connection:
            rows = connection.execute(_FIND_BLOCKED, (machine, after.since, after.group, limit)).fetchall()
        keys = tuple(InstanceKey.parse(group) for _, group in rows)
        return BlockedPage(keys=keys, cursor=write_cursor(Place(*rows[-1])) if len(rows) == limit else "")

    def purge(self, key: InstanceKey, *, until: float, version: int) -> None:
        """Delete what the ledger keeps of a life that has ended."""
        with self._database.transaction() as connection:
            for row in connection.execute(_LIST, (str(key), LEDGER_MARK, TASK_MARK)).fetchall():
                entry = _decode_entry(*row)
                is_of_then = entry.expires_at <= until if entry.receipt is None else entry.receipt.version < version
                if is_of_then:
                    connection.execute(_REMOVE, (str(key), entry.event_id))

    def _bury(self, connection: Connection, instance: Instance) -> None:
        """Note when a deleted instance may be forgotten, and forget those whose time is over."""
        self._see(instance.updated_at)
        values = (str(instance.key), instance.revision, tombstone_expiry(instance))
        connection.execute("REPLACE INTO tombstone VALUES (?, ?, ?)", values)
        self._forget(connection)

    def forget_buried(self, now: float) -> None:
        """Forget deleted instances whose time is over. Otherwise that waits for the next deletion."""
        self._see(now)
        with self._database.transaction() as connection:
            self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        connection.execute(_FORGET_INSTANCES, (self._latest_now,))
        connection.execute("DELETE FROM tombstone WHERE expires_at <= ?", (self._latest_now,))

    def _put_entry(self, connection: Connection, key: InstanceKey, entry: LedgerEntry) -> None:
        connection.execute(_PURGE, (self._latest_now, PURGED_ENTRIES))
        connection.execute(
            _FINISH,
            (str(key), entry.event_id, entry.body_hash, expiry_second(entry), encode_receipt(entry.receipt)),
        )

    def _see(self, now: float) -> None:
        """Remember the latest time heard of: `finish` is told none, and the purge needs one."""
        self._latest_now = max(self._latest_now, now)


def _version(entry: LedgerEntry) -> int:
    """Return the version at which an event was finished; -1 while it is only accepted."""
    return -1 if entry.receipt is None else entry.receipt.version


def _decode_entry(event_id: str, body_hash: str, expires_at: int, document: str) -> LedgerEntry:
    receipt = decode_receipt(event_id, document)
    return LedgerEntry(event_id=event_id, body_hash=body_hash, expires_at=float(expires_at), receipt=receipt)
