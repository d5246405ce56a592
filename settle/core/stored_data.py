"""Data of a snapshot as user code sees it. What does not fit its model any more is an error about the snapshot."""

from typing import Any, Final

from settle.core.codec import CodecError, PlainCodec
from settle.core.definition import Definition
from settle.core.errors import ContextInvalidError
from settle.core.snapshot import Snapshot

_plain: Final = PlainCodec()


def load_context(definition: Definition, snapshot: Snapshot) -> Any:  # noqa: ANN401 - whatever the machine's codec makes
    """Return the context of a snapshot; it may be changed freely.

    Raises:
        ContextInvalidError: it does not fit.
    """
    try:
        return definition.context.load(snapshot.context)
    except CodecError as error:
        raise ContextInvalidError(f"the stored context does not fit {definition.machine}: {error}") from error


def load_plain(data: Any) -> Any:  # noqa: ANN401 - any JSON data
    """Return a copy of stored data.

    Raises:
        ContextInvalidError: it is nested too deeply to be copied.
    """
    try:
        return _plain.load(data)
    except CodecError as error:
        raise ContextInvalidError(f"stored data cannot be given to user code: {error}") from error
