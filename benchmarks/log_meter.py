"""Counts what functions print, as CloudWatch Logs would bill it.

The bytes of each line in UTF-8, and 26 for each event: https://aws.amazon.com/cloudwatch/pricing/ and
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

import io
import threading
from collections import Counter
from typing import Final

EVENT_OVERHEAD_BYTES: Final = 26


class LogMeter(io.TextIOBase):
    """Takes the place of standard output while a handler runs. Who prints is told by the name of the thread.

    Attributes:
        billed: bytes, by the first letters of the thread's name.
    """

    def __init__(self) -> None:
        self.billed: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reset(self) -> None:
        """Begin anew."""
        self.billed = Counter()

    def write(self, text: str) -> int:
        """Count the lines of a text."""
        lines = [line for line in text.splitlines() if line]
        name = threading.current_thread().name
        role = next((role for role in ("ingress", "worker") if name.startswith(role)), "consumer")
        with self._lock:
            self.billed[role] += sum(len(line.encode()) + EVENT_OVERHEAD_BYTES for line in lines)
        return len(text)
