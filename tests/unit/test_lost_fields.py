"""Fields that would not outlive the first event are found when the machine is built."""

import pytest
from pydantic import BaseModel, Field, SecretStr

from settle import Context, DefinitionError, Statechart
from settle.authoring.lost_fields import find_lost_fields


class Inner(BaseModel):
    token: SecretStr
    parent: "Inner | None" = None


class Lossy(Context):
    kept: dict[str, list[int]] = Field(default_factory=dict)
    hidden: int = Field(0, exclude=True)
    inner: list[Inner] = Field(default_factory=list)


def test_excluded_fields_and_secrets_are_lost_wherever_they_stand() -> None:
    assert list(find_lost_fields(Lossy)) == [
        ("hidden", "is declared with `exclude` and so is not stored"),
        ("inner.token", "is a SecretStr, of which only asterisks are stored"),
    ]


def test_a_machine_with_such_a_context_is_not_built() -> None:
    with pytest.raises(DefinitionError, match="lossy-context: the context's field 'hidden' is declared with `exclude`"):
        Statechart(id="m", context=Lossy, states=["a"])
