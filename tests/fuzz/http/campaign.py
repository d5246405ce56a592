"""The long run, and how much of the ingress it reaches."""

import io
from typing import Final

from coverage import Coverage

from tests.fuzz.registry import Budget, Report

INGRESS: Final = "functions/ingress"


def run(budget: Budget) -> Report:
    """Try things until the time is over."""
    coverage = Coverage(branch=True, source=[INGRESS], data_file=None, config_file=False)
    coverage.start()
    try:
        # Not before: what a module does when it is imported counts too.
        from tests.fuzz.http.rounds import go_round  # noqa: PLC0415

        figures = go_round(budget)
    finally:
        coverage.stop()
    table = io.StringIO()
    coverage.report(file=table, show_missing=True, skip_covered=True)
    return Report(lines=(*figures.lines(), *table.getvalue().splitlines()), faults=tuple(figures.faults))
