"""Every operation of the document, with requests that it allows and requests that it forbids."""

import random
from collections.abc import Iterator
from typing import Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import FlakyFailure as Flaky
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from tests.fuzz.http.audit import Audit, FaultError
from tests.fuzz.http.cases import MODES, Aimed, Operation, aims_for, requests_for
from tests.fuzz.http.figures import Figures
from tests.fuzz.http.world import World

CHECKED: Final = tuple(HealthCheck)


def plan(audit: Audit) -> Iterator[tuple[Operation, GenerationMode]]:
    """Yield what there is to try."""
    for operation in audit.contract.operations.values():
        for mode in MODES:
            takes = operation.path_parameters or operation.query or operation.headers or operation.body
            if takes or mode is GenerationMode.POSITIVE:
                yield operation, mode


def try_operation(
    world: World,
    audit: Audit,
    operation: Operation,
    mode: GenerationMode,
    *,
    examples: int,
    begin: int,
    figures: Figures,
    again: int = 0,
) -> None:
    """Try an operation.

    Args:
        world: that is asked.
        audit: of what it answers.
        operation: of the document.
        mode: what the document allows, or what it forbids.
        examples: how many requests are made.
        begin: seed.
        figures: that count.
        again: how often each is also sent aimed at something else.

    Raises:
        FaultError: the smallest request that was found to be answered wrongly.
    """
    aims = aims_for(world, operation)
    choose = random.Random(begin)  # noqa: S311 - the same again for the same seed

    def try_one(aimed: Aimed) -> None:
        world.put_back()
        exchange = aimed.send(world)
        figures.note(operation.label, exchange.answer.status)
        audit.check(exchange)

    @seed(begin)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=CHECKED,
        report_multiple_bugs=False,
    )
    @given(requests_for(world, operation, mode))
    def answers_well(aimed: Aimed) -> None:
        try_one(aimed)
        for _ in range(again):
            try_one(aimed.again(choose, aims))

    try:
        answers_well()
    except FaultError as fault:
        figures.faults.append(str(fault))
        raise
    except Flaky as flaky:  # what was aimed at something else is not made again when the case is made smaller
        seen = next((each for each in flaky.exceptions if isinstance(each, FaultError)), FaultError(str(flaky)))
        figures.faults.append(str(seen))
        raise seen from flaky
    except Unsatisfiable:  # nothing that the document forbids can be sent
        return
