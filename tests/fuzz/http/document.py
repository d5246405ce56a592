"""Every operation of the document, with requests that it allows and requests that it forbids."""

from collections.abc import Iterator
from typing import Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from tests.fuzz.http.audit import Audit, FaultError
from tests.fuzz.http.cases import MODES, Aimed, Operation, requests_for
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
) -> None:
    """Try an operation.

    Raises:
        FaultError: the smallest request that was found to be answered wrongly.
    """

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
        world.put_back()
        exchange = aimed.send(world)
        figures.note(operation.label, exchange.answer.status)
        audit.check(exchange)

    try:
        answers_well()
    except FaultError as fault:
        figures.faults.append(str(fault))
        raise
    except Unsatisfiable:  # nothing that the document forbids can be sent
        return
