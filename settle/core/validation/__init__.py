"""What can be said about a definition without running it.

Errors are mistakes that hardly any run could survive; warnings are what a careful reader would ask about. A rule speaks
only where it is sure: of what it cannot see, such as the inside of a guard, it assumes the best. Each finding says the
mend, and `docs/findings.md` explains every code.
"""

from itertools import chain
from typing import Final

from settle.core.definition import Definition
from settle.core.errors import Finding
from settle.core.validation.conditions import check_conditions
from settle.core.validation.cycles import check_cycles
from settle.core.validation.delays import check_delays, check_retention
from settle.core.validation.events import (
    check_declared_events,
    check_done_events,
    check_internal_events,
    check_patterns,
)
from settle.core.validation.nodes import check_final, check_reachable, check_rejected
from settle.core.validation.parts import check_data, check_names, check_parts
from settle.core.validation.regions import check_region_conflicts, check_restarts
from settle.core.validation.services import check_invokes, check_results, check_service_errors
from settle.core.validation.settling import check_settled_services, check_settling
from settle.core.validation.shadowing import check_shadowed
from settle.core.validation.silences import heed_silences
from settle.core.validation.survey import Rule, Survey

__all__ = ["heed_silences", "validate_definition"]

RULES: Final[tuple[Rule, ...]] = (
    check_reachable,
    check_parts,
    check_names,
    check_data,
    check_final,
    check_rejected,
    check_delays,
    check_retention,
    check_settling,
    check_settled_services,
    check_invokes,
    check_service_errors,
    check_results,
    check_done_events,
    check_internal_events,
    check_patterns,
    check_declared_events,
    check_conditions,
    check_shadowed,
    check_region_conflicts,
    check_restarts,
    check_cycles,
)


def validate_definition(definition: Definition) -> tuple[Finding, ...]:
    """Return every finding, in document order within each rule."""
    survey = Survey(definition)
    return tuple(chain.from_iterable(rule(survey) for rule in RULES))
