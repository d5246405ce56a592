"""The ingress: Lambda gives it the requests of the HTTP API."""

import os
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.garbage import come_back
from functions.ingress.routes import Api
from functions.ingress.settings import IngressSettings
from functions.logs import set_up_logs
from functions.wiring import find_pauses, make_clock, make_queue, make_registry, make_store, new_id
from settle.runtime.ingress_ports import IngressPorts


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request."""
    answer = _api().resolve(event, context)
    come_back()
    return answer


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
        ),
        _trace_parent_finder(settings),
    )


def _trace_parent_finder(settings: IngressSettings) -> Callable[[], str | None]:
    if not settings.tracing:
        return lambda: None
    from functions.tracing import find_parent  # noqa: PLC0415 - most stages do without

    return partial(find_parent, os.environ)
