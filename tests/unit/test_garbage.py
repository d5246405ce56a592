"""The garbage collector waits for the end of a cold start, and then forgets what is there."""

import subprocess
import sys

SCRIPT = """
import gc
usual = gc.get_threshold()
import functions
from functions.garbage import COLD_START_OBJECTS, come_back
assert gc.isenabled()
assert gc.get_threshold()[0] == COLD_START_OBJECTS
kept = [[number] for number in range(1000)]
assert gc.get_freeze_count() == 0
come_back()
frozen = gc.get_freeze_count()
assert frozen > 1000
assert gc.get_threshold() == usual
come_back()
assert gc.get_freeze_count() <= frozen
"""


def test_the_collector_waits_for_the_end_of_a_cold_start_and_then_works_as_usual() -> None:
    # In a process of its own: this one has long begun.
    done = subprocess.run([sys.executable, "-c", SCRIPT], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
