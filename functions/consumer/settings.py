"""Settings of the consumer function."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from functions.settings import Backend, RuntimeSettings


def _split(names: object) -> object:
    return frozenset(filter(None, map(str.strip, names.split(",")))) if isinstance(names, str) else names


class ConsumerSettings(RuntimeSettings):
    """Settings of the consumer.

    Attributes:
        trusted_senders: role ids, or local names, of the functions whose internal messages are believed.
        function_timeout_seconds: after which Lambda ends an invocation.
        dead_letter_queue_url: of the queue for what cannot be read or attributed, on aws.
    """

    required: ClassVar[Mapping[Backend, tuple[str, ...]]] = {
        **RuntimeSettings.required,
        "aws": (*RuntimeSettings.required["aws"], "SETTLE_DEAD_LETTER_QUEUE_URL"),
    }

    trusted_senders: Annotated[frozenset[str], BeforeValidator(_split)] = Field(
        alias="SETTLE_TRUSTED_SENDERS", min_length=1
    )
    function_timeout_seconds: float = Field(alias="SETTLE_FUNCTION_TIMEOUT_SECONDS", gt=0)
    dead_letter_queue_url: str = Field(default="", alias="SETTLE_DEAD_LETTER_QUEUE_URL")
