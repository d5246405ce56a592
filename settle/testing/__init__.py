"""Testing machines: in memory, on the real runtime, with a clock that tests move (docs/testing.md).

Nothing of it ships to Lambda.
"""

from settle.testing.client import Sighting
from settle.testing.crashes import CrashReport, check_crashes
from settle.testing.errors import (
    BlockedError,
    CoverageError,
    CrashDifferenceError,
    EndlessError,
    HistoryDifferenceError,
    NotStubbedError,
    RuleFailedError,
    TrialError,
)
from settle.testing.footprints import Coverage
from settle.testing.history import History
from settle.testing.paths import Path, Paths, paths_to_states, paths_to_transitions
from settle.testing.replaying import replay
from settle.testing.setting import coverage, given
from settle.testing.trial import Trial

__all__ = [
    "BlockedError",
    "Coverage",
    "CoverageError",
    "CrashDifferenceError",
    "CrashReport",
    "EndlessError",
    "History",
    "HistoryDifferenceError",
    "NotStubbedError",
    "Path",
    "Paths",
    "RuleFailedError",
    "Sighting",
    "Trial",
    "TrialError",
    "check_crashes",
    "coverage",
    "given",
    "paths_to_states",
    "paths_to_transitions",
    "replay",
]
