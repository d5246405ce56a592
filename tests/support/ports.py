"""Ports between the runtime and the real thing."""

from typing import Any

from settle.core.errors import SettleError


class Broken:
    """A port whose first calls fail."""

    def __init__(self, port: Any, *errors: SettleError) -> None:
        self._port, self._errors = port, list(errors)

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._port, name)
        if not callable(attribute):
            return attribute

        def call(*args: Any, **kwargs: Any) -> Any:
            if self._errors:
                raise self._errors.pop(0)
            return attribute(*args, **kwargs)

        return call
