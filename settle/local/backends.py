"""What the functions stand on: a SQLite file, or botocore against moto."""

import os
from collections.abc import Mapping
from typing import Final, Protocol

from settle.adapters.embedded_senders import EVENT_SENDERS
from settle.adapters.shifted_clock import ShiftedClock
from settle.local.data_directory import DataDirectory
from settle.local.lambda_context import ACCOUNT, REGION
from settle.local.options import FunctionOptions, Options
from settle.local.schedule_thread import ScheduleSource
from settle.local.sources import Sources

TIMER_SENDERS: Final = "consumer,scheduler,supervisor"
"""Who puts timers into the timers queue: the consumer, and what fires schedules on either backend."""
TRUSTED: Final = {"consumer": ",".join(EVENT_SENDERS), "worker": "consumer"}
"""Whose internal messages a function believes."""
MEMORY_MB: Final = 512
PRELOADED: Final = {
    "embedded": (
        "settle.adapters.shifted_clock",
        "settle.adapters.sqlite_store",
        "settle.adapters.sqlite_queue",
        "settle.adapters.sqlite_scheduler",
    ),
    "moto": (
        "settle.adapters.shifted_clock",
        "settle.adapters.dynamodb_store",
        "settle.adapters.sqs_queue",
        "settle.adapters.sqs_standard_queue",
        "settle.adapters.eventbridge_scheduler",
    ),
}
"""What the functions import on a backend once they are called: imported before the first fork, it is shared by all."""


class Backend(Protocol):
    """A started backend."""

    @property
    def sources(self) -> Sources:
        """The queues that invoke functions."""

    @property
    def schedules(self) -> ScheduleSource:
        """The schedules, and what fires them."""

    @property
    def clock(self) -> ShiftedClock:
        """The clock of all processes."""

    @property
    def description(self) -> str:
        """One line for the user: what holds the state."""

    @property
    def processes(self) -> Mapping[str, int]:
        """Its own processes, process id by role."""

    def environment(self, function: str, /) -> dict[str, str]:
        """Environment variables of a function."""

    def close(self) -> None:
        """End its processes."""


def start(options: Options, data: DataDirectory) -> Backend:
    """Start the chosen backend.

    Raises:
        StartError: it cannot start.
    """
    # Each is imported only when chosen: botocore and moto take a second that the embedded one need not wait.
    if options.backend == "moto":
        from settle.local.moto_backend import MotoBackend  # noqa: PLC0415

        return MotoBackend(options, data)
    from settle.local.embedded_backend import EmbeddedBackend  # noqa: PLC0415

    return EmbeddedBackend(data)


def environment(function: FunctionOptions, backend: Backend, options: Options, data: DataDirectory) -> dict[str, str]:
    """Environment variables of a function."""
    return {
        **common_environment(function),
        **backend.environment(function.name),
        "SETTLE_LOCAL_DIR": str(data.path),
        "SETTLE_MACHINES": str(options.machines.resolve()),
    }


def common_environment(function: FunctionOptions) -> dict[str, str]:
    """Environment variables that every function has: this process's, those of Lambda, and Settle's own.

    The user's AWS credentials and settings are left out, so that nothing here can reach an account by accident.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **inherited,
        "_HANDLER": function.handler,
        "POWERTOOLS_SERVICE_NAME": "settle",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY_MB),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_ACCOUNT_ID": ACCOUNT,
        "SETTLE_FUNCTION_TIMEOUT_SECONDS": f"{function.timeout:g}",
        "SETTLE_SENDER": function.name,
        "SETTLE_TRUSTED_SENDERS": TRUSTED.get(function.name, ""),
        "SETTLE_TIMER_SENDERS": TIMER_SENDERS,
    }
