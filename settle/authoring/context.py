"""The base class for contexts."""

from pydantic import BaseModel, ConfigDict


class Context(BaseModel):
    """What an instance remembers besides its state. Subclass it and declare the fields.

    Assignments are checked when they are made, so that the action which puts in something wrong is the one that fails,
    and a misspelt field is an error instead of a new field.
    """

    model_config = ConfigDict(validate_assignment=True, extra="forbid")
