"""Errors of the local system.

Exception
├── StartError             the system cannot start; the message tells the user what to do
├── BusyError              what is being worked on did not end in time
└── InvocationError        an invocation failed, as Lambda would report it
    ├── FunctionError      the handler raised, could not be imported, or answered what is not JSON
    ├── TimedOutError      it took longer than the function's timeout; its sandbox was killed
    ├── CrashedError       its sandbox ended by itself, or was killed by somebody else
    └── ThrottledError     every sandbox that the function may have is busy
"""


class StartError(Exception):
    """The system cannot start; the message is one line for the user."""


class BusyError(Exception):
    """What is being worked on did not end in time."""


class InvocationError(Exception):
    """An invocation failed."""


class FunctionError(InvocationError):
    """The handler raised, could not be imported, or answered what is not JSON."""


class TimedOutError(InvocationError):
    """The invocation took longer than the function's timeout, and its sandbox was killed."""


class CrashedError(InvocationError):
    """The sandbox ended in the middle of the invocation."""


class ThrottledError(InvocationError):
    """Every sandbox that the function may have is busy."""
