"""The ingress: Lambda gives it the requests of the HTTP API."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.ingress.routes import Api
from functions.ingress.settings import IngressSettings
from functions.logs import set_up_logs
from functions.wiring import find_pauses, make_clock, make_queue, make_registry, make_store, new_id
from settle.runtime.ingress_ports import IngressPorts


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request."""
    return _api().resolve(event, context)


@cache
def _api() -> Api:
    """Wire everything on the first request, not at import."""
    set_up_logs()
    settings = IngressSettings.from_env(os.environ)
    return Api(
        IngressPorts(
            registry=make_registry(settings),
            store=make_store(settings),
            queue=make_queue(settings),
            clock=make_clock(settings),
            pauses=find_pauses(settings),
            new_id=new_id,
        )
    )
