"""What the user reads when the system is ready."""

from collections.abc import Sequence
from typing import Final

from settle.local.data_directory import DataDirectory
from settle.local.options import HOST, Options

READY: Final = "Settle is ready on"
"""How the line begins that says that requests are answered; other programs may wait for it."""
_SAMPLE: Final = ("count", "COUNT")
"""The machine of the first steps, and its event."""


def describe(chosen: Options, machines: Sequence[str], backend: str, data: DataDirectory, port: int) -> str:
    """Say what runs, where, and what to try first."""
    url = f"http://{HOST}:{port}"
    machine, event = _SAMPLE if _SAMPLE[0] in machines or not machines else (machines[0], "AN_EVENT")
    instance = f"{url}/machines/{machine}/instances/demo"
    body = f"""-H 'content-type: application/json' -d '{{"type": "{event}"}}'"""
    functions = ", ".join(f"{function.name} {function.concurrency}" for function in chosen.functions)
    logs = "on this console" if chosen.verbose else f"{data.logs}/"
    identities = "X-Dev-Principal, X-Dev-Claims: anybody may" if chosen.dev_identities else "nobody is asked"
    return f"""{READY} {url}  (Ctrl-C ends it)
  backend    {chosen.backend}: {backend}
  machines   {", ".join(machines) or "none"}  (from {chosen.machines}/)
  functions  {functions}  (processes at most)
  identities {identities}
  logs       {logs}
  processes  {url}/dev/processes
  clock      {url}/dev/clock  (POST '{{"advance": "24h"}}' and a day has passed)

Try:
  curl -X POST {instance}/events {body}
  curl {instance}
  curl {url}/machines
"""
