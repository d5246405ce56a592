"""The ingress: Lambda gives it the requests of the HTTP API."""

import os
from functools import cache
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.ingress.routes import Api
from functions.ingress.settings import IngressSettings
from functions.wiring import SystemClock, make_queue, make_registry, make_store, new_id
from settle.runtime.read_instance import Ports

LOGGER: Final = "settle"
"""Name of the logger that the routes write to; Powertools gives it its format."""


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request."""
    return _api().resolve(event, context)


@cache
def _api() -> Api:
    """Wire everything on the first request, not at import."""
    Logger(service=LOGGER)
    settings = IngressSettings.from_env(os.environ)
    return Api(
        Ports(
            registry=make_registry(settings),
            store=make_store(settings),
            queue=make_queue(settings),
            clock=SystemClock(),
            new_id=new_id,
        )
    )
