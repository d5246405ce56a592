"""The garbage collector at a cold start: it waits until the first call is over, and never looks at what is there then.

All that is imported and made until then lives as long as the process. The collector would go through it every time that
some more has come, which is a tenth of the processor time of a cold start, and later on with every full collection.
"""

import gc
from functools import cache
from typing import Final

COLD_START_OBJECTS: Final = 200_000
"""Beyond which it does not wait any longer: a cold start makes some 120,000 that can hold others."""
_USUAL: Final = gc.get_threshold()


def hold_back() -> None:
    """Have the collector wait."""
    gc.set_threshold(COLD_START_OBJECTS)


@cache
def come_back() -> None:
    """Have it collect as usual, but for what is there now. Whoever calls it again changes nothing."""
    gc.freeze()
    gc.set_threshold(*_USUAL)
