"""Running many seeds, in as many processes as there are cores."""

import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice
from multiprocessing import get_context
from typing import Final

from tests.simulation.core import one_core
from tests.simulation.figures import Figures
from tests.simulation.run import Result, run_seed

CHUNK: Final = 50
"""Seeds that a process runs before it reports."""

Failed = list[tuple[int, Result]]


def search(seeds: Iterator[int], until: float | None, jobs: int) -> tuple[Figures, Failed]:
    """Run seeds until there are no more, time is over, or one has failed.

    Args:
        seeds: to run.
        until: when to begin no more, by `time.monotonic`; None for never.
        jobs: processes at once.
    """
    figures, failed = Figures(), Failed()
    waiting: set[Future[tuple[Figures, Failed]]] = set()
    chunks = iter(lambda: list(islice(seeds, CHUNK)), [])
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        while True:
            while len(waiting) < jobs and not failed and (until is None or time.monotonic() < until):
                chunk = next(chunks, None)
                if chunk is None:
                    break
                waiting.add(pool.submit(run_chunk, chunk, chunk[0] // CHUNK))
            if not waiting:
                return figures, sorted(failed, key=lambda each: each[0])
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                found, broken = future.result()
                figures.merge(found)
                failed += broken


def run_chunk(seeds: list[int], core: int) -> tuple[Figures, Failed]:
    """Run seeds on one core; return their figures, and those that failed."""
    figures, failed = Figures(), Failed()
    with one_core(core):
        for seed in seeds:
            result = run_seed(seed)
            figures.add(result)
            if result.broken is not None:
                failed.append((seed, result))
    return figures, failed
