"""Wakes whoever waits for a queue, without making him look all the time.

Looking every 3 ms costs some percent of a core and still adds 2 ms to every event; a named pipe costs nothing and adds
a fraction of a millisecond. A queue in a file is rung from any process; one in memory only from its own, and takes no
descriptors: a test may have hundreds of them.
"""

import math
import os
import select
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

LOOK_SECONDS: Final = 0.025
"""How long a wait lasts at most: a ring is lost when another listener hears it first."""
_DRAIN_BYTES: Final = 65_536


class Bell(Protocol):
    """Wakes who waits for it."""

    def ring(self) -> None:
        """End the current or next wait."""

    def wait(self, timeout: float) -> None:
        """Wait for a ring, but not longer than `timeout` seconds and `LOOK_SECONDS`."""


class OwnBell:
    """A bell within one process. A ring with nobody waiting ends the next wait at once."""

    def __init__(self) -> None:
        self._rung = threading.Event()

    def ring(self) -> None:
        """End the current or next wait."""
        self._rung.set()

    def wait(self, timeout: float) -> None:
        """Wait for a ring, but not longer than `timeout` seconds and `LOOK_SECONDS`."""
        if self._rung.wait(max(0.0, min(timeout, LOOK_SECONDS))):
            self._rung.clear()


class Doorbell:
    """A pipe that is rung by writing to it. A ring with nobody waiting ends the next wait at once.

    Where there are no named pipes (Windows, some network drives) every wait takes its time.

    Args:
        path: of the named pipe, made when absent.
    """

    def __init__(self, path: str) -> None:
        self._descriptors = _open(path)
        self._close = os.close  # at the interpreter's end the module may be gone before this object
        self._poll = None
        if self._descriptors:
            self._poll = select.poll()
            self._poll.register(self._descriptors[0], select.POLLIN)

    def __del__(self) -> None:
        for descriptor in set(self._descriptors):
            self._close(descriptor)

    def ring(self) -> None:
        """End the current or next wait."""
        if self._descriptors:
            # A pipe full of rings that nobody has heard needs no more of them.
            with suppress(BlockingIOError):
                os.write(self._descriptors[-1], b"\0")

    def wait(self, timeout: float) -> None:
        """Wait for a ring, but not longer than `timeout` seconds and `LOOK_SECONDS`."""
        timeout = max(0.0, min(timeout, LOOK_SECONDS))
        if self._poll is None:
            time.sleep(timeout)
        elif self._poll.poll(math.ceil(timeout * 1000)):
            # Another listener may have been faster.
            with suppress(BlockingIOError):
                os.read(self._descriptors[0], _DRAIN_BYTES)


def _open(path: str) -> tuple[int, ...]:
    if not hasattr(os, "mkfifo"):
        return ()
    try:
        if not Path(path).exists():
            with suppress(FileExistsError):
                os.mkfifo(path, mode=0o600)
        # Open for both: writing then needs no listener, and reading meets no end of file.
        return (os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC),)
    except OSError:
        return ()
