"""Inside a sandbox: imports the handler and calls it for one request after the other, as Lambda's runtime does."""

import importlib
import json
import os
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from settle.local import frames
from settle.local.lambda_context import LambdaContext

Handler = Callable[[Any, LambdaContext], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSpec:
    """What a new sandbox is told.

    Attributes:
        function: name of the function.
        handler: `module.name` of its handler.
        environment: its environment variables, all of them.
        memory_mb: what the context says.
        log: file that takes its output; None leaves it where the zygote's goes.
    """

    function: str
    handler: str
    environment: Mapping[str, str]
    memory_mb: int = 512
    log: str | None = None


def run(spec: SandboxSpec, connection: socket.socket) -> None:
    """Serve requests until the supervisor closes the connection, or is gone."""
    os.environ.clear()
    os.environ.update(spec.environment)
    if spec.log is not None:
        _redirect_output(spec.log)
    try:
        handler = load_handler(spec.handler)
    except Exception as error:  # noqa: BLE001 - whatever the import raises is the answer, as on Lambda
        connection.sendall(frames.pack({"error": _describe(error)}))
        return
    connection.sendall(frames.pack({"ready": True}))
    while True:
        try:
            request = frames.receive(connection)
        except EOFError:
            return
        connection.sendall(_invoke(handler, request, spec))


def load_handler(name: str) -> Handler:
    """Import a handler by its handler string.

    Raises:
        ImportError: there is no such module, or nothing of that name in it.
    """
    module_name, _, attribute = name.rpartition(".")
    if not module_name:
        raise ImportError(f"Bad handler {name!r}: it must look like `module.name`")
    module = importlib.import_module(module_name)
    if not hasattr(module, attribute):
        raise ImportError(f"Handler {attribute!r} missing on module {module_name!r}")
    handler: Handler = getattr(module, attribute)
    return handler


def _invoke(handler: Handler, request: Mapping[str, Any], spec: SandboxSpec) -> bytes:
    context = LambdaContext(
        function_name=spec.function,
        request_id=request["id"],
        memory_mb=spec.memory_mb,
        timeout=request["timeout"],
    )
    try:
        response = handler(request["event"], context)
        try:
            return frames.pack({"response": response})
        except (TypeError, ValueError) as error:
            return frames.pack({"error": {"errorType": "Runtime.MarshalError", "errorMessage": str(error)}})
    except Exception as error:  # noqa: BLE001 - the entry point: every exception becomes the invocation's error
        return frames.pack({"error": _describe(error)})


def _describe(error: Exception) -> dict[str, Any]:
    description = {
        "errorType": type(error).__name__,
        "errorMessage": str(error),
        "stackTrace": traceback.format_tb(error.__traceback__),
    }
    print("[ERROR]", json.dumps(description), file=sys.stderr)
    return description


def _redirect_output(path: str) -> None:
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
