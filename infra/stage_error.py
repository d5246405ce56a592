"""Why there is no stage to deploy: the one error of whoever asked for it.

StageError
    UnknownStageError: there is no stage of that name.
    StageInvalidError: a value of the stage, or given on the command line, does not make sense.
"""


class StageError(ValueError):
    """The stage asked for cannot be deployed; the message says what to change."""


class UnknownStageError(StageError):
    """The stage asked for is not in the table."""


class StageInvalidError(StageError):
    """A value of a stage does not make sense, alone or with another."""
