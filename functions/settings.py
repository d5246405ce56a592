"""Settings that every function shares: which backend it stands on, and the names of its resources there."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

Backend = Literal["aws", "embedded"]


def _split(names: object) -> object:
    return frozenset(filter(None, map(str.strip, names.split(",")))) if isinstance(names, str) else names


TrustedSenders = Annotated[frozenset[str], BeforeValidator(_split)]
"""Role ids, or local names, separated by commas."""


class SettingsError(ValueError):
    """The environment of a function is incomplete or wrong; the message names every variable that is."""


class RuntimeSettings(BaseModel):
    """What the environment says. Build it with `from_env`.

    Attributes:
        backend: `aws` (DynamoDB and SQS) or `embedded` (one SQLite file).
        table_name: of the table, on aws.
        queue_url: of the event queue, on aws.
        queue_arn: of the event queue, on aws.
        database: path of the file, when embedded.
        sender: as which a function sends, when embedded; on aws that is its role.
        clock: path of the file that says how far the local clock is ahead; empty on aws.
        machines: directory of the machine files; empty for the one that ships beside the functions.
        stage: that metrics are told apart by; empty for no metrics.
        tracing: whether segments of traces are sent.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    required: ClassVar[Mapping[Backend, tuple[str, ...]]] = {
        "aws": ("SETTLE_TABLE_NAME", "SETTLE_QUEUE_URL", "SETTLE_QUEUE_ARN"),
        "embedded": ("SETTLE_DATABASE", "SETTLE_SENDER"),
    }
    """Variables without which a backend cannot work."""

    backend: Backend = Field(alias="SETTLE_BACKEND")
    table_name: str = Field(default="", alias="SETTLE_TABLE_NAME")
    queue_url: str = Field(default="", alias="SETTLE_QUEUE_URL")
    queue_arn: str = Field(default="", alias="SETTLE_QUEUE_ARN")
    database: str = Field(default="", alias="SETTLE_DATABASE")
    sender: str = Field(default="", alias="SETTLE_SENDER")
    clock: str = Field(default="", alias="SETTLE_CLOCK")
    machines: str = Field(default="", alias="SETTLE_MACHINES")
    stage: str = Field(default="", alias="SETTLE_STAGE")
    tracing: bool = Field(default=False, alias="SETTLE_TRACING")

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings from environment variables.

        Raises:
            SettingsError: variables are missing or do not make sense; all of them are named.
        """
        given = {name: value for name, value in environ.items() if name.startswith("SETTLE_") and value.strip()}
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            raise SettingsError(
                "; ".join(_complaint(detail["loc"], detail["msg"]) for detail in error.errors())
            ) from error
        missing = [name for name in cls.required[settings.backend] if name not in given]
        if missing:
            raise SettingsError(f"the {settings.backend} backend needs {', '.join(missing)} in the environment")
        return settings


def _complaint(location: tuple[int | str, ...], message: str) -> str:
    name = str(location[0]) if location else "the environment"
    return f"{name} is not set" if message == "Field required" else f"{name}: {message}"
