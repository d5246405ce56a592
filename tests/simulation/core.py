"""One processor core for threads that take turns: on two, each hand-over takes nearly three times as long."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_core(number: int = 0) -> Iterator[None]:
    """Keep this thread, and those that it starts, on one of the cores that it may use."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(allowed)[number % len(allowed)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
