"""What a function tells the outside about a batch: one line of metrics, and the segments of traces."""

import os
from collections.abc import Sequence

from functions.metrics import emit_metrics
from functions.settings import RuntimeSettings
from settle.runtime.tally import Tally


def report(settings: RuntimeSettings, tallies: Sequence[Tally]) -> None:
    """Tell what a stage asks for; outside of one, nothing."""
    emit_metrics(settings.stage, tallies)
    if settings.tracing:
        from functions.tracing import send_traces  # noqa: PLC0415 - most stages do without

        send_traces(tallies, os.environ)
