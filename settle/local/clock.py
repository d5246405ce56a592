"""Opens the clock of a local system."""

from pathlib import Path

from settle.adapters.shifted_clock import ShiftedClock
from settle.local.errors import StartError


def open_clock(path: Path, *, fresh: bool = False) -> ShiftedClock:
    """Open the clock in a file.

    Args:
        path: of the file.
        fresh: begin at the time of this machine, whatever the file says; for a system that keeps no times.

    Raises:
        StartError: the file cannot be used.
    """
    try:
        if fresh:
            path.unlink(missing_ok=True)
        return ShiftedClock(path)
    except OSError as error:
        raise StartError(f"the clock file {path} cannot be used: {error.strerror}") from error
    except ValueError as error:
        remedy = "to start anew, delete it together with the database beside it"
        raise StartError(f"the clock file {path} is damaged ({error}); {remedy}") from error
