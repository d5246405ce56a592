"""`make load` and `make isolation`: the local system under load on this machine, and whether all is exact afterwards.

    python -m tests.load [--seconds 30] [--instances 1000] [--clients 32] [--rate 0] [--url http://127.0.0.1:8000]
    python -m tests.load --isolation

Without a URL it starts a system of its own, on a free port and a directory that is removed afterwards. It ends by
itself, and with it whatever it started: when the time is over, on Ctrl-C, and when nothing answers any more. Status 1
says that something is not exact, 2 that the load could not run.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Coroutine, Sequence
from typing import Any, Final, TypeVar

from tests.load import isolation
from tests.load.http_client import NoAnswerError
from tests.load.load import Load, WrongMachinesError, report, run
from tests.load.loops import DeadSystemError
from tests.load.summary import print_problems
from tests.load.target import TargetError, open_target

CANNOT_RUN: Final = 2
T = TypeVar("T")
SPARE_SECONDS: Final = 240.0
"""For what is under way to be applied, and for the checks."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, report, and say by the exit status whether all is exact."""
    given = _parse(arguments)
    load = Load(
        seconds=given.seconds,
        instances=given.instances,
        clients=given.clients,
        rate=given.rate,
        wait_every=given.wait_every,
    )
    # Also SIGINT: who starts this in the background of a script may have had it ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with open_target(given.url, given.backend) as target:
            if given.isolation:
                plan = isolation.Plan(pairs=given.pairs)
                seen = asyncio.run(_bounded(isolation.run(plan, target), plan.seconds + plan.pairs * SPARE_SECONDS))
                isolation.report(seen)
                return print_problems(seen.problems)
            outcome = asyncio.run(_bounded(run(load, target), load.seconds + SPARE_SECONDS))
            report(outcome)
            return print_problems(outcome.problems)
    except KeyboardInterrupt:
        sys.stderr.write("load: interrupted\n")
    except (DeadSystemError, NoAnswerError, TargetError, TimeoutError, WrongMachinesError, RuntimeError) as error:
        sys.stderr.write(f"load: {error or 'it takes too long'}\n")
    except ExceptionGroup as group:
        sys.stderr.write(f"load: {group.exceptions[0]}\n")
    return CANNOT_RUN


async def _bounded(work: Coroutine[Any, Any, T], seconds: float) -> T:
    return await asyncio.wait_for(work, seconds)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    add = parser.add_argument
    add("--seconds", type=float, default=30.0, help="for how long")
    add("--instances", type=int, default=1000)
    add("--clients", type=int, default=32, help="requests at a time")
    add("--rate", type=float, default=0.0, help="requests per second; 0 for as many as are answered")
    add("--wait-every", type=int, default=2, help="each how manieth request waits until its event is applied")
    add("--url", default="", help="of a system that runs on this machine")
    add("--backend", choices=("embedded", "moto"), default="embedded")
    add("--isolation", action="store_true", help="compare rounds with and without slow and poisoned instances")
    add("--pairs", type=int, default=6, help="of rounds, with --isolation")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
