"""What a process holds, counted: how much of it grows with the events that go through.

Nothing is timed. Traced bytes are those that Python allocated and has not freed, objects those that the garbage
collector knows; both are read after a collection, and are the same in every run but for a few kilobytes. Resident
memory depends on the allocator and is only told.
"""

import gc
import os
import sys
import threading
import tracemalloc
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NOISE_BYTES: Final = 64 * 1024
BYTES_PER_EVENT: Final = 1.0
"""What may be kept: less than anything takes that is kept for an event, and be it a place in a list, 8 bytes. The noise
levels off: 2 KB on CPython 3.11, up to 40 KB on 3.13."""
NOISE_OBJECTS: Final = 50
OBJECTS_PER_EVENT: Final = 0.01
SPENT_PER_THREAD: Final = 250
"""Weak references to what is gone: `sqlite3` drops those to its cursors after every 200, in each connection."""
FREE_TUPLES: Final = 2000
LONGEST_FREE_TUPLE: Final = 20
"""CPython keeps so many freed tuples of each length up to this for the next ones, and tracing takes them for allocated
(`Include/internal/pycore_freelist.h`). On 3.13 a collection does not give them back."""
SHOWN_LINES: Final = 8
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_KILOBYTE: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a process held at one moment.

    Attributes:
        events: that had gone through.
        traced: bytes that Python had allocated since tracing began.
        objects: known to the garbage collector, without spent references.
        spent: weak references to what is gone; neither their number nor their bytes are among the others.
        resident: bytes of memory.
        threads: running.
        descriptors: open files and sockets.
    """

    events: int
    traced: int
    objects: int
    spent: int
    resident: int
    threads: int
    descriptors: int


def read(events: int) -> Reading:
    """Read what this process holds. Tracing has to be on."""
    gc.collect()
    _fill_free_lists()
    traced = tracemalloc.get_traced_memory()[0]
    known = gc.get_objects()
    spent = [one for one in known if type(one) is weakref.ref and one() is None]
    return Reading(
        events=events,
        traced=traced - sum(map(sys.getsizeof, spent)),
        objects=len(known) + gc.get_freeze_count() - len(spent),
        spent=len(spent),
        resident=int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE,
        threads=threading.active_count(),
        descriptors=len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - a count, not paths
    )


def _fill_free_lists() -> None:
    """Have as many freed tuples in reserve as there can be, so that their number does not count as growth."""
    for length in range(1, LONGEST_FREE_TUPLE + 1):
        kept = [tuple([number] * length) for number in range(FREE_TUPLES)]
        del kept


def find_growth(first: Reading, last: Reading) -> list[str]:
    """Return what grew with the events; nothing when the process is flat."""
    events = last.events - first.events
    found = []
    for name, before, after, limit, noise in (
        ("bytes", first.traced, last.traced, BYTES_PER_EVENT, NOISE_BYTES),
        ("objects", first.objects, last.objects, OBJECTS_PER_EVENT, NOISE_OBJECTS),
    ):
        if (grown := after - before) > (allowed := noise + limit * events):
            found.append(
                f"{grown / events:.2f} {name} are kept for each event: {grown} for {events}, not {allowed:.0f} at most"
            )
    if last.spent > SPENT_PER_THREAD * last.threads:
        found.append(f"{last.spent} weak references are kept to what is gone")
    for name, before, after in (
        ("threads", first.threads, last.threads),
        ("descriptors", first.descriptors, last.descriptors),
    ):
        if after > before:
            found.append(f"{name} grew from {before} to {after}")
    return found


def describe(readings: Sequence[Reading]) -> list[str]:
    """Return a table of readings, and what an event added between the first and the last."""
    head = f"{'events':>10}{'traced KB':>12}{'objects':>10}{'spent':>8}{'resident KB':>13}{'threads':>9}{'files':>7}"
    rows = [
        f"{one.events:>10}{one.traced / _KILOBYTE:>12.1f}{one.objects:>10}{one.spent:>8}{one.resident // _KILOBYTE:>13}"
        f"{one.threads:>9}{one.descriptors:>7}"
        for one in readings
    ]
    first, last = readings[0], readings[-1]
    events = last.events - first.events
    traced, objects = (last.traced - first.traced) / events, (last.objects - first.objects) / events
    return [
        head,
        *rows,
        f"per event: {traced:.3f} bytes, {objects:.5f} objects",
    ]


def where(before: tracemalloc.Snapshot, after: tracemalloc.Snapshot) -> list[str]:
    """Return the lines of code whose memory grew most."""
    grown = [difference for difference in after.compare_to(before, "lineno") if difference.size_diff > 0]
    return [str(difference) for difference in grown[:SHOWN_LINES]]
