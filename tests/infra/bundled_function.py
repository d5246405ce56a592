"""A handler that runs as in Lambda: from the unpacked bundle alone, in a fresh process."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

RUNTIME_MODULES: Final = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
"""What the Lambda runtime brings; taken from this environment."""

_SCRIPT: Final = """
import json, sys
given = json.load(sys.stdin)
sys.path[:0] = given["path"]

class Context:
    function_name = given["name"]
    function_version = "$LATEST"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:" + given["name"]
    aws_request_id = "1"

    def get_remaining_time_in_millis(self):
        return 25_000

from importlib import import_module
handler = import_module("functions." + given["name"] + ".handler")
imported = sorted(sys.modules)
answer = handler.handler(given["event"], Context())
print(json.dumps({"answer": answer, "file": handler.__file__, "imported": imported, "used": sorted(sys.modules)}))
"""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a handler.

    Attributes:
        answer: what it returned.
        file: of the handler.
        imported: modules there were when the handler was imported.
        used: modules there were after the call.
        log: what it wrote beside the answer.
    """

    answer: Any
    file: str
    imported: list[str]
    used: list[str]
    log: str


def call(task: Path, runtime: Path, name: str, event: Mapping[str, Any], environment: Mapping[str, str]) -> Call:
    """Import the handler of a function and call it once."""
    given = json.dumps({"path": [str(task), str(runtime)], "name": name, "event": event})
    # No site packages: only the two folders and the standard library. Nothing is written beside the sources.
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", _SCRIPT],
        cwd=os.sep,
        env=dict(environment),
        input=given,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    *lines, last = done.stdout.splitlines()
    return Call(**json.loads(last), log="\n".join(lines) + done.stderr)


def link_runtime(folder: Path) -> None:
    """Put what the Lambda runtime brings into a folder."""
    folder.mkdir()
    for module in RUNTIME_MODULES:
        spec = importlib.util.find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
