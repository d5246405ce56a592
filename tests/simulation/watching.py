"""Putting the runtime into a world: its threads, its patience and its time are those of the world."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from settle.runtime import call_service, drain, process_batch, ring
from tests.simulation.promises import Unexpected
from tests.simulation.stage import STAGE
from tests.simulation.world import World


@contextmanager
def watching(make: Callable[[], World]) -> Iterator[World]:
    """Make a world whose functions run as the acts say, with rings that forget nothing and small pages."""
    with pytest.MonkeyPatch.context() as patch:
        world = make()
        logger, unexpected = process_batch._logger, Unexpected(world.witness)
        patch.setattr(STAGE, "world", world)
        patch.setattr(logger, "propagate", False)
        patch.setattr(process_batch, "wait", world.scheduler.wait)
        patch.setattr(call_service, "_within", world.within)
        patch.setattr(ring, "RING_BYTES", 1_000_000)
        patch.setattr(ring, "RING_RECEIPTS", 10_000)
        patch.setattr(drain, "DRAIN_PAGE", 2)
        level = logger.level
        logger.addHandler(unexpected)
        logger.setLevel(logging.ERROR)
        try:
            yield world
        finally:
            world.scheduler.end()
            logger.removeHandler(unexpected)
            logger.setLevel(level)
            for database in world.databases:
                database.close()
