"""What a test is told. All of them are assertions that failed, so a test runner reports them as such.

AssertionError
├── TrialError                 the test asks for what cannot be
│   ├── NotStubbedError        a service or a child was begun that the test says nothing about
│   ├── EndlessError           there is no end to what happens at once
│   ├── RuleFailedError        a permission rule raised
│   └── BlockedError           an event cannot be applied: a guard or an action raised, or a limit was met
├── CoverageError              no test took a transition, or reached a state
├── CrashDifferenceError       a run in which a function died ended differently
└── HistoryDifferenceError     a recorded history goes differently now
"""

from collections.abc import Sequence
from operator import methodcaller
from typing import Final

from settle.core.errors import SettleError
from settle.runtime.instance import Blocked

HIDDEN: Final = methodcaller("errisinstance", (AssertionError, SettleError))
"""What modules say to pytest as `__tracebackhide__`: show the line of the test, unless Settle itself is at fault."""
MOST_TOLD: Final = 10
"""Differences that a message tells; the first ones say most."""


class TrialError(AssertionError):
    """The test asks for what cannot be. The message names the mend."""


class NotStubbedError(TrialError):
    """A service or a child was begun that the test says nothing about. The message names the mend."""


class EndlessError(TrialError):
    """There is no end to what happens at once."""


class RuleFailedError(TrialError):
    """A permission rule raised, so it lets nobody in. What it raised is the cause."""


class BlockedError(TrialError):
    """An event cannot be applied, and blocks its instance until an operator retries or skips it.

    Attributes:
        code: of the error.
        blocked: what the instance keeps about it.
    """

    def __init__(self, group: str, blocked: Blocked, story: str, misfit: str = "") -> None:
        self.code, self.blocked = blocked.code, blocked
        # Where an answer does not fit, the traceback is Settle's own.
        end = f"The stub of {misfit}" if misfit else blocked.traceback
        super().__init__(f"{blocked.type!r} blocks {group}: {blocked.message}\n{story}\n{end}")


class CoverageError(AssertionError):
    """Tests left something out.

    Attributes:
        missed: one sentence each.
    """

    def __init__(self, machine: str, missed: Sequence[str]) -> None:
        self.missed = tuple(missed)
        lines = "\n".join(f"  - {each}" for each in missed)
        super().__init__(f"no test of {machine} took or reached:\n{lines}")


class CrashDifferenceError(AssertionError):
    """Runs in which a function died ended differently.

    Attributes:
        differences: one sentence each, with the call at which it arises.
    """

    def __init__(self, machine: str, differences: Sequence[str], runs: int) -> None:
        self.differences = tuple(differences)
        lines = "\n".join(f"  - {each}" for each in differences[:MOST_TOLD])
        more = "\n  - ..." if len(differences) > MOST_TOLD else ""
        super().__init__(f"{machine} ends differently in {len(differences)} of {runs} runs:\n{lines}{more}")


class HistoryDifferenceError(AssertionError):
    """A recorded history goes differently now.

    Attributes:
        step: number of the first step that differs, from 1 on.
        differences: one sentence each.
    """

    def __init__(self, machine: str, step: int, doing: str, differences: Sequence[str]) -> None:
        self.step, self.differences = step, tuple(differences)
        lines = "\n".join(f"  - {each}" for each in differences)
        super().__init__(f"the history of {machine} differs first at step {step}, {doing}:\n{lines}")


class AbortedError(BaseException):
    """Carries an error out of a service that is called in a test: no retry policy may take it for a service's own."""

    def __init__(self, error: AssertionError) -> None:
        super().__init__(str(error))
        self.error = error
