"""What `make start` may be told: by variables, for `make start PORT=8001`, or by flags."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from settle.runtime.limits import WORKER_TIMEOUT_SECONDS

HOST: Final = "127.0.0.1"
"""Never another one: the local system has no authentication."""
BACKENDS: Final = ("embedded", "moto")
SIDE_CONCURRENCY: Final = 1
"""Sandboxes for a function's second queue, so that one queue never waits for the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionOptions:
    """Settings of one function.

    Attributes:
        name: of the function.
        handler: handler string.
        timeout: seconds.
        concurrency: most sandboxes.
    """

    name: str
    handler: str
    timeout: float
    concurrency: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Settings of the local system.

    Attributes:
        port: of the HTTP front; 0 takes any free one.
        data: directory for the database, logs and outboxes.
        backend: `embedded` (SQLite) or `moto`.
        machines: directory of machine files.
        verbose: the functions' output goes to the console.
        dev_identities: whether headers say who asks.
        ingress_handler: handler string.
        consumer_handler: handler string.
        worker_handler: handler string.
        ingress_timeout: seconds; API Gateway itself waits for 30.
        consumer_timeout: seconds.
        worker_timeout: seconds; more than a background service may take, which is a minute unless its machine says so.
        visibility_timeout: of the queues of the consumer, in seconds; AWS advises six times its timeout.
        ingress_concurrency: most sandboxes of the ingress.
        consumer_concurrency: most batches of events at once.
        worker_concurrency: most background services at once.
    """

    port: int
    data: Path
    backend: str
    machines: Path
    verbose: bool
    dev_identities: bool
    ingress_handler: str
    consumer_handler: str
    worker_handler: str
    ingress_timeout: float
    consumer_timeout: float
    worker_timeout: float
    visibility_timeout: int
    ingress_concurrency: int
    consumer_concurrency: int
    worker_concurrency: int

    @property
    def ingress(self) -> FunctionOptions:
        """The function that answers HTTP requests."""
        return FunctionOptions(
            name="ingress",
            handler=self.ingress_handler,
            timeout=self.ingress_timeout,
            concurrency=self.ingress_concurrency,
        )

    @property
    def consumer(self) -> FunctionOptions:
        """The function that applies events, and forwards timers in a sandbox more."""
        return FunctionOptions(
            name="consumer",
            handler=self.consumer_handler,
            timeout=self.consumer_timeout,
            concurrency=self.consumer_concurrency + SIDE_CONCURRENCY,
        )

    @property
    def worker(self) -> FunctionOptions:
        """The function that calls background services, and answers for lost ones in a sandbox more."""
        return FunctionOptions(
            name="worker",
            handler=self.worker_handler,
            timeout=self.worker_timeout,
            concurrency=self.worker_concurrency + SIDE_CONCURRENCY,
        )

    @property
    def functions(self) -> tuple[FunctionOptions, ...]:
        """All of them."""
        return self.ingress, self.consumer, self.worker


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Options:
    """Read flags, with variables as their defaults. Wrong ones end the process with status 2, as argparse does."""
    parser = argparse.ArgumentParser(prog="python -m settle.local", description="Run Settle on this machine.")
    add = parser.add_argument
    add("--port", type=int, default=environment.get("PORT") or "8000", help="HTTP port on 127.0.0.1 (PORT)")
    add("--data", type=Path, default=environment.get("DATA") or ".settle", help="where state and logs live (DATA)")
    add("--backend", choices=BACKENDS, default=environment.get("BACKEND") or "embedded", help="(BACKEND)")
    add("--machines", type=Path, default="machines", help="directory of machine files")
    add("--verbose", action="store_true", help="the functions' output goes to the console, not to DATA/logs")
    add(
        "--dev-identities",
        action=argparse.BooleanOptionalAction,
        default=environment.get("DEV_IDENTITIES", "") not in {"", "0", "no", "false", "off"},
        help="headers say who asks: X-Dev-Principal, X-Dev-Claims (DEV_IDENTITIES)",
    )
    add("--consumer-timeout", type=float, default=5.0, help="function timeout of the consumer, in seconds")
    add("--visibility-timeout", type=int, default=30, help="seconds until a failed message comes again")
    add("--consumer-concurrency", type=_positive, default=32, help="most batches of events at once")
    add(
        "--worker-timeout",
        type=float,
        default=WORKER_TIMEOUT_SECONDS,
        help="function timeout of the worker, in seconds",
    )
    add("--worker-concurrency", type=_positive, default=4, help="most background services at once")
    add("--ingress-concurrency", type=_positive, default=64, help="most ingress processes")
    add("--ingress-timeout", type=float, default=29.0, help=argparse.SUPPRESS)
    add("--ingress-handler", default="functions.ingress.handler.handler", help=argparse.SUPPRESS)
    add("--consumer-handler", default="functions.consumer.handler.handler", help=argparse.SUPPRESS)
    add("--worker-handler", default="functions.worker.handler.handler", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.backend not in BACKENDS:
        parser.error(f"BACKEND is {given.backend!r}; choose from {', '.join(BACKENDS)}")
    return Options(**vars(given))


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
