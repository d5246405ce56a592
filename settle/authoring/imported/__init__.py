"""The door for machine objects of `transitions`, as they are: nothing of it is imported, its objects are read."""

from settle.authoring.imported.machine import find_name, read_machine

__all__ = ["find_name", "read_machine"]
