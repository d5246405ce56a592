"""Every route from the document, whole lives, and damaged bytes, in turn until the time is over."""

import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

from tests.fuzz.http.audit import Audit, FaultError
from tests.fuzz.http.document import plan, try_operation
from tests.fuzz.http.figures import Figures
from tests.fuzz.http.lives import try_lives
from tests.fuzz.http.wire import check_wire, mutants, open_wire
from tests.fuzz.http.world import World, open_world
from tests.fuzz.registry import Budget

EXAMPLES: Final = 30
"""Of each operation and mode in one round."""
AGAIN: Final = 15
"""Times that each of them is also aimed at something else."""
LIVES: Final = 150
STEPS: Final = 40
WIRES: Final = 300


def go_round(budget: Budget) -> Figures:
    """Try things until the time is over, or something was found."""
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder, open_world(Path(folder) / "outside") as world:
        audit = Audit(world)
        for seed in budget.rounds():
            _try_all(world, audit, seed, budget, figures)
            _try_wire(world, Path(folder) / "clock", seed, figures)
            if figures.faults:
                break
    return figures


def _try_all(world: World, audit: Audit, seed: int, budget: Budget, figures: Figures) -> None:
    for operation, mode in plan(audit):
        if budget.is_over() and seed > budget.begin:
            return
        with _told(figures):
            try_operation(world, audit, operation, mode, examples=EXAMPLES, begin=seed, figures=figures, again=AGAIN)
    with _told(figures):
        try_lives(world, audit, examples=LIVES, steps=STEPS, begin=seed, figures=figures, shrink=False)


@contextmanager
def _told(figures: Figures) -> Iterator[None]:
    """Go on after a fault, and take anything else that is raised for one."""
    try:
        yield
    except FaultError:
        pass
    except Exception:  # noqa: BLE001 - whatever the system under fuzz raises was found by it
        figures.faults.append(traceback.format_exc())


def _try_wire(world: World, clock_file: Path, seed: int, figures: Figures) -> None:
    world.put_back()
    with open_wire(world, clock_file) as wire:
        for data in islice(mutants(seed), WIRES):
            try:
                check_wire(wire, data, figures, "socket: damaged bytes")
            except FaultError as fault:
                figures.faults.append(str(fault))
                return
