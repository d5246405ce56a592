"""A machine made to be asked hostile things: models that refuse, break and recurse, and actions that raise."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from settle.core.definition import Definition
from tests.support.charts import action, final, machine, on, settled


class Address(BaseModel):
    model_config = ConfigDict(extra="forbid")

    street: str
    floor: int = 0


class ByMail(BaseModel):
    by: Literal["mail"]
    address: Address


class ByHand(BaseModel):
    by: Literal["hand"]


class Send(BaseModel):
    """Nested, with a choice in it: one bad item leaves several complaints."""

    parcels: list[ByMail | ByHand] = Field(min_length=1)
    note: Any = None


class Odd(BaseModel):
    """Its own validator raises what no validator should."""

    value: str

    @field_validator("value")
    @classmethod
    def look_up(cls, value: str) -> str:
        return {"known": "one"}[value]


class Desk(BaseModel):
    name: str = ""
    limits: dict[str, int] = Field(default_factory=dict)


def _raise(_context: dict[str, Any], _event: object, _do: object) -> None:
    raise KeyError("a mistake of the machine's author")


def make_desk() -> Definition:
    """Return the machine. `FAIL` blocks an instance, `CLOSE` ends it."""
    return machine(
        "desk",
        settled(
            "open",
            on("SEND", "open"),
            on("ODD", "open"),
            on("note.*", "open"),
            on("FAIL", "open", actions=(action("fail", _raise),)),
            on("CLOSE", "shut"),
        ),
        final("shut"),
        context=Desk,
        events={"SEND": Send, "ODD": Odd},
    )
