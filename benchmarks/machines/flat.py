"""The flat reference machine: no services, no effects, so that what is measured is the system and not the machine."""

from benchmarks.reference_machines import FLAT

MACHINE = FLAT.chart(pydantic=True)
