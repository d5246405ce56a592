"""`python -m settle.local`: what `make start` runs."""

import asyncio
import logging
import os
import signal
import sys
from contextlib import ExitStack
from typing import Final

from settle.local import options
from settle.local.dependencies import check_dependencies
from settle.local.errors import StartError
from settle.local.options import Options

CANNOT_START: Final = 2
"""Exit status when the user has to mend something first."""


def main() -> int:
    """Run until told to end; returns the exit status."""
    chosen = options.parse(sys.argv[1:], os.environ)
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S", level=logging.WARNING)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        check_dependencies(chosen.backend)
        with ExitStack() as resources:
            _run(chosen, resources)
    except StartError as error:
        print(f"settle: {error}", file=sys.stderr)
        return CANNOT_START
    except KeyboardInterrupt:
        # It came before there was anything to finish.
        return 0
    return 0


def _run(chosen: Options, resources: ExitStack) -> None:
    # Not at the top: these import what `check_dependencies` looks for, and what takes long comes after the launch of
    # the zygote, which imports at the same time.
    from settle.local.backends import PRELOADED  # noqa: PLC0415
    from settle.local.data_directory import DataDirectory  # noqa: PLC0415
    from settle.local.zygote_process import MachineFiles, ZygoteProcess  # noqa: PLC0415

    data = resources.enter_context(DataDirectory(chosen.data))
    handlers = [function.handler.rpartition(".")[0] for function in chosen.functions]
    zygote = ZygoteProcess(
        modules=[*handlers, *PRELOADED[chosen.backend]],
        machines=MachineFiles(
            directory=str(chosen.machines),
            consumer_timeout=chosen.consumer_timeout,
            worker_timeout=chosen.worker_timeout,
        ),
        log=None if chosen.verbose else data.log("zygote"),
    )
    resources.callback(zygote.close)

    from settle.local import banner, http_server  # noqa: PLC0415
    from settle.local.system import System  # noqa: PLC0415

    listener = resources.enter_context(http_server.bind(chosen.port))
    system = System(chosen, data, zygote, resources)
    text = banner.describe(chosen, system.machines, system.backend.description, data, listener.getsockname()[1])
    asyncio.run(system.serve(listener, lambda: print(text, flush=True)))


if __name__ == "__main__":
    sys.exit(main())
