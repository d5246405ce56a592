"""What a step costs: beside JSON alone, beside other engines, and in machines of a thousand states.

    python -m benchmarks.engine [--write]

JSON text in, one event, JSON text out, on three reference machines that mean the same to every engine; what a pass
leaves is checked before anything is timed. Peers: `pip install -r benchmarks/requirements.txt` and
`npm ci --prefix benchmarks/engine`; what is not installed is left out. docs/performance.md says how it measures.
"""

import argparse
from contextlib import ExitStack
from typing import Final

from benchmarks.engine.courses import settle_peers
from benchmarks.engine.fresh import measure_fresh
from benchmarks.engine.large import measure_large
from benchmarks.engine.reference import measure_reference
from benchmarks.engine.report import describe_run, write_document
from benchmarks.engine.statemachine_peer import find_statemachine
from benchmarks.engine.transitions_peer import find_transitions
from benchmarks.engine.xstate_peer import WAYS, node_version, open_xstate

ROUNDS: Final = 200
FRESH_ROUNDS: Final = 10


def main() -> None:
    """Print the tables, and write them down when asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description="What a step costs.")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--fresh-rounds", type=int, default=FRESH_ROUNDS)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    options = parser.parse_args()
    run = describe_run(node_version(), options.rounds)
    python_peers = [*settle_peers(), find_transitions(), find_statemachine()]
    with ExitStack() as stack:
        xstate = [stack.enter_context(open_xstate(way)) for way in WAYS]
        tables = [*measure_reference([*python_peers, *xstate], options.rounds)]
    tables += [measure_fresh(python_peers, options.fresh_rounds), measure_large(options.rounds)]
    print(run)
    for table in tables:
        table.print()
    if options.write:
        write_document(run, tables)


if __name__ == "__main__":
    main()
