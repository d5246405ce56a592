"""The system under load: one that is started for it and ended after it, or one that runs on this machine already."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tests.e2e.local_system import LocalSystem

MACHINES: Final = Path(__file__).parents[2] / "benchmarks" / "machines"
_LOOPBACK: Final = {"127.0.0.1", "localhost"}


class TargetError(Exception):
    """There is no such system here; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A system that runs.

    Attributes:
        port: on loopback.
        data: its data directory; None when that is not ours to read.
    """

    port: int
    data: Path | None = None


@contextmanager
def open_target(url: str, backend: str) -> Iterator[Target]:
    """Start a system on a free port and a directory of its own, or take the one at a URL.

    Raises:
        TargetError: the URL is not one of this machine.
    """
    if url:
        yield Target(port=_port(url))
        return
    with (
        tempfile.TemporaryDirectory(prefix="settle-load-") as folder,
        LocalSystem(Path(folder) / "data", "--machines", str(MACHINES), "--backend", backend) as system,
    ):
        yield Target(port=system.port, data=system.data)


def _port(url: str) -> int:
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK or parts.port is None:
        raise TargetError(f"{url!r} is not http://127.0.0.1:PORT: load goes to systems on this machine only")
    return parts.port
