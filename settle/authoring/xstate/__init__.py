"""The door for machines of XState 5 and of Stately, as JSON."""

from settle.authoring.xstate.reader import XStateMachine, read_xstate

__all__ = ["XStateMachine", "read_xstate"]
