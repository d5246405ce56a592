"""What the local system itself answers, under `/dev/`: which processes run, and what time it is.

On AWS there are no such routes.
"""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, Final, Protocol

from pydantic_core import from_json

from settle.core.delay import parse_duration
from settle.core.short_text import SENTENCE, shorten
from settle.local import http_response
from settle.local.errors import BusyError
from settle.local.http_response import HttpResponse

PREFIX: Final = "/dev/"
METHODS: Final = {"/dev/processes": "GET", "/dev/clock": "GET, POST"}
"""By path, as the header `Allow` has them."""
EXAMPLE: Final = '{"advance": "24h"}'


class AdvanceableClock(Protocol):
    """The clock of the system; see `ClockControl`."""

    def tell(self) -> dict[str, Any]:
        """Say what time it is."""

    def advance(self, seconds: float) -> dict[str, Any]:
        """Advance it. Raises `ValueError`, `BusyError`."""


class DevRoutes:
    """Answers requests to paths under `/dev/`.

    Args:
        report: what `GET /dev/processes` answers.
        clock: of the system.
    """

    def __init__(self, report: Callable[[], object], clock: AdvanceableClock) -> None:
        self._report, self._clock = report, clock
        # Of its own: an advance waits for invocations, and these for sandboxes, which the loop's own threads make.
        self._advancing = ThreadPoolExecutor(1, thread_name_prefix="clock")

    async def answer(self, method: str, path: str, body: bytes) -> HttpResponse:
        """Answer one request."""
        match method, path:
            case "GET", "/dev/processes":
                return http_response.json_response(self._report())
            case "GET", "/dev/clock":
                return http_response.json_response(self._clock.tell())
            case "POST", "/dev/clock":
                return await self._advance(body)
        if path not in METHODS:
            return http_response.problem(HTTPStatus.NOT_FOUND, f"the local system has no {shorten(path)}")
        response = http_response.problem(HTTPStatus.METHOD_NOT_ALLOWED, f"{path} takes {METHODS[path]}, not {method}")
        response.headers.append(("allow", METHODS[path]))
        return response

    async def _advance(self, body: bytes) -> HttpResponse:
        try:
            content = from_json(body, allow_inf_nan=False)
        except ValueError as error:
            return http_response.problem(HTTPStatus.BAD_REQUEST, f"the body is no JSON ({error}); send {EXAMPLE}")
        try:
            advance = functools.partial(self._clock.advance, _seconds(content))
            told = await asyncio.get_running_loop().run_in_executor(self._advancing, advance)
        except (ValueError, OverflowError) as error:
            return http_response.problem(
                HTTPStatus.UNPROCESSABLE_ENTITY, f"{shorten(str(error), SENTENCE)}; send for example {EXAMPLE}"
            )
        except BusyError as error:
            response = http_response.problem(HTTPStatus.SERVICE_UNAVAILABLE, f"the clock stands as it was: {error}")
            response.headers.append(("retry-after", "1"))
            return response
        return http_response.json_response(told)


def _seconds(content: object) -> float:
    """Read how far to go. Raises `ValueError`, or `OverflowError` for a number that no float can be."""
    if not isinstance(content, dict) or set(content) != {"advance"}:
        raise ValueError("the body is an object with the one field `advance`")
    return parse_duration(content["advance"])
